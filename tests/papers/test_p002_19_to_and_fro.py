"""Property 19: multipliers and unknowns in turn find nothing worse than the worst."""

import numpy as np
import pytest

from mmgsim.subproblems.adversary import RecourseCost
from mmgsim.subproblems.alternating import Alternating
from tests.support.p002 import system


def test_going_to_and_fro_finds_nothing_worse_than_the_worst():
    problem = system(1, steps=5).problem(2)
    rng = np.random.default_rng(19)
    adversary, quick = problem.adversary(), Alternating(problem.recourse, problem.unknowns)
    cost = RecourseCost(problem.recourse)
    for _ in range(5):
        first = rng.integers(0, 2, len(problem.doors)).astype(float)
        found = quick.worst(first, [problem.forecast])
        assert found.bound <= adversary.worst(first).bound + 1e-6
        assert found.bound >= cost.at(first, problem.forecast) - 1e-9
        assert found.bound == pytest.approx(cost.at(first, found.unknown))
