"""Properties 4, 6 and 12: the worst is the worst of all vertices, at any rigorous bound."""

import numpy as np
import pytest

from mmgsim.subproblems.adversary import BudgetedAdversary, ListedAdversary, RecourseCost
from tests.support.p002 import LOST, system


def decisions(problem, count, seed):
    rng = np.random.default_rng([4, seed])
    return rng.integers(0, 2, (count, len(problem.doors))).astype(float)


@pytest.mark.parametrize("budget", [1, 1.5, 2])
def test_the_adversary_finds_the_worst_vertex(budget):
    problem = system(0).problem(budget)
    adversary = problem.adversary(mip_gap=1e-9)
    oracle = ListedAdversary(problem.recourse, list(problem.unknowns.vertices()))
    for first in decisions(problem, 6, 0):
        assert adversary.worst(first).bound == pytest.approx(oracle.worst(first).bound, rel=1e-6)


def test_ten_times_the_price_of_lost_load_as_a_bound_changes_nothing():
    problem = system(1).problem(2)
    most = LOST * np.ones(len(problem.unknowns.centre))
    adversaries = [
        BudgetedAdversary(problem.recourse, problem.unknowns, (-k * most, 0.0 * most), mip_gap=1e-9)
        for k in (1.0, 10.0)
    ]
    for first in decisions(problem, 4, 1):
        one, ten = (adversary.worst(first).bound for adversary in adversaries)
        assert one == pytest.approx(ten, rel=1e-6)


def test_nothing_inside_the_set_costs_more_than_the_upper_bound():
    problem = system(0).problem(1.5)
    optimum = problem.solve(tolerance=1e-6)
    rng, cost = np.random.default_rng(6), RecourseCost(problem.recourse)
    unknowns = problem.unknowns
    charges = problem.operate(optimum.first).cost - cost.at(optimum.first, problem.forecast)
    for _ in range(50):
        deviation = rng.uniform(0.0, 1.0, len(unknowns.centre))
        for group in range(2):
            own = unknowns.group == group
            deviation[own] /= max(deviation[own].sum() / 1.5, 1.0)
        worst = cost.at(optimum.first, unknowns.at(deviation)) + charges
        assert worst <= optimum.upper + 1e-6
