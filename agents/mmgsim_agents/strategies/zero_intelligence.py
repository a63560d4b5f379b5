"""Order at random prices, but never at a loss: traders without any intelligence.

D. K. Gode and S. Sunder, Allocative efficiency of markets with zero-intelligence traders, Journal
of Political Economy 101(1), 1993, doi 10.1086/261868: what a market gains may owe more to its rules
than to those who trade in it.
"""

from __future__ import annotations

from mmgsim.contracts import OrderQuery, Orders, View
from mmgsim.errors import ContractError
from mmgsim_agents.ordering import nearer_to_grid
from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["ZeroIntelligence"]


class ZeroIntelligence(OptimisingStrategy):
    """Orders what it would truthfully order, at prices that it draws: budget-constrained (ZI-C).

    Asks are drawn evenly between the true value and what buying from the grid costs less the local
    charge, bids between what selling to the grid earns and the true value. Plans and dispatch are
    as good as anybody's.
    """

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Give the true orders at prices drawn from the own random stream."""
        rng = view.rng
        if rng is None:
            raise ContractError(view.name, ["draws its prices, but was given no random stream"])
        true = super().order(view, query).orders
        return Orders(orders=tuple(nearer_to_grid(order, view, rng.uniform()) for order in true))
