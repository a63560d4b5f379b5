"""Verify and repair: plans that break a limit in AC are made again within tighter envelopes."""

import json
import shutil

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

import mmgsim
from mmgsim.network import read_net
from mmgsim.tables import Results

# Days of planning, each several times over.
pytestmark = pytest.mark.slow

V_MIN_PU, RATING_KA = 0.9909, 0.0012


@pytest.fixture(scope="session")
def ratings(tmp_path_factory):
    """Lines of 300 A, but the last one to bus 17, which can carry 1.2 A only (26 kVA)."""
    line = read_net(case="case33bw", file=None).line[["from_bus", "to_bus"]]
    limits = line.assign(max_i_ka=np.where(line.to_bus == 17, RATING_KA, 0.3))
    file = tmp_path_factory.mktemp("ratings") / "ratings.csv"
    limits.to_csv(file, index=False)
    return str(file)


PLAIN_OPERATOR = """
from mmgsim_agents.operators.standard import StandardOperator


class PlainOperator(StandardOperator):
    def __init__(self):
        super().__init__()
"""


def settings(ratings, rounds=5, **more):
    network = {"case": "case33bw", "background": {"scale": 0.1}, "ratings": ratings}
    network |= {"v_min_pu": V_MIN_PU, "v_max_pu": 1.05, **more.pop("network", {})}
    return {
        "network": network,
        "microgrids.MG1.bus": 17,
        "microgrids.MG2.bus": 32,
        "operator.options": {"least_share": 1.0, **more.pop("options", {})},
        "repair.rounds": rounds,
        **more,
    }


def stepped(overrides, steps):
    model = mmgsim.build("duo", overrides=overrides)
    for _ in range(steps):
        model.step()
    return model


@pytest.fixture(scope="module")
def broken(ratings):
    return stepped(settings(ratings, rounds=0), 24)


@pytest.fixture(scope="module")
def mended(ratings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repair") / "run"
    return mmgsim.run("duo", overrides=settings(ratings), out=folder)


def test_without_repair_both_kinds_of_limit_break(broken):
    flags = " ".join(broken.table("steps")["flags"])
    assert "line_overload" in flags
    assert "undervoltage" in flags
    assert broken.table("gates").violated_steps_before.isna().all()


def test_with_repair_every_step_ends_ok(mended):
    steps = mended.steps
    assert set(steps.status) == {"ok"}
    planned = steps["flags"].str.contains("plan_violation")
    assert planned.sum() >= 3
    assert steps["flags"].str.contains("repaired").equals(planned)
    assert mended.summary["steps_plan_violation"] == planned.sum()
    assert mended.summary["steps_repaired"] == planned.sum()


def test_gates_tell_what_was_broken_and_how_often_was_planned_again(mended):
    gates = mended.gates
    assert gates.repair_rounds.max() in range(1, 6)
    assert ((gates.violated_steps_before > 0) == (gates.repair_rounds > 0)).all()
    assert (gates.violated_steps_after == 0).all()


def test_pandapower_finds_the_executed_steps_within_their_limits(mended):
    net = pp.from_json(str(mended.folder / "network.json"))
    loads = net.load[["p_mw", "q_mvar"]].copy()
    share = mended.steps.set_index("time").background_share
    exchange = mended.dispatch.pivot(index="time", columns="microgrid", values="exchange_kw")
    worst = []
    for time, row in exchange.iterrows():
        net.load[["p_mw", "q_mvar"]] = loads * share[time]
        for name, kw in row.items():
            net.sgen.loc[net.sgen.name == name, "p_mw"] = kw / 1e3
        pp.runpp(net, init="flat", numba=False, lightsim2grid=False)
        worst.append((net.res_line.loading_percent.max(), net.res_bus.vm_pu.min()))
    loading, vm_pu = np.array(worst).T
    assert loading.max() <= 100.0 + 1e-4
    assert vm_pu.min() >= V_MIN_PU - 1e-6
    # Both limits are used, so nobody was cut for nothing.
    assert loading.max() > 95.0
    assert vm_pu.min() < V_MIN_PU + 5e-4


def test_pandapower_finds_what_the_first_plan_would_have_done(ratings, mended, broken):
    # Until the first plan that breaks a limit both runs are the same, so the run without repair
    # executes what the other one planned first.
    first = mended.first_plans
    time = first.time.min()
    assert time == broken.table("steps").query("status == 'violations'").time.min()
    executed = broken.table("dispatch").query("time == @time").set_index("microgrid").exchange_kw
    net = pp.from_json(str(mended.folder / "network.json"))
    net.load[["p_mw", "q_mvar"]] *= mended.steps.set_index("time").background_share[time]
    for name, kw in executed.items():
        net.sgen.loc[net.sgen.name == name, "p_mw"] = kw / 1e3
    pp.runpp(net, init="flat", numba=False, lightsim2grid=False)
    planned = {
        quantity: rows.set_index("index").value
        for quantity, rows in first[first.time == time].groupby("quantity")
    }
    vm_pu, loading = net.res_bus.vm_pu, net.res_line.loading_percent
    pd.testing.assert_series_equal(
        planned["vm_pu"], vm_pu, rtol=0.0, atol=1e-7, check_names=False, check_index_type=False
    )
    pd.testing.assert_series_equal(
        planned["loading_percent"],
        loading[planned["loading_percent"].index],
        rtol=1e-4,
        atol=1e-4,
        check_names=False,
        check_index_type=False,
    )


def test_first_plans_are_carried_over_a_checkpoint_within_a_gate(ratings, tmp_path):
    gate = {"every": "2d", "horizon": "48h", "end_of_window": {"kind": "free"}}
    overrides = {**settings(ratings), "gate": gate, "days": 2}

    def stop(model):
        if model.clock.step == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mmgsim.run("duo", overrides=overrides, out=tmp_path / "run", progress=stop)
    run = mmgsim.run("duo", overrides=overrides, out=tmp_path / "run", resume=True)
    planned = run.steps["flags"].str.split().map(lambda flags: "plan_violation" in flags)
    assert planned.iloc[24:].any()  # planned before the checkpoint, executed after it
    assert set(run.first_plans.time) == set(run.steps.time[planned])


def test_envelopes_bind_in_dispatch_and_only_shrink(mended):
    both = mended.dispatch.merge(mended.prices, on=["time", "microgrid"])
    assert (both.exchange_kw <= both.export_limit_kw + 1e-6).all()
    assert (both.exchange_kw >= -both.import_limit_kw - 1e-6).all()
    whole = both.groupby("microgrid").import_limit_kw.transform("max")
    assert (both.import_limit_kw < whole - 1.0).any()


def test_energy_and_money_still_reconcile(mended):
    steps, dispatch = mended.steps, mended.dispatch
    net_import_kw = -dispatch.groupby("time").exchange_kw.sum().to_numpy()
    expected_kw = net_import_kw + steps.loss_kw + steps.background_kw
    assert steps.substation_kw.to_numpy() == pytest.approx(expected_kw.to_numpy(), abs=1e-6)
    lines = mended.ledger.query("item == 'local_trade'")
    assert lines[lines.payee == "market"].amount.sum() == pytest.approx(
        lines[lines.payer == "market"].amount.sum()
    )


def test_isolated_microgrids_are_repaired_alike(ratings):
    model = stepped({**settings(ratings), "coordination.kind": "isolated"}, 24)
    assert model.recorder.totals.steps_repaired >= 3
    assert set(model.table("steps").status) == {"ok"}


def test_one_round_leaves_less_broken_than_none(ratings, broken):
    once = stepped(settings(ratings, rounds=1), 24)
    assert once.table("gates").repair_rounds.max() == 1
    counts = [(m.table("steps").status != "ok").sum() for m in (once, broken)]
    assert counts[0] < counts[1]


def test_what_the_background_breaks_alone_cuts_nobody_and_ends_as_a_violation(ratings):
    lost = {"v_min_pu": 0.999, "ratings": None}
    model = stepped(settings(ratings, network=lost), 3)
    assert set(model.table("steps").status) == {"violations"}
    gates = model.table("gates")
    assert (gates.violated_steps_before == 24).all()
    assert (gates.violated_steps_after == 24).all()
    assert (gates.repair_rounds == 0).all()
    for agent in model.microgrids:
        assert agent.view.envelope.import_limit_kw == pytest.approx(agent.member.import_limit_kw)


def test_a_review_may_be_kept_from_cutting(ratings):
    held = stepped(settings(ratings, options={"repair_share": 1.0}), 3)
    assert (held.table("gates").repair_rounds == 0).all()
    assert (held.table("gates").violated_steps_after > 0).all()


@pytest.fixture
def weak_feeder(tmp_path):
    """Two cables of 2.67 ohm at 400 V: each carries at most 15 kW, at 0.5 pu."""
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, vn_kv=0.4) for _ in range(3)]
    pp.create_ext_grid(net, buses[0])
    for bus in buses[1:]:
        pp.create_line_from_parameters(net, buses[0], bus, 1.0, 2.67, 1e-3, 0.0, 1.0)
        pp.create_load(net, bus, p_mw=1e-4)
    pp.to_json(net, str(tmp_path / "weak.json"))
    return {"file": str(tmp_path / "weak.json"), "v_min_pu": 0.82, "v_max_pu": 1.5}


def on_weak_feeder(weak_feeder, steps=10, **more):
    overrides = {"network": weak_feeder, "microgrids.MG1.bus": 1, "microgrids.MG2.bus": 2}
    overrides |= {"operator.options": {"least_share": 1.0}, "coordination.kind": "isolated"}
    overrides |= {"gate": {"horizon": "2h", "end_of_window": {"kind": "free"}}}
    return stepped({**overrides, **more}, steps)


def test_a_plan_without_a_power_flow_is_brought_back_until_it_has_one(weak_feeder):
    asked = on_weak_feeder(weak_feeder).table("steps")
    assert "not_converged" in set(asked.status)
    model = on_weak_feeder(weak_feeder, **{"repair.rounds": 5})
    steps = model.table("steps")
    assert set(steps.status) == {"ok"}
    was_lost = asked.status == "not_converged"
    assert steps[was_lost]["flags"].str.contains("repaired").all()
    # What cannot be carried is shed at its price.
    assert (steps[was_lost].shed_value > 0.0).all()


def test_a_background_without_a_power_flow_is_planned_once(weak_feeder, unchecked_background):
    lost = {**weak_feeder, "background": {"scale": 1e3}}
    model = on_weak_feeder(lost, 1, **{"repair.rounds": 5})
    assert set(model.table("steps").status) == {"not_converged"}
    assert (model.table("gates").repair_rounds == 0).all()


# ------------------------------------------------------------------------- frozen envelopes
def test_frozen_envelopes_are_those_of_the_run_in_every_window(ratings, mended):
    options = {"envelopes_from": str(mended.folder)}
    model = mmgsim.build("duo", overrides=settings(ratings, options=options))
    recorded = mended.prices.set_index(["microgrid", "time"])
    for step in range(3):
        model.step()
        for agent in model.microgrids:
            envelope = agent.view.envelope
            covered = 24 - step
            limits = recorded.loc[agent.name].import_limit_kw.to_numpy()
            assert envelope.import_limit_kw[:covered] == pytest.approx(limits[step:], abs=1e-9)
            assert envelope.import_limit_kw[covered:] == pytest.approx(agent.member.import_limit_kw)
    assert (model.table("gates").repair_rounds == 0).all()


def test_all_coordinations_see_the_same_frozen_envelopes(ratings, mended):
    frozen = settings(ratings, options={"envelopes_from": str(mended.folder)})
    limits = ["import_limit_kw", "export_limit_kw"]
    tables = [
        stepped({**frozen, "coordination.kind": kind}, 24).table("prices")[limits]
        for kind in ("central", "isolated")
    ]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0].to_numpy() == pytest.approx(mended.prices[limits].to_numpy(), abs=1e-9)


def change(folder, **manifest):
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | manifest))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no result folder"),
        (lambda folder: change(folder, status="failed"), "a run that is failed"),
        (lambda folder: change(folder, step_h=0.25), "steps of 0.25 h, the scenario of 1 h"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_with_its_place(tmp_path, spoil, said):
    folder = mmgsim.run("duo", overrides={"gate.every": "1d"}, out=tmp_path / "run").folder
    assert isinstance(Results(folder).manifest, dict)
    spoil(folder)
    with pytest.raises(mmgsim.ScenarioError, match=said) as caught:
        mmgsim.build("duo", overrides={"operator.options.envelopes_from": str(folder)})
    fault = caught.value.faults[0]
    assert fault.where == "operator.options.envelopes_from"
    assert fault.cure


def test_a_run_of_other_microgrids_is_refused(tmp_path, mended):
    with pytest.raises(mmgsim.ScenarioError, match="has the microgrids MG1, MG2"):
        mmgsim.build("wa9", overrides={"operator.options.envelopes_from": str(mended.folder)})


@pytest.fixture(scope="module")
def compared(ratings, tmp_path_factory):
    """A comparison within frozen envelopes, and its folder."""
    folder = tmp_path_factory.mktemp("frozen") / "compared"
    return folder, mmgsim.compare(
        "duo",
        ["central", "isolated"],
        overrides=settings(ratings),
        out=folder,
        freeze_envelopes=True,
    )


def test_a_comparison_can_freeze_the_envelopes_of_its_first_coordination(compared):
    folder, comparison = compared
    limits = ["import_limit_kw", "export_limit_kw"]
    reference = Results(folder / "envelopes").prices[limits]
    for run in comparison.runs.values():
        assert np.allclose(run.prices[limits], reference)
        assert run.summary["steps_repaired"] == 0
    upper = {name: run.gates.upper[0] for name, run in comparison.runs.items()}
    assert upper["central"] <= upper["isolated"] + 1e-6


def test_a_comparison_that_is_moved_still_finds_its_envelopes(compared, tmp_path):
    # The original stays where it is: a path that led back to it would not be missed below.
    moved = shutil.copytree(compared[0], tmp_path / "copy").rename(tmp_path / "moved")
    loaded = mmgsim.load_scenario(moved / "isolated")
    assert loaded.scenario.operator.options["envelopes_from"] == "../envelopes"
    (moved / "envelopes").rename(tmp_path / "elsewhere")
    with pytest.raises(mmgsim.ScenarioError, match="envelopes_from"):
        mmgsim.load_scenario(moved / "isolated")


def test_a_path_of_the_command_line_is_written_as_seen_from_the_run(mended, tmp_path, monkeypatch):
    monkeypatch.chdir(mended.folder.parent)
    options = {"operator.options.envelopes_from": mended.folder.name}
    run = mmgsim.run("duo", overrides={**options, "gate.every": "1d"}, out=tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    written = mmgsim.load_scenario(run.folder).scenario.operator.options["envelopes_from"]
    assert (run.folder / written).resolve() == mended.folder.resolve()


def test_an_operator_without_recorded_envelopes_is_told_before_the_first_run(tmp_path):
    folder = shutil.copytree(mmgsim.load_scenario("duo").folder, tmp_path / "duo")
    (folder / "plain.py").write_text(PLAIN_OPERATOR)
    with pytest.raises(mmgsim.ScenarioError, match="envelopes_from"):
        mmgsim.compare(
            folder,
            ["central", "isolated"],
            overrides={"operator.kind": "plain.py:PlainOperator"},
            out=tmp_path / "compared",
            freeze_envelopes=True,
        )
    assert not (tmp_path / "compared").exists()
