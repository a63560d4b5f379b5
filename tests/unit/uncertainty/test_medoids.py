"""k-medoids by tsam against every possible choice, and without tsam."""

import importlib
from itertools import combinations

import numpy as np
import pytest

from mmgsim.errors import MissingExtraError
from mmgsim.uncertainty import backward_reduction, forward_selection, k_medoids
from tests.support.selection import apart_of, distance

SCALES = np.array([1.0, 250.0, 0.02])
"""Of features: metres per second, kW and prices say, not yet brought to one scale."""


def sets(count):
    for draw in range(count):
        rng = np.random.default_rng([67, draw])
        size = int(rng.integers(3, 9))
        yield rng.normal(size=(size, 3)) * SCALES[rng.permutation(3)], int(rng.integers(1, size))


@pytest.fixture
def tsam():
    pytest.importorskip("tsam", reason="needs the extra: pip install 'mmgsim[kmedoids]'")


@pytest.mark.usefixtures("tsam")
def test_no_choice_of_its_size_is_nearer():
    for points, count in sets(30):
        apart, weight = apart_of(points), np.full(len(points), 1.0 / len(points))
        choices = combinations(range(len(points)), count)
        best = min(distance(apart, weight, kept) for kept in choices)
        found = k_medoids(points, count)
        assert found.distance == pytest.approx(best, rel=1e-6, abs=1e-9)
        assert found.distance == pytest.approx(distance(apart, weight, found.kept))
        greedy = min(m(points, count).distance for m in (forward_selection, backward_reduction))
        assert found.distance <= greedy * (1.0 + 1e-6)


@pytest.mark.usefixtures("tsam")
def test_both_ends_are_found_that_forward_selection_misses():
    points = np.array([[-1.0]] * 2 + [[0.0]] + [[1.0]] * 2)
    found = k_medoids(points, 2)
    assert sorted(points[found.kept, 0]) == [-1.0, 1.0]
    assert found.distance == pytest.approx(0.2)
    assert forward_selection(points, 2).distance == pytest.approx(0.4)


@pytest.mark.usefixtures("tsam")
def test_probabilities_are_those_of_all_who_are_stood_for():
    for points, count in sets(10):
        found = k_medoids(points, count)
        assert abs(found.probability.sum() - 1.0) < 1e-12
        assert np.diff(found.kept).min(initial=1) >= 1
        assert len(found.kept) == count
        shares = np.bincount(found.stands_for, minlength=count) / len(points)
        np.testing.assert_allclose(found.probability, shares)


@pytest.mark.usefixtures("tsam")
def test_a_feature_that_never_varies_tells_nothing_apart():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(7, 2))
    flat = np.concatenate([points, np.full((7, 1), 1e6)], axis=1)
    assert k_medoids(flat, 3).kept.tolist() == k_medoids(points, 3).kept.tolist()


@pytest.mark.usefixtures("tsam")
def test_all_of_them_are_as_near_as_can_be():
    points = np.random.default_rng(4).normal(size=(5, 2))
    assert k_medoids(points, 5).kept.tolist() == [0, 1, 2, 3, 4]
    assert k_medoids(points, 5).distance == 0.0


def test_points_that_are_all_the_same_need_no_solver():
    found = k_medoids(np.ones((4, 2)), 2)
    assert found.kept.tolist() == [0, 1]
    assert found.probability.sum() == 1.0


@pytest.mark.parametrize(
    ("points", "count", "fault"),
    [
        (np.zeros((3, 1)), 4, "count is from 1 to 3"),
        (np.array([[np.nan]]), 1, "points are a finite"),
    ],
)
def test_what_cannot_be_selected_from_is_refused(points, count, fault):
    with pytest.raises(ValueError, match=fault):
        k_medoids(points, count)


def test_without_tsam_it_says_what_to_install(monkeypatch):
    def lacks(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", lacks)
    with pytest.raises(MissingExtraError, match=r"needs tsam.*\n.*'mmgsim\[kmedoids\]'"):
        k_medoids(np.eye(3), 1)


def test_what_tsam_itself_lacks_is_not_called_a_missing_extra(monkeypatch):
    def lacks(name):
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")

    monkeypatch.setattr(importlib, "import_module", lacks)
    with pytest.raises(ModuleNotFoundError, match="sklearn"):
        k_medoids(np.eye(3), 1)
