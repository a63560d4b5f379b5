"""A strategy of your own: how a microgrid decides.

    mmgsim run duo --coordination isolated --strategy MG1=my_strategy.py:MyStrategy

Where a coordination fixes the exchange, as `central` and `prices` do, every strategy follows it;
what you change in `plan` shows under `isolated` and under mechanisms that ask what you would do.
"""

from __future__ import annotations

from dataclasses import replace

from mmgsim.contracts import View
from mmgsim.subproblems import MicrogridPlan, Terms
from mmgsim_agents.strategies import OptimisingStrategy


class MyStrategy(OptimisingStrategy):
    """Plans as if every imported kWh cost more than it does, and so keeps its sun for itself.

    Parameters
    ----------
    margin_per_kwh : float
        What an imported kWh is thought to cost beyond its price. [currency/kWh]
    """

    # The options of a scenario arrive here:
    # `strategy: {kind: "my_strategy.py:MyStrategy", options: {margin_per_kwh: 0.2}}`
    def __init__(self, margin_per_kwh: float = 0.1) -> None:
        super().__init__()
        self.margin_per_kwh = margin_per_kwh

    def plan(self, view: View, terms: Terms) -> MicrogridPlan:
        """Decide the window: give the best plan on terms of your own."""
        # A mechanism has fixed the exchange: there is nothing left to choose.
        if terms.is_award:
            return super().plan(view, terms)
        # Change what follows. `view` is all you know: devices, forecasts, tariff, envelope, the
        # last plan, and in `view.outlook` what may come instead of the forecast, or None where
        # nothing is uncertain. `terms` are prices and limits of the exchange, and firm trades: plan
        # on others, or call `terms.within(low_kw, high_kw)` to stay inside further limits.
        dearer = terms.prices.buy_per_kwh + self.margin_per_kwh
        return super().plan(view, replace(terms, prices=replace(terms.prices, buy_per_kwh=dearer)))

    # Further methods to override, see agents/README.md: `dispatch` acts on what really happened
    # (what is to be remembered goes into `Dispatch.memory` and comes back in `view.memory`), and
    # `answer` gives full control over every message.
