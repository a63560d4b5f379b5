"""Property 5: cost grows with the budget and with deviations; none is the forecast."""

import numpy as np
import pytest

from tests.oracle.all_vertices import robust_cost
from tests.support.p002 import BATTERY, LOST, MISS, system


def cost(case, budget):
    return case.problem(budget).solve(tolerance=1e-7).upper


def test_without_a_budget_it_is_the_deterministic_optimum():
    case = system(2, steps=5)
    certain = case.with_share(0.0)
    oracle = robust_cost(certain, 3, lost=LOST, battery=BATTERY, miss=MISS)
    assert cost(case, 0) == pytest.approx(oracle, rel=1e-6)
    assert cost(certain, 3) == pytest.approx(oracle, rel=1e-6)


def test_a_larger_budget_never_costs_less_up_to_all_there_are():
    costs = [cost(system(2, steps=5), budget) for budget in (0, 1, 2, 4, 24)]
    assert (np.diff(costs) >= -1e-6).all()
    assert costs[-1] == pytest.approx(costs[-2])
    assert costs[2] > costs[0]


def test_larger_deviations_never_cost_less():
    case = system(0, steps=5)
    costs = [cost(case.with_share(share), 2) for share in (0.0, 0.2, 0.5, 1.0)]
    assert (np.diff(costs) >= -1e-6).all()
