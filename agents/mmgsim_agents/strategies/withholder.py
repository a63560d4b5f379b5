"""Keep a part of what could be sold off the market, to make the rest dearer."""

from __future__ import annotations

from dataclasses import replace

from mmgsim.contracts import OrderQuery, Orders, Side, View
from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["Withholder"]


class Withholder(OptimisingStrategy):
    """Orders at its true values, but only a share of its kW of sale.

    What it withholds it still has: the grid takes what of it is left over.

    Parameters
    ----------
    share : float
        Of every sell order, from 0 to 1.
    """

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share is between 0 and 1, not {share:g}")
        self.share = share

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Give the true orders with less to sell."""
        orders = [
            replace(order, kw=order.kw * self.share) if order.side is Side.SELL else order
            for order in super().order(view, query).orders
        ]
        return Orders(orders=tuple(order for order in orders if order.kw > 0.0))
