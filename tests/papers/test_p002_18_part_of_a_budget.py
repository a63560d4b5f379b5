"""Property 18: a budget that is not whole costs between the whole ones around it."""

import pytest

from tests.support.p002 import system


@pytest.mark.parametrize("seed", [1, 3])
def test_a_part_of_a_deviation_costs_between_none_and_all_of_it(seed):
    case = system(seed, steps=4)
    one, between, two = (case.problem(b).solve(tolerance=1e-7).upper for b in (1, 1.5, 2))
    assert one - 1e-6 <= between <= two + 1e-6
    assert one < two - 1e-3
