"""The DNO's own devices in a run: what is planned happens, is billed, and goes on over midnight."""

import json

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from mmgsim.engine import MessageBus, build
from mmgsim.errors import ScenarioError
from mmgsim.scenario import load_scenario, resolved_yaml
from mmgsim.subproblems import AcTolerance

GENSET = {
    "name": "genset",
    "kind": "diesel",
    "bus": 5,
    "power_min_kw": 100,
    "power_max_kw": 800,
    "cost_per_kwh": 0.10,
    "start_up_cost": 20,
    "ramp_kw_per_h": 300,
}
ESS = {"name": "ess", "kind": "battery", "bus": 12, "energy_kwh": 900, "power_kw": 300}
TWO_PRICES = """\
time,price
2021-01-11 00:00,0.08
2021-01-11 06:00,0.2
2021-01-11 12:00,0.08
2021-01-11 18:00,0.2
2021-01-12 00:00,0.08
2021-01-12 06:00,0.2
2021-01-12 12:00,0.08
2021-01-12 18:00,0.2
2021-01-13 00:00,0.08
2021-01-13 06:00,0.2
2021-01-13 12:00,0.08
2021-01-13 18:00,0.2
"""
SCENARIO = """\
name: small
timezone: Etc/UTC
start: 2021-01-11
days: 2
gate: {every: 1d, horizon: 24h}
coordination: hierarchical
network: {case: case33bw, background: {scale: 0.5}, v_min_pu: 0.9}
operator: {kind: standard, options: {least_share: 1.0}}
tariff:
  import_per_kwh: 0.25
  export_per_kwh: 0.05
  upstream_per_kwh: {source: csv, file: prices.csv, column: price, label: synthetic}
forecast: {kind: perfect}
microgrids:
  - {name: MG1, bus: 17, devices: [{name: homes, kind: load, profile: 90.0}]}
  - {name: MG2, bus: 24, devices: [{name: roof, kind: pv, rating_kw: 60, profile: 0.5}]}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "prices.csv").write_text(TWO_PRICES)
    (folder / "scenario.yaml").write_text(SCENARIO)
    return folder / "scenario.yaml"


def finished(file, **overrides):
    overrides = {"network.devices": [GENSET, ESS], **overrides}
    model = build(file, overrides=overrides, bus=MessageBus(keeps_payloads=True))
    while not model.clock.is_finished:
        model.step()
    return model


@pytest.fixture(scope="module")
def model(file):
    return finished(file)


def own(model, device, quantity):
    rows = model.table("devices")
    mine = (rows.microgrid == "dno") & (rows.device == device) & (rows.quantity == quantity)
    return rows[mine].value.to_numpy()


def test_devices_do_what_was_planned(model):
    for device in ("genset", "ess"):
        power, planned = own(model, device, "power_kw"), own(model, device, "planned_kw")
        assert len(power) == 48
        np.testing.assert_allclose(power, planned, atol=1e-6)
    assert own(model, "genset", "power_kw").max() > 100.0
    assert own(model, "ess", "charge_kw").max() > 100.0


def test_what_the_dno_does_itself_stays_at_home(model):
    said = model.table("payloads")
    grants = [json.loads(content) for content in said[said.kind == "Grants"].content]
    assert len(grants) == 2
    for one in grants:
        assert one["schedule"] is None
        assert one["background_shed_kw"] is None
        assert set(one["grants"]) == {"MG1", "MG2"}


def test_storage_goes_on_over_midnight_and_keeps_its_level(model):
    energy = own(model, "ess", "energy_kwh")
    charged = 0.95 * own(model, "ess", "charge_kw") - own(model, "ess", "discharge_kw") / 0.95
    np.testing.assert_allclose(energy, 450.0 + np.cumsum(charged), atol=1e-6)
    np.testing.assert_allclose(energy[[23, 47]], 450.0, atol=1e-6)


def test_the_diesel_unit_starts_once_for_every_dear_time(model):
    on, lines = own(model, "genset", "on"), model.table("ledger")
    starts = int(((on[1:] == 1.0) & (on[:-1] == 0.0)).sum() + on[0])
    mine = lines[(lines.payer == "dno") & (lines["item"] == "start_up")]
    assert starts == len(mine) > 0
    assert (mine.amount == 20.0).all()


def test_fuel_is_billed_to_the_dno_as_it_was_used(model):
    lines = model.table("ledger")
    fuel = lines[(lines.payer == "dno") & (lines["item"] == "fuel")]
    assert fuel.kwh.sum() == pytest.approx(own(model, "genset", "power_kw").sum())
    assert fuel.amount.sum() == pytest.approx(0.1 * fuel.kwh.sum())
    assert (fuel.payee == "operations").all()


def test_what_enters_the_feeder_leaves_the_substation_less_to_bring(model):
    """Substation = background + losses - exchanges - own devices, in the AC power flow."""
    steps = model.table("steps")
    exchange = model.table("dispatch").groupby("time").exchange_kw.sum().to_numpy()
    sent = own(model, "genset", "power_kw") + own(model, "ess", "power_kw")
    due = steps.background_kw + steps.loss_kw - exchange - sent
    np.testing.assert_allclose(steps.substation_kw, due, atol=1e-6)


def test_own_energy_is_traded_with_the_grid_at_the_upstream_price(model):
    lines, steps = model.table("ledger"), model.table("steps").set_index("time")
    upstream = lines[lines["item"] == "upstream"].set_index("time")
    sent = own(model, "genset", "power_kw") + own(model, "ess", "power_kw")
    np.testing.assert_allclose(upstream.kwh.reindex(steps.index).fillna(0.0), -sent, atol=1e-6)
    np.testing.assert_allclose(
        upstream.amount, upstream.kwh * steps.upstream_price[upstream.index], atol=1e-9
    )


def test_what_the_dno_plans_is_what_the_window_costs(file):
    """One gate and one window: its parts are the ledger's, the background's energy beside it."""
    model = finished(file, days=1)
    cost, lines = model.dno.grants[0][1].cost, model.table("ledger")
    operations = lines[(lines.payer == "dno") & (lines.payee == "operations")].amount.sum()
    assert cost.operations == pytest.approx(operations, abs=1e-6)
    steps = model.table("steps")
    upstream = float((steps.substation_kw * steps.upstream_price).sum())
    assert cost.upstream == pytest.approx(upstream, rel=1e-6)


def test_devices_stand_still_where_nobody_asks_for_grants(file):
    model = finished(file, coordination="isolated", days=1)
    assert not own(model, "genset", "power_kw").any()
    assert not own(model, "ess", "power_kw").any()
    assert model.table("grants").empty
    assert "upstream" not in set(model.table("ledger")["item"])


def test_a_running_unit_comes_down_where_nobody_asks_for_grants(file):
    running = {**GENSET, "power_start_kw": 800}
    model = finished(file, coordination="isolated", days=1, **{"network.devices": [running]})
    assert own(model, "genset", "power_kw")[:3].tolist() == [500.0, 200.0, 0.0]


def test_a_run_that_goes_on_from_a_checkpoint_gives_the_same(file, model):
    overrides = {"network.devices": [GENSET, ESS]}
    first, second = build(file, overrides=overrides), build(file, overrides=overrides)
    while first.clock.step < 23:
        first.step()
    second.take_over(first.checkpoint)
    while not second.clock.is_finished:
        second.step()
    for device in ("genset", "ess"):
        found = own(second, device, "power_kw")
        assert found.tolist() == own(model, device, "power_kw")[24:].tolist()


# ------------------------------------------------------------------------------ who supplies
def test_a_dno_that_supplies_pays_the_grid_for_what_passes(file):
    model, supplied = (
        finished(file, days=1, **{"tariff.supplier": who}) for who in ("grid", "dno")
    )
    lines = supplied.table("ledger")
    assert set(lines[lines["item"] == "import"].payee) == {"dno"}
    assert set(lines[lines["item"] == "export"].payer) == {"dno"}
    dispatch = supplied.table("dispatch")
    sent = own(supplied, "genset", "power_kw") + own(supplied, "ess", "power_kw")
    due = float((dispatch.import_kw - dispatch.export_kw).sum() - sent.sum())
    assert lines[lines["item"] == "upstream"].kwh.sum() == pytest.approx(due)
    # Whoever sells: the bills of the microgrids, and what happens, are the same.
    bills, others = (m.recorder.totals.cost_by_microgrid for m in (supplied, model))
    assert bills == pytest.approx(others)


# -------------------------------------------------------------------- demand that is not served
def test_demand_that_nothing_else_can_keep_up_is_left_unserved(file):
    """The lowest voltage of the case is 0.913 pu; without devices 0.95 needs load to go."""
    changes = {
        "network.devices": [],
        "network.background.scale": 1.0,
        "network.v_min_pu": 0.95,
        "days": 1,
    }
    model = finished(file, **changes, **{"network.background.shed_price_per_kwh": 1.0})
    steps, grants = model.table("steps"), model.table("grants").iloc[0]
    assert steps.status.unique().tolist() == ["ok"]
    assert steps["flags"].str.contains("background_shed").all()
    assert steps.unserved_kwh.sum() == pytest.approx(grants.background_shed_kwh, abs=1e-3)
    assert grants.shed_value == pytest.approx(grants.background_shed_kwh)
    exchange = model.table("dispatch").groupby("time").exchange_kw.sum().to_numpy()
    due = steps.background_kw + steps.loss_kw - exchange - steps.unserved_kwh
    np.testing.assert_allclose(steps.substation_kw, due, atol=1e-6)
    served = finished(file, **changes).table("steps")
    assert served.status.unique().tolist() == ["violations"]
    assert not served.unserved_kwh.any()


UNSERVED = {
    "network.devices": [],
    "network.background.scale": 1.0,
    "network.background.shed_price_per_kwh": 1.0,
    "network.v_min_pu": 0.95,
    "days": 1,
}


def test_buses_that_a_switch_joins_leave_what_was_planned_unserved_once(file, tmp_path):
    """Bus 17 in two sections, each with a part of its load: one place of the plan."""
    net = pandapower.networks.case33bw()
    twin = pp.create_bus(net, 12.66)
    pp.create_switch(net, 17, twin, et="b", closed=True)
    (load,) = net.load.index[net.load.bus == 17]
    p_mw, q_mvar = net.load.loc[load, ["p_mw", "q_mvar"]]
    net.load.loc[load, ["p_mw", "q_mvar"]] = 0.25 * p_mw, 0.4 * q_mvar
    pp.create_load(net, twin, 0.75 * p_mw, 0.6 * q_mvar)
    pp.to_json(net, str(tmp_path / "net.json"))
    network = {"case": None, "file": str(tmp_path / "net.json")}
    split = finished(file, **UNSERVED, **{f"network.{k}": v for k, v in network.items()})
    whole = finished(file, **UNSERVED)
    at_17 = split.dno.grants[0][1].background_shed_kw[split.dno.feeder.buses.index(17)]
    assert at_17.sum() > 1.0
    for model in (split, whole):
        steps, grants = model.table("steps"), model.table("grants").iloc[0]
        assert steps.unserved_kwh.sum() == pytest.approx(grants.background_shed_kwh, abs=1e-3)
        assert steps.status.unique().tolist() == ["ok"]


def test_a_feeder_with_loops_runs_where_demand_may_be_left_unserved(file):
    loop = {"name": "T", "between": ["MG1", "MG2"], "mode": "ac", "close_line": 35}
    overrides = {**UNSERVED, "coordination": "isolated", "ties": [loop], "microgrids.MG2.bus": 32}
    steps = finished(file, **overrides).table("steps")
    assert len(steps) == 24
    assert not steps.unserved_kwh.any()


# -------------------------------------------------------------------- in a part without supply
OUT = {"kind": "line-outage", "line": 3, "start": "2021-01-11 07:00", "end": "2021-01-11 10:00"}
DARK = [*range(4, 18), *range(25, 33)]  # what hangs on line 3


def demand_kw(at):
    """Nominal demand of case33bw at some buses. [kW]"""
    load = pandapower.networks.case33bw().load
    return 1e3 * float(load.p_mw[load.bus.isin(at)].sum())


@pytest.fixture(scope="module")
def cut_off(file):
    overrides = {"events": [OUT], "gate.on_event": "hold", "days": 1}
    return finished(file, **overrides, **{"network.devices": [GENSET, ESS]})


def test_own_devices_without_supply_stand_still(cut_off):
    for device in ("genset", "ess"):
        assert not own(cut_off, device, "power_kw")[7:10].any()
    planned = own(cut_off, "genset", "planned_kw")[7:10]
    assert (planned > 100.0).all()
    energy = own(cut_off, "ess", "energy_kwh")
    np.testing.assert_allclose(energy[7:10], energy[6], atol=1e-9)
    flags = cut_off.table("steps")["flags"].str.contains("dno_not_carried")
    assert np.flatnonzero(flags).tolist() == [7, 8, 9]


def test_energy_at_the_substation_balances_while_a_part_is_without_supply(cut_off):
    steps = cut_off.table("steps")
    exchange = cut_off.table("dispatch").groupby("time").exchange_kw.sum().to_numpy()
    sent = own(cut_off, "genset", "power_kw") + own(cut_off, "ess", "power_kw")
    due = steps.background_kw - steps.unserved_kwh + steps.loss_kw - exchange - sent
    np.testing.assert_allclose(steps.substation_kw, due, atol=1e-6)
    np.testing.assert_allclose(steps.unserved_kwh[7:10], 0.5 * demand_kw(DARK), atol=1e-6)


def test_nobody_pays_for_what_was_not_carried(cut_off):
    lines, steps = cut_off.table("ledger"), cut_off.table("steps").set_index("time")
    at = lines.time.isin(steps.index[7:10])
    mine = lines[at & (lines.payer == "dno")]
    assert set(mine["item"]) == {"losses"}
    sent = own(cut_off, "genset", "power_kw") + own(cut_off, "ess", "power_kw")
    upstream = lines[lines["item"] == "upstream"].set_index("time").kwh
    np.testing.assert_allclose(upstream.reindex(steps.index).fillna(0.0), -sent, atol=1e-6)
    exchange = cut_off.table("dispatch").groupby("time").exchange_kw.sum()
    operations = lines[lines.payee == "operations"].amount.sum()
    shed = 10.0 * cut_off.table("dispatch").shed_kw.sum()
    due = ((steps.loss_kw - exchange - sent) * steps.upstream_price).sum() + operations + shed
    assert cut_off.recorder.totals.system_cost == pytest.approx(due, abs=1e-8)


def test_demand_without_supply_counts_once_although_it_was_to_be_unserved_anyway(file):
    model = finished(file, **UNSERVED, events=[OUT], **{"gate.on_event": "hold"})
    steps, planned = model.table("steps"), model.dno.grants[0][1].background_shed_kw
    dark = [model.dno.feeder.buses.index(bus) for bus in DARK]
    lit = [at for at in range(33) if at not in dark]
    assert planned[dark, 7:10].sum(axis=0).min() > 1.0
    due = demand_kw(DARK) + planned[lit, 7:10].sum(axis=0)
    np.testing.assert_allclose(steps.unserved_kwh[7:10], due, atol=1e-6)
    exchange = model.table("dispatch").groupby("time").exchange_kw.sum().to_numpy()
    due = steps.background_kw - steps.unserved_kwh + steps.loss_kw - exchange
    np.testing.assert_allclose(steps.substation_kw, due, atol=1e-6)


def test_an_outage_under_grants_is_doubted_and_under_others_not(file):
    rated = {**OUT, "kind": "islanding", "microgrid": "MG1"}
    del rated["line"]
    for coordination, due in (("hierarchical", ["events.1.line"]), ("isolated", [])):
        overrides = {"events": [rated, OUT], "coordination": coordination}
        found = build(file, overrides=overrides).warnings
        assert [one.where for one in found if one.where.startswith("events")] == due


# ------------------------------------------------------------------------- ratings that change
def granted_at_first_gate(*events):
    """Surplus that MG2 of `ieee33mmg` is granted behind line 31, by hour of the day. [kW]"""
    model = build("ieee33mmg", overrides={"events": list(events)})
    model.step()
    return model.dno.grants[0][1].grants["MG2"].surplus_kw


def rating(start, end, **more):
    times = {"start": f"2021-06-01 {start}", "end": f"2021-06-01 {end}"}
    return {"kind": "rating", "line": 31, "factor": 0.25, **times, **more}


def test_the_dno_grants_by_the_rating_of_each_hour_as_far_as_it_knows_it():
    usual = granted_at_first_gate()
    # What the line carries at the highest voltage, and the demand behind it.
    most_kw = 0.25 * 1200.0 * 1.05 + demand_kw([32])
    assert usual[11:14].min() > most_kw + 100.0
    told = granted_at_first_gate(rating("11:00", "13:00", announced=True))
    assert told[11:13].max() <= most_kw
    assert told[13] == pytest.approx(usual[13], abs=AcTolerance().slack_kw)
    np.testing.assert_array_equal(granted_at_first_gate(rating("11:00", "13:00")), usual)
    # One that holds now is no reason to refuse what comes when it is over.
    now = granted_at_first_gate(rating("00:00", "02:00"))
    np.testing.assert_allclose(now[11:14], usual[11:14], atol=AcTolerance().slack_kw)


TIGHT = {"network.devices": [], "network.background.scale": 1.0, "network.v_min_pu": 0.95}


@pytest.mark.parametrize(
    ("changes", "shed_price"),
    [({}, None), (TIGHT, None), (TIGHT, 1.0)],
    ids=["with devices", "all served", "some unserved"],
)
def test_the_system_pays_for_what_passes_the_substation_beyond_the_background(
    changes, shed_price, file
):
    """The substation knows neither devices nor who is served, so it is another way to the cost."""
    if shed_price is not None:
        changes = {**changes, "network.background.shed_price_per_kwh": shed_price}
    model = finished(file, days=1, **changes)
    steps, lines = model.table("steps"), model.table("ledger")
    bought = (steps.upstream_price * (steps.substation_kw - steps.background_kw)).sum()
    operations = lines[lines.payee == "operations"].amount.sum()
    unserved_kwh = steps.unserved_kwh.sum()
    assert bool(unserved_kwh) == (shed_price is not None)
    totals = model.recorder.totals
    assert totals.unserved_value == pytest.approx(unserved_kwh * (shed_price or 0.0))
    due = bought + operations + steps.shed_value.sum() + totals.unserved_value
    assert totals.system_cost == pytest.approx(due)


# ------------------------------------------------------------------------------------ faults
@pytest.mark.parametrize(
    ("devices", "where", "what"),
    [
        ([{**ESS, "bus": 40}], "network.devices.ess.bus", "the feeder has no bus 40"),
        ([ESS, {**GENSET, "name": "ess"}], "network.devices.0.name", "'ess' is used twice"),
        (
            [{**GENSET, "power_min_kw": 900}],
            "network.devices.genset.power_min_kw",
            "900 is above power_max_kw = 800",
        ),
        (
            [{**ESS, "level_min": 0.4, "level_end": 0.3}],
            "network.devices.ess.level_min",
            "0.4 is above",
        ),
    ],
)
def test_impossible_devices_are_refused(devices, where, what, file):
    with pytest.raises(ScenarioError) as caught:
        build(file, overrides={"network.devices": devices})
    assert where in [fault.where for fault in caught.value.faults]
    assert what in str(caught.value)


def test_a_feeder_that_is_no_tree_cannot_grant(file):
    meshed = {"network.case": "case_ieee30", "microgrids.MG1.bus": 5, "microgrids.MG2.bus": 6}
    with pytest.raises(ScenarioError, match="the DNO cannot grant requests on this feeder"):
        build(file, overrides=meshed)
    build(file, overrides={**meshed, "coordination": "isolated"})


def test_a_scenario_with_own_devices_is_read_again_as_it_was_written(file, tmp_path):
    loaded = load_scenario(file, {"network.devices": [GENSET, ESS]})
    again = tmp_path / "scenario.yaml"
    again.write_text(resolved_yaml(loaded.scenario))
    (tmp_path / "prices.csv").write_text(TWO_PRICES)
    assert load_scenario(again).scenario == loaded.scenario
