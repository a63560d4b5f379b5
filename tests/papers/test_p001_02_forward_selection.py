"""Property 2: forward selection is the textbook's, and how far it is from the best selection."""

from itertools import combinations

import numpy as np
import pytest

from mmgsim.uncertainty import backward_reduction, forward_selection
from tests.support.selection import apart_of, distance, sets


def forward_by_the_book(apart, weight, count):
    """Algorithm 2.4 of Heitsch and Roemisch, with the matrix that is overwritten."""
    cost, size = apart.copy(), len(apart)
    left, kept = list(range(size)), []
    for _ in range(count):
        totals = [sum(weight[k] * cost[k, u] for k in left if k != u) for u in left]
        best = left[int(np.argmin(totals))]
        kept.append(best)
        left.remove(best)
        for k in left:
            for u in left:
                cost[k, u] = min(cost[k, u], cost[k, best])
    return kept


def test_forward_selection_is_the_textbook_loop():
    for points, weight, count in sets(200):
        selection = forward_selection(points, count, probability=weight)
        assert selection.kept.tolist() == forward_by_the_book(apart_of(points), weight, count)


@pytest.mark.parametrize("method", [forward_selection, backward_reduction])
def test_no_selection_is_nearer_than_the_best_of_its_size_and_more_are_never_farther(method):
    for points, weight, _ in sets(60):
        apart, found = apart_of(points), []
        for count in range(1, len(points) + 1):
            found.append(method(points, count, probability=weight).distance)
            everything = combinations(range(len(points)), count)
            best = min(distance(apart, weight, kept) for kept in everything)
            assert found[-1] >= best - 1e-12
            if count == 1 and method is forward_selection:
                assert found[-1] == pytest.approx(best)
        assert np.diff(found).max() <= 1e-12
        assert found[-1] == 0.0


def test_forward_selection_is_greedy_and_not_the_best():
    """By hand: the middle first, then an end; both ends together are nearer."""
    points, weight = np.array([[-1.0], [0.0], [1.0]]), [0.4, 0.2, 0.4]
    selection = forward_selection(points, 2, probability=weight)
    assert selection.kept.tolist() == [1, 0]
    assert selection.distance == pytest.approx(0.4)
    assert distance(apart_of(points), np.array(weight), (0, 2)) == pytest.approx(0.2)
    best = backward_reduction(points, 2, probability=weight)
    assert best.kept.tolist() == [0, 2]
    assert best.distance == pytest.approx(0.2)
