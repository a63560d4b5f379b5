from datetime import UTC, date, datetime
from math import gamma

import numpy as np
import pandas as pd
import pytest

from mmgsim.profiles import (
    Label,
    PriceSource,
    PvlibSource,
    TimeIndex,
    Unit,
    WindSource,
    make_series,
    make_wind_speed,
    read_sites,
)
from mmgsim.profiles.pv import clear_sky_index
from mmgsim.profiles.wind import wind_power_pu, wind_speed_m_s

PERTH = PvlibSource(source="pvlib", site="perth")
ZONES = {
    "perth": "Australia/Perth",
    "wahroonga": "Australia/Sydney",
    "laverton": "Australia/Perth",
    "mount_magnet": "Australia/Perth",
    "chicago": "America/Chicago",
    "jinan": "Asia/Shanghai",
}
REFERENCE_KWH_PER_KWP_DAY = {
    "perth": 4.40,
    "wahroonga": 3.94,
    "laverton": 4.70,
    "mount_magnet": 4.60,
    "chicago": 3.38,
    "jinan": 3.48,
}


def year(timezone="Australia/Perth", step_h=1.0, of=2021):
    return TimeIndex.of_local_days(date(of, 1, 1), 365, step_h=step_h, timezone=timezone)


def days(first, count, timezone="Australia/Perth", step_h=1.0):
    return TimeIndex.of_local_days(first, count, step_h=step_h, timezone=timezone)


@pytest.mark.parametrize("site", ZONES)
def test_yearly_yield_is_within_five_percent_of_the_reference(site):
    source = PvlibSource(source="pvlib", site=site)
    years = [
        make_series(source, year(ZONES[site]), seed=seed, name="x").values.mean() * 24
        for seed in range(3)
    ]
    assert np.mean(years) == pytest.approx(REFERENCE_KWH_PER_KWP_DAY[site], rel=0.05)


def test_best_and_worst_month_of_perth_are_near_the_table():
    index = year()
    months = np.mean(
        [
            pd.Series(make_series(PERTH, index, seed=seed, name="x").values)
            .groupby(index.local().month)
            .mean()
            * 24
            for seed in range(5)
        ],
        axis=0,
    )
    assert months.max() == pytest.approx(5.40, abs=0.35)
    assert months.min() == pytest.approx(2.93, abs=0.30)
    assert int(months.argmin()) + 1 in (6, 7)


def test_pv_is_per_unit_zero_at_night_and_labelled_synthetic():
    index = year()
    series = make_series(PERTH, index, seed=1, name="x")
    hours = index.local().hour
    assert (series.unit, series.label) == (Unit.PER_UNIT, Label.SYNTHETIC)
    assert np.all(series.values[(hours < 4) | (hours >= 21)] == 0.0)
    assert 0.7 < series.values.max() <= 1.0
    assert series.values.min() == 0.0


def test_pv_does_not_know_daylight_saving_time():
    sydney = PvlibSource(source="pvlib", site="wahroonga")
    start = datetime(2021, 4, 1, tzinfo=UTC)
    with_dst = TimeIndex(start, 1.0, 240, "Australia/Sydney")
    without = TimeIndex(start, 1.0, 240, "Australia/Brisbane")
    first, second = (make_series(sydney, index, seed=1, name="x") for index in (with_dst, without))
    assert np.array_equal(first.values, second.values)


def test_panels_at_one_site_share_the_weather():
    index = days(date(2021, 7, 1), 20)
    flat = PvlibSource(source="pvlib", site="perth", tilt_deg=0.0)
    tilted, level = (
        make_series(source, index, seed=3, name=name).values
        for name, source in (("a", PERTH), ("b", flat))
    )
    sums = [values.reshape(20, 24).sum(axis=1) for values in (tilted, level)]
    assert not np.array_equal(*sums)
    assert np.corrcoef(*sums)[0, 1] > 0.97


def test_panel_facing_the_pole_yields_less():
    index = days(date(2021, 6, 1), 30)
    south = PvlibSource(source="pvlib", site="perth", azimuth_deg=180.0)
    assert (
        make_series(south, index, seed=1, name="x").values.sum()
        < 0.6 * make_series(PERTH, index, seed=1, name="x").values.sum()
    )


def test_explicit_coordinates_work_without_a_site():
    source = PvlibSource(source="pvlib", latitude=52.5, longitude=13.4)
    values = make_series(source, days(date(2021, 6, 1), 10), seed=1, name="x").values
    assert 1.0 < values.mean() * 24 < 7.0


def test_clouds_have_the_moments_they_were_fitted_on():
    place = read_sites()["perth"].model_copy(
        update={"clear_sky_summer": 0.764, "clear_sky_winter": 0.764}
    )
    years = [
        clear_sky_index(place, seed=seed, name="x", year=2021).reshape(366, 24).mean(axis=1)
        for seed in range(12)
    ]
    daily = np.array(years)
    lag1 = np.mean([np.corrcoef(one[1:], one[:-1])[0, 1] for one in daily])
    assert daily.mean() == pytest.approx(0.764, abs=0.02)
    assert daily.std() == pytest.approx(0.234, abs=0.03)
    assert lag1 == pytest.approx(0.31, abs=0.05)


def test_weibull_wind_has_its_moments_and_its_memory():
    source = WindSource(source="wind", mean_speed_m_s=6.0, diurnal=0.0, season_amplitude=0.0)
    speed = np.concatenate(
        [wind_speed_m_s(source, seed=1, name="x", year=year) for year in range(2000, 2020)]
    )
    variation = np.sqrt(gamma(2.0) / gamma(1.5) ** 2 - 1.0)  # of a Weibull with k = 2
    assert speed.mean() == pytest.approx(6.0, rel=0.02)
    assert speed.std() / speed.mean() == pytest.approx(variation, rel=0.03)
    assert np.corrcoef(speed[1:], speed[:-1])[0, 1] == pytest.approx(0.88, abs=0.02)


def test_wind_day_swings_about_its_hour():
    source = WindSource(source="wind", mean_speed_m_s=6.0, season_amplitude=0.0)
    speeds = [
        wind_speed_m_s(source, seed=1, name="x", year=year).reshape(366, 24)
        for year in range(2000, 2020)
    ]
    mean_day = np.mean(speeds, axis=(0, 1))
    assert np.ptp(mean_day) / mean_day.mean() == pytest.approx(0.25, abs=0.04)
    assert 12 <= int(mean_day.argmax()) <= 17


@pytest.mark.parametrize(("curve", "middle"), [("cubic", 0.125), ("linear", 0.5)])
def test_power_curve_at_its_corners(curve, middle):
    source = WindSource(source="wind", mean_speed_m_s=6.0, curve=curve)
    speeds = np.array([0.0, 3.0, 7.5, 12.0, 24.9, 25.0, 40.0])
    expected = [0.0, 0.0, middle, 1.0, 1.0, 0.0, 0.0]
    assert wind_power_pu(source, speeds).tolist() == expected


def test_turbines_share_wind_at_a_site_and_not_otherwise():
    index = days(date(2021, 1, 1), 3)
    own = WindSource(source="wind", mean_speed_m_s=6.0)
    shared = WindSource(source="wind", mean_speed_m_s=6.0, site="hill")
    a, b, c, d = (
        make_series(source, index, seed=1, name=name).values
        for source, name in ((own, "a"), (own, "b"), (shared, "a"), (shared, "b"))
    )
    assert not np.array_equal(a, b)
    assert np.array_equal(c, d)


@pytest.mark.parametrize(("site", "step_h"), [(None, 1.0), ("laverton", 0.25)])
def test_the_speed_of_a_step_is_the_one_its_power_is_of(site, step_h):
    source = WindSource(source="wind", mean_speed_m_s=7.0, site=site)
    index = days(date(2021, 3, 1), 3, step_h=step_h)
    speed_m_s = make_wind_speed(source, index, seed=4, name="MG1.mill")
    power_pu = make_series(source, index, seed=4, name="MG1.mill").values
    assert np.array_equal(wind_power_pu(source, speed_m_s), power_pu)


def test_linear_curve_gives_a_plausible_capacity_factor():
    source = WindSource(source="wind", mean_speed_m_s=6.0, curve="linear", cut_out_m_s=20.0)
    series = make_series(source, year(), seed=1, name="x")
    assert 0.28 < series.values.mean() < 0.42
    assert series.label is Label.SYNTHETIC


@pytest.mark.parametrize("floor", [0.0, -0.1, 0.03])
@pytest.mark.parametrize("sd", [None, 0.02, 0.10])
def test_price_year_has_its_mean_and_keeps_its_floor(floor, sd):
    source = PriceSource(source="price", floor_per_kwh=floor, sd_per_kwh=sd)
    series = make_series(source, year(), seed=1, name="x")
    assert series.values.mean() == pytest.approx(0.055, abs=1e-9)
    assert series.values.min() >= floor - 1e-12
    assert (series.unit, series.label) == (Unit.CURRENCY_PER_KWH, Label.SYNTHETIC)


def test_price_spread_is_the_one_asked_for():
    source = PriceSource(source="price", floor_per_kwh=-9.0, sd_per_kwh=0.02)
    values = make_series(source, year(step_h=0.25), seed=1, name="x").values
    assert values.std() == pytest.approx(0.02, rel=1e-9)


def test_price_dips_at_midday_peaks_at_19_h_and_is_lower_at_weekends():
    index = year()
    prices = pd.Series(make_series(PriceSource(source="price"), index, seed=1, name="x").values)
    by_hour = prices.groupby(index.local().hour).mean()
    weekend = index.local().dayofweek >= 5
    assert by_hour.idxmin() in (11, 12, 13)
    assert by_hour.idxmax() in (18, 19)
    assert prices[weekend].mean() < prices[~weekend].mean()


def test_retail_price_is_the_same_market_plus_a_margin():
    index = days(date(2021, 3, 1), 7)
    wholesale = make_series(PriceSource(source="price"), index, seed=1, name="a").values
    retail = PriceSource(source="price", margin_per_kwh=0.2)
    assert make_series(retail, index, seed=1, name="b").values == pytest.approx(wholesale + 0.2)
