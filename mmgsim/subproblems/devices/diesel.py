"""A diesel unit: commitment, start-ups, ramps, and a quadratic fuel cost by its tangents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import Diesel, FloatArray
from mmgsim.subproblems.devices.inputs import DeviceInputs, Horizon
from mmgsim.subproblems.solver import Solver

__all__ = ["TANGENTS", "declare_diesel", "tangent_points_kw", "update_diesel"]

TANGENTS = 21
"""How many tangents stand for the quadratic part of the fuel cost, evenly over the power range.

Where they are farthest off they lack ``cost_per_kwh_kw * ((max - min) / 40)^2`` per hour: 4e-5 of
the cost at full power for a least power of 0.3 and a quadratic part of 0.13 of it.
"""


def declare_diesel(block: Any, device: Diesel, horizon: Horizon) -> None:
    """Declare commitment, limits, start-ups, ramps and fuel cost of a diesel unit.

    ``min * on[t] <= out[t] <= max * on[t]``; `on` is a binary, so that the problem is a MILP.
    A start is ``on[t] - on[t-1]`` where that is positive. With ``ramp = ramp_kw_per_h * step``
    and ``switch = max(min, ramp)``, the power

    - rises by no more than `ramp` while the unit stays on, to no more than `switch` at a start;
    - falls by no more than `ramp` while it stays on, from no more than `switch` at a stop.

    So a unit starts whatever its ramp, and has to come down before it stops. Falling faster is
    possible at a price where nothing else is: an engine can always lose its load, and no envelope
    may make a window infeasible. See [1]_, eq. 1-5, where the ramps are repaired as above.

    References
    ----------
    .. [1] Paper 003, section 3.1: (1) limits, (2)(3) ramps, (4) fuel, (5) start-ups.
    """
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.start_on = pyo.Param(mutable=True, initialize=0.0)
    block.start_kw = pyo.Param(mutable=True, initialize=0.0)
    block.is_on = pyo.Var(block.time, domain=pyo.Binary)
    block.out_kw = pyo.Var(block.time, bounds=(0.0, device.power_max_kw))
    block.in_kw = pyo.Expression(block.time, rule=lambda _, __: 0.0)
    block.least = pyo.Constraint(
        block.time, rule=lambda b, t: b.out_kw[t] >= device.power_min_kw * b.is_on[t]
    )
    block.most = pyo.Constraint(
        block.time, rule=lambda b, t: b.out_kw[t] <= device.power_max_kw * b.is_on[t]
    )
    _declare_starts(block)
    _declare_ramps(block, device, horizon)
    _declare_fuel(block, device)
    block.cost = pyo.Expression(
        expr=pyo.quicksum(
            horizon.step_h * block.fuel_per_h[t] + device.start_up_cost * block.is_starting[t]
            for t in block.time
        )
    )


def _on_before(block: Any, t: int) -> Any:
    return block.is_on[t - 1] if t > 0 else block.start_on


def _declare_starts(block: Any) -> None:
    """Declare starts: with `on` whole they are whole too, and nothing else than a start."""
    block.is_starting = pyo.Var(block.time, bounds=(0.0, 1.0))
    block.start = pyo.Constraint(
        block.time, rule=lambda b, t: b.is_starting[t] >= b.is_on[t] - _on_before(b, t)
    )
    block.start_is_on = pyo.Constraint(block.time, rule=lambda b, t: b.is_starting[t] <= b.is_on[t])
    block.start_was_off = pyo.Constraint(
        block.time, rule=lambda b, t: b.is_starting[t] <= 1 - _on_before(b, t)
    )


def _declare_ramps(block: Any, device: Diesel, horizon: Horizon) -> None:
    """Declare both ramps, and what a fall exceeds its own by; only where they can bind."""
    ramp_kw, switch_kw = device.ramp_kw(horizon.step_h), device.switch_kw(horizon.step_h)
    has_ramps = ramp_kw < device.power_max_kw
    block.beyond_kw = pyo.Var(block.time if has_ramps else [], domain=pyo.NonNegativeReals)
    block.miss_kwh = pyo.Expression(
        block.time, rule=lambda b, t: horizon.step_h * b.beyond_kw[t] if has_ramps else 0.0
    )
    block.miss_cost = pyo.Expression(
        expr=device.miss_price_per_kwh * pyo.quicksum(block.miss_kwh[t] for t in block.time)
    )
    if not has_ramps:
        return

    def rise(b: Any, t: int) -> Any:
        before_kw = b.out_kw[t - 1] if t > 0 else b.start_kw
        staying = b.is_on[t] - b.is_starting[t]
        return b.out_kw[t] - before_kw <= ramp_kw * staying + switch_kw * b.is_starting[t]

    def fall(b: Any, t: int) -> Any:
        before_kw = b.out_kw[t - 1] if t > 0 else b.start_kw
        staying = b.is_on[t] - b.is_starting[t]
        stopping = _on_before(b, t) - staying
        most_kw = ramp_kw * staying + switch_kw * stopping
        return before_kw - b.out_kw[t] <= most_kw + b.beyond_kw[t]

    block.rise = pyo.Constraint(block.time, rule=rise)
    block.fall = pyo.Constraint(block.time, rule=fall)


def _declare_fuel(block: Any, device: Diesel) -> None:
    """Declare the fuel cost per hour; its quadratic part is the highest of its tangents.

    ``curve >= cost_per_kwh_kw * (2 * q * out - q^2 * on)`` at every point `q`: zero where the
    unit is off, exact at the points, and below the true cost by no more than
    ``cost_per_kwh_kw * (spacing / 2)^2`` per hour between them. What it says is therefore a
    lower bound of the true cost. Linear and no-load costs are exact.
    """
    curved = block.time if device.cost_per_kwh_kw else []
    points_kw = tangent_points_kw(device).tolist()
    block.curve_per_h = pyo.Var(curved, domain=pyo.NonNegativeReals)
    block.fuel_per_h = pyo.Expression(
        block.time,
        rule=lambda b, t: (
            device.cost_per_kwh * b.out_kw[t]
            + device.cost_per_h * b.is_on[t]
            + (b.curve_per_h[t] if curved else 0.0)
        ),
    )
    block.tangent = pyo.Constraint(
        curved,
        pyo.RangeSet(0, len(points_kw) - 1),
        rule=lambda b, t, k: (
            b.curve_per_h[t]
            >= device.cost_per_kwh_kw
            * (2.0 * points_kw[k] * b.out_kw[t] - points_kw[k] ** 2 * b.is_on[t])
        ),
    )


def tangent_points_kw(device: Diesel) -> FloatArray:
    """Give the powers at which the tangents touch, both limits among them. [kW]"""
    return np.unique(np.linspace(device.power_min_kw, device.power_max_kw, TANGENTS))


def update_diesel(solver: Solver, block: Any, device: Diesel, inputs: DeviceInputs) -> None:
    """Write whether the unit ran before the first step, and at which power."""
    if inputs.diesel is None:
        raise ValueError(f"diesel {device.name} has no state")
    solver.set(block.start_on, float(inputs.diesel.is_on))
    solver.set(block.start_kw, inputs.diesel.power_kw)
