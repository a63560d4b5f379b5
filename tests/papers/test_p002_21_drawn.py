"""Property 21: suns that are drawn stay within the budget, and half of them use all of it."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.reproduce.paper_002 import Study
from mmgsim.subproblems.adversary import BudgetSet


def budgeted(budget):
    """Give a set of two microgrids, the second one with a single deviation."""
    group = np.array([0] * 5 + [1])
    return BudgetSet(np.full(6, 10.0), np.full(6, -3.0), group, np.array(budget))


def used(known, unknown):
    """Give how much of its budget each microgrid uses, and the deviations."""
    deviation = (unknown - known.centre) / known.spread
    return np.bincount(known.group, deviation), deviation


@pytest.fixture
def study():
    study = Study(1.0)
    study.together = SimpleNamespace(problem=SimpleNamespace(unknowns=budgeted([2.0, 1.0])))
    return study


def test_half_of_the_suns_are_corners_of_the_budget_and_all_keep_it(study):
    known = study.together.problem.unknowns
    found = [used(known, sun) for sun in study.suns]
    corners = [u == pytest.approx([2.0, 1.0]) and set(d.round(9)) <= {0, 1} for u, d in found]
    assert sum(corners) == len(found) // 2
    for own, deviation in found:
        assert (own <= known.budget + 1e-9).all()
        assert deviation.min() >= 0.0
        assert deviation.max() <= 1.0
    assert len({sun.tobytes() for sun in study.suns}) > len(found) // 2  # not one sun over again


@pytest.mark.parametrize(
    ("budget", "wholes"), [([2.5, 0.5], [0.5, 0.5, 1, 1]), ([9.0, 3.0], [1] * 6), ([0.0, 0.0], [])]
)
def test_a_corner_has_what_is_left_of_a_budget_in_one_deviation(budget, wholes):
    known = budgeted(budget)
    for seed in range(5):
        _, deviation = used(known, known.corner(np.random.default_rng(seed)))
        assert sorted(deviation[deviation > 1e-9].tolist()) == pytest.approx(wholes)
