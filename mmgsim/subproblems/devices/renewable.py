"""PV and wind with spill."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from mmgsim.contracts import Renewable
from mmgsim.subproblems.devices.inputs import DeviceInputs, Horizon
from mmgsim.subproblems.solver import Solver

__all__ = ["declare_renewable", "update_renewable"]


def declare_renewable(block: Any, device: Renewable, horizon: Horizon) -> None:
    """Declare ``0 <= out <= available``; what is not used is spilled, free of charge."""
    del device  # the available power says it all
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.available_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
    block.out_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.available_limit = pyo.Constraint(
        block.time, rule=lambda b, t: b.out_kw[t] <= b.available_kw[t]
    )
    block.in_kw = pyo.Expression(block.time, rule=lambda _, __: 0.0)
    block.cost = pyo.Expression(expr=0.0)


def update_renewable(solver: Solver, block: Any, device: Renewable, inputs: DeviceInputs) -> None:
    """Write the forecast of available power."""
    if inputs.forecast_kw is None:
        raise ValueError(f"{device.kind} {device.name} has no forecast")
    solver.set(block.available_kw, inputs.forecast_kw)
