"""Means and their intervals."""

import numpy as np
import pytest

from mmgsim.interval import mean_interval


def test_the_interval_is_students_with_one_degree_of_freedom_less_than_numbers():
    found = mean_interval([1.0, 2.0, 6.0])
    # Standard deviation sqrt(7); 4.3027 is the two-sided 5 % point of t with two degrees.
    half = 4.302652729911275 * 7**0.5 / 3**0.5
    assert (found.count, found.mean) == (3, 3.0)
    assert found.half == pytest.approx(half)
    assert found.low == pytest.approx(3.0 - half)


def test_what_is_missing_is_left_out():
    assert mean_interval([1.0, np.nan, 3.0]) == mean_interval([1.0, 3.0])


def test_one_number_has_no_interval_and_none_has_no_mean():
    one, none = mean_interval([2.0]), mean_interval([])
    assert (one.count, one.mean) == (1, 2.0)
    assert np.isnan([one.low, one.high, none.mean, none.low]).all()


def test_the_interval_holds_the_mean_of_normal_numbers_in_95_percent_of_cases():
    draws = np.random.default_rng(1).normal(size=(2000, 10))
    found = [mean_interval(row) for row in draws]
    share = np.mean([one.low <= 0.0 <= one.high for one in found])
    # Four standard deviations of a share of 2000 draws with probability 0.95.
    assert abs(share - 0.95) < 4.0 * (0.95 * 0.05 / 2000) ** 0.5
