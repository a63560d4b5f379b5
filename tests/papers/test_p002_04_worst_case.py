"""Property 4: the worst is the worst of all vertices, and that of the optimality conditions."""

import numpy as np
import pytest

from mmgsim.subproblems.adversary import ListedAdversary
from tests.oracle.kkt import worst_cost
from tests.support.p002 import LOST, system


def decisions(problem, count, seed):
    rng = np.random.default_rng([4, seed])
    return rng.integers(0, 2, (count, len(problem.doors))).astype(float)


@pytest.mark.parametrize("budget", [1, 1.5, 2])
def test_the_adversary_finds_the_worst_vertex(budget):
    problem = system(0, steps=5).problem(budget)
    adversary = problem.adversary(mip_gap=1e-9)
    oracle = ListedAdversary(problem.recourse, list(problem.unknowns.vertices()))
    for first in decisions(problem, 6, 0):
        assert adversary.worst(first).bound == pytest.approx(oracle.worst(first).bound, rel=1e-6)


@pytest.mark.parametrize("budget", [1, 1.5])
def test_optimality_conditions_of_what_is_left_to_do_find_the_same(budget):
    problem = system(1, steps=4, has_storage=False).problem(budget)
    adversary = problem.adversary(mip_gap=1e-9)
    for first in decisions(problem, 1, int(2 * budget)):
        found = adversary.worst(first).bound
        # No kWh is worth more than LOST, and reduced costs add a price or two to that.
        oracle = worst_cost(
            problem.recourse, problem.unknowns, first, most_multiplier=4.0 * LOST, most_slack=200.0
        )
        assert found == pytest.approx(oracle, rel=1e-6)
