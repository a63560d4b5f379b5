"""No coordination: every microgrid trades with the grid alone. The benchmark of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmgsim.contracts import Award, Clearing, MarketView, Message, Round
from mmgsim.coordination.pool import plan_costs
from mmgsim.coordination.replies import plans_by_name

__all__ = ["Isolated"]


class Isolated:
    """Has every microgrid plan for itself, without local trade. It proves no lower bound."""

    asks: frozenset[type[Message]] = frozenset({Award})

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        del memory
        self._view = view

    def ask(self) -> list[Message]:
        """Award nothing to everybody: import and export are their own choice."""
        return [Award(to=member.name, window=self._view.window) for member in self._view.members]

    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Take the plans: that is all there is."""
        view = self._view
        plans = plans_by_name(replies)
        nothing = np.zeros(view.window.steps)
        upper, gross = plan_costs(view, plans, dict.fromkeys(plans, nothing))
        return Clearing(
            window=view.window,
            plans=plans,
            trades=(),
            prices_per_kwh={},
            upper=upper,
            lower=None,
            gross_cost=gross,
            rounds=(Round(upper=upper, lower=None, residual_kw=0.0),),
            residual_kw=0.0,
        )
