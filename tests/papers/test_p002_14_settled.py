"""Property 14: transfers bring everybody below its cost alone, wherever the sum allows it."""

import numpy as np
import pytest

from mmgsim.coordination.guarantee import settled


@pytest.mark.parametrize("seed", range(5))
def test_nobody_pays_more_than_alone_and_the_sum_stays(seed):
    rng = np.random.default_rng([14, seed])
    alone = rng.uniform(-5.0, 50.0, 4)
    bills = rng.uniform(-50.0, 80.0, 4)
    bills -= (bills.sum() - alone.sum() + rng.uniform(0.0, 10.0)) / 4
    owed = settled(bills, alone)
    assert owed.sum() == pytest.approx(0.0, abs=1e-9)
    assert (bills + owed <= alone + 1e-9).all()
    assert np.ptp(alone - bills - owed) < 1e-9


def test_what_costs_more_together_than_alone_is_not_divided():
    with pytest.raises(ValueError, match="nothing can be divided"):
        settled(np.array([5.0, 6.0]), np.array([5.0, 5.0]))
