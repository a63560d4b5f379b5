"""What the market would have pass the connection points, if leaving what it is told cost something.

    min  public cost(z) + step_h * penalty / 2 * sum_i (z_i - told_i)**2

over import, export and local trade, the market's own half of a round of ADMM. With a price
``pool`` of the local balance, what leaves a microgrid is worth ``pool`` and what enters costs
``pool + charge``, so that for each microgrid

    z_i = told_i + worth_i / penalty,   worth_i = clip(-penalty * told_i, pool, pool + charge).

The sum of z grows with the price. The price is at which the sum is zero, or the one of the grid:
import where the sum is still negative at the buying price, export where it is positive at the
selling price.

References
----------
.. [1] Boyd, Parikh, Chu, Peleato, Eckstein, "Distributed Optimization and Statistical Learning via
   the Alternating Direction Method of Multipliers", Foundations and Trends in Machine Learning 3
   (2011), section 7.3, doi:10.1561/2200000016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.subproblems import PublicPrices

__all__ = ["PublicStep", "public_step"]

# What is left of the distance between selling and buying price is less than rounding.
HALVINGS = 60


@dataclass(frozen=True, slots=True, eq=False)
class PublicStep:
    """What the market would have.

    Parameters
    ----------
    exchange_kw : (members, steps) array
        At the connection points, positive when it leaves. [kW]
    worth_per_kwh : (members, steps) array
        What a kWh that leaves a microgrid is worth beyond its connection point. [currency/kWh]
    pool_per_kwh : (steps,) array
        Price of the local balance. [currency/kWh]
    """

    exchange_kw: FloatArray
    worth_per_kwh: FloatArray
    pool_per_kwh: FloatArray


def public_step(told_kw: FloatArray, penalty: float, prices: PublicPrices) -> PublicStep:
    """Give the best exchanges near those that the market is told.

    Where selling earns more than buying costs the public cost is not convex: buying is then taken
    to cost what selling earns.

    Parameters
    ----------
    told_kw : (members, steps) array
        [kW]
    penalty : float
        Above zero. [currency/kWh/kW]
    prices : PublicPrices
        Of the window.
    """
    spread = prices.buy_per_kwh - prices.sell_per_kwh
    # Without a margin for local trade everybody deals with the grid: as if that were the charge.
    charge = np.maximum(np.minimum(prices.local_per_kwh, spread), 0.0)
    low = prices.sell_per_kwh
    high = np.maximum(low, prices.buy_per_kwh - charge)

    def step(pool_per_kwh: FloatArray) -> PublicStep:
        worth = np.clip(-penalty * told_kw, pool_per_kwh, pool_per_kwh + charge)
        return PublicStep(told_kw + worth / penalty, worth, pool_per_kwh)

    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        is_surplus = step(middle).exchange_kw.sum(axis=0) > 0.0
        low, high = np.where(is_surplus, low, middle), np.where(is_surplus, middle, high)
    return step((low + high) / 2.0)
