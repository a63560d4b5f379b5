"""AC power flow of many points at once: the contract, the result and the reference."""

from mmgsim.network.powerflow.flow import Flow, FlowStatus, PowerFlow, join_flows
from mmgsim.network.powerflow.reference import PandapowerFlow

__all__ = ["Flow", "FlowStatus", "PandapowerFlow", "PowerFlow", "join_flows"]
