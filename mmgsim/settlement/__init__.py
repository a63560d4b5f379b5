"""Dispatch first, then money: ledger, operations, loss shares."""

from mmgsim.settlement.ledger import OPERATIONS, SurplusRule, account, bill, ledger_faults, settle
from mmgsim.settlement.loss_share import aumann_shapley, ray_nodes
from mmgsim.settlement.operations import (
    missing_kwh,
    operation_costs,
    shed_critical_kw,
    shed_kw,
    shed_value,
    spilled_kw,
)

__all__ = [
    "OPERATIONS",
    "SurplusRule",
    "account",
    "aumann_shapley",
    "bill",
    "ledger_faults",
    "missing_kwh",
    "operation_costs",
    "ray_nodes",
    "settle",
    "shed_critical_kw",
    "shed_kw",
    "shed_value",
    "spilled_kw",
]
