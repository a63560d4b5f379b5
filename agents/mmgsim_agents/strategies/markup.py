"""Ask for more and bid less than it is worth: the textbook's way to use market power."""

from __future__ import annotations

from dataclasses import replace

from mmgsim.contracts import OrderQuery, Orders, Side, View
from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["Markup", "marked_up"]


class Markup(OptimisingStrategy):
    """Orders at its true values with a share on top of asks, and as much off bids.

    Parameters
    ----------
    share : float
        Of the size of each price; an ask of 0.10 becomes 0.12 with 0.2, a bid 0.08.
    """

    def __init__(self, share: float = 0.1) -> None:
        super().__init__()
        if not 0.0 <= share < float("inf"):
            raise ValueError(f"share is a number from 0, not {share:g}")
        self.share = share

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Give the true orders at prices that are better for itself."""
        return marked_up(super().order(view, query), self.share)


def marked_up(orders: Orders, share: float) -> Orders:
    """Give orders with asks raised and bids lowered by a share of the size of their price."""
    sign = {Side.SELL: 1.0, Side.BUY: -1.0}
    return Orders(
        orders=tuple(
            replace(
                order,
                price_per_kwh=order.price_per_kwh
                + sign[order.side] * share * abs(order.price_per_kwh),
            )
            for order in orders.orders
        )
    )
