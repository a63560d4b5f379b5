"""Property 17: the order of microgrids does not matter, nor do those that are the same."""

import numpy as np
import pytest

from tests.support.p002 import System, system


def solved(case, budget=2, **rules):
    problem = case.problem(budget, **rules)
    return problem, problem.solve(tolerance=1e-7)


def test_the_order_of_microgrids_does_not_matter():
    case = system(4, members=3, steps=3)
    costs = [solved(case.permuted(order), 1)[1].upper for order in ([0, 1, 2], [2, 0, 1])]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)


def test_microgrids_that_are_the_same_may_change_places():
    one = system(1, members=1, steps=4)
    alike = [np.repeat(kw, 2, axis=0) for kw in (one.load_kw, one.sun_kw, one.low_kw)]
    twins, pair = System(*alike), solved(one, 1)[1].upper
    # What both lack at once neither can give the other: each is as well off as on its own.
    assert solved(twins, 1)[1].upper <= 2.0 * pair + 1e-6
    assert solved(twins, 1)[1].upper == pytest.approx(
        solved(twins.permuted([1, 0]), 1)[1].upper, rel=1e-6
    )
