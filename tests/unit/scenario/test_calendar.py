from datetime import date

import numpy as np
import pytest

from mmgsim.profiles import TimeIndex
from mmgsim.scenario import ends_at_clock, gate_mask, starts_day
from mmgsim.scenario.calendar import peak_mask


def days(first, count, step_h=1.0, timezone="Europe/Berlin"):
    return TimeIndex.of_local_days(
        date.fromisoformat(first), count, step_h=step_h, timezone=timezone
    )


MONDAY = "2021-01-11"


def peak_hours(text, first=MONDAY, count=1):
    return np.flatnonzero(peak_mask(days(first, count), text)).tolist()


def test_no_text_means_no_peak_hours():
    assert peak_hours(None) == []


@pytest.mark.parametrize(
    "text", ["Mon-Fri 08:00-10:00", "mon 8:00-10:00", " Mon - Fri  08:00 - 10:00 "]
)
def test_peak_hours_start_within_the_window(text):
    assert peak_hours(text) == [8, 9]


def test_weekend_is_no_working_day():
    assert peak_hours("Mon-Fri 08:00-22:00", first="2021-01-16", count=2) == []


def test_days_may_run_over_the_end_of_the_week():
    assert peak_hours("Sat-Mon 08:00-09:00", count=7) == [8, 8 + 5 * 24, 8 + 6 * 24]


def test_window_past_midnight_belongs_to_the_day_it_starts_on():
    assert peak_hours("Mon 22:00-02:00", count=2) == [22, 23, 24, 25]
    assert peak_hours("Sun 22:00-02:00", count=2) == [0, 1]


def test_several_windows_are_joined():
    assert peak_hours("Mon 06:00-07:00, Mon-Tue 20:00-21:00", count=2) == [6, 20, 44]


def test_window_may_end_with_the_day():
    assert peak_hours("Mon 22:00-24:00", count=2) == [22, 23]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "weekdays",
        "Mon 8-22",
        "Mon-Fry 08:00-22:00",
        "Mon 08:60-22:00",
        "Mon 08:00-25:00",
        "Mon 08:00-22:00,",
    ],
)
def test_text_that_is_no_window_is_refused(text):
    with pytest.raises(ValueError, match=r"is not|is no"):
        peak_hours(text)


@pytest.mark.parametrize(
    ("first", "hours"), [("2021-01-11", 24), ("2021-03-28", 23), ("2021-10-31", 25)]
)
def test_midnight_comes_at_the_end_of_days_of_any_length(first, hours):
    index = days(first, 2)
    assert np.flatnonzero(ends_at_clock(index, "00:00")).tolist() == [hours - 1, hours + 23]
    assert np.flatnonzero(starts_day(index)).tolist() == [0, hours]


def test_noon_is_an_hour_early_on_the_short_day_and_late_on_the_long_one():
    assert np.flatnonzero(ends_at_clock(days("2021-03-28", 1), "12:00")).tolist() == [10]
    assert np.flatnonzero(ends_at_clock(days("2021-10-31", 1), "12:00")).tolist() == [12]


def test_time_that_clocks_skip_does_not_come():
    assert not ends_at_clock(days("2021-03-28", 1), "02:00").any()


def test_time_that_comes_twice_is_due_at_its_first():
    assert np.flatnonzero(ends_at_clock(days("2021-10-31", 1), "02:00")).tolist() == [1]


def test_quarter_hours_end_at_quarter_past():
    index = days(MONDAY, 1, step_h=0.25)
    assert np.flatnonzero(ends_at_clock(index, "00:15")).tolist() == [0]


@pytest.mark.parametrize(
    ("every_min", "expected"),
    [
        (60, list(range(25))),
        (6 * 60, [0, 6, 12, 18, 24]),
        (1440, [0]),
    ],
)
def test_gates_of_the_long_day(every_min, expected):
    assert np.flatnonzero(gate_mask(days("2021-10-31", 1), every_min)).tolist() == expected


def test_daily_gates_open_with_the_local_day():
    index = days("2021-10-30", 4)
    assert np.flatnonzero(gate_mask(index, 1440)).tolist() == [0, 24, 49, 73]
    assert np.flatnonzero(gate_mask(index, 2880)).tolist() == [0, 49]
