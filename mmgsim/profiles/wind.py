"""Wind power: a Weibull speed with memory, and a power curve of three speeds."""

from __future__ import annotations

from math import gamma

import numpy as np
from scipy.special import ndtr

from mmgsim.contracts import FloatArray
from mmgsim.profiles.calendar_years import (
    BASE_PER_HOUR,
    assemble,
    standard_time,
    year_stamps,
)
from mmgsim.profiles.index import TimeIndex
from mmgsim.profiles.series import Label, Series, Unit
from mmgsim.profiles.sources import WindSource
from mmgsim.profiles.streams import autoregressive, stream

__all__ = ["make_wind", "make_wind_speed", "wind_power_pu", "wind_speed_m_s"]

WINDIEST_HOUR = 15.0
"""Hour of standard time about which the daily course peaks."""

_HOURS_PER_DAY = 24
_MAX_HOURS = 366 * _HOURS_PER_DAY
_DAYS_PER_YEAR = 365.25
_DAYS_PER_MONTH = _DAYS_PER_YEAR / 12.0


def make_wind(source: WindSource, index: TimeIndex, *, seed: int, name: str) -> Series:
    """Make the output of a wind turbine, per unit of its rating.

    Speeds are hourly and held within the hour; finer steps repeat them.

    Parameters
    ----------
    source : WindSource
        Wind and turbine.
    index : TimeIndex
        The steps wanted.
    seed : int
        Root seed of the run.
    name : str
        Name of the random stream, unless the source names a site.
    """
    zone = standard_time(index.timezone)
    place = source.site if source.site is not None else name

    def values_of_year(year: int) -> FloatArray:
        speed_m_s = wind_speed_m_s(source, seed=seed, name=place, year=year)
        power = np.repeat(wind_power_pu(source, speed_m_s), BASE_PER_HOUR)
        return power[: len(year_stamps(year, zone))]

    return Series(
        values=assemble(index, zone, values_of_year),
        unit=Unit.PER_UNIT,
        label=Label.SYNTHETIC,
        description=f"Weibull wind of {source.mean_speed_m_s:g} m/s at {place}, "
        f"{source.curve} power curve",
    )


def make_wind_speed(source: WindSource, index: TimeIndex, *, seed: int, name: str) -> FloatArray:
    """Give the mean wind speed of every step that `make_wind` makes power of. [m/s], (steps,)."""
    zone = standard_time(index.timezone)
    place = source.site if source.site is not None else name

    def values_of_year(year: int) -> FloatArray:
        speed_m_s = wind_speed_m_s(source, seed=seed, name=place, year=year)
        return np.repeat(speed_m_s, BASE_PER_HOUR)[: len(year_stamps(year, zone))]

    return assemble(index, zone, values_of_year)


def wind_speed_m_s(source: WindSource, *, seed: int, name: str, year: int) -> FloatArray:
    """Draw the wind speed of every hour of a year, in standard time.

    ``v = c (-ln(1 - Phi(x)))^(1/k) (1 + d/2 cos(2 pi (h - 15) / 24)) (1 + s cos(season))`` with
    ``x`` AR(1), ``c = mean / Gamma(1 + 1/k)``, ``d`` the daily swing and ``s`` the yearly
    amplitude. Without both courses the speed is exactly Weibull.

    Parameters
    ----------
    source : WindSource
        Mean, shape, memory and courses.
    seed, name, year
        Key of the random stream.

    Returns
    -------
    (8784,) array
        One value an hour, for 366 days (a common year leaves the last day unused). [m/s]

    Notes
    -----
    Defaults lie inside what measured hourly wind shows (fifteen German test reference stations and
    Sand Point, Alaska): k 1.4-2.2, lag-1 correlation .77-.91, daily swing .14-.77 of the mean.
    """
    shocks = stream(seed, "wind", name, str(year)).standard_normal(_MAX_HOURS)
    exceeded = ndtr(-autoregressive(shocks, source.lag1))
    scale = source.mean_speed_m_s / gamma(1.0 + 1.0 / source.weibull_k)
    speed_m_s = scale * (-np.log(exceeded)) ** (1.0 / source.weibull_k)
    hours = np.arange(_MAX_HOURS, dtype=np.float64) + 0.5
    daily = np.cos(2.0 * np.pi * (hours - WINDIEST_HOUR) / _HOURS_PER_DAY)
    windiest_day = (source.windiest_month - 0.5) * _DAYS_PER_MONTH
    yearly = np.cos(2.0 * np.pi * (hours / _HOURS_PER_DAY - windiest_day) / _DAYS_PER_YEAR)
    course = (1.0 + source.diurnal / 2.0 * daily) * (1.0 + source.season_amplitude * yearly)
    return np.asarray(speed_m_s * course)


def wind_power_pu(source: WindSource, speed_m_s: FloatArray) -> FloatArray:
    """Give the power of a turbine at given speeds, per unit of its rating.

    With ``r = (v - v_ci) / (v_r - v_ci)``: 0 below cut-in, ``r^3`` (``cubic``, paper 001 eq. 3) or
    ``r`` (``linear``, paper 004 eq. 6) up to the rated speed, 1 above it, 0 from cut-out on.

    Parameters
    ----------
    source : WindSource
        Speeds and curve.
    speed_m_s : (n,) array
        Wind speed. [m/s]

    Returns
    -------
    (n,) array
        Power per unit of the rating, in [0, 1].
    """
    ramp = (speed_m_s - source.cut_in_m_s) / (source.rated_m_s - source.cut_in_m_s)
    share = np.clip(ramp, 0.0, 1.0)
    power = share**3 if source.curve == "cubic" else share
    return np.asarray(np.where(speed_m_s >= source.cut_out_m_s, 0.0, power))
