"""Energy, from the written tables alone: balances, storage, devices against dispatch."""

import numpy as np
import pandas as pd
import pytest

from tests.support.visiting import SHORT_KWH

KWH = 1e-6


def near(found, due, tolerance, what):
    """Assert that two things are the same size and differ by no more than a tolerance."""
    worst = float(np.max(np.abs(np.asarray(found, float) - np.asarray(due, float)), initial=0.0))
    assert worst <= tolerance, f"{what}: off by {worst:g}"  # also fails on NaN
    return worst


def check_rows(run):
    names = sorted(run.microgrids())
    due = pd.MultiIndex.from_product([run.times, names], names=["time", "microgrid"])
    found = run.table("dispatch").set_index(["time", "microgrid"]).sort_index().index
    assert found.tolist() == due.tolist()


def check_balance(run):
    d = run.table("dispatch")
    source = d.pv_kw + d.wind_kw + d.diesel_kw + d.discharge_kw + d.ev_discharge_kw
    used = d.load_kw - d.shed_kw + d.charge_kw + d.ev_charge_kw
    out, back = d.export_kw + d.sold_kw + d.tie_kw, d.import_kw + d.bought_kw
    return near((source + back) * run.step_h, (used + out) * run.step_h, KWH, "balance")


def check_exchange(run):
    d = run.table("dispatch")
    net = d.export_kw + d.sold_kw - d.import_kw - d.bought_kw
    return near(d.exchange_kw * run.step_h, net * run.step_h, KWH, "exchange")


def check_signs(run):
    d = run.table("dispatch")
    signed = {"exchange_kw", "planned_exchange_kw", "imbalance_kw", "q_kvar", "tie_kw"}
    for column in d.columns[d.columns.str.endswith(("_kw", "_kwh"))].difference(signed):
        assert d[column].min() >= -1e-9, column
    for one, other in (("import_kw", "export_kw"), ("bought_kw", "sold_kw")):
        assert np.minimum(d[one], d[other]).max() <= 1e-9, f"{one} and {other}"


def check_imbalance(run):
    d = run.table("dispatch")
    return near(d.imbalance_kw, d.exchange_kw - d.planned_exchange_kw, 1e-9, "imbalance")


def check_recursion(run):
    worst = 0.0
    level = run.scenario["gate"]["end_of_window"]["level"]
    for mg, name, config in run.devices("battery"):
        start = level if config["level_start"] is None else config["level_start"]
        energy = run.device(mg, name, "energy_kwh")
        before = np.concatenate([[start * config["energy_kwh"]], energy.to_numpy()[:-1]])
        charged = run.device(mg, name, "charge_kw") * config["efficiency"]
        discharged = run.device(mg, name, "discharge_kw") / config["efficiency"]
        due = before + (charged - discharged) * run.step_h
        worst = max(worst, near(energy, due, KWH, f"{mg} {name}"))
    return worst


def check_storage_limits(run):
    for mg, name, config in run.devices("battery"):
        energy = run.device(mg, name, "energy_kwh")
        assert energy.min() >= config["level_min"] * config["energy_kwh"] - KWH
        assert energy.max() <= config["energy_kwh"] + KWH
        for quantity in ("charge_kw", "discharge_kw"):
            power = run.device(mg, name, quantity)
            assert power.min() >= -KWH
            assert power.max() <= config["power_kw"] + KWH


def check_diesel(run):
    """It is on exactly where it generates, between its limits, and moves within its ramp."""
    for mg, name, config in run.devices("diesel"):
        power, on = (run.device(mg, name, q) for q in ("power_kw", "on"))
        assert set(on) <= {0.0, 1.0}
        assert ((power > KWH) == (on == 1.0)).all()
        assert power.max() <= config["power_max_kw"] + KWH
        assert (power[on == 1.0] >= config["power_min_kw"] - KWH).all()
        start_kw = config["power_start_kw"]
        before = np.concatenate([[start_kw], power[:-1]])
        was_on = np.concatenate([[float(start_kw > 0.0)], on[:-1]])
        ramp = (config["ramp_kw_per_h"] or np.inf) * run.step_h
        switch = max(ramp, config["power_min_kw"])
        rises = np.where(was_on == 1.0, ramp, switch)
        falls = np.where(on == 1.0, ramp, switch)
        assert (power - before <= rises + KWH).all()
        lost = run.by_member("dispatch", "flags")[mg].str.contains("ramp_missed").to_numpy()
        assert ((before - power <= falls + KWH) | lost).all()


def check_one_way(run):
    for mg, name, _ in run.devices("battery"):
        charge, discharge = (run.device(mg, name, q) for q in ("charge_kw", "discharge_kw"))
        assert np.minimum(charge, discharge).max() <= 1e-6, f"{mg} {name}"


def check_end_of_window(run):
    """The level is due at the end of the last step before the clock time."""
    rule, worst, due_times = run.scenario["gate"]["end_of_window"], 0.0, 0
    for mg, name, config in run.devices("battery"):
        energy = run.device(mg, name, "energy_kwh")
        ends = run.local(energy.index + pd.Timedelta(run.scenario["step"]))
        at_due = energy[ends.strftime("%H:%M") == rule["at"]]
        due_times += len(at_due)
        due = np.full(len(at_due), rule["level"] * config["energy_kwh"])
        worst = max(worst, near(at_due, due, KWH, f"{mg} {name} at {rule['at']}"))
    assert due_times == run.scenario["days"] * len(run.devices("battery"))
    return worst


def sums(run, quantity, *kinds):
    """Sum a quantity of devices of some kinds to a frame of time by microgrid."""
    frame = 0.0 * run.by_member("dispatch", "load_kw")
    for mg, name, _ in run.stores(*kinds):
        frame[mg] = frame[mg].add(run.device(mg, name, quantity), fill_value=0.0)
    return frame


def check_devices_add_up(run):
    late = sums(run, "missing_kwh", "flexible") / run.step_h
    pairs = {
        "load_kw": sums(run, "available_kw", "load") + sums(run, "charge_kw", "flexible") + late,
        "shed_kw": sums(run, "available_kw", "load") + sums(run, "power_kw", "load") + late,
        "ev_charge_kw": sums(run, "charge_kw", "ev"),
        "ev_discharge_kw": sums(run, "discharge_kw", "ev"),
        "pv_kw": sums(run, "power_kw", "pv"),
        "wind_kw": sums(run, "power_kw", "wind"),
        "diesel_kw": sums(run, "power_kw", "diesel"),
        "charge_kw": sums(run, "charge_kw", "battery"),
        "discharge_kw": sums(run, "discharge_kw", "battery"),
        "soc_kwh": sums(run, "energy_kwh", "battery"),
    }
    for column, frame in pairs.items():
        near(run.by_member("dispatch", column), frame, 1e-9, column)


def check_sessions(run):
    """Energy follows power while a store is there; power flows then only; what lacks is told."""
    for mg, name, config in run.stores("ev", "flexible"):
        is_car = config["kind"] == "ev"
        charge, there = (run.device(mg, name, q) for q in ("charge_kw", "plugged_in"))
        discharge = run.device(mg, name, "discharge_kw") if is_car else 0.0 * charge
        gain = config["efficiency"] if is_car else 1.0
        most = config["charge_kw"] if is_car else config["power_kw"]
        assert set(there) <= {0.0, 1.0}
        assert charge.max() <= most + KWH
        assert discharge.max() <= (config["discharge_kw"] if is_car else 0.0) + KWH
        assert (charge + discharge)[there == 0.0].max() == 0.0
        assert np.minimum(charge, discharge).max() <= 1e-6
        energy = run.device(mg, name, "energy_kwh").reindex(there.index)
        assert energy.notna().equals(there == 1.0)
        wanted = run.device(mg, name, "wanted_kwh")
        went_on = energy.notna() & energy.shift().notna()
        went_on &= ~pd.Series(there.index, there.index).shift().isin(wanted.index)
        change = run.step_h * (gain * charge - discharge / gain)
        near((energy.diff() - change)[went_on], 0.0, KWH, f"energy of {mg} {name}")
        full = config["level_max"] * config["energy_kwh"] if is_car else config["energy_kwh"]
        assert energy.max() <= full + KWH
        needed = run.device(mg, name, "needed_kwh")
        if is_car:
            assert (energy[needed.index] >= needed - KWH).all(), f"{mg} {name}"
        missing = run.device(mg, name, "missing_kwh")
        near(missing, np.maximum(wanted - energy[wanted.index], 0.0), KWH, f"{mg} {name} lacks")
        flagged = run.by_member("dispatch", "flags")[mg].str.contains("charge_missed")
        assert not is_car or flagged[missing[missing > KWH].index].all()


def check_available(run):
    """What is used and what is spilled is what was there."""
    there = sums(run, "available_kw", "pv", "wind")
    used = run.by_member("dispatch", "pv_kw") + run.by_member("dispatch", "wind_kw")
    near(used + run.by_member("dispatch", "spilled_kw"), there, 1e-9, "spilled")
    for mg, name, config in run.devices("pv", "wind"):
        assert run.device(mg, name, "available_kw").max() <= config["rating_kw"] + 1e-9


def check_envelope(run):
    exchange = run.by_member("dispatch", "exchange_kw")
    flagged = run.by_member("dispatch", "flags").apply(lambda c: c.str.contains("envelope"))
    over = (exchange > run.by_member("prices", "export_limit_kw") + 1e-6) & ~flagged
    under = (exchange < -run.by_member("prices", "import_limit_kw") - 1e-6) & ~flagged
    assert not over.to_numpy().any()
    assert not under.to_numpy().any()


CHECKS = [
    check_rows,
    check_balance,
    check_exchange,
    check_signs,
    check_imbalance,
    check_recursion,
    check_storage_limits,
    check_diesel,
    check_one_way,
    check_end_of_window,
    check_devices_add_up,
    check_sessions,
    check_available,
    check_envelope,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_energy(run, check):
    check(run)


@pytest.mark.parametrize(
    "check", [check_rows, check_balance, check_devices_add_up, check_available, check_diesel]
)
def test_energy_of_diesel_that_is_surprised(get_run, check):
    """A whole day ahead and a poor forecast: devices do what the plan did not foresee."""
    run = get_run("diesel-noise")
    assert run.table("dispatch").imbalance_kw.abs().max() > 1.0
    check(run)


def test_vehicles_come_and_go_and_one_lacks_charge_in_the_audited_run(get_run):
    run = get_run("visiting")
    lacks = {name: run.device(mg, name, "missing_kwh") for mg, name, _ in run.stores("ev")}
    assert sum((kwh > KWH).sum() for kwh in lacks.values()) == 1
    near(lacks["vans-2"].max(), SHORT_KWH, KWH, "vans-2")
    assert run.table("dispatch").ev_discharge_kw.max() > 0.1


def test_diesel_starts_and_stops_in_the_audited_run(get_run):
    on = [get_run("diesel").device(mg, n, "on") for mg, n, _ in get_run("diesel").devices("diesel")]
    assert any(0.0 < x.mean() < 1.0 for x in on)


def test_noise_has_imbalance_in_most_steps(get_run):
    off = get_run("noise").by_member("dispatch", "imbalance_kw").abs().max(axis=1)
    assert (off > 1e-3).mean() > 0.5


def test_noise_expects_another_sun_than_there_is(get_run):
    run = get_run("noise")
    for mg, name, _ in run.devices("pv"):
        there, expected = (run.device(mg, name, q) for q in ("available_kw", "expected_kw"))
        day = there > 0.0
        assert day.any()
        assert ((there - expected).abs()[day] > 1e-6).mean() > 0.5


def test_perfect_forecast_is_the_truth(central):
    for mg, name, _ in central.devices("pv", "load"):
        there, expected = (central.device(mg, name, q) for q in ("available_kw", "expected_kw"))
        near(expected, there, 0.0, name)


def test_perfect_forecast_leaves_no_imbalance(central):
    near(central.table("dispatch").imbalance_kw, 0.0, 1e-9, "imbalance")


def test_quarter_hours_hold_the_hour(get_run):
    quarter, hour = get_run("quarter"), get_run("central")
    for mg, name, _ in hour.devices("load", "pv"):
        fine, coarse = (r.device(mg, name, "available_kw") for r in (quarter, hour))
        assert len(fine) == 4 * len(coarse)
        near(fine, np.repeat(coarse, 4), 0.0, name)


def bump(column, row=5, by=1.0):
    def change(table):
        table.loc[row, column] += by
        return table

    return change


def bump_quantity(quantity, by=1.0):
    def change(table):
        row = table.index[(table.quantity == quantity) & (table.value > 1.0)][0]
        table.loc[row, "value"] += by
        return table

    return change


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        ("dispatch", bump("import_kw"), check_balance),
        ("dispatch", bump("import_kw", by=2e-6), check_balance),
        ("dispatch", bump("exchange_kw"), check_exchange),
        ("dispatch", bump("import_kw", by=-99.0), check_signs),
        ("dispatch", bump("planned_exchange_kw"), check_imbalance),
        ("dispatch", bump("soc_kwh"), check_devices_add_up),
        ("dispatch", bump("exchange_kw", by=1e3), check_envelope),
        ("dispatch", lambda table: table.iloc[:-1], check_rows),
        ("devices", bump_quantity("energy_kwh", 2e-6), check_recursion),
        ("devices", bump_quantity("charge_kw", 50.0), check_storage_limits),
        ("devices", bump_quantity("available_kw"), check_devices_add_up),
        ("scenario.yaml", lambda t: t.replace("level: 0.5", "level: 0.6"), check_end_of_window),
        ("scenario.yaml", lambda t: t.replace("rating_kw: 60.0", "rating_kw: 6"), check_available),
    ],
)
def test_tampering_with_energy_is_found(central, tampered, table, change, check):
    check(central)
    with pytest.raises(AssertionError):
        check(tampered(central, table, change))


@pytest.mark.parametrize(
    ("quantity", "by"),
    [("energy_kwh", 2e-6), ("charge_kw", 50.0), ("missing_kwh", 1.0), ("plugged_in", -1.0)],
)
def test_tampering_with_vehicles_is_found(get_run, tampered, quantity, by):
    def change(table):
        mine = (table.device == "vans-2") & (table.quantity == quantity) & (table.value > 0.0)
        table.loc[table.index[mine][0], "value"] += by
        return table

    check_sessions(get_run("visiting"))
    with pytest.raises(AssertionError):
        check_sessions(tampered(get_run("visiting"), "devices", change))


@pytest.mark.parametrize(
    ("quantity", "by"), [("on", -1.0), ("power_kw", 1e3), ("power_kw", 50.0), ("power_kw", -40.0)]
)
def test_tampering_with_diesel_is_found(get_run, tampered, quantity, by):
    def change(table):
        mine = (table.device == "genset") & (table.quantity == quantity) & (table.value > 0.5)
        table.loc[table.index[mine][0], "value"] += by
        return table

    check_diesel(get_run("diesel"))
    with pytest.raises(AssertionError):
        check_diesel(tampered(get_run("diesel"), "devices", change))
