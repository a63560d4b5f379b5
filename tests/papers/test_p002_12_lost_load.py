"""Property 12: the price of lost load bounds what a kWh is worth; ten times it finds the same."""

import numpy as np
import pytest

from mmgsim.subproblems.adversary import BudgetedAdversary
from tests.support.p002 import LOST, system


def decisions(problem, count, seed):
    rng = np.random.default_rng([12, seed])
    return rng.integers(0, 2, (count, len(problem.doors))).astype(float)


def test_ten_times_the_price_of_lost_load_as_a_bound_changes_nothing():
    problem = system(1, steps=5).problem(2)
    most = LOST * np.ones(len(problem.unknowns.centre))
    adversaries = [
        BudgetedAdversary(problem.recourse, problem.unknowns, (-k * most, 0.0 * most), mip_gap=1e-9)
        for k in (1.0, 10.0)
    ]
    for first in decisions(problem, 4, 1):
        one, ten = (adversary.worst(first).bound for adversary in adversaries)
        assert one == pytest.approx(ten, rel=1e-6)
