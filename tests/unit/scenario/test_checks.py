import pytest

from mmgsim.errors import ScenarioError
from mmgsim.scenario import load_scenario

BUS = ("name: MG1", "name: MG1\n    bus: 3")
BUS_2 = ("name: MG2", "name: MG2\n    bus: 4")


def network(text):
    return ("seed: 3", f"seed: 3\nnetwork: {text}")


def gate(text):
    return ("seed: 3", f"seed: 3\ngate: {text}")


def test_duplicate_microgrid_names_are_both_shown(scenarios):
    faults = scenarios.faults(("name: MG2", "name: MG1"))
    assert [(fault.where, fault.line) for fault in faults] == [
        ("microgrids.0.name", 12),
        ("microgrids.1.name", 17),
    ]


def test_duplicate_device_names_are_refused_within_a_microgrid_only(scenarios):
    scenarios.load(("name: shop", "name: homes"))
    faults = scenarios.faults(("name: roof", "name: homes"))
    assert {fault.where for fault in faults} == {
        "microgrids.MG1.devices.0.name",
        "microgrids.MG1.devices.1.name",
    }


@pytest.mark.parametrize("party", ["grid", "dno", "market", "operations"])
def test_names_of_the_ledger_are_taken(party, scenarios):
    fault = scenarios.fault(("name: MG1", f"name: {party}"))
    assert "is a party of the ledger" in fault.what


def test_scenario_without_microgrids_or_devices_is_refused(scenarios):
    text = scenarios.write().read_text().split("microgrids:")[0]
    scenarios.file.write_text(text + "microgrids: []\n")
    with pytest.raises(ScenarioError, match="there is no microgrid"):
        load_scenario(scenarios.file)
    scenarios.file.write_text(text + "microgrids: [{name: MG1, devices: []}]\n")
    with pytest.raises(ScenarioError, match=r"microgrids\.MG1\.devices .*is empty"):
        load_scenario(scenarios.file)


def test_network_without_buses_names_every_microgrid(scenarios):
    faults = scenarios.faults(network("{case: case33bw}"))
    assert [fault.where for fault in faults] == ["microgrids.MG1.bus", "microgrids.MG2.bus"]


@pytest.mark.parametrize("text", ["{case: case33bw, file: net.json}", "{v_min_pu: 0.9}"])
def test_network_is_a_case_or_a_file(text, scenarios):
    fault = scenarios.fault(network(text), BUS, BUS_2)
    assert "one of `case`, `file` and `simbench`" in fault.what


def test_simbench_grid_has_no_profile_of_the_background(scenarios):
    text = "{simbench: 1-MV-rural--0-sw, background: {profile: 0.5}}"
    where = [fault.where for fault in scenarios.faults(network(text), BUS, BUS_2)]
    assert "network.background.profile" in where


def test_voltage_limits_are_in_order(scenarios):
    fault = scenarios.fault(network("{case: case33bw, v_min_pu: 1.1}"), BUS, BUS_2)
    assert fault.where == "network.v_min_pu"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{every: 90min, horizon: 24h}", "gate.every"),
        ("{every: 1h, horizon: 90min}", "gate.horizon"),
        ("{every: 2d, horizon: 24h}", "gate.horizon"),
        ("{horizon: 23h}", "gate.horizon"),
        ('{end_of_window: {at: "00:30"}}', "gate.end_of_window.at"),
    ],
)
def test_times_that_do_not_fit_are_refused(text, where, scenarios):
    assert scenarios.fault(gate(text)).where == where


def test_step_must_divide_an_hour(scenarios):
    assert scenarios.fault(("seed: 3", "step: 45min")).where == "step"


def test_window_must_reach_over_the_longest_day(scenarios):
    autumn = ("start: 2021-01-11", "start: 2021-10-30"), ("days: 1", "days: 3")
    day_ahead = "{every: 1d, horizon: %s, end_of_window: {kind: free}}"
    fault = scenarios.fault(gate(day_ahead % "24h"), *autumn)
    assert "25 h later on the longest day" in fault.what
    scenarios.load(gate(day_ahead % "25h"), *autumn)


def test_window_must_reach_over_a_time_that_clocks_skip(scenarios):
    spring = ("start: 2021-01-11", "start: 2021-03-27"), ("days: 1", "days: 3")
    fault = scenarios.fault(gate('{end_of_window: {at: "02:00"}}'), *spring)
    assert "47 h later" in fault.what
    scenarios.load(gate('{horizon: 47h, end_of_window: {at: "02:00"}}'), *spring)


def test_target_between_steps_fits_finer_steps(scenarios):
    scenarios.load(("seed: 3", 'step: 30min\ngate: {end_of_window: {at: "00:30"}}'))


def test_unreadable_peak_hours_are_named_once(scenarios):
    charge = '\n  network_charge: {on_peak: "weekdays 8-22"}'
    fault = scenarios.fault(("export_per_kwh: 0.05", f"export_per_kwh: 0.05{charge}"))
    assert (fault.where, fault.line) == ("tariff.network_charge.on_peak", 10)


@pytest.mark.parametrize(
    ("battery", "key"),
    [
        ("level_min: 0.3, level_start: 0.2", "level_start"),
        ("level_min: 0.6", "level_min"),
        ("level_min: 0.6, level_start: 0.7", "level_min"),
    ],
)
def test_levels_below_the_least_are_refused(battery, key, scenarios):
    fault = scenarios.fault(("power_kw: 5", f"power_kw: 5, {battery}"))
    assert fault.where == f"microgrids.MG2.devices.bess.{key}"


def test_level_that_is_never_due_is_no_fault(scenarios):
    scenarios.load(
        ("power_kw: 5", "power_kw: 5, level_min: 0.6, level_start: 0.7"),
        gate("{end_of_window: {kind: free}}"),
    )


def test_the_standard_operator_repairs(scenarios):
    scenarios.load(("seed: 3", "seed: 3\nrepair: {rounds: 2}"))


def test_an_operator_may_find_faults_in_its_own_options(scenarios):
    operator = "operator: {options: {envelopes_from: nowhere}}"
    fault = scenarios.fault(("seed: 3", f"seed: 3\n{operator}"))
    assert fault.where == "operator.options.envelopes_from"
    assert "no result folder" in fault.what


DIESEL = "{name: genset, kind: diesel, power_min_kw: 20, power_max_kw: 60, cost_per_kwh: 0.3%s}"


def with_diesel(text="", *changes):
    device = DIESEL % text
    for old, new in changes:
        assert old in device
        device = device.replace(old, new)
    return ("      - {name: bess", f"      - {device}\n      - {{name: bess")


def test_diesel_is_read_with_what_it_may_leave_out(scenarios):
    diesel = scenarios.load(with_diesel()).scenario.microgrids[1].devices[1]
    assert (diesel.power_min_kw, diesel.power_max_kw, diesel.cost_per_kwh) == (20.0, 60.0, 0.3)
    assert diesel.ramp_kw_per_h is None
    left_out = (diesel.cost_per_kwh_kw, diesel.cost_per_h, diesel.start_up_cost)
    assert (*left_out, diesel.power_start_kw) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "changes", "key", "what"),
    [
        ("", [("power_min_kw: 20", "power_min_kw: 61")], "power_min_kw", "above power_max_kw = 60"),
        (", power_start_kw: 19", [], "power_start_kw", "neither 0 nor between"),
        (", power_start_kw: 61", [], "power_start_kw", "neither 0 nor between"),
        (", power_start_kw: -1", [], "power_start_kw", "at least 0"),
        ("", [("power_min_kw: 20", "power_min_kw: 0")], "power_min_kw", "above 0"),
        ("", [("power_max_kw: 60", "power_max_kw: .nan")], "power_max_kw", "finite"),
        (", ramp_kw_per_h: 0", [], "ramp_kw_per_h", "above 0"),
        (", cost_per_h: -1", [], "cost_per_h", "at least 0"),
        (", cost_per_kwh_kw: -1", [], "cost_per_kwh_kw", "at least 0"),
        (", start_up_cost: .inf", [], "start_up_cost", "finite"),
        ("", [("cost_per_kwh: 0.3", "cost_per_h: 1")], "cost_per_kwh", "is missing"),
        (", profile: 3.0", [], "profile", ""),
        (", ramp_kw_h: 3.0", [], "ramp_kw_h", ""),
    ],
)
def test_impossible_diesel_is_refused(text, changes, key, what, scenarios):
    fault = scenarios.fault(with_diesel(text, *changes))
    assert fault.where == f"microgrids.MG2.devices.genset.{key}"
    assert what in fault.what


@pytest.mark.parametrize("start_kw", [0, 20, 60])
def test_diesel_starts_off_or_between_its_limits(start_kw, scenarios):
    scenarios.load(with_diesel(f", power_start_kw: {start_kw}"))


def test_critical_load_is_worth_no_less_than_the_rest(scenarios):
    keys = "shed_price_per_kwh: 5, critical_share: 0.2, critical_shed_price_per_kwh"
    fault = scenarios.fault(("profile: 3.0", f"profile: 3.0, {keys}: 2"))
    assert fault.where == "microgrids.MG1.devices.homes.critical_shed_price_per_kwh"
    assert fault.what.startswith("2 is below shed_price_per_kwh = 5")
    scenarios.load(("profile: 3.0", f"profile: 3.0, {keys}: 5"))


YEAR = """\
year:
  - {name: a, day: 2021-01-20, weight: 182}
  - {name: b, day: 2021-07-20, weight: 183}"""


def year(text=YEAR):
    return ("seed: 3", f"seed: 3\n{text}")


def test_a_year_of_days_is_no_fault(scenarios):
    scenario = scenarios.load(year()).scenario
    assert [(day.name, day.day.month, day.weight) for day in scenario.year] == [
        ("a", 1, 182.0),
        ("b", 7, 183.0),
    ]


def test_days_of_one_name_or_one_date_are_named(scenarios):
    faults = scenarios.faults(year(YEAR.replace("name: b", "name: a")))
    assert [(fault.where, fault.line) for fault in faults] == [
        ("year.0.name", 7),
        ("year.1.name", 8),
    ]
    faults = scenarios.faults(year(YEAR.replace("2021-07", "2021-01")))
    assert [fault.where for fault in faults] == ["year.a.day", "year.b.day"]


@pytest.mark.parametrize("weight", ["0", "-3", "yes", ".nan"])
def test_weights_are_above_zero(weight, scenarios):
    fault = scenarios.fault(year(YEAR.replace("182", weight)))
    assert fault.where == "year.a.weight"


def test_a_fault_of_one_day_hides_none_of_the_others(scenarios):
    third = "\n  - {name: c, day: 2021-07-20, weight: 1}"
    faults = scenarios.faults(year(YEAR.replace("182", "-1") + third))
    assert [fault.where for fault in faults] == ["year.a.weight", "year.b.day", "year.c.day"]
