"""How a microgrid decides, one way per file. `OptimisingStrategy` is the base to build on."""

from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["OptimisingStrategy"]
