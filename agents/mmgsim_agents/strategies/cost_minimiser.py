"""Make the own cost as small as possible: the base strategy, as it is."""

from __future__ import annotations

from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["CostMinimiser"]


class CostMinimiser(OptimisingStrategy):
    """Plans by its own optimisation problem and declares everything truthfully."""
