"""What a microgrid owns: device declarations, what they carry from step to step, what they do.

Charge and discharge are two non-negative numbers; so are consumption and generation of any device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from types import MappingProxyType

import numpy as np

from mmgsim.contracts.operation import Operation
from mmgsim.contracts.sessions import NO_SESSIONS, SessionRule, SessionStore
from mmgsim.contracts.window import FloatArray, frozen

__all__ = [
    "Battery",
    "CarriedState",
    "Device",
    "DeviceSchedule",
    "Diesel",
    "DieselState",
    "Load",
    "Renewable",
    "RenewableKind",
    "StorageRule",
]


@dataclass(frozen=True, slots=True)
class Load:
    """Demand that is served, or shed at a price; its critical part is shed last.

    Parameters
    ----------
    name : str
        Unique within the microgrid.
    shed_price_per_kwh : float
        Value of lost load. [currency/kWh]
    critical_share : float
        Part of the demand that is critical, in [0, 1].
    critical_shed_price_per_kwh : float
        Value of lost load of that part, at least `shed_price_per_kwh`; without effect where
        nothing is critical. [currency/kWh]
    """

    name: str
    shed_price_per_kwh: float
    critical_share: float = 0.0
    critical_shed_price_per_kwh: float = 0.0

    @property
    def dearest_per_kwh(self) -> float:
        """The most that a kWh shed may cost. [currency/kWh]"""
        if not self.critical_share:
            return self.shed_price_per_kwh
        return max(self.shed_price_per_kwh, self.critical_shed_price_per_kwh)

    def shed_critical_kw(self, demand_kw: float, served_kw: float) -> float:
        """Give the critical demand that is not served: ``max(share * demand - served, 0)``. [kW]

        What is served is the critical part first.
        """
        return max(self.critical_share * demand_kw - served_kw, 0.0)

    def shed_value_per_h(self, demand_kw: float, served_kw: float) -> float:
        """Give the value of the demand that is not served. [currency/h]"""
        value = self.shed_price_per_kwh * (demand_kw - served_kw)
        if not self.critical_share:
            return value
        more_per_kwh = self.critical_shed_price_per_kwh - self.shed_price_per_kwh
        return value + more_per_kwh * self.shed_critical_kw(demand_kw, served_kw)


class RenewableKind(StrEnum):
    """Which column of the dispatch table a renewable unit belongs to."""

    PV = "pv"
    WIND = "wind"


@dataclass(frozen=True, slots=True)
class Renewable:
    """PV or wind: generates up to what is available; the rest is spilled.

    Parameters
    ----------
    name : str
        Unique within the microgrid.
    kind : RenewableKind
        PV or wind.
    rating_kw : float
        Installed power; what is available never exceeds it. [kW]
    """

    name: str
    kind: RenewableKind
    rating_kw: float


@dataclass(frozen=True, slots=True)
class Battery:
    """Storage with a power limit, an efficiency each way and a price of wear.

    Parameters
    ----------
    name : str
        Unique within the microgrid.
    energy_kwh, energy_min_kwh : float
        Most and least stored energy. [kWh]
    power_kw : float
        Limit of charge and of discharge, at the terminals. [kW]
    efficiency : float
        One way, in (0, 1]: a kWh charged stores `efficiency`, a kWh stored delivers `efficiency`.
    wear_per_kwh : float
        Price of wear per kWh discharged at the terminals. [currency/kWh]
    """

    name: str
    energy_kwh: float
    energy_min_kwh: float
    power_kw: float
    efficiency: float
    wear_per_kwh: float

    def energy_after(self, energy_kwh: float, operation: Operation, step_h: float) -> float:
        """Give the stored energy after one step of `operation`. [kWh]

        ``e' = e + (efficiency * charge - discharge / efficiency) * step``, clipped to the limits
        to take out the rounding of a solver.
        """
        after = energy_kwh + step_h * (
            self.efficiency * operation.in_kw - operation.out_kw / self.efficiency
        )
        return min(max(after, self.energy_min_kwh), self.energy_kwh)


@dataclass(frozen=True, slots=True)
class DieselState:
    """What a diesel unit carries from one step to the next.

    Parameters
    ----------
    is_on : bool
        Whether it ran.
    power_kw : float
        What it generated, 0 where it was off. [kW]
    """

    is_on: bool = False
    power_kw: float = 0.0


@dataclass(frozen=True, slots=True)
class Diesel:
    """Generator that is off, or on between two limits, with ramps and a quadratic fuel cost.

    Per hour it costs ``cost_per_kwh_kw * p^2 + cost_per_kwh * p + cost_per_h`` while it is on
    (paper 003, eq. 4), and `start_up_cost` each time it starts. It is on exactly where it
    generates: there is no idling.

    Parameters
    ----------
    name : str
        Unique within the microgrid.
    power_min_kw, power_max_kw : float
        Limits while it is on, ``0 < min <= max``. [kW]
    cost_per_kwh : float
        Part of the fuel cost that is proportional to the energy. [currency/kWh]
    cost_per_kwh_kw : float
        What each kW of output adds to the price of a kWh. [currency/(kW^2 h)]
    cost_per_h : float
        No-load cost while it is on. [currency/h]
    start_up_cost : float
        Of each start. [currency]
    ramp_kw_per_h : float
        Most change of power while it stays on; infinite where there is no limit. [kW/h]
    miss_price_per_kwh : float
        What falling faster than the ramp costs in a plan where nothing else is possible; as of
        `StorageRule`, far above any energy or shedding price. [currency/kWh]
    """

    name: str
    power_min_kw: float
    power_max_kw: float
    cost_per_kwh: float
    cost_per_kwh_kw: float = 0.0
    cost_per_h: float = 0.0
    start_up_cost: float = 0.0
    ramp_kw_per_h: float = inf
    miss_price_per_kwh: float = 1e3

    @property
    def dearest_per_kwh(self) -> float:
        """The most that a kWh may cost, at the margin or on average. [currency/kWh]"""
        at_least = float(self.fuel_per_h(self.power_min_kw)) / self.power_min_kw
        return max(self.cost_per_kwh + 2.0 * self.cost_per_kwh_kw * self.power_max_kw, at_least)

    def is_on(self, power_kw: float) -> bool:
        """Tell whether a power is that of a running unit, whatever the rounding of a solver."""
        return power_kw > 0.5 * self.power_min_kw

    def fuel_per_h(self, power_kw: FloatArray | float) -> FloatArray:
        """Give the true fuel cost at each power. [currency/h]"""
        kw = np.asarray(power_kw, dtype=np.float64)
        no_load = self.cost_per_h * (kw > 0.5 * self.power_min_kw)
        return kw * (self.cost_per_kwh + self.cost_per_kwh_kw * kw) + no_load

    def ramp_kw(self, step_h: float) -> float:
        """Give the most change of power from one step to the next while on. [kW]"""
        return min(self.ramp_kw_per_h * step_h, self.power_max_kw)

    def switch_kw(self, step_h: float) -> float:
        """Give the most power of the first step after a start, and of the last before a stop.

        ``max(min, ramp * step)``: with the ramp alone, a unit whose least power is above its ramp
        could never start nor stop. [kW]
        """
        return max(self.power_min_kw, self.ramp_kw(step_h))

    def range_kw(self, state: DieselState, step_h: float) -> tuple[float, float]:
        """Give the least and the most power of the next step if the unit is on in it. [kW]"""
        if not state.is_on:
            return self.power_min_kw, self.switch_kw(step_h)
        ramp_kw = self.ramp_kw(step_h)
        return (
            max(self.power_min_kw, state.power_kw - ramp_kw),
            min(self.power_max_kw, state.power_kw + ramp_kw),
        )

    def beyond_ramp_kw(self, state: DieselState, power_kw: float, step_h: float) -> float:
        """Give by how much the fall to a power exceeds what ramp or stop allow, 0 if not. [kW]"""
        most_kw = self.ramp_kw(step_h) if self.is_on(power_kw) else self.switch_kw(step_h)
        return max(state.power_kw - power_kw - most_kw, 0.0)

    def state_after(self, operation: Operation) -> DieselState:
        """Give the state after a step, clipped to the limits against the rounding of a solver."""
        if not self.is_on(operation.out_kw):
            return DieselState()
        power_kw = min(max(operation.out_kw, self.power_min_kw), self.power_max_kw)
        return DieselState(is_on=True, power_kw=power_kw)


Device = Load | Renewable | Battery | Diesel | SessionStore
"""Whatever a microgrid may own."""


@dataclass(frozen=True, slots=True, eq=False)
class DeviceSchedule:
    """What a device is planned to do over a window.

    Parameters
    ----------
    out_kw, in_kw : (steps,) array
        Generation or discharge; consumption or charge. [kW]
    expected_kw : (steps,) array or None
        The demand or available power that the plan reckons with. [kW]
    energy_kwh : (steps,) array or None
        Stored energy at the end of each step, for storage and sessions. [kWh]
    """

    out_kw: FloatArray
    in_kw: FloatArray
    expected_kw: FloatArray | None = None
    energy_kwh: FloatArray | None = None

    def kept(self) -> DeviceSchedule:
        """Give a copy that nobody can change."""
        return DeviceSchedule(
            out_kw=frozen(self.out_kw),
            in_kw=frozen(self.in_kw),
            expected_kw=None if self.expected_kw is None else frozen(self.expected_kw),
            energy_kwh=None if self.energy_kwh is None else frozen(self.energy_kwh),
        )

    def at(self, offset: int) -> Operation:
        """Give the operation planned for one step of the window."""
        return Operation(out_kw=float(self.out_kw[offset]), in_kw=float(self.in_kw[offset]))


@dataclass(frozen=True, slots=True, eq=False)
class StorageRule:
    """Where the energy of a storage device has to be at the end of each step of a window.

    Parameters
    ----------
    low_kwh, high_kwh : (steps,) array
        Limits of the stored energy at the end of each step; equal where a level is wanted. [kWh]
    end_value_per_kwh : float
        What a kWh left at the end of the window is worth. [currency/kWh]
    miss_price_per_kwh : float
        What missing a limit costs where nothing else is possible: far above any energy or
        shedding price, and the same for whoever solves the problem. [currency/kWh]
    is_moved : bool
        True where a wanted level was out of reach and the nearest reachable one stands instead.
    """

    low_kwh: FloatArray
    high_kwh: FloatArray
    end_value_per_kwh: float = 0.0
    miss_price_per_kwh: float = 1e3
    is_moved: bool = False


@dataclass(frozen=True, slots=True)
class CarriedState:
    """All that a microgrid's devices carry from one step to the next, in one object.

    Parameters
    ----------
    energy_kwh : mapping
        Stored energy by device name. [kWh]
    diesel : mapping
        State of every diesel unit by device name.
    session_kwh : mapping
        Energy of every store with sessions by device name: at the end of the last step, what it
        left with where it has just left, 0 where it is away. [kWh]
    """

    energy_kwh: Mapping[str, float]
    diesel: Mapping[str, DieselState] = field(default_factory=lambda: MappingProxyType({}))
    session_kwh: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def after(
        self,
        devices: tuple[Device, ...],
        operations: Mapping[str, Operation],
        step_h: float,
        sessions: Mapping[str, SessionRule] = NO_SESSIONS,
    ) -> CarriedState:
        """Give the state after one step of `operations`; the only way a state ever changes.

        Parameters
        ----------
        devices : tuple of Device
            Whose state it is.
        operations : mapping
            What each of them did, by name.
        step_h : float
            Length of the step. [h]
        sessions : mapping
            Of vehicles and flexible loads by name, over a window that begins with the step.
        """
        energy_kwh = {
            device.name: device.energy_after(
                self.energy_kwh[device.name], operations[device.name], step_h
            )
            for device in devices
            if isinstance(device, Battery)
        }
        diesel = {
            device.name: device.state_after(operations[device.name])
            for device in devices
            if isinstance(device, Diesel)
        }
        session_kwh = {
            device.name: device.energy_after(sessions[device.name], operations[device.name])
            for device in devices
            if isinstance(device, SessionStore)
        }
        return CarriedState(
            MappingProxyType(energy_kwh), MappingProxyType(diesel), MappingProxyType(session_kwh)
        )
