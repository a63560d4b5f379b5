from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from mmgsim.profiles import (
    Label,
    Series,
    SeriesError,
    TimeIndex,
    Unit,
    bundled_path,
    normals_at,
    stream,
)
from mmgsim.profiles.streams import autoregressive


def test_stream_does_not_depend_on_order_of_creation():
    first = stream(7, "clouds", "perth").random(5)
    stream(7, "other").random(100)
    assert np.array_equal(first, stream(7, "clouds", "perth").random(5))


@pytest.mark.parametrize("other", [(8, "ab", "c"), (7, "a", "bc"), (7, "abc"), (7, "ab", "c", "")])
def test_streams_of_other_keys_differ(other):
    assert stream(7, "ab", "c").random() != stream(*other).random()


def test_a_number_hangs_on_its_row_and_place_alone():
    whole = normals_at(5, "a", rows=[0, 7], first=0, count=40)
    for first in range(9):
        part = normals_at(5, "a", rows=[7], first=first, count=3)
        assert np.array_equal(part[0], whole[1, first : first + 3])
    assert not np.array_equal(whole[0], whole[1])
    assert not np.array_equal(whole, normals_at(5, "b", rows=[0, 7], first=0, count=40))
    assert not np.array_equal(whole, normals_at(6, "a", rows=[0, 7], first=0, count=40))


def test_numbers_are_standard_normal():
    drawn = normals_at(5, "a", rows=range(100), first=3, count=1000).ravel()
    assert abs(drawn.mean()) < 3.0 / np.sqrt(drawn.size)
    assert abs(drawn.var() - 1.0) < 3.0 * np.sqrt(2.0 / drawn.size)


def test_autoregressive_path_has_unit_variance_and_its_lag():
    path = autoregressive(stream(1, "test").standard_normal(200_000), 0.8)
    assert path.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(path[1:], path[:-1])[0, 1] == pytest.approx(0.8, abs=0.01)


def test_series_values_cannot_change():
    given = np.ones(3)
    series = Series(given, Unit.KW, Label.REAL, "ones")
    given[0] = 5.0
    assert series.values[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        series.values[0] = 2.0


def test_local_days_have_23_and_25_hours_at_clock_changes():
    spring = TimeIndex.of_local_days(date(2021, 3, 28), 1, step_h=1.0, timezone="Europe/Berlin")
    autumn = TimeIndex.of_local_days(date(2021, 10, 31), 1, step_h=0.25, timezone="Europe/Berlin")
    assert (spring.steps, autumn.steps) == (23, 100)
    assert list(spring.local().hour)[:3] == [0, 1, 3]
    assert autumn.utc()[0] == datetime(2021, 10, 30, 22, tzinfo=UTC)


def test_part_of_an_index_names_the_same_instants():
    index = TimeIndex(datetime(2021, 1, 1, tzinfo=UTC), 0.25, 96, "Australia/Perth")
    assert list(index.part(8, 4).utc()) == list(index.utc()[8:12])
    assert index.end == index.start + timedelta(days=1)


def test_bad_index_names_every_fault():
    start = datetime(2021, 1, 1, tzinfo=timezone(timedelta(hours=8)))
    with pytest.raises(SeriesError) as caught:
        TimeIndex(start, 0.7, 0, "Mars/Olympus")
    assert {fault.where for fault in caught.value.faults} == {
        "start",
        "step_h",
        "steps",
        "timezone",
    }


@pytest.mark.parametrize("minutes", [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60])
def test_every_divisor_of_an_hour_is_a_step(minutes):
    index = TimeIndex(datetime(2021, 1, 1, tzinfo=UTC), minutes / 60, 2, "UTC")
    assert index.step_minutes == minutes


@pytest.mark.parametrize("step_h", [0.0, -1.0, 2.0, 7 / 60, 0.501, float("nan")])
def test_other_steps_are_refused(step_h):
    with pytest.raises(SeriesError, match="divides an hour"):
        TimeIndex.of_local_days(date(2021, 1, 1), 1, step_h=step_h, timezone="UTC")


def test_bundled_data_is_found_and_a_missing_folder_is_explained():
    assert (bundled_path("data") / "sites.yaml").is_file()
    with pytest.raises(SeriesError, match="install mmgsim again"):
        bundled_path("nothing")
