"""Backward reduction against a textbook loop, and what selections of scenarios share.

Properties 1 to 4 of paper 001, which are of selections too, are in tests/papers.
"""

import numpy as np
import pytest

from mmgsim.uncertainty import backward_reduction, features, forward_selection, moment_errors
from tests.support.selection import apart_of, distance, sets


def backward_by_the_book(apart, weight, count):
    """Every removal tried, the cheapest done."""
    kept = set(range(len(apart)))
    while len(kept) > count:
        tried = {one: distance(apart, weight, kept - {one}) for one in sorted(kept)}
        kept.remove(min(tried, key=tried.get))
    return sorted(kept)


def test_backward_reduction_is_the_textbook_loop():
    for points, weight, count in sets(100):
        selection = backward_reduction(points, count, probability=weight)
        assert selection.kept.tolist() == backward_by_the_book(apart_of(points), weight, count)


def test_copies_that_are_all_kept_keep_their_own_probability():
    points = np.zeros((3, 1))
    selection = forward_selection(points, 3, probability=[0.2, 0.3, 0.5])
    assert selection.kept.tolist() == [0, 1, 2]
    assert selection.probability.tolist() == [0.2, 0.3, 0.5]
    assert backward_reduction(points, 1).probability.tolist() == [1.0]


def test_kinds_of_quantity_count_alike():
    rng = np.random.default_rng(5)
    wind_m_s, load_kw = rng.normal(8.0, 3.0, (40, 24)), rng.normal(200.0, 50.0, (40, 2, 24))
    points = features({"wind": wind_m_s, "load": load_kw, "flat": np.ones((40, 24))})
    assert points.shape == (40, 24 + 48 + 24)
    assert points[:, :24].std() == pytest.approx(1.0)
    assert points[:, 24:72].std() == pytest.approx(1.0)
    in_mw = features({"wind": wind_m_s, "load": load_kw / 1e3, "flat": np.ones((40, 24))})
    np.testing.assert_allclose(in_mw, points)


def test_moment_errors_are_those_of_the_weighted_scenarios():
    values = np.array([[0.0], [1.0], [10.0]])
    selection = forward_selection(values, 2)
    assert selection.kept.tolist() == [1, 2]
    mean, sd = moment_errors(values, selection)  # 1 with 2/3, 10 with 1/3: mean 4, sd sqrt(18)
    assert mean == pytest.approx(4.0 - 11.0 / 3.0)
    assert sd == pytest.approx(np.sqrt(18.0) - np.std([0.0, 1.0, 10.0]))
    everything = moment_errors(values, forward_selection(values, 3))
    np.testing.assert_allclose(everything, 0.0, atol=1e-15)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((np.zeros((3, 1)), 0), "count is from 1 to 3"),
        ((np.zeros((3, 1)), 4), "count is from 1 to 3"),
        ((np.zeros(3), 1), "points are a finite"),
        ((np.array([[np.nan]]), 1), "points are a finite"),
        ((np.zeros((2, 1)), 1, [0.5, 0.6]), "add up to 1, not 1.1"),
        ((np.zeros((2, 1)), 1, [1.5, -0.5]), "none below 0"),
        ((np.zeros((2, 1)), 1, [1.0]), "one number for each scenario"),
    ],
)
@pytest.mark.parametrize("method", [forward_selection, backward_reduction])
def test_what_cannot_be_selected_from_is_refused(method, arguments, fault):
    points, count, *probability = arguments
    with pytest.raises(ValueError, match=fault):
        method(points, count, probability=probability[0] if probability else None)


def test_kinds_with_other_numbers_of_scenarios_are_refused():
    with pytest.raises(ValueError, match="as many scenarios"):
        features({"wind": np.zeros((3, 1)), "load": np.zeros((4, 1))})
