"""How a microgrid decides, one way per file. `OptimisingStrategy` is the base to build on."""

from mmgsim_agents.strategies.base import OptimisingStrategy
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser
from mmgsim_agents.strategies.self_consumer import SelfConsumer

__all__ = ["CostMinimiser", "OptimisingStrategy", "SelfConsumer"]
