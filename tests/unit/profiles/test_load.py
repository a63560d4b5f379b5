from datetime import date

import numpy as np
import pandas as pd
import pytest

from mmgsim.profiles import DemandlibSource, Label, TimeIndex, Unit, make_series

BERLIN = "Europe/Berlin"


def source(**settings):
    return DemandlibSource(**{"source": "demandlib", "type": "g1", **settings})


def days(first, count, timezone=BERLIN, step_h=1.0):
    return TimeIndex.of_local_days(first, count, step_h=step_h, timezone=timezone)


@pytest.mark.parametrize("timezone", [BERLIN, "Australia/Perth", "Australia/Sydney"])
@pytest.mark.parametrize("settings", [{}, {"hemisphere": "south"}, {"variation": 0.2}])
@pytest.mark.parametrize(("of", "length"), [(2021, 365), (2024, 366)])
def test_energy_of_a_local_year_is_the_one_asked_for(timezone, settings, of, length):
    series = make_series(
        source(annual_kwh=1000.0, **settings),
        days(date(of, 1, 1), length, timezone),
        seed=1,
        name="x",
    )
    assert series.values.sum() == pytest.approx(1000.0, rel=1e-6)
    assert series.unit is Unit.KW
    assert series.values.min() > 0.0


def test_without_energy_the_yearly_peak_is_one():
    series = make_series(source(), days(date(2021, 1, 1), 365, step_h=0.25), seed=1, name="x")
    assert series.values.max() == 1.0
    assert series.unit is Unit.PER_UNIT


@pytest.mark.parametrize(("day", "hours"), [(date(2021, 3, 28), 23), (date(2021, 10, 31), 25)])
def test_clock_change_keeps_opening_hours_on_the_wall_clock(day, hours):
    index = days(day, 1)
    changed = make_series(source(type="g0"), index, seed=1, name="x").values
    week_before = make_series(
        source(type="g0"), days(date.fromordinal(day.toordinal() - 7), 1), seed=1, name="x"
    ).values
    assert len(changed) == hours
    by_clock = pd.Series(changed).groupby(index.local().hour).first()
    assert list(by_clock) == list(pd.Series(week_before)[by_clock.index])


def test_weekdays_need_more_than_weekends_in_a_shop():
    index = days(date(2021, 1, 1), 365)
    weekend = index.local().dayofweek >= 5
    values = make_series(source(), index, seed=1, name="x").values
    assert values[~weekend].mean() / values[weekend].mean() > 3.0


def test_southern_hemisphere_keeps_weekdays_and_swaps_seasons():
    index = days(date(2021, 1, 1), 365, "Australia/Perth")
    weekday = index.local().dayofweek
    shop = make_series(source(hemisphere="south"), index, seed=1, name="x").values
    by_day = pd.Series(shop).groupby(weekday).mean()
    assert by_day[:5].min() > 2.0 * by_day[5:].max()
    home = make_series(source(type="h0", hemisphere="south"), index, seed=1, name="x").values
    month = index.local().month
    assert home[month == 7].mean() > home[month == 1].mean()


def test_southern_profile_is_the_northern_one_of_26_weeks_later():
    south = source(type="h0", hemisphere="south", annual_kwh=1000.0)
    north = source(type="h0", annual_kwh=1000.0)
    here = make_series(south, days(date(2021, 2, 1), 7, "UTC"), seed=1, name="x").values
    later = make_series(north, days(date(2021, 8, 2), 7, "UTC"), seed=1, name="x").values
    assert here == pytest.approx(later, rel=0.01)


def test_variation_makes_two_loads_of_a_type_differ_by_its_size():
    index = days(date(2021, 1, 1), 365)
    plain = make_series(source(annual_kwh=1000.0), index, seed=1, name="a")
    a, b = (
        make_series(source(annual_kwh=1000.0, variation=0.2), index, seed=1, name=name)
        for name in ("a", "b")
    )
    factor = a.values / plain.values
    assert not np.array_equal(a.values, b.values)
    assert factor.std() / factor.mean() == pytest.approx(0.2, rel=0.2)
    assert np.abs(np.diff(factor)).max() < 0.05
    assert (plain.label, a.label) == (Label.BENCHMARK, Label.SYNTHETIC)


def test_seed_does_not_change_a_benchmark():
    index = days(date(2021, 1, 1), 2)
    first, second = (make_series(source(), index, seed=seed, name="x").values for seed in (1, 2))
    assert np.array_equal(first, second)


def test_households_need_more_in_winter():
    index = days(date(2021, 1, 1), 365)
    values = make_series(source(type="h0"), index, seed=1, name="x").values
    month = index.local().month
    assert values[month == 1].mean() > 1.3 * values[month == 7].mean()
