"""Photovoltaic output from the typical meteorological years (TMY3) that ship with pvlib.

A TMY3 year is made of twelve real months of different years. Air temperature and wind are
measured. Irradiance is not: the source flags of both files say that every hour is modelled, from
observed clouds (flag 1, METSTAT) or from satellite pictures (flag 2, SUNY). The year is a published
standard, hence labelled `benchmark`: weather that has happened, seen through a model.

S. Wilcox and W. Marion, "Users Manual for TMY3 Data Sets", NREL/TP-581-43156, 2008.
"""

from __future__ import annotations

from datetime import timedelta, timezone
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pvlib

from mmgsim.contracts import FloatArray
from mmgsim.profiles.cache import cached_array
from mmgsim.profiles.calendar_years import BASE_PER_HOUR, assemble
from mmgsim.profiles.index import TimeIndex
from mmgsim.profiles.pv import in_plane, panel_output
from mmgsim.profiles.series import Label, Series, Unit
from mmgsim.profiles.sources import Tmy3Source

__all__ = ["make_tmy"]

_FILES = {"greensboro": "723170TYA.CSV", "sand-point": "703165TY.csv"}
_LIBRARIES = ("pvlib", "numpy", "pandas")
_HALF_HOUR = pd.Timedelta(minutes=30)
_HOURS_PER_DAY = 24
_DAYS_BEFORE_29_FEBRUARY = 59


def make_tmy(source: Tmy3Source, index: TimeIndex) -> Series:
    """Make the output of a photovoltaic plant in a typical year, per unit of its rating in kWp.

    Irradiance of the file is turned into the panel's plane by Hay and Davies and becomes power as
    in `make_pv`, with the air temperature and wind of the file. A stamp of the file ends its hour,
    in local standard time all year; the sun is taken in the middle of the hour and at the date in
    the month's own year. Month, day and hour are those of the run, whatever its year; a
    29 February repeats the 28th, which TMY3 years do not have.

    Parameters
    ----------
    source : Tmy3Source
        Station and panel.
    index : TimeIndex
        The steps wanted.
    """
    _, meta = _read(source.station)
    zone = timezone(timedelta(hours=float(meta["TZ"])))
    panel: dict[str, str | int | float] = {
        "station": source.station,
        "azimuth_deg": source.azimuth_deg,
        "losses": source.losses,
        "tilt_deg": "default" if source.tilt_deg is None else source.tilt_deg,
    }
    hours = cached_array(
        lambda: _output(source), generator="tmy3", parameters=panel, libraries=_LIBRARIES
    )
    return Series(
        values=assemble(index, zone, lambda year: _quarter_hours(hours, year)),
        unit=Unit.PER_UNIT,
        label=Label.BENCHMARK,
        description=f"TMY3 of {source.station}: irradiance modelled from clouds, weather measured",
    )


def _output(source: Tmy3Source) -> FloatArray:
    """Give the output over the 8760 hours of the file, per unit."""
    weather, meta = _read(source.station)
    latitude, longitude = float(meta["latitude"]), float(meta["longitude"])
    weather = weather.set_index(pd.DatetimeIndex(weather.index) - _HALF_HOUR)
    sun = pvlib.solarposition.get_solarposition(
        weather.index, latitude, longitude, altitude=float(meta["altitude"])
    )
    tilt_deg = abs(latitude) if source.tilt_deg is None else source.tilt_deg
    plane = in_plane(weather, sun, tilt_deg=tilt_deg, azimuth_deg=source.azimuth_deg)
    air_c, wind_m_s = (
        weather[name].to_numpy(dtype=np.float64) for name in ("temp_air", "wind_speed")
    )
    return panel_output(plane, air_c, losses=source.losses, wind_m_s=wind_m_s)


def _quarter_hours(hours: FloatArray, year: int) -> FloatArray:
    """Give a year of a calendar from the 365 days of the file."""
    days = hours.reshape(-1, _HOURS_PER_DAY)
    if pd.Timestamp(year, 1, 1).is_leap_year:
        at = _DAYS_BEFORE_29_FEBRUARY
        days = np.concatenate([days[:at], days[at - 1 : at], days[at:]])
    return np.repeat(days.ravel(), BASE_PER_HOUR)


@lru_cache(maxsize=2)
def _read(station: str) -> tuple[pd.DataFrame, dict[str, float]]:
    """Read a file with pvlib's own reader: weather by the end of the hour, and the place."""
    folder = Path(pvlib.__file__).parent / "data"
    weather, meta = pvlib.iotools.read_tmy3(folder / _FILES[station], map_variables=True)
    return weather, meta
