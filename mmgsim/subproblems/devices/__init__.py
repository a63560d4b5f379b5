"""One Pyomo block for each kind of device.

Every block gives the same names, on which the rest of the problem is built:

- ``out_kw[t]``, ``in_kw[t]``: generation or discharge, consumption or charge [kW];
- ``cost``: private cost over the window, end-of-window terms included [currency];
- ``energy_kwh[t]``: stored energy at the end of each step, for storage and sessions only [kWh];
- ``miss_kwh[t]``, ``miss_cost``: what lacks to a wanted level, for storage and sessions, and what
  falls faster than the ramp, for diesel, only [kWh], [currency]. What a flexible load lacks is a
  part of ``cost``.

A new kind of device is a dataclass in `mmgsim.contracts.devices`, its keys in
`mmgsim.scenario.schema`, a module here and a line in `KINDS`; what it does when reality differs
from the plan is in `mmgsim.subproblems.realise`, what it must keep in `promises`, its costs in
`mmgsim.settlement.operations`, its column in `mmgsim.engine.recorder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mmgsim.contracts import Battery, Diesel, Load, Renewable, SessionStore
from mmgsim.subproblems.devices.battery import declare_battery, update_battery
from mmgsim.subproblems.devices.diesel import declare_diesel, update_diesel
from mmgsim.subproblems.devices.inputs import DeviceInputs, Horizon
from mmgsim.subproblems.devices.load import declare_load, update_load
from mmgsim.subproblems.devices.renewable import declare_renewable, update_renewable
from mmgsim.subproblems.devices.sessions import declare_sessions, update_sessions
from mmgsim.subproblems.solver import Solver

__all__ = ["KINDS", "DeviceInputs", "DeviceKind", "Horizon"]


@dataclass(frozen=True, slots=True)
class DeviceKind:
    """How a kind of device enters a problem: its block, and the numbers that change in it."""

    declare: Callable[[Any, Any, Horizon], None]
    update: Callable[[Solver, Any, Any, DeviceInputs], None]


KINDS: Mapping[type, DeviceKind] = MappingProxyType(
    {
        Load: DeviceKind(declare_load, update_load),
        Renewable: DeviceKind(declare_renewable, update_renewable),
        Battery: DeviceKind(declare_battery, update_battery),
        Diesel: DeviceKind(declare_diesel, update_diesel),
        SessionStore: DeviceKind(declare_sessions, update_sessions),
    }
)
