"""What a microgrid owns: device declarations, what they carry from step to step, what they do.

Charge and discharge are two non-negative numbers; so are consumption and generation of any device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mmgsim.contracts.window import FloatArray

__all__ = [
    "Battery",
    "CarriedState",
    "Device",
    "DeviceSchedule",
    "Load",
    "Operation",
    "Renewable",
    "RenewableKind",
    "StorageRule",
]


@dataclass(frozen=True, slots=True)
class Load:
    """Demand that is served, or shed at a price.

    Parameters
    ----------
    name : str
        Unique within the microgrid.
    shed_price_per_kwh : float
        Value of lost load. [currency/kWh]
    """

    name: str
    shed_price_per_kwh: float


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


Device = Load | Renewable | Battery


@dataclass(frozen=True, slots=True)
class Operation:
    """What a device does in one step, at its terminals.

    Parameters
    ----------
    out_kw : float
        Generation or discharge. [kW]
    in_kw : float
        Consumption or charge. [kW]
    """

    out_kw: float = 0.0
    in_kw: float = 0.0

    @property
    def net_kw(self) -> float:
        """Generation minus consumption. [kW]"""
        return self.out_kw - self.in_kw


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
        Stored energy at the end of each step, for storage. [kWh]
    """

    out_kw: FloatArray
    in_kw: FloatArray
    expected_kw: FloatArray | None = None
    energy_kwh: FloatArray | None = None

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
    """

    energy_kwh: Mapping[str, float]

    def after(
        self, devices: tuple[Device, ...], operations: Mapping[str, Operation], step_h: float
    ) -> CarriedState:
        """Give the state after one step of `operations`; the only way a state ever changes."""
        energy_kwh = {
            device.name: device.energy_after(
                self.energy_kwh[device.name], operations[device.name], step_h
            )
            for device in devices
            if isinstance(device, Battery)
        }
        return CarriedState(energy_kwh=MappingProxyType(energy_kwh))
