"""Photovoltaic output: clear sky of pvlib, synthetic clouds, PVWatts.

Clouds are a daily and an hourly process of the clear-sky index kc (global irradiance over that of
a clear sky). The shape of both was fitted on the typical year of Greensboro, North Carolina, that
pvlib ships (daily kc: mean .764, standard deviation .234, lag-1 correlation .31; hourly lag-1 .43)
and checked on Sand Point, Alaska (.555, .242, .34, .34). Only the seasonal means belong to a site.
The output is synthetic: it has the climate of a place, not the weather of any real day.
"""

from __future__ import annotations

import warnings
from datetime import timedelta, timezone

import numpy as np
import pandas as pd
import pvlib
from scipy.special import ndtr
from scipy.stats import beta

from mmgsim.contracts import FloatArray
from mmgsim.profiles.cache import cached_array
from mmgsim.profiles.calendar_years import (
    BASE_MINUTES,
    BASE_PER_HOUR,
    assemble,
    year_stamps,
)
from mmgsim.profiles.index import TimeIndex
from mmgsim.profiles.series import Label, Series, Unit
from mmgsim.profiles.sites import Site
from mmgsim.profiles.sources import PvlibSource
from mmgsim.profiles.streams import autoregressive, stream

__all__ = ["clear_sky_index", "in_plane", "make_pv", "panel_output"]

# Daily clear-sky index: Beta on [DAILY_LOW, DAILY_HIGH] whose variance is DAILY_SPREAD of the
# largest possible, var = .25 (m - .10) (1.05 - m); a Gaussian copula gives it memory.
DAILY_LOW, DAILY_HIGH = 0.10, 1.05
DAILY_SPREAD = 0.25
DAILY_LAG1 = 0.32

# Hourly deviation from the day's index: AR(1), its standard deviation by the class of the day.
HOURLY_LAG1 = 0.43
DAY_CLASS_EDGES = (0.30, 0.50, 0.70, 0.85, 0.95)
DAY_CLASS_SD = (0.085, 0.148, 0.208, 0.209, 0.147, 0.066)
HOURLY_LOW, HOURLY_HIGH = 0.05, 1.15

TEMPERATURE_COEFFICIENT_PER_K = -0.004
INVERTER_EFFICIENCY = 0.96
GROUND_ALBEDO = 0.2

# Days after the solstice until the air is warmest, and the solar hour at which it is.
SEASON_LAG_DAYS = 25.0
WARMEST_HOUR = 15.0

_JUNE_SOLSTICE = 172.0
_DECEMBER_SOLSTICE = 355.0
_DAYS_PER_YEAR = 365.25
_MAX_DAYS = 366
_HOURS_PER_DAY = 24
_LIBRARIES = ("pvlib", "numpy", "scipy", "pandas")


def make_pv(source: PvlibSource, index: TimeIndex, *, seed: int) -> Series:
    """Make the output of a photovoltaic plant, per unit of its rating in kWp.

    Irradiance: Ineichen clear sky with pvlib's Linke turbidity, times the clear-sky index, split
    by Erbs and turned into the panel's plane by Hay and Davies. Power: PVWatts with -0.4 %/K, cell
    temperature of Faiman, losses, inverter of 96 %, clipped to [0, 1]. Values are means over
    quarter hours (sun at mid-interval) and over the hour for clouds; the clock is the sun's, so
    daylight saving time does not matter. All panels at one place share the same clouds.

    Parameters
    ----------
    source : PvlibSource
        Place and panel.
    index : TimeIndex
        The steps wanted.
    seed : int
        Root seed of the run.

    References
    ----------
    P. Ineichen and R. Perez, Solar Energy 73 (2002), doi:10.1016/S0038-092X(02)00045-2.
    D. G. Erbs et al., Solar Energy 28 (1982), doi:10.1016/0038-092X(82)90302-4.
    """
    place = source.place()
    zone = _solar_zone(place)

    def values_of_year(year: int) -> FloatArray:
        return cached_array(
            lambda: _year_of_output(source, place, seed=seed, year=year),
            generator="pv",
            parameters=_parameters(source, place) | {"seed": seed, "year": year},
            libraries=_LIBRARIES,
        )

    return Series(
        values=assemble(index, zone, values_of_year),
        unit=Unit.PER_UNIT,
        label=Label.SYNTHETIC,
        description=f"pvlib clear sky with synthetic clouds at {source.weather_name()}",
    )


def clear_sky_index(place: Site, *, seed: int, name: str, year: int) -> FloatArray:
    """Draw the clear-sky index of every hour of a year, in the place's standard time.

    Daily mean: ``m = mean + amplitude cos(2 pi (d - midsummer) / 365.25)``; the day's index is
    ``Beta(3 u, 3 (1 - u))`` on [.10, 1.05] with ``u = (m - .10) / .95``, which has the variance
    ``.25 (m - .10) (1.05 - m)``. Hours add an AR(1) deviation and are clipped.

    Parameters
    ----------
    place : Site
        Latitude (for the season) and the seasonal means.
    seed, name, year
        Key of the random stream.

    Returns
    -------
    (8784,) array
        One value an hour, for 366 days (a common year leaves the last day unused). [-]
    """
    generator = stream(seed, "clouds", name, str(year))
    daily_shocks = generator.standard_normal(_MAX_DAYS)
    hourly_shocks = generator.standard_normal(_MAX_DAYS * _HOURS_PER_DAY)
    summer, winter = place.clear_sky_summer, place.clear_sky_winter
    course = _season(np.arange(_MAX_DAYS, dtype=np.float64) + 0.5, place.latitude)
    mean = (summer + winter) / 2.0 + (summer - winter) / 2.0 * course
    weight = (mean - DAILY_LOW) / (DAILY_HIGH - DAILY_LOW)
    concentration = 1.0 / DAILY_SPREAD - 1.0
    rank = ndtr(autoregressive(daily_shocks, DAILY_LAG1))
    drawn = beta.ppf(rank, concentration * weight, concentration * (1.0 - weight))
    daily = DAILY_LOW + (DAILY_HIGH - DAILY_LOW) * drawn
    spread = np.asarray(DAY_CLASS_SD)[np.digitize(daily, DAY_CLASS_EDGES)]
    deviation = autoregressive(hourly_shocks, HOURLY_LAG1) * np.repeat(spread, _HOURS_PER_DAY)
    hourly = np.repeat(daily, _HOURS_PER_DAY) + deviation
    return np.asarray(np.clip(hourly, HOURLY_LOW, HOURLY_HIGH))


def _year_of_output(source: PvlibSource, place: Site, *, seed: int, year: int) -> FloatArray:
    zone = _solar_zone(place)
    middles = year_stamps(year, zone) + pd.Timedelta(minutes=BASE_MINUTES / 2.0)
    sun = pvlib.solarposition.get_solarposition(
        middles, place.latitude, place.longitude, altitude=place.altitude_m
    )
    hours = clear_sky_index(place, seed=seed, name=source.weather_name(), year=year)
    index = np.repeat(hours, BASE_PER_HOUR)[: len(middles)]
    irradiance = index * _clear_sky(place, middles, sun)
    plane = _plane_of_array(source, place, irradiance=irradiance, sun=sun)
    air = _air_temperature(place, middles.tz_convert(zone))
    return panel_output(plane, air, losses=source.losses)


def panel_output(
    plane: FloatArray, air_c: FloatArray, *, losses: float, wind_m_s: float | FloatArray = 1.0
) -> FloatArray:
    """Give the output of a panel and its inverter, per unit of its rating.

    Parameters
    ----------
    plane : (hours,) array
        Irradiance in the panel's plane. [W/m^2]
    air_c : (hours,) array
        Air temperature. [deg C]
    losses : float
        Share that is lost before the inverter.
    wind_m_s : float or (hours,) array
        Wind at the panel; 1 m/s is pvlib's own value where none is known. [m/s]

    References
    ----------
    D. Faiman, Prog. Photovolt. 16 (2008), doi:10.1002/pip.813.
    A. P. Dobos, "PVWatts Version 5 Manual", NREL/TP-6A20-62641, 2014.
    """
    cell = pvlib.temperature.faiman(plane, air_c, wind_m_s)
    direct = pvlib.pvsystem.pvwatts_dc(plane, cell, 1.0, TEMPERATURE_COEFFICIENT_PER_K)
    output = pvlib.inverter.pvwatts(
        direct * (1.0 - losses), 1.0 / INVERTER_EFFICIENCY, INVERTER_EFFICIENCY
    )
    return np.clip(np.nan_to_num(np.asarray(output, dtype=np.float64)), 0.0, 1.0)


def _clear_sky(place: Site, middles: pd.DatetimeIndex, sun: pd.DataFrame) -> FloatArray:
    with warnings.catch_warnings():
        # pvlib 0.16 under pandas 2.3 resamples turbidity with a spelling that pandas will drop.
        warnings.simplefilter("ignore", FutureWarning)
        turbidity = pvlib.clearsky.lookup_linke_turbidity(middles, place.latitude, place.longitude)
    zenith = sun["apparent_zenith"]
    pressure = pvlib.atmosphere.alt2pres(place.altitude_m)
    airmass = pvlib.atmosphere.get_absolute_airmass(
        pvlib.atmosphere.get_relative_airmass(zenith), pressure
    )
    sky = pvlib.clearsky.ineichen(
        zenith,
        airmass,
        turbidity,
        altitude=place.altitude_m,
        dni_extra=pvlib.irradiance.get_extra_radiation(middles),
    )
    return np.asarray(sky["ghi"], dtype=np.float64)


def _plane_of_array(
    source: PvlibSource, place: Site, *, irradiance: FloatArray, sun: pd.DataFrame
) -> FloatArray:
    tilt_deg = abs(place.latitude) if source.tilt_deg is None else source.tilt_deg
    toward_equator = 180.0 if place.latitude >= 0.0 else 0.0
    azimuth_deg = toward_equator if source.azimuth_deg is None else source.azimuth_deg
    horizontal = pd.Series(irradiance, index=sun.index)
    parts = pvlib.irradiance.erbs(horizontal, sun["zenith"], sun.index)
    sky = pd.DataFrame({"ghi": horizontal, "dni": parts["dni"], "dhi": parts["dhi"]})
    return in_plane(sky, sun, tilt_deg=tilt_deg, azimuth_deg=azimuth_deg)


def in_plane(
    sky: pd.DataFrame, sun: pd.DataFrame, *, tilt_deg: float, azimuth_deg: float
) -> FloatArray:
    """Turn irradiance into a panel's plane, by Hay and Davies. [W/m^2]

    Parameters
    ----------
    sky : DataFrame
        Columns ghi, dni and dhi. [W/m^2]
    sun : DataFrame
        Position of the sun, with the same index of instants.
    tilt_deg, azimuth_deg : float
        Of the panel. [deg]
    """
    total = pvlib.irradiance.get_total_irradiance(
        tilt_deg,
        azimuth_deg,
        sun["apparent_zenith"],
        sun["azimuth"],
        sky["dni"],
        sky["ghi"],
        sky["dhi"],
        dni_extra=pvlib.irradiance.get_extra_radiation(sun.index),
        albedo=GROUND_ALBEDO,
        model="haydavies",
    )
    return np.nan_to_num(np.asarray(total["poa_global"], dtype=np.float64))


def _air_temperature(place: Site, local: pd.DatetimeIndex) -> FloatArray:
    day = np.asarray(local.dayofyear, dtype=np.float64) - SEASON_LAG_DAYS
    hour = np.asarray(local.hour + local.minute / 60.0, dtype=np.float64)
    daily = np.cos(2.0 * np.pi * (hour - WARMEST_HOUR) / _HOURS_PER_DAY)
    yearly = _season(day, place.latitude)
    swing = place.temperature_season_c * yearly + place.temperature_day_c * daily
    return np.asarray(place.temperature_mean_c + swing)


def _season(day_of_year: FloatArray, latitude: float) -> FloatArray:
    midsummer = _JUNE_SOLSTICE if latitude >= 0.0 else _DECEMBER_SOLSTICE
    return np.asarray(np.cos(2.0 * np.pi * (day_of_year - midsummer) / _DAYS_PER_YEAR))


def _solar_zone(place: Site) -> timezone:
    """Give the whole-hour offset nearest to the place's solar time."""
    return timezone(timedelta(hours=round(place.longitude / 15.0)))


def _parameters(source: PvlibSource, place: Site) -> dict[str, str | int | float]:
    """Give all that the values depend on, apart from seed and year."""
    numbers = place.model_dump(exclude={"status", "source"})
    panel = {"tilt_deg": source.tilt_deg, "azimuth_deg": source.azimuth_deg}
    defaults = {key: "default" if value is None else value for key, value in panel.items()}
    return {**numbers, **defaults, "losses": source.losses, "weather": source.weather_name()}
