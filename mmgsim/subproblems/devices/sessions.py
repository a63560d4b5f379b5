"""A vehicle that is plugged in for a while, or load that may be served in a span of time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import SessionStore
from mmgsim.subproblems.devices.inputs import DeviceInputs, Horizon
from mmgsim.subproblems.solver import Solver

__all__ = ["declare_sessions", "update_sessions"]


def declare_sessions(block: Any, device: SessionStore, horizon: Horizon) -> None:
    """Declare one store that comes and goes, whose sessions are numbers and not structure.

    Energies are counted from the floor of the session. What the store holds at the end of a step
    is `kept` for the next step of its session, or has `left` with it where the session ends:

    ``kept[t] + left[t] = kept[t-1] + arrives[t] + (efficiency * in - out / efficiency) * step``,
    ``kept[t] <= room`` within a session and 0 else, ``left[t] <= room`` at its end and 0 else,
    ``kept[t] + left[t] + miss[t] >= due[t]``; power only while it is there.

    So nothing of one session gets into the next, and the same rows serve any sessions. What lacks
    of a vehicle's due is missed at a price that only the impossible justifies; what lacks of a
    flexible load's is demand that is left unserved at its own price, a private cost.
    """
    step_h, efficiency = horizon.step_h, device.efficiency
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    for name in ("arrives_kwh", "floor_kwh", "keep_kwh", "leave_kwh", "due_kwh"):
        setattr(block, name, pyo.Param(block.time, mutable=True, initialize=0.0))
    block.miss_price_per_kwh = pyo.Param(mutable=True, initialize=0.0)
    for name in ("kept_kwh", "left_kwh", "miss_kwh"):
        setattr(block, name, pyo.Var(block.time, bounds=(0.0, device.energy_kwh)))
    _declare_power(block, device)
    block.energy_kwh = pyo.Expression(
        block.time, rule=lambda b, t: b.floor_kwh[t] + b.kept_kwh[t] + b.left_kwh[t]
    )
    block.balance = pyo.Constraint(
        block.time,
        rule=lambda b, t: (
            b.kept_kwh[t] + b.left_kwh[t]
            == (b.kept_kwh[t - 1] if t > 0 else 0.0)
            + b.arrives_kwh[t]
            + step_h * (efficiency * b.in_kw[t] - b.out_kw[t] / efficiency)
        ),
    )
    block.keep = pyo.Constraint(block.time, rule=lambda b, t: b.kept_kwh[t] <= b.keep_kwh[t])
    block.leave = pyo.Constraint(block.time, rule=lambda b, t: b.left_kwh[t] <= b.leave_kwh[t])
    block.due = pyo.Constraint(
        block.time, rule=lambda b, t: b.kept_kwh[t] + b.left_kwh[t] + b.miss_kwh[t] >= b.due_kwh[t]
    )
    if horizon.is_exclusive and device.discharge_kw:
        _declare_exclusion(block, device)
    wear = step_h * device.wear_per_kwh * pyo.quicksum(block.out_kw[t] for t in block.time)
    missing = block.miss_price_per_kwh * pyo.quicksum(block.miss_kwh[t] for t in block.time)
    block.cost = pyo.Expression(expr=wear if device.is_vehicle else missing)
    block.miss_cost = pyo.Expression(expr=missing if device.is_vehicle else 0.0)


def _declare_power(block: Any, device: SessionStore) -> None:
    """Declare charge and, where there is any, discharge: zero while the store is away."""
    block.charge_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
    block.in_kw = pyo.Var(block.time, bounds=(0.0, device.charge_kw))
    block.charge = pyo.Constraint(block.time, rule=lambda b, t: b.in_kw[t] <= b.charge_kw[t])
    if not device.discharge_kw:
        block.out_kw = pyo.Expression(block.time, rule=lambda _, __: 0.0)
        return
    block.discharge_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
    block.out_kw = pyo.Var(block.time, bounds=(0.0, device.discharge_kw))
    block.discharge = pyo.Constraint(block.time, rule=lambda b, t: b.out_kw[t] <= b.discharge_kw[t])


def _declare_exclusion(block: Any, device: SessionStore) -> None:
    block.is_charging = pyo.Var(block.time, domain=pyo.Binary)
    block.charge_only = pyo.Constraint(
        block.time, rule=lambda b, t: b.in_kw[t] <= device.charge_kw * b.is_charging[t]
    )
    block.discharge_only = pyo.Constraint(
        block.time, rule=lambda b, t: b.out_kw[t] <= device.discharge_kw * (1 - b.is_charging[t])
    )


def update_sessions(solver: Solver, block: Any, device: SessionStore, inputs: DeviceInputs) -> None:
    """Write when the store is there, what it comes with and what it has to hold."""
    rule = inputs.sessions
    if rule is None:
        raise ValueError(f"{device.kind} {device.name} has no sessions")
    room_kwh = rule.is_plugged * (device.energy_kwh - rule.floor_kwh)
    solver.set(block.arrives_kwh, np.maximum(rule.arrives_kwh - rule.floor_kwh, 0.0))
    solver.set(block.floor_kwh, rule.floor_kwh)
    solver.set(block.keep_kwh, (1.0 - rule.is_leaving) * room_kwh)
    solver.set(block.leave_kwh, rule.is_leaving * room_kwh)
    solver.set(block.due_kwh, rule.due_kwh() - rule.floor_kwh)
    solver.set(block.miss_price_per_kwh, rule.miss_price_per_kwh)
    solver.set(block.charge_kw, rule.is_plugged * device.charge_kw)
    if device.discharge_kw:
        solver.set(block.discharge_kw, rule.is_plugged * device.discharge_kw)
