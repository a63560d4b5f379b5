"""Property 2: generated columns and constraints end where one MILP over all vertices does."""

import pytest

from tests.oracle.all_vertices import robust_cost
from tests.support.p002 import BATTERY, LOST, MISS, system


@pytest.mark.parametrize(
    ("budget", "topology"), [(0, "pool"), (1, "pool"), (2, "pool"), (3, "pool"), (2, "links")]
)
def test_two_microgrids_over_six_hours(budget, topology):
    case = system(0)
    optimum = case.problem(budget, topology=topology).solve(tolerance=1e-7)
    oracle = robust_cost(
        case, budget, lost=LOST, battery=BATTERY, miss=MISS, links=topology == "links"
    )
    assert optimum.upper == pytest.approx(oracle, rel=1e-6)
    assert optimum.lower == pytest.approx(oracle, rel=1e-6)


@pytest.mark.parametrize("topology", ["pool", "links"])
def test_three_microgrids_over_three_hours(topology):
    case = system(5, members=3, steps=3)
    optimum = case.problem(1, topology=topology).solve(tolerance=1e-7)
    oracle = robust_cost(case, 1, lost=LOST, battery=BATTERY, miss=MISS, links=topology == "links")
    assert optimum.upper == pytest.approx(oracle, rel=1e-6)


def test_a_budget_that_is_not_whole():
    case = system(0)
    optimum = case.problem(1.5).solve(tolerance=1e-7)
    oracle = robust_cost(case, 1.5, lost=LOST, battery=BATTERY, miss=MISS)
    assert optimum.upper == pytest.approx(oracle, rel=1e-6)


def test_without_storage_and_without_trade():
    case = system(3, has_storage=False)
    optimum = case.problem(2, trades=False).solve(tolerance=1e-7)
    oracle = robust_cost(case, 2, lost=LOST, battery=BATTERY, miss=MISS, trades=False)
    assert optimum.upper == pytest.approx(oracle, rel=1e-6)


def test_rows_that_make_it_faster_change_nothing():
    bounds = []
    for is_strong in (False, True):
        problem = system(2, steps=5).problem(1)
        stage = problem.first_stage(is_strong=is_strong, mip_gap=1e-9)
        for unknown in problem.unknowns.vertices():
            stage.add(unknown)
        bounds.append(stage.solve().bound)
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-7)
