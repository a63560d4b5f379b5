"""Demand with priced shedding."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from mmgsim.contracts import Load
from mmgsim.subproblems.devices.inputs import DeviceInputs, Horizon
from mmgsim.subproblems.solver import Solver

__all__ = ["declare_load", "update_load"]


def declare_load(block: Any, device: Load, horizon: Horizon) -> None:
    """Declare ``in = demand - shed``, ``0 <= shed <= demand``, cost = price of shed energy.

    With a critical part, ``critical shed >= shed - (1 - share) * demand`` costs the difference of
    the two prices on top; that is never negative, so the rest is shed first.
    """
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.demand_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
    block.shed_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.shed_limit = pyo.Constraint(block.time, rule=lambda b, t: b.shed_kw[t] <= b.demand_kw[t])
    block.in_kw = pyo.Expression(block.time, rule=lambda b, t: b.demand_kw[t] - b.shed_kw[t])
    block.out_kw = pyo.Expression(block.time, rule=lambda _, __: 0.0)
    block.cost = pyo.Expression(
        expr=horizon.step_h
        * device.shed_price_per_kwh
        * pyo.quicksum(block.shed_kw[t] for t in block.time)
        + (_critical_cost(block, device, horizon) if device.critical_share else 0.0)
    )


def _critical_cost(block: Any, device: Load, horizon: Horizon) -> Any:
    """Declare the critical part of what is shed; give what it costs on top. [currency]"""
    rest = 1.0 - device.critical_share
    block.shed_critical_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.critical_last = pyo.Constraint(
        block.time,
        rule=lambda b, t: b.shed_critical_kw[t] >= b.shed_kw[t] - rest * b.demand_kw[t],
    )
    more_per_kwh = device.critical_shed_price_per_kwh - device.shed_price_per_kwh
    return (
        horizon.step_h * more_per_kwh * pyo.quicksum(block.shed_critical_kw[t] for t in block.time)
    )


def update_load(solver: Solver, block: Any, device: Load, inputs: DeviceInputs) -> None:
    """Write the demand forecast."""
    if inputs.forecast_kw is None:
        raise ValueError(f"load {device.name} has no demand forecast")
    solver.set(block.demand_kw, inputs.forecast_kw)
