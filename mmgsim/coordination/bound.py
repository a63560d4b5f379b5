"""What prices prove: a lower bound of the cost of all microgrids together.

The microgrids' bounds leave the public part open: import, export and local trade at given prices
of the exchanges. Its least cost closes the Lagrangian,

    lower = sum_i bound_i(price_i) + min public cost + sum_i price_i * exchange_i.
"""

from __future__ import annotations

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.subproblems import PublicPrices

__all__ = ["least_public_cost"]


def least_public_cost(
    prices_per_kwh: FloatArray,
    prices: PublicPrices,
    import_limit_kw: FloatArray,
    export_limit_kw: FloatArray,
    step_h: float,
) -> FloatArray:
    """Give the least cost beyond the connection points when exchanges are bought at prices.

    ``min buy * import - sell * export + local * traded + sum_i price_i * (surplus_i - lack_i)``
    over ``0 <= lack_i <= import limit``, ``0 <= surplus_i <= export limit``,
    ``sum lack = import + traded`` and ``sum surplus = export + traded``.

    Every microgrid may be supplied by the grid and supply it; local trade replaces both, dearest
    lack and cheapest surplus first. What a traded kW gains falls with every kW, so the best volume
    is one of those at which the next microgrid takes over.

    Parameters
    ----------
    prices_per_kwh : (..., members, steps) array
        Paid to a microgrid for what leaves it. [currency/kWh]
    prices : PublicPrices
        Of the window.
    import_limit_kw, export_limit_kw : (members, steps) array
        The envelopes. [kW]
    step_h : float
        Length of a step. [h]

    Returns
    -------
    (...) array
        [currency]
    """
    buy, sell, local = prices.buy_per_kwh, prices.sell_per_kwh, prices.local_per_kwh
    lack_kw = np.broadcast_to(import_limit_kw, prices_per_kwh.shape)
    surplus_kw = np.broadcast_to(export_limit_kw, prices_per_kwh.shape)
    by_grid = (lack_kw * np.maximum(prices_per_kwh - buy, 0.0)).sum(-2)
    by_grid = by_grid + (surplus_kw * np.maximum(sell - prices_per_kwh, 0.0)).sum(-2)
    worth = _Steps(-np.minimum(prices_per_kwh, buy), lack_kw)
    price = _Steps(np.maximum(prices_per_kwh, sell), surplus_kw)
    most_kw = np.minimum(worth.upto_kw[..., -1:, :], price.upto_kw[..., -1:, :])
    volumes_kw = np.minimum(np.concatenate([worth.upto_kw, price.upto_kw], axis=-2), most_kw)
    gain = -worth.spent(volumes_kw) - price.spent(volumes_kw) - local * volumes_kw
    by_trade = np.maximum(gain.max(-2), 0.0)
    cost: FloatArray = -step_h * (by_grid + by_trade).sum(-1)
    return cost


class _Steps:
    """Power at prices, cheapest first: (..., members, steps) arrays."""

    def __init__(self, price: FloatArray, kw: FloatArray) -> None:
        order = np.argsort(price, axis=-2, kind="stable")
        kw = np.take_along_axis(kw, order, axis=-2)
        self.upto_kw = np.cumsum(kw, axis=-2)
        self._cost = np.cumsum(kw * np.take_along_axis(price, order, axis=-2), axis=-2)

    def spent(self, volumes_kw: FloatArray) -> FloatArray:
        """Give what volumes cost, per hour: linear between the corners of the steps.

        All steps of all prices are looked up at once, one behind the other on a long line.
        """
        corners_kw, cost = (_from_zero(values) for values in (self.upto_kw, self._cost))
        lanes, width = len(corners_kw), float(corners_kw.max(initial=0.0)) + 1.0
        shift_kw = width * np.arange(lanes)[:, None]
        asked_kw = np.moveaxis(volumes_kw, -2, -1)
        at_kw = asked_kw.reshape(lanes, -1) + shift_kw
        spent = np.interp(at_kw.ravel(), (corners_kw + shift_kw).ravel(), cost.ravel())
        return np.moveaxis(spent.reshape(asked_kw.shape), -1, -2)


def _from_zero(values: FloatArray) -> FloatArray:
    """Give (lanes, members + 1) running sums that begin at zero."""
    rows = np.moveaxis(values, -2, -1).reshape(-1, values.shape[-2])
    return np.concatenate([np.zeros((len(rows), 1)), rows], axis=1)
