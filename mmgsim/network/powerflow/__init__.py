"""AC power flow of many points: the contract, the result, a fast one and the reference."""

from mmgsim.network.powerflow.flow import Flow, FlowStatus, PowerFlow, join_flows
from mmgsim.network.powerflow.reference import PandapowerFlow
from mmgsim.network.powerflow.sweep import SweepFlow, is_sweepable

__all__ = [
    "Flow",
    "FlowStatus",
    "PandapowerFlow",
    "PowerFlow",
    "SweepFlow",
    "is_sweepable",
    "join_flows",
]
