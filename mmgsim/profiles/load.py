"""Demand from the BDEW standard load profiles that demandlib holds.

These are German standard profiles (Bundesverband der Energie- und Wasserwirtschaft): the mean of
many customers of a kind, by season, kind of day and quarter hour. A single customer is spikier.
Households (h0) come with the dynamisation that BDEW prescribes for them: the static table alone
would need more in summer than in winter. Public holidays are not known.
"""

from __future__ import annotations

import warnings
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from demandlib import bdew

from mmgsim.contracts import FloatArray
from mmgsim.profiles.cache import cached_array
from mmgsim.profiles.calendar_years import (
    BASE_H,
    BASE_MINUTES,
    assemble,
    year_stamps,
)
from mmgsim.profiles.index import TimeIndex
from mmgsim.profiles.series import Label, Series, Unit
from mmgsim.profiles.sources import DemandlibSource
from mmgsim.profiles.streams import autoregressive, stream

__all__ = ["make_load"]

VARIATION_LAG1 = 0.7
"""Correlation of the day-to-day factor of neighbouring days."""

# Half a year in whole weeks: Mondays stay Mondays.
_SOUTHERN_SHIFT = pd.Timedelta(weeks=26)
_MAX_DAYS = 366
_DYNAMIC = {"h0": "h0_dyn"}
_LIBRARIES = ("demandlib", "numpy", "pandas")


def make_load(source: DemandlibSource, index: TimeIndex, *, seed: int, name: str) -> Series:
    """Make a demand from a BDEW standard load profile.

    The profile is read at the local wall clock, so that a shop opens at the same hour on both
    sides of a change of daylight saving time. Each local calendar year keeps its energy.

    Parameters
    ----------
    source : DemandlibSource
        Type, energy, hemisphere and variation.
    index : TimeIndex
        The steps wanted; its time zone is the clock.
    seed : int
        Root seed of the run; without effect when `variation` is 0.
    name : str
        Name of the random stream of the variation.

    Returns
    -------
    Series
        In kW if `annual_kwh` is given, otherwise per unit of the year's largest quarter hour.
    """
    zone = ZoneInfo(index.timezone)

    def values_of_year(year: int) -> FloatArray:
        clock = _wall_clock(year, zone)
        shape = _read_shape(source, clock)
        if source.variation > 0.0:
            generator = stream(seed, "load", name, str(year))
            shape = shape * _daily_factor(source.variation, clock, generator)
        if source.annual_kwh is None:
            return np.asarray(shape / shape.max())
        return np.asarray(shape * (source.annual_kwh / (shape.sum() * BASE_H)))

    varied = f", varied by {source.variation:g} a day" if source.variation > 0.0 else ""
    moved = ", half a year later" if source.hemisphere == "south" else ""
    return Series(
        values=assemble(index, zone, values_of_year),
        unit=Unit.PER_UNIT if source.annual_kwh is None else Unit.KW,
        label=Label.SYNTHETIC if source.variation > 0.0 else Label.BENCHMARK,
        description=f"BDEW standard load profile {source.type.upper()}{moved}{varied}",
    )


@lru_cache(maxsize=4)
def _wall_clock(year: int, zone: ZoneInfo) -> pd.DatetimeIndex:
    return year_stamps(year, zone).tz_convert(zone).tz_localize(None)


def _read_shape(source: DemandlibSource, clock: pd.DatetimeIndex) -> FloatArray:
    """Look the profile up at wall-clock times, which may repeat or leave out an hour."""
    if source.hemisphere == "south":
        clock = clock + _SOUTHERN_SHIFT
    first = clock.min().year
    years = range(first, clock.max().year + 1)
    profile = np.concatenate([_bdew_year(source.type, year) for year in years])
    since = clock - pd.Timestamp(datetime(first, 1, 1))  # noqa: DTZ001 (a wall clock has no zone)
    return np.asarray(profile[since // pd.Timedelta(minutes=BASE_MINUTES)])


def _daily_factor(
    variation: float, clock: pd.DatetimeIndex, generator: np.random.Generator
) -> FloatArray:
    """Give a smooth factor: log-normal days of mean 1, joined by straight lines at noon."""
    sigma = np.sqrt(np.log1p(variation**2))
    path = autoregressive(generator.standard_normal(_MAX_DAYS), VARIATION_LAG1)
    factor_of_day = np.exp(sigma * path - sigma**2 / 2.0)
    start = pd.Timestamp(datetime(clock[0].year, 1, 1))  # noqa: DTZ001 (a wall clock has no zone)
    day = np.asarray((clock - start) / pd.Timedelta(days=1), dtype=np.float64)
    return np.asarray(np.interp(day, np.arange(_MAX_DAYS) + 0.5, factor_of_day))


def _bdew_year(kind: str, year: int) -> FloatArray:
    """Give the quarter hours of a profile over a year's wall clock, relative to their mean."""
    return cached_array(
        lambda: _all_profiles(year)[_DYNAMIC.get(kind, kind)],
        generator="bdew",
        parameters={"type": kind, "year": year},
        libraries=_LIBRARIES,
    )


@lru_cache(maxsize=4)
def _all_profiles(year: int) -> dict[str, FloatArray]:
    # demandlib sets the process's warnings filter to "error" and leaves it so: put it back.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # demandlib 0.2 under pandas 2.3
        frame = bdew.ElecSlp(year).slp_frame
    scaled = frame / frame.mean()
    return {str(kind): np.asarray(scaled[kind], dtype=np.float64) for kind in scaled.columns}
