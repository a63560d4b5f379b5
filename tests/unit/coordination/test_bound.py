"""The public part of the Lagrangian in closed form equals the LP it stands for."""

import numpy as np
import pytest
from scipy.optimize import linprog

from mmgsim.coordination import least_public_cost
from mmgsim.subproblems import PublicPrices


def by_linprog(price, buy, sell, local, import_kw, export_kw):
    """Solve one step: lack and surplus of every microgrid, then import, export, traded."""
    members = len(price)
    cost = np.concatenate([-price, price, [buy, -sell, local]])
    lacked = np.concatenate([np.ones(members), np.zeros(members), [-1.0, 0.0, -1.0]])
    given = np.concatenate([np.zeros(members), np.ones(members), [0.0, -1.0, -1.0]])
    bounds = [(0, most) for most in (*import_kw, *export_kw)] + [(0, None)] * 3
    solved = linprog(cost, A_eq=np.stack([lacked, given]), b_eq=np.zeros(2), bounds=bounds)
    assert solved.status == 0
    return solved.fun


@pytest.mark.parametrize("seed", range(40))
def test_least_public_cost_is_that_of_the_lp(seed):
    rng = np.random.default_rng(seed)
    members, steps, step_h = int(rng.integers(1, 6)), 5, 0.5
    buy = rng.uniform(-0.1, 0.5, steps)
    sell = buy - rng.uniform(0.0, 0.3, steps) * (rng.random() < 0.8)
    local = rng.uniform(0.0, 0.2, steps)
    price = rng.uniform(-0.2, 0.7, (3, members, steps))
    import_kw, export_kw = rng.uniform(0.0, 50.0, (2, members, steps)).round()
    found = least_public_cost(price, PublicPrices(buy, sell, local), import_kw, export_kw, step_h)
    for query in range(3):
        expected = step_h * sum(
            by_linprog(
                price[query, :, t], buy[t], sell[t], local[t], import_kw[:, t], export_kw[:, t]
            )
            for t in range(steps)
        )
        assert found[query] == pytest.approx(expected, abs=1e-9)


def test_between_selling_and_buying_price_nothing_is_to_be_gained():
    buy, sell, local = np.full(4, 0.3), np.full(4, 0.1), np.full(4, 0.05)
    price = np.full((1, 2, 4), 0.2)
    limits = np.full((2, 4), 100.0)
    assert least_public_cost(price, PublicPrices(buy, sell, local), limits, limits, 1.0) == [0.0]
