"""Stays of vehicles: drawn, every day alike, from a file, and in whole steps of a run."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from mmgsim.profiles import (
    SampledDay,
    TimeIndex,
    Visit,
    daily_visit,
    overlapping,
    read_visits,
    sample_visit,
    session_of,
    stream,
)
from mmgsim.profiles.sessions import HOUR_SHARES

BERLIN = "Europe/Berlin"
HABIT = SampledDay(time(17), time(6), low_kwh=8.0, high_kwh=24.0, wanted_kwh=34.0)
MONDAY = date(2021, 1, 11)


def local(instant, zone=BERLIN):
    return instant.astimezone(TimeIndex(instant, 1.0, 1, zone).local().tz)


def overnight(day, zone=BERLIN):
    return daily_visit(day, time(22), time(6), timezone=zone, energies_kwh=(0.0, 8.0))


def run_from(day, zone=BERLIN, days=2):
    return TimeIndex.of_local_days(day, days, step_h=1.0, timezone=zone)


def draws(count=3000):
    rng = stream(1, "habit")
    return [sample_visit(rng, MONDAY, HABIT, step_min=15, timezone=BERLIN) for _ in range(count)]


def test_shares_add_up_to_one():
    assert sum(HOUR_SHARES.values()) == pytest.approx(1.0)


def test_hours_of_arrival_and_departure_have_the_documented_shares():
    found = draws()
    for name, mode in (("arrival", 17), ("departure", 6)):
        hours = Counter(local(getattr(one, name)).hour - mode for one in found)
        for offset, share in HOUR_SHARES.items():
            # Four standard deviations of a share among 3000 draws.
            spread = 4.0 * (share * (1.0 - share) / len(found)) ** 0.5
            assert hours[offset] / len(found) == pytest.approx(share, abs=spread)


def test_drawn_stays_go_overnight_with_energy_between_the_limits():
    for one in draws(200):
        assert local(one.arrival).date() == MONDAY
        assert local(one.departure).date() == MONDAY + timedelta(1)
        assert 8.0 <= one.arrives_kwh <= 24.0
        assert one.wanted_kwh == 34.0


def test_the_same_stream_draws_the_same_stay():
    one, other = (
        sample_visit(stream(7, "MG1", "cars"), MONDAY, HABIT, step_min=60, timezone=BERLIN)
        for _ in range(2)
    )
    assert one == other


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2021, 1, 11), 8), (date(2021, 3, 27), 7), (date(2021, 10, 30), 9)]
)
def test_a_night_has_the_hours_that_the_clock_gives_it(day, hours):
    stay = overnight(day)
    assert stay.departure - stay.arrival == timedelta(hours=hours)
    session = session_of(stay, run_from(day), charged_kwh_per_step=1.0)
    assert (session.first_step, session.stop_step - session.first_step) == (22, hours)


def test_a_stay_counts_in_whole_steps():
    start = datetime(2021, 1, 11, tzinfo=UTC)
    stay = Visit(
        1, start + timedelta(hours=2, minutes=20), start + timedelta(hours=5, minutes=50), 1.0, 2.0
    )
    session = session_of(stay, TimeIndex(start, 1.0, 24, "UTC"), charged_kwh_per_step=1.0)
    assert (session.first_step, session.stop_step) == (3, 5)
    short = Visit(1, stay.arrival, stay.arrival + timedelta(minutes=30), 1.0, 2.0)
    assert session_of(short, TimeIndex(start, 1.0, 24, "UTC"), charged_kwh_per_step=1.0) is None


def test_a_stay_that_began_before_the_run_begins_with_it_and_wants_what_it_can_reach():
    run = run_from(MONDAY)
    session = session_of(overnight(MONDAY - timedelta(1)), run, charged_kwh_per_step=1.0)
    assert (session.first_step, session.stop_step) == (0, 6)
    assert session.wanted_kwh == 6.0
    assert session_of(overnight(MONDAY - timedelta(2)), run, charged_kwh_per_step=1.0) is None


def test_overlapping_stays_of_one_vehicle_are_found():
    start = datetime(2021, 1, 11, tzinfo=UTC)
    hours = [(1, 0, 5), (1, 4, 8), (2, 4, 8), (1, 8, 9)]
    stays = [
        Visit(number, start + timedelta(hours=a), start + timedelta(hours=b), 0.0, 0.0)
        for number, a, b in hours
    ]
    ((first, second),) = overlapping(stays)
    assert (first, second) == (stays[0], stays[1])


HEADER = "vehicle,arrival,departure,energy_arrival_kwh,energy_wanted_kwh\n"


def test_a_file_has_local_times_and_instants(tmp_path):
    file = tmp_path / "stays.csv"
    file.write_text(
        HEADER
        + "1,2021-01-11T17:00,2021-01-12 06:00,12,34\n"
        + "2,2021-01-11T17:00+00:00,2021-01-12T06:00Z,1.5,20\n"
    )
    (first, second), faults = read_visits(file, BERLIN)
    assert faults == []
    assert first.arrival == datetime(2021, 1, 11, 16, tzinfo=UTC)
    assert second == Visit(
        2, datetime(2021, 1, 11, 17, tzinfo=UTC), datetime(2021, 1, 12, 6, tzinfo=UTC), 1.5, 20.0
    )


def test_every_fault_of_a_file_is_named_with_its_line(tmp_path):
    file = tmp_path / "stays.csv"
    file.write_text(
        HEADER
        + "1,2021-01-11T17:00,2021-01-12T06:00,12,34\n"
        + "one,2021-01-11T17:00,2021-01-12T06:00,12,34\n"
        + "1,yesterday,2021-01-12T06:00,12,34\n"
        + "1,2021-03-28T02:30,2021-03-28T06:00,12,34\n"
        + "1,2021-01-11T17:00,2021-01-12T06:00,12,nan\n"
    )
    _, faults = read_visits(file, BERLIN)
    assert [fault.line for fault in faults] == [3, 4, 5, 6]
    said = [fault.what for fault in faults]
    assert "vehicle is 'one'" in said[0]
    assert "no time like" in said[1]
    assert "the clock of Europe/Berlin skips" in said[2]
    assert "energy_wanted_kwh is 'nan'" in said[3]


def test_a_missing_column_or_file_is_named(tmp_path):
    file = tmp_path / "stays.csv"
    file.write_text("vehicle,arrive,departure,energy_arrival_kwh,energy_wanted_kwh\n")
    _, (fault,) = read_visits(file, BERLIN)
    assert "'arrival'" in fault.what
    assert "arrive" in fault.cure
    _, (fault,) = read_visits(tmp_path / "none.csv", BERLIN)
    assert "cannot be read" in fault.what


def test_draws_of_energy_fill_the_range():
    energies = np.array([one.arrives_kwh for one in draws(1000)])
    assert energies.min() < 9.0
    assert energies.max() > 23.0
