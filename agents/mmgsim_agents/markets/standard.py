"""The market that comes with mmgsim: the scenario's coordination, and the whole money table."""

from __future__ import annotations

from mmgsim.contracts import Executed, LedgerLine, MarketView, Mechanism
from mmgsim.settlement import settle

__all__ = ["StandardMarket"]


class StandardMarket:
    """Clears every gate by one mechanism and books every step by the money table.

    Parameters
    ----------
    coordination : Mechanism
        As the scenario names it.
    """

    def __init__(self, coordination: Mechanism) -> None:
        self._mechanism = coordination

    def reset(self) -> None:
        """Keep nothing: the mechanism does all that is remembered."""

    def mechanism(self, view: MarketView) -> Mechanism:
        """Give the scenario's mechanism."""
        del view
        return self._mechanism

    def settle(self, view: MarketView, executed: Executed) -> list[LedgerLine]:
        """Give the ledger lines of an executed step."""
        return settle(executed, surplus=view.surplus)
