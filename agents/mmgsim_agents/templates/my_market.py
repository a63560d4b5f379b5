"""A market of your own: which mechanism clears a gate, and who pays whom afterwards.

mmgsim run duo --set market.kind=my_market.py:MyMarket
"""

from __future__ import annotations

from mmgsim.contracts import Executed, LedgerLine, MarketView, Mechanism, Party
from mmgsim_agents.markets.standard import StandardMarket


class MyMarket(StandardMarket):
    """Keeps a fee on every kWh that is traded, from the buyer.

    Parameters
    ----------
    coordination : Mechanism
        As the scenario names it.
    fee_per_kwh : float
        [currency/kWh]
    """

    # The options of a scenario arrive beside `coordination`:
    # `market: {kind: "my_market.py:MyMarket", options: {fee_per_kwh: 0.02}}`
    def __init__(self, coordination: Mechanism, fee_per_kwh: float = 0.01) -> None:
        super().__init__(coordination)
        self.fee_per_kwh = fee_per_kwh

    def settle(self, view: MarketView, executed: Executed) -> list[LedgerLine]:
        """Give the ledger lines of an executed step: they are all that is booked."""
        lines = super().settle(view, executed)
        # Change what follows. Trades of a pool have the market as one side of each.
        for trade in executed.trades:
            if trade.buyer != Party.MARKET:
                kwh = float(trade.kw[0]) * executed.window.step_h
                fee = kwh * self.fee_per_kwh
                lines.append(LedgerLine(trade.buyer, Party.MARKET, "market_fee", kwh, fee))
        return lines
