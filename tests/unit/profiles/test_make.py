from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mmgsim.profiles import Label, ProfileSource, TimeIndex, Unit, make_series, use_cache_dir

SOURCE = TypeAdapter(ProfileSource)
GENERATED = {
    "pv": {"source": "pvlib", "site": "wahroonga"},
    "wind": {"source": "wind", "mean_speed_m_s": 6.0},
    "load": {"source": "demandlib", "type": "g1", "annual_kwh": 1000.0, "variation": 0.1},
    "south": {"source": "demandlib", "type": "h0", "hemisphere": "south"},
    "price": {"source": "price"},
}
START = datetime(2020, 12, 20, tzinfo=UTC)


def make(kind, index, seed=7, name="x"):
    return make_series(SOURCE.validate_python(GENERATED[kind]), index, seed=seed, name=name).values


@pytest.mark.parametrize("kind", GENERATED)
@pytest.mark.parametrize("step_min", [5, 12, 15, 20, 60])
@given(skipped=st.integers(0, 600), steps=st.integers(1, 300))
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_value_depends_on_the_instant_not_on_start_or_length(kind, step_min, skipped, steps):
    # The long index crosses New Year in Sydney and in UTC.
    per_hour = 60 // step_min
    index = TimeIndex(START, step_min / 60, 24 * per_hour * 20, "Australia/Sydney")
    shift = min(skipped * per_hour // 2, index.steps - steps)
    part = index.part(shift, steps)
    whole = make(kind, index)
    assert np.array_equal(make(kind, part), whole[shift : shift + steps])


@pytest.mark.parametrize("kind", GENERATED)
def test_same_seed_gives_the_same_bits_without_the_cache(kind):
    index = TimeIndex(START, 1.0, 100, "Australia/Sydney")
    first = make(kind, index)
    use_cache_dir(None)
    assert np.array_equal(first, make(kind, index))


@pytest.mark.parametrize("kind", ["pv", "wind", "load", "price"])
def test_other_seed_gives_other_numbers(kind):
    index = TimeIndex(START, 1.0, 100, "Australia/Sydney")
    assert not np.array_equal(make(kind, index), make(kind, index, seed=8))


@pytest.mark.parametrize("kind", GENERATED)
def test_quarter_hours_average_to_hours(kind):
    hours = TimeIndex(START, 1.0, 480, "Australia/Sydney")
    quarters = TimeIndex(START, 0.25, 1920, "Australia/Sydney")
    assert make(kind, quarters).reshape(480, 4).mean(axis=1) == pytest.approx(make(kind, hours))


@pytest.mark.parametrize("kind", GENERATED)
def test_zone_of_half_hour_offset_is_served(kind):
    index = TimeIndex.of_local_days(date(2021, 1, 1), 2, step_h=1.0, timezone="Asia/Kolkata")
    assert index.start == datetime(2020, 12, 31, 18, 30, tzinfo=UTC)
    halves = TimeIndex(index.start, 0.5, 96, "Asia/Kolkata")
    assert make(kind, halves).reshape(48, 2).mean(axis=1) == pytest.approx(make(kind, index))


def test_index_over_many_years_has_no_hole():
    index = TimeIndex(datetime(2019, 6, 1, tzinfo=UTC), 1.0, 24 * 1000, "Europe/Berlin")
    values = make("wind", index)
    assert values.shape == (24_000,)
    late = index.part(20_000, 24)
    assert late.start == index.start + timedelta(hours=20_000)
    assert np.array_equal(make("wind", late), values[20_000:20_024])


def test_constant_fills_the_steps():
    index = TimeIndex(START, 1.0, 4, "UTC")
    series = make_series(SOURCE.validate_python(0.05), index, seed=1, name="x")
    assert series.values.tolist() == [0.05] * 4
    assert (series.unit, series.label) == (Unit.AS_GIVEN, Label.SYNTHETIC)
