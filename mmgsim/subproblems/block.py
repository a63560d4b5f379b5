"""The private part of a microgrid as a Pyomo block: its devices and their balance.

It stands in the microgrid's own problem and, once per microgrid, in the joint one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import (
    Battery,
    Device,
    DeviceSchedule,
    Diesel,
    Disclosure,
    FloatArray,
    SessionStore,
    frozen,
)
from mmgsim.subproblems.devices import KINDS, DeviceInputs, Horizon
from mmgsim.subproblems.solver import Solver

__all__ = [
    "declare_microgrid",
    "is_cheating",
    "missed_kwh",
    "reach_kw",
    "read_schedules",
    "understated_cost",
    "update_microgrid",
]

# Below this, charging while discharging is the rounding of a solver, not a way to cheat. [kW]
CHEAT_KW = 1e-6


def declare_microgrid(
    block: Any, devices: tuple[Device, ...], horizon: Horizon, *, tie_kw: Any = None
) -> None:
    """Declare the devices of a microgrid and ``exchange + tie = sum of out - sum of in``.

    Gives the block ``device[name]``, ``exchange_kw[t]`` [kW], ``private_cost`` and ``miss_cost``
    [currency].

    Parameters
    ----------
    block : pyomo Block
        Where to declare.
    devices : tuple of Device
        What the microgrid owns.
    horizon : Horizon
        Size of the problem.
    tie_kw : indexed Pyomo component or None
        What leaves through tie lines, where it has any. [kW]
    """
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.device = pyo.Block([device.name for device in devices])
    for device in devices:
        KINDS[type(device)].declare(block.device[device.name], device, horizon)
    block.exchange_kw = pyo.Var(block.time)
    block.balance = pyo.Constraint(
        block.time,
        rule=lambda b, t: (
            (b.exchange_kw[t] if tie_kw is None else b.exchange_kw[t] + tie_kw[t])
            == pyo.quicksum(b.device[d.name].out_kw[t] - b.device[d.name].in_kw[t] for d in devices)
        ),
    )
    block.private_cost = pyo.Expression(
        expr=pyo.quicksum(block.device[device.name].cost for device in devices)
    )
    block.miss_cost = pyo.Expression(
        expr=pyo.quicksum(
            block.device[device.name].miss_cost
            for device in devices
            if isinstance(device, Battery | Diesel | SessionStore)
        )
    )


def update_microgrid(solver: Solver, block: Any, declared: Disclosure) -> None:
    """Write the numbers of one window into a block of `declare_microgrid`."""
    for device in declared.devices:
        inputs = DeviceInputs(
            forecast_kw=declared.forecast_kw.get(device.name),
            energy_start_kwh=declared.state.energy_kwh.get(device.name, 0.0),
            rule=declared.storage.get(device.name),
            diesel=declared.state.diesel.get(device.name),
            sessions=declared.sessions.get(device.name),
        )
        KINDS[type(device)].update(solver, block.device[device.name], device, inputs)


def reach_kw(declared: Disclosure) -> FloatArray:
    """Give what the devices can never exceed together, either way, in each step. [kW]"""
    total: Any = 0.0
    for device in declared.devices:
        if isinstance(device, Battery | SessionStore):
            total = total + device.power_kw
        elif isinstance(device, Diesel):
            total = total + device.power_max_kw
        else:
            total = total + declared.forecast_kw[device.name]
    return np.asarray(total, dtype=np.float64)


def is_cheating(solver: Solver, block: Any, devices: tuple[Device, ...]) -> bool:
    """Tell whether an LP solution charges and discharges storage in the same step."""
    for device in devices:
        if isinstance(device, Battery | SessionStore):
            unit = block.device[device.name]
            both_kw = np.minimum(solver.get(unit.in_kw), solver.get(unit.out_kw))
            if both_kw.max() > CHEAT_KW:
                return True
    return False


def missed_kwh(solver: Solver, block: Any, devices: tuple[Device, ...]) -> float:
    """Give by how much a level, a ramp or what a vehicle wants is missed at most. [kWh]

    What a flexible load lacks has a price of its own and is nothing that is missed.
    """
    return max(
        (
            float(solver.get(block.device[device.name].miss_kwh).max())
            for device in devices
            if isinstance(device, Battery | Diesel)
            or (isinstance(device, SessionStore) and device.is_vehicle)
        ),
        default=0.0,
    )


def understated_cost(
    solver: Solver, block: Any, devices: tuple[Device, ...], step_h: float
) -> float:
    """Give by how much `private_cost` is below the true cost of the plan. [currency]

    Tangents lie below the quadratic fuel cost of a diesel: see `mmgsim.subproblems.devices.diesel`.
    """
    total = 0.0
    for device in devices:
        if isinstance(device, Diesel):
            unit = block.device[device.name]
            true_per_h = device.fuel_per_h(solver.get(unit.out_kw))
            total += step_h * float((true_per_h - solver.get(unit.fuel_per_h)).sum())
    return total


def read_schedules(solver: Solver, block: Any, declared: Disclosure) -> dict[str, DeviceSchedule]:
    """Read the planned operation of every device from a solved block."""
    schedules = {}
    for device in declared.devices:
        unit = block.device[device.name]
        expected_kw = declared.forecast_kw.get(device.name)
        is_storage = isinstance(device, Battery | SessionStore)
        schedules[device.name] = DeviceSchedule(
            out_kw=frozen(np.maximum(solver.get(unit.out_kw), 0.0)),
            in_kw=frozen(np.maximum(solver.get(unit.in_kw), 0.0)),
            expected_kw=None if expected_kw is None else frozen(expected_kw),
            energy_kwh=frozen(solver.get(unit.energy_kwh)) if is_storage else None,
        )
    return schedules
