"""Warnings: what can be run but is seldom meant. Each is one, with place, value and cure."""

import pytest

from mmgsim.scenario import read_inputs, unusual

CSV = "time,pv\n" + "".join(
    f"2021-01-{11 + hour // 24:02d}T{hour % 24:02d}:00,{0.9 if hour % 24 == 12 else 0.0}\n"
    for hour in range(49)
)
BEFORE_BESS = "\n      - {name: bess"
ROOF = "rating_kw: 4.0, profile: 1.0"
BESS = "energy_kwh: 10, power_kw: 5"
PEAK = "{name: noon, kind: load, profile: {source: csv, file: pv.csv, column: pv, scale: 2}}"
DIESEL = "{name: genset, kind: diesel, power_min_kw: 20, power_max_kw: 60, cost_per_kwh: 0.3%s}"


def charge(text):
    return ("export_per_kwh: 0.05", f"export_per_kwh: 0.05\n  network_charge: {text}")


def top(text):
    return ("seed: 3", f"seed: 3\n{text}")


def connection(name, limits):
    return (f"name: {name}", f"name: {name}\n    connection: {limits}")


def diesel(text):
    return ("      - {name: bess", f"      - {DIESEL % text}\n      - {{name: bess")


@pytest.fixture
def warnings(scenarios):
    def call(*changes):
        (scenarios.folder / "pv.csv").write_text(CSV)
        loaded = scenarios.load(*changes)
        return loaded.placed(unusual(loaded.scenario, read_inputs(loaded.scenario, loaded.folder)))

    return call


def test_a_sound_scenario_has_no_warnings(warnings):
    assert warnings() == ()


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        # another unit of a size
        (
            [("energy_kwh: 10,", "energy_kwh: 50000,")],
            "MG2.devices.bess.energy_kwh",
            "take 10000 h",
        ),
        ([("energy_kwh: 10,", "energy_kwh: 0.01,")], "MG2.devices.bess.energy_kwh", "take 0.002 h"),
        (
            [(BESS, "energy_kwh: 50000, power_kw: 25000")],
            "MG2.devices.bess.energy_kwh",
            "25000 h of all loads",
        ),
        ([("profile: 2.0", "profile: 2000.0")], "MG2.devices.shop.profile", "others have 3 kW"),
        (
            [
                ("      - {name: bess", f"      - {{name: sun, kind: pv, {ROOF}}}{BEFORE_BESS}"),
                (ROOF, "rating_kw: 4000, profile: 1.5"),
            ],
            "MG1.devices.roof.rating_kw",
            "rating_kw is 4000 kW",
        ),
        (
            [(ROOF, "rating_kw: 40, profile: {source: csv, file: pv.csv, column: pv}")],
            "MG1.devices.roof.profile",
            "is it per unit?",
        ),
        ([("profile: 3.0", "profile: 0.0")], "MG1.devices.homes.profile", "zero throughout"),
        # prices
        ([("_kwh: 0.30", "_kwh: 5.5")], "tariff.import_per_kwh", "5.5 AUD per kWh"),
        (
            [top("currency: JPY"), ("_kwh: 0.30", "_kwh: 9.0"), ("_kwh: 0.05", "_kwh: 0.02")],
            "tariff.import_per_kwh",
            "other prices at most 0.02",
        ),
        ([charge("{off_peak_per_kwh: 60}")], "tariff.network_charge.off_peak_per_kwh", "is 60 AUD"),
        (
            [top("currency: JPY"), charge("{on_peak_per_kwh: 100, on_peak: Mon 08:00-22:00}")],
            "tariff.network_charge.on_peak_per_kwh",
            "is 100, other prices at most 0.3",
        ),
        (
            [("profile: 3.0", "profile: 3.0, shed_price_per_kwh: 0.2")],
            "MG1.devices.homes.shed_price_per_kwh",
            "below the price of buying",
        ),
        (
            [
                ("export_per_kwh: 0.05", "export_per_kwh: 0.4"),
                connection("MG1", "{import_limit_kw: 5, export_limit_kw: 5}"),
                connection("MG2", "{import_limit_kw: 5, export_limit_kw: 5}"),
            ],
            "tariff.export_per_kwh",
            "selling pays more than buying",
        ),
        # no effect
        (
            [("profile: 3.0", "profile: 3.0, critical_shed_price_per_kwh: 50")],
            "MG1.devices.homes.critical_shed_price_per_kwh",
            "nothing of the load is critical",
        ),
        (
            [charge("{on_peak_per_kwh: 0.2}")],
            "tariff.network_charge.on_peak_per_kwh",
            "no peak hours",
        ),
        (
            [top("gate: {end_of_window: {value_per_kwh: 0.1}}")],
            "gate.end_of_window.value_per_kwh",
            "no effect with kind: cyclic",
        ),
        ([top("repair: {rounds: 2}")], "repair.rounds", "without a network"),
        ([top("settlement: {loss_share: aumann-shapley}")], "settlement.loss_share", "no losses"),
        ([top("step: 1min")], "step", "1440 steps"),
        # limits out of step
        (
            [
                connection("MG1", "{import_limit_kw: 2}"),
                (f"      - {{name: roof, kind: pv, {ROOF}}}\n", ""),
            ],
            "MG1.connection.import_limit_kw",
            "less than its load in 24 of 24 steps, by up to 1 kW: load will be shed",
        ),
        (
            [
                connection("MG1", "{import_limit_kw: 2.5}"),
                (ROOF, "rating_kw: 4, profile: {source: csv, file: pv.csv, column: pv}"),
            ],
            "MG1.connection.import_limit_kw",
            "less than its load in 23 of 24 steps, by up to 0.5 kW: load will be shed",
        ),
        (
            [connection("MG2", "{import_limit_kw: 1}")],
            "MG2.connection.import_limit_kw",
            "in 24 of 24 steps, by up to 1 kW: load will be shed but for what storage holds",
        ),
        (
            [("power_kw: 5", "power_kw: 0.1, level_start: 0.1")],
            "MG2.devices.bess.level_start",
            "too far from the level of 0.5",
        ),
        ([diesel(", ramp_kw_per_h: 10")], "MG2.devices.genset.ramp_kw_per_h", "power_min_kw = 20"),
        (
            [("profile: 1.0", "profile: {source: pvlib, site: perth}")],
            "MG1.devices.roof.profile",
            "from that of the time zone",
        ),
    ],
)
def test_what_is_seldom_meant_is_one_warning(changes, where, what, warnings):
    (warning,) = warnings(*changes)
    assert warning.where in (where, f"microgrids.{where}")
    assert what in warning.what
    assert warning.cure
    assert warning.line is not None


@pytest.mark.parametrize(
    "changes",
    [
        [("power_kw: 5", "power_kw: 5, level_start: 0.1")],
        [diesel(", ramp_kw_per_h: 20")],
        [top("step: 15min")],
        [connection("MG1", "{import_limit_kw: 2}")],
        [connection("MG2", "{import_limit_kw: 1}"), diesel("")],
        [
            connection("MG2", "{import_limit_kw: 1.9}"),
            ("shop, kind: load, profile: 2.0", "shop, kind: load, profile: 1.0"),
            ("      - {name: bess", f"      - {PEAK}\n      - {{name: bess"),
        ],
        [
            top("currency: JPY"),
            ("_kwh: 0.30", "_kwh: 30"),
            ("_kwh: 0.05", "_kwh: 8"),
            ("profile: 3.0", "profile: 3.0, shed_price_per_kwh: 500"),
            ("profile: 2.0", "profile: 2.0, shed_price_per_kwh: 500"),
        ],
    ],
)
def test_what_is_usual_has_no_warning(changes, warnings):
    assert warnings(*changes) == ()
