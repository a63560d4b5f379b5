"""ADMM between the microgrids and the market: what both would have pass the connection points.

Every microgrid answers a price with an exchange near the market's, the market answers all exchanges
with those that it would have, and the price of each microgrid moves by what is between them:

    price_i <- price_i - penalty * (exchange_i - z_i).

Prices, penalty and points of one step of time weigh nothing against those of another one, so that
the length of a step drops out.

References
----------
.. [1] Boyd, Parikh, Chu, Peleato, Eckstein, "Distributed Optimization and Statistical Learning via
   the Alternating Direction Method of Multipliers", Foundations and Trends in Machine Learning 3
   (2011), sections 3.3, 3.4.1 and 7.3, doi:10.1561/2200000016.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, Window, frozen, moved_ahead
from mmgsim.coordination.public_step import public_step
from mmgsim.subproblems import PublicPrices

__all__ = ["Consensus"]

# The penalty is made so many times larger where the primal residual is more than so many times the
# dual one, and smaller where it is the other way round [1, eq. (3.13)].
FACTOR, IMBALANCE = 2.0, 10.0

# Distance between buying and selling price at least, over the mean price, and exchange at least:
# scales of the residuals. [kW]
LEAST_SPREAD, LEAST_KW = 0.1, 1.0


class Consensus:
    """Prices, points and penalty of one gate, moved from round to round.

    Parameters
    ----------
    window : Window
        Of the gate.
    prices : PublicPrices
        What passes beyond the connection points.
    memory : mapping
        What `memory` of the last gate gave, or nothing.
    members : int
        Number of microgrids.
    penalty : float or None
        To begin with; in proportion to prices and exchanges if left out. [currency/kWh/kW]

    Attributes
    ----------
    price_per_kwh : (members, steps) array
        Of the next message. [currency/kWh]
    target_kw : (members, steps) array
        What the market would have. [kW]
    own_per_kwh : (members, steps) array
        At which the last answers are best without any point. [currency/kWh]
    pool_per_kwh : (steps,) array
        Price of the local balance. [currency/kWh]
    penalty : float
        Of the next message. [currency/kWh/kW]
    is_warm : bool
        True where the last gate told where to begin.
    primal_kwh : float
        Largest distance between what a microgrid and what the market would have. [kWh]
    dual_per_kwh : float
        Largest move of the market's side in the last round, at the penalty. [currency/kWh]
    residual_kw : float
        Largest distance between the sums of both in any step. [kW]
    """

    def __init__(
        self,
        window: Window,
        prices: PublicPrices,
        memory: Mapping[str, Any],
        *,
        members: int,
        penalty: float | None,
    ) -> None:
        self._window, self._prices = window, prices
        spread = np.abs(prices.buy_per_kwh - prices.sell_per_kwh).mean()
        least = LEAST_SPREAD * np.abs(prices.buy_per_kwh).mean()
        self._spread_per_kwh = float(max(spread, least, 1e-3))
        self._scale_kw = LEAST_KW
        middle = (prices.sell_per_kwh + prices.buy_per_kwh) / 2.0
        self.pool_per_kwh: FloatArray = middle
        self.price_per_kwh: FloatArray = np.tile(middle, (members, 1))
        self.own_per_kwh: FloatArray = self.price_per_kwh
        self.target_kw: FloatArray = np.zeros((members, window.steps))
        self._penalty = penalty
        self.penalty = 0.0
        self.primal_kwh = self.dual_per_kwh = self.residual_kw = np.inf
        moved = _moved(memory, window, members)
        self.is_warm = moved is not None
        if moved is not None:
            self.price_per_kwh, self.target_kw = moved
            self.penalty = float(memory["penalty"])

    def begin(self, exchange_kw: FloatArray) -> None:
        """Take scales, and where nothing is known the first point, from exchanges without trade.

        Parameters
        ----------
        exchange_kw : (members, steps) array
            [kW]
        """
        self._scale_kw = max(float(np.sqrt((exchange_kw**2).mean())), LEAST_KW)
        if not self.is_warm:
            self.target_kw = exchange_kw
            natural = self._spread_per_kwh / self._scale_kw
            self.penalty = natural if self._penalty is None else self._penalty

    def take(self, exchange_kw: FloatArray) -> None:
        """Move the market's side, then the prices.

        Parameters
        ----------
        exchange_kw : (members, steps) array
            What the microgrids answered. [kW]
        """
        told_kw = exchange_kw - self.price_per_kwh / self.penalty
        step = public_step(told_kw, self.penalty, self._prices)
        apart_kw = exchange_kw - step.exchange_kw
        moved_per_kwh = self.penalty * (step.exchange_kw - self.target_kw)
        self.primal_kwh = self._window.step_h * float(np.abs(apart_kw).max())
        self.dual_per_kwh = float(np.abs(moved_per_kwh).max())
        self.residual_kw = float(np.abs(apart_kw.sum(axis=0)).max())
        self._shares = (
            float(np.sqrt((apart_kw**2).mean())) / self._scale_kw,
            float(np.sqrt((moved_per_kwh**2).mean())) / self._spread_per_kwh,
        )
        self.own_per_kwh = self.price_per_kwh - self.penalty * (exchange_kw - self.target_kw)
        self.target_kw, self.price_per_kwh = step.exchange_kw, step.worth_per_kwh
        self.pool_per_kwh = step.pool_per_kwh

    def adapt(self) -> None:
        """Keep both residuals of a size, each over its scale."""
        primal, dual = self._shares
        if primal > IMBALANCE * dual:
            self.penalty *= FACTOR
        elif dual > IMBALANCE * primal:
            self.penalty /= FACTOR

    def memory(self) -> dict[str, Any]:
        """Give what the next gate may begin with."""
        return {
            "first_step": self._window.first_step,
            "price_per_kwh": frozen(self.price_per_kwh),
            "target_kw": frozen(self.target_kw),
            "penalty": self.penalty,
        }


def _moved(
    memory: Mapping[str, Any], window: Window, members: int
) -> tuple[FloatArray, FloatArray] | None:
    """Give the last gate's prices and points over the window of this one."""
    found = [memory.get(name) for name in ("price_per_kwh", "target_kw")]
    if any(values is None or values.shape != (members, window.steps) for values in found):
        return None
    steps = window.first_step - int(memory["first_step"])
    if not 0 <= steps < window.steps:
        return None
    price, target = (
        moved_ahead(values, steps, window.steps_per_day) for values in found if values is not None
    )
    return price, target
