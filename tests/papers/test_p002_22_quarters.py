"""Property 22: quarters of an hour cost what hours do, where series are constant within the hour.

Doors may change by the quarter, and deviations may too, so that costs differ in general; these are
cases in which neither helps, or in which only doors do.
"""

import numpy as np
import pytest

from tests.support.p002 import LOST, System, system

HOURS, TOLERANCE = 4, 1e-6


def test_hours_that_always_lack_cost_the_same_in_quarters_with_four_times_the_budget():
    rng = np.random.default_rng([22, 0])
    load_kw, sun_kw = rng.uniform(6.0, 9.0, (2, HOURS)), rng.uniform(1.0, 5.0, (2, HOURS))
    # No sun is left over for others, and the grid cannot replace all that may lack.
    hourly = System(load_kw, sun_kw, 0.2 * sun_kw, has_storage=False, grid_kw=6.0)
    found = {
        (parts, budget): case.problem(budget).solve(tolerance=1e-8).upper
        for parts, case, budgets in ((1, hourly, (1, 2)), (4, hourly.finer(4), (2, 4, 8)))
        for budget in budgets
    }
    assert found[4, 4] == pytest.approx(found[1, 1], rel=1e-6)
    assert found[4, 8] == pytest.approx(found[1, 2], rel=1e-6)
    # The same budget is less there: a deviation is of one step, however long it is.
    assert found[4, 2] < found[1, 2] - 0.1
    assert found[1, 2] == pytest.approx(by_hand(hourly, 2), rel=1e-6)


def by_hand(case, budget):
    """Give the cost of members that import all they can: with the dearest deviations of each."""

    def cost(sun_kw):
        lacking_kw = case.load_kw - sun_kw
        grid_kw = np.minimum(lacking_kw, case.grid_kw)
        return 0.1 + case.buy * grid_kw + LOST * (lacking_kw - grid_kw)

    expected, worse = cost(case.sun_kw), cost(case.low_kw)
    return expected.sum() + np.sort(worse - expected, axis=1)[:, -budget:].sum()


@pytest.mark.parametrize("has_storage", [False, True])
def test_where_all_sun_may_lack_quarters_cost_no_more_and_without_storage_the_same(has_storage):
    # Less sun never costs less, so that the worst is known: doors alone are left to differ.
    hourly = system(1, steps=HOURS, has_storage=has_storage)
    fine = hourly.finer(4)
    whole, parts = (
        case.problem(case.window.steps).solve(tolerance=TOLERANCE) for case in (hourly, fine)
    )
    gap = 2.0 * TOLERANCE * abs(whole.upper)
    assert parts.upper <= whole.upper + gap
    if not has_storage:
        assert parts.upper == pytest.approx(whole.upper, abs=gap)
