"""Local time: days, peak hours, and the clock times at which storage levels are due."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from mmgsim.profiles import TimeIndex
from mmgsim.scenario.schema import Scenario

__all__ = ["PEAK_CURE", "ends_at_clock", "gate_mask", "peak_mask", "run_index", "starts_day"]

PEAK_CURE = "write it like 'Mon-Fri 08:00-22:00', windows separated by commas"

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PEAK = re.compile(
    r"^\s*(?P<first>[A-Za-z]{3})(?:\s*-\s*(?P<last>[A-Za-z]{3}))?\s+"
    r"(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})\s*$"
)
_FULL_DAY_MIN = 1440


def run_index(scenario: Scenario, *, lead_days: int = 0) -> tuple[TimeIndex, int, int]:
    """Give the steps of a run with what lies before and beyond it.

    Returns
    -------
    TimeIndex
        From `lead_days` of 24 h before the first step to a horizon beyond the last.
    int
        Position of the run's first step in it.
    int
        Steps of the run itself.
    """
    run = TimeIndex.of_local_days(
        scenario.start, scenario.days, step_h=scenario.step_h, timezone=scenario.timezone
    )
    lead = lead_days * _FULL_DAY_MIN // scenario.step
    beyond = scenario.gate.horizon // scenario.step
    return run.part(-lead, lead + run.steps + beyond), lead, run.steps


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) >= 60 or total > _FULL_DAY_MIN:  # 24:00 is where a day ends
        raise ValueError(f"{clock!r} is not a clock time")
    return total


def _weekdays(first: str, last: str | None) -> set[int]:
    names = [first.lower(), (last or first).lower()]
    for name in names:
        if name not in _DAYS:
            raise ValueError(f"{name!r} is not a day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun")
    begin, end = (_DAYS.index(name) for name in names)
    return {(begin + k) % 7 for k in range((end - begin) % 7 + 1)}


def peak_mask(index: TimeIndex, text: str | None) -> NDArray[np.bool_]:
    """Tell which steps start in peak hours such as ``Mon-Fri 08:00-22:00``; none without text.

    Several windows are separated by commas. A window that ends before it starts runs past
    midnight and belongs to the day on which it starts.

    Raises
    ------
    ValueError
        If the text cannot be read.
    """
    mask = np.zeros(index.steps, dtype=np.bool_)
    if text is None:
        return mask
    local = index.local()
    minute = np.asarray(local.hour * 60 + local.minute)
    weekday = np.asarray(local.weekday)
    for part in text.split(","):
        match = _PEAK.match(part)
        if match is None:
            raise ValueError(f"{part.strip()!r} is not like 'Mon-Fri 08:00-22:00'")
        days = np.array(sorted(_weekdays(match["first"], match["last"])))
        start, end = _minutes(match["start"]), _minutes(match["end"])
        if start < end:
            mask |= np.isin(weekday, days) & (minute >= start) & (minute < end)
        else:
            mask |= np.isin(weekday, days) & (minute >= start)
            mask |= np.isin(weekday, (days + 1) % 7) & (minute < end)
    return mask


def ends_at_clock(index: TimeIndex, clock: str) -> NDArray[np.bool_]:
    """Tell which steps end at a local clock time, once a day where clocks are put back over it.

    On a day on which clocks are put forward over the time, no step does.
    """
    ends = (index.local() + timedelta(minutes=index.step_minutes)).tz_localize(None)
    is_time = np.asarray(ends.hour * 60 + ends.minute == _minutes(clock), dtype=np.bool_)
    return is_time & ~np.asarray(ends.duplicated(), dtype=np.bool_)


def starts_day(index: TimeIndex) -> NDArray[np.bool_]:
    """Tell which steps are the first of a local day, or the first of all."""
    days = index.local().date
    first = np.ones(index.steps, dtype=np.bool_)
    first[1:] = days[1:] != days[:-1]
    return first


def gate_mask(index: TimeIndex, every_min: int) -> NDArray[np.bool_]:
    """Tell at which steps a window is planned, the first step always.

    Gates a whole number of days apart open with the local day, however long the days are.
    """
    if every_min % _FULL_DAY_MIN:
        every = every_min // index.step_minutes
        return np.asarray(np.arange(index.steps) % every == 0, dtype=np.bool_)
    opens = np.flatnonzero(starts_day(index))[:: every_min // _FULL_DAY_MIN]
    mask = np.zeros(index.steps, dtype=np.bool_)
    mask[opens] = True
    return mask
