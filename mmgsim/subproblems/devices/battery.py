"""A battery with an efficiency each way, a price of wear, and levels to be met."""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from mmgsim.contracts import Battery
from mmgsim.subproblems.devices.inputs import DeviceInputs, Horizon
from mmgsim.subproblems.solver import Solver

__all__ = ["declare_battery", "update_battery"]


def declare_battery(block: Any, device: Battery, horizon: Horizon) -> None:
    """Declare the energy balance, the limits and the wear of a battery.

    ``e[t] = e[t-1] + (efficiency * in[t] - out[t] / efficiency) * step``,
    ``low[t] - miss[t] <= e[t] <= high[t] + miss[t]`` inside the physical limits.
    A level that the rest of the microgrid cannot reach is missed by as little as possible, at a
    price, rather than making the window infeasible. Charging and discharging exclude each other
    by a binary where the horizon says so.
    """
    step_h, efficiency = horizon.step_h, device.efficiency
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.start_kwh = pyo.Param(mutable=True, initialize=0.0)
    block.low_kwh = pyo.Param(block.time, mutable=True, initialize=device.energy_min_kwh)
    block.high_kwh = pyo.Param(block.time, mutable=True, initialize=device.energy_kwh)
    block.end_value_per_kwh = pyo.Param(mutable=True, initialize=0.0)
    block.miss_price_per_kwh = pyo.Param(mutable=True, initialize=0.0)
    block.in_kw = pyo.Var(block.time, bounds=(0.0, device.power_kw))
    block.out_kw = pyo.Var(block.time, bounds=(0.0, device.power_kw))
    block.energy_kwh = pyo.Var(block.time, bounds=(device.energy_min_kwh, device.energy_kwh))
    block.miss_kwh = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.balance = pyo.Constraint(
        block.time,
        rule=lambda b, t: (
            b.energy_kwh[t]
            == (b.energy_kwh[t - 1] if t > 0 else b.start_kwh)
            + step_h * (efficiency * b.in_kw[t] - b.out_kw[t] / efficiency)
        ),
    )
    block.low = pyo.Constraint(
        block.time, rule=lambda b, t: b.energy_kwh[t] + b.miss_kwh[t] >= b.low_kwh[t]
    )
    block.high = pyo.Constraint(
        block.time, rule=lambda b, t: b.energy_kwh[t] - b.miss_kwh[t] <= b.high_kwh[t]
    )
    if horizon.is_exclusive:
        _declare_exclusion(block, device)
    block.cost = pyo.Expression(
        expr=step_h * device.wear_per_kwh * pyo.quicksum(block.out_kw[t] for t in block.time)
        - block.end_value_per_kwh * block.energy_kwh[horizon.steps - 1]
    )
    block.miss_cost = pyo.Expression(
        expr=block.miss_price_per_kwh * pyo.quicksum(block.miss_kwh[t] for t in block.time)
    )


def _declare_exclusion(block: Any, device: Battery) -> None:
    block.is_charging = pyo.Var(block.time, domain=pyo.Binary)
    block.charge_only = pyo.Constraint(
        block.time, rule=lambda b, t: b.in_kw[t] <= device.power_kw * b.is_charging[t]
    )
    block.discharge_only = pyo.Constraint(
        block.time, rule=lambda b, t: b.out_kw[t] <= device.power_kw * (1 - b.is_charging[t])
    )


def update_battery(solver: Solver, block: Any, device: Battery, inputs: DeviceInputs) -> None:
    """Write the stored energy at the start and the levels to be met."""
    if inputs.rule is None:
        raise ValueError(f"battery {device.name} has no rule for the end of the window")
    solver.set(block.start_kwh, inputs.energy_start_kwh)
    solver.set(block.low_kwh, inputs.rule.low_kwh)
    solver.set(block.high_kwh, inputs.rule.high_kwh)
    solver.set(block.end_value_per_kwh, inputs.rule.end_value_per_kwh)
    solver.set(block.miss_price_per_kwh, inputs.rule.miss_price_per_kwh)
