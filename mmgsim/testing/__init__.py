"""Conformance checks for plug-ins: the executable form of their contracts.

Examples
--------
>>> from mmgsim.testing import check_strategy
>>> from mmgsim_agents.strategies import CostMinimiser
>>> check_strategy(CostMinimiser)
"""

from mmgsim.testing.markets import check_market, market_faults
from mmgsim.testing.mechanisms import check_mechanism, mechanism_faults
from mmgsim.testing.operators import check_operator, operator_faults
from mmgsim.testing.samples import (
    reviewed_view,
    sample_executed,
    sample_market,
    sample_operator_view,
    sample_plans,
    sample_view,
)
from mmgsim.testing.strategies import check_strategy, strategy_faults

__all__ = [
    "check_market",
    "check_mechanism",
    "check_operator",
    "check_strategy",
    "market_faults",
    "mechanism_faults",
    "operator_faults",
    "reviewed_view",
    "sample_executed",
    "sample_market",
    "sample_operator_view",
    "sample_plans",
    "sample_view",
    "strategy_faults",
]
