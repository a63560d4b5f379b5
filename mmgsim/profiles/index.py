"""The steps of a run as instants: UTC inside, a time zone for days and clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pandas as pd

from mmgsim.errors import Fault
from mmgsim.profiles.series import SeriesError

__all__ = ["MINUTES_PER_HOUR", "TimeIndex", "zone_faults"]

MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class TimeIndex:
    """Equal steps from a start; each is named by the instant at which it begins.

    Parameters
    ----------
    start : datetime
        Start of the first step, in UTC, on a whole minute.
    step_h : float
        Length of one step: an hour, or a whole number of minutes that divides it. [h]
    steps : int
        How many steps, at least one.
    timezone : str
        IANA name of the zone in which days, tariffs and habits are meant.

    Raises
    ------
    SeriesError
        Naming every parameter that is out of range.
    """

    start: datetime
    step_h: float
    steps: int
    timezone: str

    def __post_init__(self) -> None:
        """Refuse what later arithmetic would silently misread."""
        faults = [
            *self._start_faults(),
            *_step_faults(self.step_h),
            *zone_faults(self.timezone),
        ]
        if self.steps < 1:
            faults.append(Fault("steps", f"{self.steps} is below 1"))
        if faults:
            raise SeriesError("time index", faults)

    @classmethod
    def of_local_days(
        cls, first: date, days: int, *, step_h: float, timezone: str, extra_steps: int = 0
    ) -> TimeIndex:
        """Give the steps of whole local days, which may have 23 or 25 hours.

        Parameters
        ----------
        first : date
            First day, on the local calendar.
        days : int
            Number of local days.
        step_h : float
            Length of one step. [h]
        timezone : str
            IANA name of the zone.
        extra_steps : int
            Steps to add after the last day, for windows that look beyond the end.
        """
        faults = [*_step_faults(step_h), *zone_faults(timezone)]
        if faults:
            raise SeriesError("time index", faults)
        zone = ZoneInfo(timezone)
        last = first + timedelta(days=days)
        begin, end = (
            datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
            for day in (first, last)
        )
        step = timedelta(minutes=round(step_h * MINUTES_PER_HOUR))
        whole_days = -((begin - end) // step)  # rounded up: Lord Howe has days of 23.5 hours
        return cls(start=begin, step_h=step_h, steps=whole_days + extra_steps, timezone=timezone)

    @property
    def step_minutes(self) -> int:
        """Length of one step. [min]."""
        return round(self.step_h * MINUTES_PER_HOUR)

    @property
    def end(self) -> datetime:
        """End of the last step, UTC."""
        return self.start + timedelta(minutes=self.step_minutes * self.steps)

    def utc(self) -> pd.DatetimeIndex:
        """Give the start of every step in UTC."""
        return pd.date_range(
            self.start, periods=self.steps, freq=pd.Timedelta(minutes=self.step_minutes)
        )

    def local(self) -> pd.DatetimeIndex:
        """Give the start of every step on the local clock."""
        return self.utc().tz_convert(self.timezone)

    def part(self, first_step: int, steps: int) -> TimeIndex:
        """Give `steps` steps from `first_step` on, which may lie before or beyond this index."""
        begin = self.start + timedelta(minutes=self.step_minutes * first_step)
        return TimeIndex(start=begin, step_h=self.step_h, steps=steps, timezone=self.timezone)

    def _start_faults(self) -> list[Fault]:
        offset = self.start.utcoffset()
        if offset is None or offset != timedelta(0):
            return [Fault("start", f"{self.start} is not in UTC", "convert it to UTC")]
        if self.start.second or self.start.microsecond:
            return [Fault("start", f"{self.start} is not on a whole minute")]
        return []


def _step_faults(step_h: float) -> list[Fault]:
    minutes = step_h * MINUTES_PER_HOUR
    whole = round(minutes) if 0.0 < minutes <= MINUTES_PER_HOUR else 0
    if whole >= 1 and abs(minutes - whole) < 1e-6 and MINUTES_PER_HOUR % whole == 0:
        return []
    what = f"{step_h} h is no whole number of minutes that divides an hour"
    cure = "use 60, 30, 20, 15, 12, 10, 6, 5, 4, 3, 2 or 1 min"
    return [Fault("step_h", what, cure)]


def zone_faults(timezone: str) -> list[Fault]:
    """Refuse what is no IANA time zone, with the zone that was probably meant."""
    known = _known_zones()
    if timezone in known:
        return []
    close = get_close_matches(timezone, known, n=1)
    cure = f"did you mean {close[0]!r}?" if close else "write it like Europe/Berlin"
    return [Fault("timezone", f"{timezone!r} is not an IANA time zone", cure)]


@cache
def _known_zones() -> frozenset[str]:
    """List the zones once: it takes a walk through a folder of hundreds of files."""
    return frozenset(available_timezones())
