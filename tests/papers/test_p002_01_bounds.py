"""Properties 1, 19 and 20: bounds close, and one that is cut off still holds."""

import numpy as np
import pytest

from mmgsim.subproblems.adversary import RecourseCost
from mmgsim.subproblems.alternating import Alternating
from tests.support.p002 import system


@pytest.mark.parametrize("seed", range(3))
def test_lower_bounds_rise_upper_ones_fall_and_they_do_not_cross(seed):
    optimum = system(seed).problem(2).solve(tolerance=1e-6)
    lower = [one.lower for one in optimum.rounds]
    upper = [one.upper for one in optimum.rounds]
    assert (np.diff(lower) >= -1e-9).all()
    assert (np.diff(upper) <= 1e-9).all()
    assert (np.array(lower) <= np.array(upper) + 1e-9).all()
    assert optimum.gap <= 1e-6


def test_a_first_stage_that_is_left_early_still_bounds_the_optimum():
    case = system(0)
    optimum = case.problem(2).solve(tolerance=1e-6)
    problem = case.problem(2)
    hasty = problem.first_stage(is_strong=False, mip_gap=0.5)
    hasty.add(problem.forecast)
    hasty.add(optimum.rounds[0].unknown)
    assert hasty.solve().bound <= optimum.upper + 1e-9


def test_going_to_and_fro_finds_nothing_worse_than_the_worst():
    problem = system(1).problem(2)
    rng = np.random.default_rng(19)
    adversary, quick = problem.adversary(), Alternating(problem.recourse, problem.unknowns)
    cost = RecourseCost(problem.recourse)
    for _ in range(5):
        first = rng.integers(0, 2, len(problem.doors)).astype(float)
        found = quick.worst(first, [problem.forecast])
        assert found.bound <= adversary.worst(first).bound + 1e-6
        assert found.bound >= cost.at(first, problem.forecast) - 1e-9
        assert found.bound == pytest.approx(cost.at(first, found.unknown))
