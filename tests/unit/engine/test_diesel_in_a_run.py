"""Diesel units from the scenario file to the result tables."""

from dataclasses import replace

import pytest

import mmgsim
from mmgsim.contracts import Diesel, DieselState
from mmgsim.scenario import load_scenario, scenario_schema
from mmgsim.scenario.freeze import freeze
from mmgsim.testing import sample_view
from mmgsim_agents.strategies.self_consumer import rule_of_thumb
from tests.support.diesel import diesel_scenario


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return diesel_scenario(tmp_path_factory.mktemp("diesel") / "scenario")


def build(folder, **keys):
    overrides = {f"microgrids.M0.devices.genset.{key}": value for key, value in keys.items()}
    return mmgsim.build(folder, coordination="isolated", overrides=overrides)


def genset(agent):
    return next(device for device in agent.devices if isinstance(device, Diesel))


def test_unit_is_off_before_the_first_step_if_nothing_else_is_said(folder):
    agent = build(folder).microgrids["M0"]
    assert agent.state.diesel == {"genset": DieselState()}
    hot = build(folder, power_start_kw=60.0).microgrids["M0"]
    assert hot.state.diesel == {"genset": DieselState(True, 60.0)}


def test_connection_carries_the_diesel_by_default(folder):
    limits = {"microgrids.M0.connection": {"import_limit_kw": 500.0}}
    model = mmgsim.build(folder, overrides=limits)
    agent = model.microgrids["M0"]
    roof, bess = (next(d for d in agent.devices if d.name == n) for n in ("roof", "bess"))
    due = roof.rating_kw + bess.power_kw + genset(agent).power_max_kw
    assert agent.member.export_limit_kw == pytest.approx(due)


def test_missing_costs_more_than_the_dearest_kwh_of_the_diesel(folder):
    unit = genset(build(folder, cost_per_kwh=40.0).microgrids["M0"])
    assert unit.miss_price_per_kwh == pytest.approx(100.0 * unit.dearest_per_kwh)
    assert unit.dearest_per_kwh > 40.0


def test_ramp_that_is_left_out_is_no_limit(folder):
    assert genset(build(folder, ramp_kw_per_h=None).microgrids["M0"]).ramp_kw_per_h == float("inf")


def test_state_is_what_was_dispatched(folder):
    model = build(folder, power_start_kw=60.0, cost_per_kwh=0.01)
    model.step()
    agent, dispatch = model.microgrids["M0"], model.table("dispatch").set_index("microgrid")
    state = agent.state.diesel["genset"]
    assert state == DieselState(True, pytest.approx(dispatch.diesel_kw["M0"]))
    rows = model.table("devices").query("microgrid == 'M0' and device == 'genset'")
    values = rows.set_index("quantity").value
    assert values["on"] == 1.0
    assert values["power_kw"] == values["planned_kw"] == pytest.approx(state.power_kw)
    assert "available_kw" not in values


def test_a_unit_that_runs_on_does_not_pay_for_a_start(folder):
    hot, cold = (
        build(folder, power_start_kw=60.0, cost_per_kwh=0.01),
        build(folder, cost_per_kwh=0.01),
    )
    starts = []
    for model in (hot, cold):
        model.step()
        lines = model.table("ledger")
        starts.append(lines[(lines["item"] == "start_up") & (lines.payer == "M0")].amount.sum())
    assert starts[0] == 0.0 < starts[1]


def test_self_consumer_never_stores_diesel_for_its_own_sake():
    """Its batteries follow load, sun and wind, whatever the diesel does."""
    view = sample_view(6)
    wanted = rule_of_thumb(view)
    assert any(isinstance(device, Diesel) for device in view.devices)
    without = tuple(device for device in view.devices if not isinstance(device, Diesel))
    again = rule_of_thumb(replace(view, devices=without))
    assert {name: kw.tolist() for name, kw in wanted.items()} == {
        name: kw.tolist() for name, kw in again.items()
    }


@pytest.mark.parametrize("strategy", ["cost-minimiser", "self-consumer"])
def test_no_strategy_is_cheaper_than_central(folder, strategy):
    central = mmgsim.build(folder)
    alone = mmgsim.build(folder, coordination="isolated", strategy=strategy)
    for model in (central, alone):
        model.step()
    best, other = (model.table("gates").iloc[0] for model in (central, alone))
    assert best.lower <= best.upper <= other.upper


def test_diesel_is_in_the_schema_and_survives_freezing(folder, tmp_path):
    assert "DieselConfig" in scenario_schema()["$defs"]
    frozen = freeze(load_scenario(folder), tmp_path / "frozen").scenario
    given = load_scenario(folder).scenario
    for one, other in zip(frozen.microgrids, given.microgrids, strict=True):
        assert one.devices[-1] == other.devices[-1]
