"""The model as a notebook sees it."""

import gc
import weakref
from unittest.mock import Mock

import mesa
import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.compare.variants import variants_of
from mmgsim.options import options_of
from mmgsim.run import summarise
from mmgsim.scenario import load_scenario
from mmgsim.tables import TABLES


def run(scenario="duo", **options):
    model = mmgsim.build(scenario, **options)
    while not model.clock.is_finished:
        model.step()
    return model


@pytest.fixture(scope="module")
def central():
    return run()


def test_a_step_is_one_interval():
    model = mmgsim.build("duo")
    model.step()
    model.step()
    assert model.clock.step == 1
    assert len(model.table("dispatch")) == 2 * len(model.microgrids)


def test_a_model_that_nobody_holds_is_freed_with_all_its_problems():
    """Who builds hundreds, an episode or a run of a sweep each, needs the memory of one."""
    model = mmgsim.build("duo")
    model.step()
    held = [weakref.ref(each) for each in (model, model.market, *model.microgrids)]
    del model
    gc.collect()
    assert [ref() for ref in held] == [None] * 4


def test_who_keeps_the_microgrids_alone_keeps_them_all():
    microgrids = mmgsim.build("duo").microgrids
    gc.collect()
    assert [agent.name for agent in microgrids] == ["MG1", "MG2"]


def test_agents_of_ones_own_are_numbered_on():
    model = mmgsim.build("duo")
    own = mesa.Agent(model)
    assert sorted(agent.unique_id for agent in model.agents) == [1, 2, 3, 4, 5]
    assert own.unique_id == 5


def test_a_step_that_was_begun_ends_as_any_other(central):
    """What everybody sees is there before anybody decides; beginning twice is beginning once."""
    model = mmgsim.build("duo")
    for step in range(model.clock.steps):
        model.begin_step()
        model.begin_step()
        assert model.microgrids["MG1"].view.window.first_step == step
        assert model.recorder.totals.steps == step
        model.step()
    model.begin_step()
    assert model.clock.step == model.clock.steps - 1
    for table in ("dispatch", "ledger", "gates", "messages"):
        pd.testing.assert_frame_equal(model.table(table), central.table(table))


def test_an_interval_whose_beginning_failed_is_begun_again(central, monkeypatch):
    model = mmgsim.build("duo")
    model.step()
    with monkeypatch.context() as broken:

        def fails():
            raise OSError("a file of forecasts is away")

        broken.setattr(model.microgrids["MG2"], "observe", fails)
        with pytest.raises(OSError, match="away"):
            model.begin_step()
    assert model.clock.step == 0
    while not model.clock.is_finished:
        model.step()
    for table in ("dispatch", "ledger"):
        pd.testing.assert_frame_equal(model.table(table), central.table(table))


def test_a_step_that_was_begun_is_forgotten_by_who_takes_over():
    days = {"overrides": {"days": 2, "forecast": {"kind": "noise"}}}
    whole, resumed = (mmgsim.build("duo", **days) for _ in range(2))
    while whole.clock.step < 23:
        whole.step()
    resumed.begin_step()
    resumed.take_over(whole.checkpoint)
    for model in (whole, resumed):
        model.step()
        assert model.clock.step == 24
    last = whole.table("dispatch").tail(2).reset_index(drop=True)
    pd.testing.assert_frame_equal(resumed.table("dispatch"), last)


def test_coordination_and_strategy_come_with_options_as_in_a_scenario():
    chosen = {"kind": "prices", "offers": "agent"}
    model = mmgsim.build("duo", coordination=chosen, strategy={"kind": "self-consumer"})
    assert model.scenario.coordination.options() == {"offers": "agent"}
    assert {m.strategy.kind for m in model.scenario.microgrids} == {"self-consumer"}


def test_agents_go_by_name(central):
    assert central.microgrids["MG2"].name == "MG2"
    with pytest.raises(KeyError, match="did you mean 'MG2'"):
        central.microgrids["MG22"]


def test_a_step_past_the_end_ends_the_run_and_changes_nothing():
    model = run()
    rows = len(model.table("dispatch"))
    assert model.running
    model.step()
    assert not model.running
    assert len(model.table("dispatch")) == rows


def test_a_step_that_never_ends_leaves_nothing(monkeypatch):
    def said():
        return {name: len(model.table(name)) for name in TABLES}, summarise(model, wall_s=0.0)

    model = mmgsim.build("duo")
    model.step()
    model.step()
    before = said()
    monkeypatch.setattr(model.dno, "flow", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        model.step()
    assert said() == before
    assert before[0]["gates"] == before[1]["gates"] == 2


def test_same_seed_same_values(central):
    again = run()
    for table in ("dispatch", "devices", "trades", "ledger", "gates", "messages", "prices"):
        pd.testing.assert_frame_equal(central.table(table), again.table(table))


def test_no_message_of_a_microgrid_carries_its_schedule(central):
    for plan in central.market.clearing.plans.values():
        assert plan.schedule is None
    assert central.microgrids["MG1"].plan.schedule is not None


def test_day_ahead_plans_once_a_day():
    model = run(overrides={"gate.every": "1d"})
    assert len(model.table("gates")) == 1
    assert len(model.table("dispatch")) == 48


def test_rolling_and_day_ahead_cost_the_same_with_perfect_forecasts(central):
    day_ahead = run(overrides={"gate.every": "1d"})
    assert day_ahead.recorder.totals.objective_cost == pytest.approx(
        central.recorder.totals.objective_cost, rel=1e-9
    )


def test_forecast_errors_become_imbalance_and_are_billed():
    model = run(overrides={"forecast": {"kind": "noise"}})
    dispatch = model.table("dispatch")
    assert (dispatch.imbalance_kw.abs() > 1e-6).mean() > 0.5
    billed = model.table("ledger").query("item == 'imbalance'")
    assert billed.kwh.sum() == pytest.approx(dispatch.imbalance_kw.abs().sum())
    assert billed.amount.sum() == pytest.approx(0.02 * billed.kwh.sum())


def test_persistence_expects_the_day_before():
    model = run(overrides={"forecast": {"kind": "persistence"}, "days": 2})
    devices = model.table("devices").query("device == 'roof' and microgrid == 'MG1'")
    expected = devices.query("quantity == 'expected_kw'").value.to_numpy()
    realised = devices.query("quantity == 'available_kw'").value.to_numpy()
    assert expected[24:] == pytest.approx(realised[:24])
    assert expected[24:] != pytest.approx(realised[24:])


def test_a_past_that_the_file_does_not_cover_is_a_fault():
    with pytest.raises(mmgsim.ScenarioError, match="start between 2021-01-11 and 2021-01-14"):
        mmgsim.build("duo", overrides={"forecast": {"kind": "persistence"}, "start": "2021-01-10"})


def test_realised_state_is_carried_into_the_next_gate():
    model = mmgsim.build("duo", overrides={"forecast": {"kind": "noise"}})
    for _ in range(6):
        model.step()
        stored = model.microgrids["MG1"].state.energy_kwh["bess"]
        devices = model.table("devices").query("quantity == 'energy_kwh'")
        assert devices.value.iloc[-1] == stored
    before = model.microgrids["MG1"].state
    model.step()
    assert model.microgrids["MG1"]._view.state is before


def test_system_objective_prices_upstream_energy():
    model = run(overrides={"objective": "system"})
    totals = model.recorder.totals
    assert totals.objective_cost == pytest.approx(totals.system_cost)
    assert totals.system_cost <= run().recorder.totals.system_cost + 1e-9


def test_batch_run_gives_a_row_for_every_step_of_every_run():
    frames = pd.DataFrame(
        mesa.batch_run(
            mmgsim.MultiMicrogridModel,
            {"scenario": "duo", "coordination": ["isolated", "central"]},
            number_processes=1,
            max_steps=10_000,
            display_progress=False,
        )
    )
    ends = frames[frames.Step == frames.Step.max()]
    assert set(ends.Step) == {24}
    by_kind = ends[ends.role == "microgrid"].groupby("coordination").step_cost.count()
    assert by_kind.to_dict() == {"central": 2, "isolated": 2}
    cost = ends.groupby("coordination").members_cost.first()
    assert cost["central"] < cost["isolated"]


def test_rng_replaces_the_seed():
    noisy = {"forecast": {"kind": "noise"}}
    first, second = (run(overrides=noisy, rng=seed) for seed in (1, 2))
    assert first.scenario.seed == 1
    one, other = (m.table("dispatch").planned_exchange_kw for m in (first, second))
    assert not np.allclose(one, other)


def test_traffic_is_counted_by_kind(central):
    messages = central.table("messages")
    counts = messages.groupby("kind")["count"].sum()
    steps, members = 24, 2
    assert counts["Tariff"] == steps * (members + 1)
    assert counts["Envelope"] == steps * members * 2
    assert counts["Disclose"] == counts["Disclosure"] == steps * members
    assert counts["Award"] == counts["Plan"] == counts["Statement"] == steps * members
    assert messages["bytes"].sum() == central.bus.traffic.bytes


def test_options_of_a_coordination_are_set_together_with_its_kind():
    """A kind drops the options of another one, so it goes before them."""
    model = mmgsim.build("duo", coordination="prices", overrides={"coordination.offers": "agent"})
    assert model.scenario.coordination.options() == {"offers": "agent"}


FILE_OPTIONS = {"coordination": {"kind": "central", "mip_gap": 1e-3}}


@pytest.mark.parametrize(
    ("coordination", "options"),
    [("central", {}), ({"kind": "central", "time_limit_s": 9.0}, {"time_limit_s": 9.0})],
)
def test_a_coordination_that_is_named_has_none_of_the_options_of_the_file(coordination, options):
    loaded = load_scenario("duo", FILE_OPTIONS)
    model = mmgsim.build(loaded, coordination=coordination)
    assert model.scenario.coordination.options() == options
    overridden = mmgsim.build("duo", coordination=coordination, overrides=FILE_OPTIONS)
    assert overridden.scenario.coordination.options() == options
    compared = variants_of(loaded, [coordination], overrides={}, least=1)["central"]
    assert compared.scenario.coordination.options() == options
    on_the_command_line = options_of(days=None, seed=None, coordination=coordination)
    assert load_scenario(loaded, on_the_command_line).scenario == compared.scenario


def test_a_kind_that_is_set_as_a_key_keeps_the_options_beside_it():
    loaded = load_scenario("duo", {**FILE_OPTIONS, "coordination.kind": "central"})
    assert loaded.scenario.coordination.options() == {"mip_gap": 1e-3}
