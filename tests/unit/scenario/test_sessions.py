"""Vehicles and flexible loads of a scenario: their sessions, and everything that cannot be."""

import pytest

from mmgsim.contracts import Session
from mmgsim.errors import ScenarioError
from mmgsim.scenario import load_scenario, read_inputs
from mmgsim.scenario.freeze import freeze
from mmgsim.scenario.unusual import unusual

LAST = "      - {name: bess, kind: battery, energy_kwh: 10, power_kw: 5}\n"


def device(text):
    return (LAST, LAST + f"      - {{name: own, {text}}}\n")


def inputs_of(scenarios, text, *changes):
    loaded = scenarios.load(device(text), *changes)
    return read_inputs(loaded.scenario, loaded.folder)


def refused(scenarios, text, *changes):
    with pytest.raises(ScenarioError) as caught:
        inputs_of(scenarios, text, *changes)
    return caught.value.faults


DAILY = 'kind: ev, sessions: {source: daily, arrival: "17:00", departure: "06:00"}'


def test_the_defaults_are_a_car_of_40_kwh_at_7_kw_with_stays_overnight(scenarios):
    inputs = inputs_of(scenarios, "kind: ev")
    stays = inputs.sessions["MG2", "own"]
    assert all(session.wanted_kwh == 34.0 for session in stays[1:])
    assert all(8.0 <= session.arrives_kwh <= 24.0 for session in stays)
    assert [label.label for label in inputs.labels if "own" in label.where] == ["synthetic"]


def test_every_vehicle_of_a_fleet_has_stays_of_its_own(scenarios):
    inputs = inputs_of(scenarios, "kind: ev, vehicles: 3")
    stays = [inputs.sessions["MG2", f"own-{number}"] for number in (1, 2, 3)]
    assert len({one[1].arrives_kwh for one in stays}) == 3


def test_stays_do_not_hang_on_how_long_a_run_is(scenarios):
    short = inputs_of(scenarios, "kind: ev").sessions["MG2", "own"]
    longer = inputs_of(scenarios, "kind: ev", ("days: 1", "days: 3")).sessions["MG2", "own"]
    assert longer[: len(short)] == short


def test_stays_do_not_hang_on_other_devices(scenarios):
    alone = inputs_of(scenarios, "kind: ev").sessions["MG2", "own"]
    more = "      - {name: other, kind: ev}\n"
    beside = inputs_of(scenarios, "kind: ev", (LAST, LAST + more)).sessions["MG2", "own"]
    assert beside == alone


def test_a_daily_stay_wraps_midnight(scenarios):
    stays = inputs_of(scenarios, DAILY).sessions["MG2", "own"]
    assert stays == (
        Session(0, 6, 16.0, 34.0),
        Session(17, 30, 16.0, 34.0),
        Session(41, 54, 16.0, 34.0),
    )


@pytest.mark.parametrize(("day", "stop"), [("2021-03-27", 29), ("2021-10-30", 31)])
def test_a_night_in_which_the_clock_changes_has_another_length(scenarios, day, stop):
    changes = (("start: 2021-01-11", f"start: {day}"), ("days: 1", "days: 1\ngate: {horizon: 25h}"))
    stays = inputs_of(scenarios, DAILY, *changes).sessions["MG2", "own"]
    assert (stays[1].first_step, stays[1].stop_step) == (17, stop)


def test_a_flexible_load_wants_its_energy_every_day(scenarios):
    text = 'kind: flexible, energy_kwh: 8, power_kw: 2, start: "22:00", end: "06:00"'
    stays = inputs_of(scenarios, text).sessions["MG2", "own"]
    assert stays == (Session(0, 6, 0.0, 8.0), Session(22, 30, 0.0, 8.0), Session(46, 54, 0.0, 8.0))


def test_a_window_of_a_whole_day_begins_where_the_last_one_ends(scenarios):
    text = 'kind: flexible, energy_kwh: 8, power_kw: 2, start: "00:00", end: "00:00"'
    stays = inputs_of(scenarios, text).sessions["MG2", "own"]
    assert [(one.first_step, one.stop_step) for one in stays] == [(0, 24), (24, 48)]


def test_stays_may_be_listed_one_by_one(scenarios):
    stay = 'arrival: "2021-01-11 08:00", departure: "2021-01-11 12:00", energy_arrival_kwh: 20'
    text = f"kind: ev, sessions: {{source: listed, stays: [{{{stay}}}]}}"
    assert inputs_of(scenarios, text).sessions["MG2", "own"] == (Session(8, 12, 20.0, 34.0),)


def test_stays_may_come_from_a_file(scenarios):
    (scenarios.folder / "stays.csv").write_text(
        "vehicle,arrival,departure,energy_arrival_kwh,energy_wanted_kwh\n"
        "2,2021-01-11 08:00,2021-01-11 12:00,20,30\n"
    )
    inputs = inputs_of(scenarios, "kind: ev, vehicles: 2, sessions: {source: csv, file: stays.csv}")
    assert inputs.sessions["MG2", "own-1"] == ()
    assert inputs.sessions["MG2", "own-2"] == (Session(8, 12, 20.0, 30.0),)
    assert [label.label for label in inputs.labels if "own" in label.where] == ["real"]


def test_the_power_that_a_cure_names_is_rounded_up_so_that_it_is_enough(scenarios):
    text = (
        "kind: ev, charge_kw: 2, sessions: {source: daily, "
        'arrival: "18:00", departure: "21:00", level_arrival: 0.1}'
    )
    # 30 kWh at 95 % in three hours take 10.526 kW.
    assert "raise charge_kw to 10.6," in refused(scenarios, text)[0].cure
    assert inputs_of(scenarios, text.replace("charge_kw: 2", "charge_kw: 10.6"))
    text = 'kind: flexible, energy_kwh: 10, power_kw: 1, start: "08:00", end: "11:00"'
    # 3.333 kW.
    assert "raise power_kw to 3.34" in refused(scenarios, text)[0].cure
    assert inputs_of(scenarios, text.replace("power_kw: 1", "power_kw: 3.34"))


def test_every_stay_that_is_too_short_is_named_with_what_lacks_and_the_cure(scenarios):
    text = (
        'kind: ev, sessions: {source: daily, arrival: "08:00", departure: "10:00", '
        "level_arrival: 0.2}"
    )
    faults = refused(scenarios, text)
    # 26 kWh are wanted, two hours store 13.3.
    assert [fault.where for fault in faults] == ["microgrids.MG2.devices.own.sessions"] * 2
    assert "from 2021-01-11 08:00 to 2021-01-11 10:00" in faults[0].what
    assert "from 2021-01-12 08:00" in faults[1].what
    assert "lacks 12.7 of the 34 kWh" in faults[0].what
    assert "raise charge_kw to 13.7" in faults[0].cure
    assert "unreachable: price" in faults[0].cure
    # The cure cures.
    cured = text.replace("kind: ev", "kind: ev, charge_kw: 13.7")
    assert inputs_of(scenarios, cured)


def test_what_has_a_price_instead_is_doubted(scenarios):
    text = (
        'kind: ev, unreachable: price, sessions: {source: daily, arrival: "08:00", '
        'departure: "10:00", level_arrival: 0.2}'
    )
    loaded = scenarios.load(device(text))
    inputs = read_inputs(loaded.scenario, loaded.folder)
    said = [fault.what for fault in unusual(loaded.scenario, inputs)]
    assert any("1 of 1 stays are too short for 7 kW: 12.7 kWh will lack" in one for one in said)


@pytest.mark.parametrize(
    ("text", "key", "what"),
    [
        ("kind: ev, level_min: 0.96", "level_min", "0.96 is not below level_max = 0.95"),
        ("kind: ev, level_wanted: 0.96", "level_wanted", "0.96 is above level_max = 0.95"),
        (
            "kind: ev, sessions: {source: sampled, level_arrival_min: 0.7}",
            "sessions.level_arrival_min",
            "0.7 is above level_arrival_max = 0.6",
        ),
        (
            "kind: ev, sessions: {source: sampled, level_arrival_max: 1}",
            "sessions.level_arrival_max",
            "1 is above level_max = 0.95",
        ),
        (
            'kind: ev, sessions: {source: sampled, departure: "20:00"}',
            "sessions.departure",
            "20:00 is 3 h after arrival = 17:00",
        ),
        (
            'kind: ev, sessions: {source: daily, arrival: "17:30", departure: "06:00"}',
            "sessions.arrival",
            "no step of 60 min begins at 17:30",
        ),
        (
            'kind: flexible, energy_kwh: 20, power_kw: 2, start: "22:00", end: "06:00"',
            "energy_kwh",
            "4 kWh lack at 2 kW",
        ),
        (
            'kind: flexible, energy_kwh: 2, power_kw: 2, start: "22:15", end: "06:00"',
            "start",
            "no step of 60 min begins at 22:15",
        ),
    ],
)
def test_a_device_that_cannot_be_is_refused(scenarios, text, key, what):
    (fault,) = refused(scenarios, text)
    assert fault.where == f"microgrids.MG2.devices.own.{key}"
    assert what in fault.what
    assert fault.cure


STAYS = {
    "twice": ("[{A, D, energy_arrival_kwh: 20}, {A, D, energy_arrival_kwh: 20}]", "has ended"),
    "vehicle": ("[{vehicle: 2, A, D, energy_arrival_kwh: 20}]", "vehicles 1 to 1"),
    "full": ("[{A, D, energy_arrival_kwh: 39}]", "arrives with 39 kWh, possible 0 to 38"),
    "wants": (
        "[{A, D, energy_arrival_kwh: 9, energy_wanted_kwh: 40}]",
        "wants 40 kWh, possible 0 to 38",
    ),
    "swapped": (
        '[{arrival: "2021-01-11 18:00", departure: "2021-01-11 17:00", energy_arrival_kwh: 9}]',
        "ends before it begins",
    ),
}


@pytest.mark.parametrize("case", STAYS)
def test_a_stay_that_cannot_be_is_refused(scenarios, case):
    stays, what = STAYS[case]
    stays = stays.replace("A,", 'arrival: "2021-01-11 08:00",').replace(
        "D,", 'departure: "2021-01-11 18:00",'
    )
    (fault,) = refused(scenarios, f"kind: ev, sessions: {{source: listed, stays: {stays}}}")
    assert what in fault.what
    assert fault.cure


def test_a_device_called_like_a_vehicle_of_a_fleet_is_refused(scenarios):
    more = "      - {name: own-2, kind: load, profile: 1.0}\n"
    (fault,) = refused(scenarios, "kind: ev, vehicles: 3", (LAST, LAST + more))
    assert "'own-2' is a device" in fault.what


def test_faults_of_a_file_are_said_at_its_key(scenarios):
    (fault,) = refused(scenarios, "kind: ev, sessions: {source: csv, file: none.csv}")
    assert fault.where == "microgrids.MG2.devices.own.sessions.file"


@pytest.mark.parametrize("text", ["kind: ev, vehicles: 2", DAILY])
def test_frozen_stays_are_the_same_to_the_last_bit(scenarios, tmp_path, text):
    loaded = scenarios.load(device(text))
    before = read_inputs(loaded.scenario, loaded.folder)
    frozen = freeze(loaded, tmp_path / "frozen")
    after = read_inputs(frozen.scenario, frozen.folder)
    assert after.sessions == before.sessions
    assert load_scenario(tmp_path / "frozen").scenario == frozen.scenario
