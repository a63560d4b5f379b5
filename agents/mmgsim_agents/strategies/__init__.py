"""How a microgrid decides, one way per file. `OptimisingStrategy` is the base to build on."""

from mmgsim_agents.strategies.base import OptimisingStrategy
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser
from mmgsim_agents.strategies.driven import Driven
from mmgsim_agents.strategies.imitator import Imitator
from mmgsim_agents.strategies.learner import Learner
from mmgsim_agents.strategies.markup import Markup
from mmgsim_agents.strategies.robust import Robust
from mmgsim_agents.strategies.self_consumer import SelfConsumer
from mmgsim_agents.strategies.stochastic import Stochastic
from mmgsim_agents.strategies.withholder import Withholder
from mmgsim_agents.strategies.zero_intelligence import ZeroIntelligence

__all__ = [
    "CostMinimiser",
    "Driven",
    "Imitator",
    "Learner",
    "Markup",
    "OptimisingStrategy",
    "Robust",
    "SelfConsumer",
    "Stochastic",
    "Withholder",
    "ZeroIntelligence",
]
