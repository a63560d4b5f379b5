"""Tie lines in a run: what is closed in the feeder, and what passes beside it."""

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from mmgsim.engine import build
from mmgsim.errors import ScenarioError

FEEDER = {
    "network": {"case": "case33bw", "background": {"scale": 0.4}},
    "microgrids.MG1.bus": 17,
    "microgrids.MG2.bus": 32,
    "settlement.loss_share": "none",
}
AC = {"name": "T1", "between": ["MG1", "MG2"], "mode": "ac"}


def stepped(*ties, steps=1, **overrides):
    model = build("duo", overrides={**FEEDER, **overrides, "ties": list(ties)})
    for _ in range(steps):
        model.step()
    return model


def expected(model, change):
    """The same step in a net of its own, with a line put in by hand."""
    net = pandapower.networks.case33bw()
    net.load[["p_mw", "q_mvar"]] *= 0.4
    line = change(net)
    dispatch = model.table("dispatch").set_index("microgrid")
    for name, bus in (("MG1", 17), ("MG2", 32)):
        pp.create_sgen(net, bus, p_mw=dispatch.exchange_kw[name] / 1e3)
    pp.runpp(net, lightsim2grid=False)
    return net, line


def close_35(net):
    net.line.loc[35, "in_service"] = True
    return 35


def new_line(net):
    return pp.create_line_from_parameters(net, 17, 32, 1.0, 0.5, 0.4, 0.0, 9e3)


@pytest.mark.parametrize(
    ("tie", "change"),
    [({"close_line": 35}, close_35), ({"r_ohm": 0.5, "x_ohm": 0.4}, new_line)],
    ids=["closed", "built"],
)
def test_an_ac_tie_is_a_line_of_the_feeder_and_physics_decides_its_flow(tie, change):
    model = stepped({**AC, **tie})
    net, line = expected(model, change)
    lines, buses = model.table("lines").set_index("line"), model.table("buses").set_index("bus")
    assert abs(lines.p_from_kw[line]) > 1.0
    assert lines.p_from_kw[line] == pytest.approx(1e3 * net.res_line.p_from_mw[line], abs=1e-5)
    assert np.abs(buses.vm_pu - net.res_bus.vm_pu).max() < 1e-8
    loss_kw = 1e3 * (net.res_line.pl_mw.sum())
    assert model.table("steps").loss_kw[0] == pytest.approx(loss_kw, abs=1e-4)
    assert (model.table("dispatch").tie_kw == 0.0).all()


@pytest.mark.parametrize("line", [{"close_line": 35}, {"r_ohm": 0.5, "x_ohm": 0.4}])
def test_an_event_names_the_line_of_an_ac_tie_by_the_tie(line):
    at = {"start": "2021-01-11 01:00", "end": "2021-01-11 02:00"}
    tie = {**AC, **line, "limit_kw": 1000.0}
    events = [
        {"kind": "line-outage", "line": "T1", **at},
        {"kind": "rating", "line": "T1", "factor": 0.5, "start": at["end"]},
    ]
    events[1]["end"] = "2021-01-11 03:00"
    model = stepped(tie, steps=3, events=events)
    lines = model.table("lines")
    number = max(lines.line) if "r_ohm" in line else 35
    rows = lines[lines.line == number]
    assert (rows.p_from_kw != 0.0).tolist() == [True, False, True]
    due_percent = 100.0 * rows.i_ka / (1.0 / (np.sqrt(3.0) * 12.66)) / [1.0, 1.0, 0.5]
    np.testing.assert_allclose(rows.loading_percent, due_percent, rtol=1e-9)


def test_a_closed_line_keeps_its_own_name_beside_that_of_the_tie(tmp_path):
    net = pandapower.networks.case33bw()
    net.line["name"] = [f"L{line}" for line in net.line.index]
    pp.to_json(net, str(tmp_path / "net.json"))
    network = {"file": str(tmp_path / "net.json"), "background": {"scale": 0.4}}
    at = {"kind": "line-outage", "start": "2021-01-11 01:00", "end": "2021-01-11 02:00"}
    for name in ("T1", "L35"):
        events = [{**at, "line": name}]
        tie = {**AC, "close_line": 35}
        flows = stepped(tie, steps=2, network=network, events=events).table("lines")
        assert (flows[flows.line == 35].p_from_kw != 0.0).tolist() == [True, False]
    with pytest.raises(ScenarioError, match="known: T1"):
        stepped(tie, network=network, events=[{**at, "line": "T2"}])


def test_the_limit_of_an_ac_tie_is_its_rating_at_nominal_voltage():
    model = stepped({**AC, "close_line": 35, "limit_kw": 100.0})
    due_ka = 0.1 / (np.sqrt(3.0) * 12.66)
    at = model.dno.feeder.lines.index(35)
    assert model.dno.feeder.line_max_ka[at] == pytest.approx(due_ka, rel=1e-12)


def test_a_private_tie_passes_beside_the_feeder():
    tie = {"name": "T1", "between": ["MG1", "MG2"], "limit_kw": 20.0, "loss_share": 0.03}
    model = stepped(tie, steps=8)
    dispatch = model.table("dispatch").set_index(["time", "microgrid"])
    assert dispatch.tie_kw.abs().max() > 1.0
    now = dispatch.index[-1][0]
    injected = dict(zip(model.dno.feeder.buses, model.dno.last.flow.p_kw[0], strict=True))
    net = pandapower.networks.case33bw()
    for name, bus in (("MG1", 17), ("MG2", 32)):
        drawn_kw = 400.0 * net.load.p_mw[net.load.bus == bus].sum()
        due_kw = drawn_kw - dispatch.exchange_kw[now, name]
        assert injected[bus] == pytest.approx(due_kw, abs=1e-5)


def test_a_run_with_a_tie_without_room_costs_what_one_without_does():
    tie = {"name": "T1", "between": ["MG1", "MG2"], "limit_kw": 1e-9}
    costs = []
    for ties in ([], [tie]):
        model = build("duo", overrides={"ties": ties, "gate.every": "1d"})
        for _ in range(24):
            model.step()
        costs.append(model.recorder.totals.objective_cost)
    assert costs[1] == pytest.approx(costs[0], abs=1e-6)


def test_the_end_that_falls_short_imports_and_keeps_the_tie():
    tie = {"name": "T1", "between": ["MG1", "MG2"], "limit_kw": 20.0, "loss_share": 0.03}
    overrides = {"ties": [tie], "gate.every": "1d", "forecast": {"kind": "noise"}}
    model = build("duo", overrides=overrides)
    for _ in range(24):
        model.step()
    flows = model.table("ties")
    dispatch = model.table("dispatch").set_index(["time", "microgrid"])
    planned = {f.tie: f for f in model.market.clearing.ties}["T1"]
    for row in flows.itertuples():
        assert dispatch.tie_kw[row.time, row.sender] == pytest.approx(row.sent_kw, abs=1e-9)
        assert dispatch.tie_kw[row.time, row.receiver] == pytest.approx(-row.received_kw, abs=1e-9)
    assert flows.sent_kw.sum() == pytest.approx(planned.sent_kw.sum(), abs=1e-6)
    assert dispatch.imbalance_kw.abs().max() > 0.1


def test_an_islanded_microgrid_still_receives_through_its_private_tie():
    tie = {"name": "T1", "between": ["MG1", "MG2"], "limit_kw": 20.0, "loss_share": 0.03}
    island = {"kind": "islanding", "microgrid": "MG2"}
    island |= {"start": "2021-01-11 17:00", "end": "2021-01-11 21:00"}
    model = build("duo", overrides={"ties": [tie], "events": [island]})
    for _ in range(24):
        model.step()
    dispatch = model.table("dispatch").query("microgrid == 'MG2'").reset_index(drop=True)
    cut_off = dispatch[17:21]
    assert np.allclose(cut_off[["import_kw", "export_kw", "exchange_kw"]], 0.0, atol=1e-9)
    assert (cut_off.tie_kw < -1.0).any()
