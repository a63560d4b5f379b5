"""No coordination: every microgrid trades with the grid alone. The benchmark of all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmgsim.contracts import Award, Clearing, MarketView, Message
from mmgsim.coordination.pool import pool_clearing
from mmgsim.coordination.replies import plans_by_name

__all__ = ["Isolated"]


class Isolated:
    """Has every microgrid plan for itself, without local trade. It proves no lower bound."""

    asks: frozenset[type[Message]] = frozenset({Award})

    def reset(self) -> None:
        """Keep nothing from gate to gate."""

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        del memory
        self._view = view

    def ask(self) -> list[Message]:
        """Award nothing to everybody: import and export are their own choice."""
        return [Award(to=member.name, window=self._view.window) for member in self._view.members]

    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Take the plans: that is all there is."""
        nothing = np.zeros(self._view.window.steps)
        plans = plans_by_name(replies)
        return pool_clearing(self._view, plans, dict.fromkeys(plans, nothing), None, lower=None)
