"""Property 6: nothing inside the set, whole or not, costs more than the upper bound."""

import numpy as np

from mmgsim.subproblems.adversary import RecourseCost
from tests.support.p002 import system


def test_nothing_inside_the_set_costs_more_than_the_upper_bound():
    problem = system(0, steps=5).problem(1.5)
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
