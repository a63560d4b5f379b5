"""Years of quarter hours: the pieces that generated series are cut from.

A generator makes whole calendar years of 15-minute values and nothing else. A run takes its steps
out of them, so a value depends on its instant and never on where the run starts or ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from math import gcd
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.profiles.index import TimeIndex

__all__ = [
    "BASE_H",
    "BASE_MINUTES",
    "BASE_PER_HOUR",
    "assemble",
    "standard_time",
    "year_stamps",
    "year_start",
]

BASE_MINUTES = 15
BASE_H = 0.25
BASE_PER_HOUR = 4

# One year for all, so that years of one zone neither overlap nor leave holes.
_REFERENCE_YEAR = 2021


def standard_time(timezone_name: str) -> timezone:
    """Give the fixed offset that a zone keeps outside daylight saving time."""
    zone = ZoneInfo(timezone_name)
    offsets = (datetime(_REFERENCE_YEAR, month, 1, tzinfo=zone).utcoffset() for month in (1, 7))
    return timezone(min(offset or timedelta(0) for offset in offsets))


def year_start(year: int, zone: tzinfo) -> datetime:
    """Give the instant at which a year begins in `zone`, UTC."""
    return datetime(year, 1, 1, tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=8)
def year_stamps(year: int, zone: tzinfo) -> pd.DatetimeIndex:
    """Give the start of every quarter hour of a year in `zone`, UTC."""
    return pd.date_range(
        year_start(year, zone),
        year_start(year + 1, zone),
        freq=pd.Timedelta(minutes=BASE_MINUTES),
        inclusive="left",
    )


def assemble(
    index: TimeIndex, zone: tzinfo, values_of_year: Callable[[int], FloatArray]
) -> FloatArray:
    """Cut the mean over each step out of years of quarter hours.

    Parameters
    ----------
    index : TimeIndex
        The steps wanted.
    zone : tzinfo
        Zone in which the years begin.
    values_of_year : callable
        Gives the quarter hours of one year, as many as `year_stamps` has.

    Returns
    -------
    (steps,) array
        Mean of the piecewise constant base series over each step.
    """
    first = index.start.astimezone(zone).year
    last = (index.end - timedelta(minutes=1)).astimezone(zone).year
    base = np.concatenate([values_of_year(year) for year in range(first, last + 1)])
    skipped = (index.start - year_start(first, zone)) // timedelta(minutes=1)
    # Steps and quarter hours need not share their edges: average on the finest common grid. It
    # depends on the instants alone, so neither does the order of summation change with the start.
    grid = gcd(gcd(index.step_minutes, BASE_MINUTES), skipped)
    begin = skipped // grid
    per_step = index.step_minutes // grid
    positions = np.arange(begin, begin + per_step * index.steps) // (BASE_MINUTES // grid)
    return np.asarray(base[positions].reshape(index.steps, per_step).mean(axis=1))
