"""Vehicles and flexible loads from the scenario file to the result tables."""

import numpy as np
import pandas as pd
import pytest

import mmgsim
from mmgsim.contracts import SessionStore
from mmgsim.errors import RunEndedEarlyError
from mmgsim.scenario import BUILT_IN, Kind
from tests.support.visiting import SHORT_KWH, visiting_scenario

KWH = 1e-6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return visiting_scenario(tmp_path_factory.mktemp("visiting") / "scenario")


def run(folder, **overrides):
    model = mmgsim.build(folder, overrides=overrides)
    while not model.clock.is_finished:
        model.step()
    return model


def quantity(model, device, name):
    rows = model.table("devices")
    mine = (rows.device == device) & (rows.quantity == name)
    return rows[mine].set_index("time").value


def flags(model):
    return {flag for text in model.table("steps")["flags"] for flag in text.split()}


@pytest.fixture(scope="module")
def central(folder):
    return run(folder)


def test_every_vehicle_of_a_fleet_is_a_device(folder):
    agent = mmgsim.build(folder).microgrids["MG1"]
    cars = [device for device in agent.devices if isinstance(device, SessionStore)]
    assert [car.name for car in cars] == ["cars-1", "cars-2", "pump"]
    assert (cars[0].energy_kwh, cars[0].energy_min_kwh) == pytest.approx((38.0, 8.0))
    assert agent.member.import_limit_kw >= 20.0 + 2 * 7.0 + 3.0
    assert agent.member.export_limit_kw == pytest.approx(60.0 + 20.0 + 2 * 5.0)


def test_the_dispatch_balance_has_vehicles_and_flexible_loads(central):
    d = central.table("dispatch")
    source = d.pv_kw + d.wind_kw + d.diesel_kw + d.discharge_kw + d.ev_discharge_kw
    used = d.load_kw - d.shed_kw + d.charge_kw + d.ev_charge_kw
    balance = source + d.import_kw + d.bought_kw - used - d.export_kw - d.sold_kw
    assert np.abs(balance).max() < KWH
    assert d.ev_charge_kw.sum() > 20.0


def test_a_vehicle_leaves_with_what_it_wants_or_with_what_could_be_charged(central):
    assert quantity(central, "vans-1", "missing_kwh").tolist() == pytest.approx([0.0], abs=KWH)
    assert quantity(central, "vans-2", "missing_kwh").tolist() == pytest.approx([SHORT_KWH])
    for car in ("cars-1", "cars-2"):
        assert quantity(central, car, "missing_kwh").max() < KWH


def test_what_could_not_be_charged_has_its_price_and_a_flag(central):
    steps = central.table("steps").set_index("time")
    noon = pd.Timestamp("2021-01-11 11:00", tz="Australia/Perth").tz_convert("UTC")
    assert "charge_missed" in steps["flags"][noon].split()
    assert steps.shed_value[noon] == pytest.approx(0.7 * SHORT_KWH)
    assert (steps.shed_value.drop(noon).abs() < KWH).all()
    assert central.recorder.totals.shed_kwh == pytest.approx(0.0, abs=KWH)


def test_flexible_loads_are_served_within_their_windows(central):
    served = quantity(central, "cooling", "charge_kw")
    hours = served.index.tz_convert("Australia/Perth").hour
    assert served.sum() == pytest.approx(12.0)
    assert served[(hours < 9) | (hours >= 17)].max() == 0.0
    plugged = quantity(central, "cooling", "plugged_in")
    assert plugged.sum() == 8


def test_a_flexible_load_is_a_part_of_the_load(central, folder):
    d = central.table("dispatch")
    fixed = sum(quantity(central, name, "available_kw").sum() for name in ("homes", "shop"))
    moved = sum(quantity(central, name, "charge_kw").sum() for name in ("pump", "cooling"))
    assert d.load_kw.sum() == pytest.approx(fixed + moved)


def test_what_a_flexible_load_lacks_is_shed_where_energy_costs_more(folder):
    model = run(folder, **{"microgrids.MG2.devices.cooling.shed_price_per_kwh": 0.001})
    d = model.table("dispatch").set_index("microgrid")
    at_four = d.loc["MG2"].iloc[16]
    assert at_four.shed_kw == pytest.approx(12.0)
    assert "shed" in at_four["flags"].split()
    assert at_four.load_kw - at_four.shed_kw >= 0.0
    value = model.table("steps").shed_value.sum()
    assert value == pytest.approx(0.001 * 12.0 + 0.7 * SHORT_KWH)


def test_without_v2g_no_vehicle_gives_anything_out(folder):
    model = run(folder, **{"microgrids.MG1.devices.cars.discharge_kw": 0.0})
    assert model.table("dispatch").ev_discharge_kw.max() == 0.0
    assert quantity(model, "cars-1", "missing_kwh").max() < KWH


def test_stored_energy_of_batteries_leaves_vehicles_out(central):
    soc = central.table("dispatch").set_index("microgrid").soc_kwh
    assert soc["MG1"].max() <= 40.0 + KWH
    assert soc["MG2"].max() == 0.0


@pytest.mark.parametrize("coordination", BUILT_IN[Kind.MECHANISM])
def test_every_coordination_keeps_what_vehicles_want(folder, central, coordination):
    overrides = {"gate.every": "6h"}
    model = mmgsim.build(folder, coordination=coordination, overrides=overrides)
    model.step()
    gate, best = model.table("gates").iloc[0], central.table("gates").iloc[0]
    slack = 1e-6 * best.gross
    assert gate.upper >= best.upper - slack
    assert not gate.lower > best.upper + slack
    while not model.clock.is_finished:
        model.step()
    assert not model.table("faults").shape[0]
    known = {"charge_missed", "exclusive", "relaxed"}
    # Nothing is uncertain here.
    known |= {"two-stage": {"no_outlook"}, "adaptive-robust": {"nothing_uncertain"}}.get(
        coordination, set()
    )
    assert flags(model) <= known, coordination
    assert quantity(model, "cars-1", "missing_kwh").max() < KWH
    assert quantity(model, "vans-2", "missing_kwh").tolist() == pytest.approx([SHORT_KWH])


@pytest.mark.parametrize("strategy", ["self-consumer", "cost-minimiser"])
@pytest.mark.parametrize("every", ["3h", "1d"])
def test_wrong_forecasts_cost_no_vehicle_its_charge(folder, strategy, every):
    overrides = {"forecast": {"kind": "noise", "load_sd": 0.3}, "gate.every": every}
    overrides |= {f"microgrids.{name}.strategy": strategy for name in ("MG1", "MG2")}
    model = run(folder, **overrides)
    for car in ("cars-1", "cars-2", "vans-1"):
        assert quantity(model, car, "missing_kwh").max() < KWH, car
    assert quantity(model, "cooling", "missing_kwh").max() < KWH


def test_an_outage_that_is_announced_is_charged_ahead_of(folder):
    outage = {
        "kind": "islanding",
        "microgrid": "MG2",
        "start": "2021-01-11 12:00",
        "end": "2021-01-11 16:00",
        "announced": True,
    }
    model = run(folder, events=[outage])
    assert quantity(model, "vans-1", "missing_kwh").max() < KWH


def test_an_outage_without_warning_leaves_a_vehicle_short_and_says_so(folder):
    outage = {
        "kind": "islanding",
        "microgrid": "MG1",
        "start": "2021-01-12 00:00",
        "end": "2021-01-12 09:00",
    }
    stay = {
        "arrival": "2021-01-11 23:00",
        "departure": "2021-01-12 03:00",
        "energy_arrival_kwh": 10,
        "energy_wanted_kwh": 30,
    }
    overrides = {
        "days": 2,
        "gate.every": "12h",
        "events": [outage],
        "microgrids.MG1.devices.cars.vehicles": 1,
        "microgrids.MG1.devices.cars.sessions": {"source": "listed", "stays": [stay]},
    }
    model = run(folder, **overrides)
    missing_kwh = quantity(model, "cars", "missing_kwh").iloc[0]
    assert missing_kwh > 1.0
    assert "charge_missed" in flags(model)


def test_a_run_that_was_stopped_goes_on_to_the_same_values(folder, tmp_path):
    class StopError(Exception):
        pass

    def stop(model):
        if model.clock.step == 30:
            raise StopError

    overrides = {"days": 2, "gate.every": "4h", "coordination": {"kind": "prices"}}
    once = mmgsim.run(folder, overrides=overrides, out=tmp_path / "once", report=False)
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run(folder, overrides=overrides, out=tmp_path / "run", progress=stop, report=False)
    again = mmgsim.run(folder, overrides=overrides, out=tmp_path / "run", resume=True, report=False)
    for name in ("dispatch", "devices", "gates", "ledger", "steps", "prices"):
        assert once.table(name).equals(again.table(name)), name


def test_a_vehicle_that_comes_before_the_run_is_there_from_the_first_step(central):
    assert quantity(central, "cars-1", "plugged_in").iloc[0] == 1.0
