"""Property 3: neither the order of scenarios nor a split of one into copies changes a selection."""

import numpy as np
import pytest

from mmgsim.uncertainty import backward_reduction, forward_selection
from tests.support.selection import sets

METHODS = pytest.mark.parametrize("method", [forward_selection, backward_reduction])


def by_scenario(selection, names):
    """Give what each that is kept stands for, by a name that no order changes."""
    return dict(zip(names[selection.kept].tolist(), selection.probability.tolist(), strict=True))


@METHODS
def test_the_order_of_scenarios_changes_nothing(method):
    for draw, (points, weight, count) in enumerate(sets(50)):
        order = np.random.default_rng(draw).permutation(len(points))
        one = method(points, count, probability=weight)
        other = method(points[order], count, probability=weight[order])
        expected = by_scenario(one, np.arange(len(points)))
        assert by_scenario(other, order) == pytest.approx(expected, abs=1e-15)
        assert other.distance == pytest.approx(one.distance, rel=1e-12)


@METHODS
def test_a_scenario_in_two_halves_is_the_same_scenario(method):
    for points, weight, count in sets(50):
        twice = np.concatenate([points, points[:1]])
        halves = np.concatenate([weight, weight[:1] / 2.0])
        halves[0] /= 2.0
        one = method(points, count, probability=weight)
        other = method(twice, count, probability=halves)
        # The copy may be the one that is kept: both are as near, but for rounding.
        expected = by_scenario(one, np.arange(len(points)))
        found = by_scenario(other, np.append(np.arange(len(points)), 0))
        assert found == pytest.approx(expected, abs=1e-15)
        assert other.distance == pytest.approx(one.distance, rel=1e-12)
