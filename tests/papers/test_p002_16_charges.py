"""Property 16: the more a door costs, the less it is open."""

import numpy as np
import pytest

from tests.support.p002 import system


def solved(case, budget=2, **rules):
    problem = case.problem(budget, **rules)
    return problem, problem.solve(tolerance=1e-7)


def used(problem, optimum, *, is_local):
    return sum(
        value
        for door, value in zip(problem.doors, optimum.first, strict=True)
        if door.is_local is is_local
    )


@pytest.mark.parametrize(("charge", "is_local"), [("grid_charge", False), ("link_charge", True)])
def test_doors_that_cost_more_are_used_no_more(charge, is_local):
    case = system(2, steps=5)
    counts = [
        used(*solved(case, **{charge: price}), is_local=is_local) for price in (0.01, 0.3, 4.0)
    ]
    assert (np.diff(counts) <= 0).all()
    assert counts[-1] < counts[0]
