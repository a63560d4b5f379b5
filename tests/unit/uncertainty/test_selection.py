"""Scenario selection against textbook loops, exhaustive search and cases by hand."""

from itertools import combinations

import numpy as np
import pytest

from mmgsim.uncertainty import backward_reduction, features, forward_selection, moment_errors


def sets(count, *, most=9):
    """Give random small sets of points with probabilities."""
    for draw in range(count):
        rng = np.random.default_rng([61, draw])
        size = int(rng.integers(4, most + 1))
        weight = rng.dirichlet(np.ones(size))
        yield rng.normal(size=(size, 2)), weight, int(rng.integers(1, min(5, size)))


def distance(apart, weight, kept):
    return float(weight @ apart[:, list(kept)].min(axis=1))


def apart_of(points):
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=-1))


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


def backward_by_the_book(apart, weight, count):
    """Every removal tried, the cheapest done."""
    kept = set(range(len(apart)))
    while len(kept) > count:
        tried = {one: distance(apart, weight, kept - {one}) for one in sorted(kept)}
        kept.remove(min(tried, key=tried.get))
    return sorted(kept)


def test_forward_selection_is_the_textbook_loop():
    for points, weight, count in sets(200):
        selection = forward_selection(points, count, probability=weight)
        assert selection.kept.tolist() == forward_by_the_book(apart_of(points), weight, count)


def test_backward_reduction_is_the_textbook_loop():
    for points, weight, count in sets(100):
        selection = backward_reduction(points, count, probability=weight)
        assert selection.kept.tolist() == backward_by_the_book(apart_of(points), weight, count)


@pytest.mark.parametrize("method", [forward_selection, backward_reduction])
def test_probabilities_are_those_of_all_who_are_stood_for(method):
    for points, weight, count in sets(50):
        selection = method(points, count, probability=weight)
        apart = apart_of(points)
        assert abs(selection.probability.sum() - 1.0) < 1e-12
        assert (selection.probability > 0.0).all()
        assert len(set(selection.kept.tolist())) == count
        stand_in = selection.kept[selection.stands_for]
        np.testing.assert_array_equal(
            apart[np.arange(len(points)), stand_in], apart[:, selection.kept].min(axis=1)
        )
        assert selection.distance == pytest.approx(distance(apart, weight, selection.kept))


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


def test_the_order_of_scenarios_changes_nothing():
    for points, weight, count in sets(50):
        order = np.random.default_rng(len(points)).permutation(len(points))
        one = forward_selection(points, count, probability=weight)
        other = forward_selection(points[order], count, probability=weight[order])
        assert order[other.kept].tolist() == one.kept.tolist()
        np.testing.assert_allclose(other.probability, one.probability, atol=1e-15)


def test_a_scenario_in_two_halves_is_the_same_scenario():
    for points, weight, count in sets(50):
        twice = np.concatenate([points, points[:1]])
        halves = np.concatenate([weight, weight[:1] / 2.0])
        halves[0] /= 2.0
        one = forward_selection(points, count, probability=weight)
        other = forward_selection(twice, count, probability=halves)
        # The copy may be the one that is kept: both are as near, but for rounding.
        assert (other.kept % len(points)).tolist() == one.kept.tolist()
        np.testing.assert_allclose(other.probability, one.probability, atol=1e-15)


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
