"""Property 1: bounds only ever close, and do not cross."""

import numpy as np
import pytest

from tests.support.p002 import system


@pytest.mark.parametrize("seed", range(3))
def test_lower_bounds_rise_upper_ones_fall_and_they_do_not_cross(seed):
    optimum = system(seed, steps=5).problem(2).solve(tolerance=1e-6)
    lower = [one.lower for one in optimum.rounds]
    upper = [one.upper for one in optimum.rounds]
    assert (np.diff(lower) >= -1e-9).all()
    assert (np.diff(upper) <= 1e-9).all()
    assert (np.array(lower) <= np.array(upper) + 1e-9).all()
    assert optimum.gap <= 1e-6
