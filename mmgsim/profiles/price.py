"""A synthetic wholesale price of Western Australian shape.

No measured price ships with the packages used here, so this curve is typed in: a deep solar dip at
midday, a peak at 19 h, cheaper weekends, noise with memory and rare spikes. It is an assumption,
not a fit; a measured CSV should replace it where prices matter.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from mmgsim.contracts import FloatArray
from mmgsim.profiles.calendar_years import (
    BASE_MINUTES,
    BASE_PER_HOUR,
    assemble,
    year_stamps,
)
from mmgsim.profiles.index import TimeIndex
from mmgsim.profiles.series import Label, Series, Unit
from mmgsim.profiles.sources import PriceSource
from mmgsim.profiles.streams import autoregressive, stream

__all__ = ["make_price"]

# All relative to the mean price; hours are of the local clock.
MIDDAY_DIP, MIDDAY_HOUR, MIDDAY_WIDTH_H = 0.60, 12.0, 2.5
MORNING_PEAK, MORNING_HOUR, MORNING_WIDTH_H = 0.25, 7.5, 1.2
EVENING_PEAK, EVENING_HOUR, EVENING_WIDTH_H = 0.95, 19.0, 1.8
WEEKEND_DISCOUNT = 0.12
NOISE_SD, NOISE_LAG1 = 0.22, 0.80
SPIKES_PER_HOUR, SPIKE_MEAN = 0.003, 4.0

_HOURS_PER_DAY = 24.0
_MAX_HOURS = 366 * 24
_SATURDAY = 5


def make_price(source: PriceSource, index: TimeIndex, *, seed: int) -> Series:
    """Make a synthetic wholesale price.

    Shape, noise and spikes are hourly apart from the smooth daily course. Each local calendar year
    has exactly the mean asked for, after the floor and before the margin.

    Parameters
    ----------
    source : PriceSource
        Mean, spread, floor and margin.
    index : TimeIndex
        The steps wanted; its time zone is the clock.
    seed : int
        Root seed of the run.
    """
    zone = ZoneInfo(index.timezone)

    def values_of_year(year: int) -> FloatArray:
        clock = year_stamps(year, zone).tz_convert(zone)
        relative = _daily_course(clock) + _noise(source.market, len(clock), seed=seed, year=year)
        centred = relative - relative.mean()
        if source.sd_per_kwh is None:
            deviation = centred * source.mean_per_kwh
        else:
            deviation = centred * (source.sd_per_kwh / centred.std())
        return _raise_to_floor(source, deviation) + source.margin_per_kwh

    return Series(
        values=assemble(index, zone, values_of_year),
        unit=Unit.CURRENCY_PER_KWH,
        label=Label.SYNTHETIC,
        description=f"synthetic wholesale price, mean {source.mean_per_kwh:g} "
        f"plus a margin of {source.margin_per_kwh:g} per kWh",
    )


def _daily_course(clock: pd.DatetimeIndex) -> FloatArray:
    """Give the mean day, relative to the mean price."""
    hour = np.asarray(clock.hour + (clock.minute + BASE_MINUTES / 2.0) / 60.0, dtype=np.float64)
    course = (
        1.0
        - MIDDAY_DIP * _bump(hour, MIDDAY_HOUR, MIDDAY_WIDTH_H)
        + MORNING_PEAK * _bump(hour, MORNING_HOUR, MORNING_WIDTH_H)
        + EVENING_PEAK * _bump(hour, EVENING_HOUR, EVENING_WIDTH_H)
    )
    return np.asarray(course - WEEKEND_DISCOUNT * (np.asarray(clock.dayofweek) >= _SATURDAY))


def _bump(hour: FloatArray, centre: float, width_h: float) -> FloatArray:
    apart = np.abs(hour - centre)
    around = np.minimum(apart, _HOURS_PER_DAY - apart)
    return np.asarray(np.exp(-0.5 * (around / width_h) ** 2))


def _noise(market: str, quarters: int, *, seed: int, year: int) -> FloatArray:
    """Give hourly noise and spikes relative to the mean price, held within the hour."""
    generator = stream(seed, "price", market, str(year))
    noise = NOISE_SD * autoregressive(generator.standard_normal(_MAX_HOURS), NOISE_LAG1)
    is_spike = generator.random(_MAX_HOURS) < SPIKES_PER_HOUR
    size = generator.exponential(SPIKE_MEAN, _MAX_HOURS)
    return np.repeat(noise + is_spike * size, BASE_PER_HOUR)[:quarters]


def _raise_to_floor(source: PriceSource, deviation: FloatArray) -> FloatArray:
    """Shift the year so that its mean is the one asked for although the floor cuts it."""
    mean, floor = source.mean_per_kwh, source.floor_per_kwh

    def excess(shift: float) -> float:
        return float(np.maximum(deviation + shift, floor).mean() - mean)

    # At `mean` the floor can only add; one range of the values below it, all lies on the floor.
    lowest = floor - float(deviation.max())
    shift = brentq(excess, lowest, mean, xtol=1e-15) if excess(mean) > 0.0 else mean
    return np.asarray(np.maximum(deviation + shift, floor))
