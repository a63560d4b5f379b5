"""What a device block needs to be built, and what changes between solves."""

from __future__ import annotations

from dataclasses import dataclass

from mmgsim.contracts import DieselState, FloatArray, SessionRule, StorageRule

__all__ = ["DeviceInputs", "Horizon"]


@dataclass(frozen=True, slots=True)
class Horizon:
    """Size of a problem.

    Parameters
    ----------
    steps : int
        Steps of the window.
    step_h : float
        Length of one step. [h]
    is_exclusive : bool
        True to forbid by binaries what an LP may use to cheat: charging and discharging, or
        importing and exporting, in the same step.
    """

    steps: int
    step_h: float
    is_exclusive: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class DeviceInputs:
    """The numbers of one device over one window.

    Parameters
    ----------
    forecast_kw : (steps,) array or None
        Demand or available power. [kW]
    energy_start_kwh : float
        Stored energy before the first step, for storage. [kWh]
    rule : StorageRule or None
        Where the stored energy has to be, for storage.
    diesel : DieselState or None
        What a diesel unit did before the first step.
    sessions : SessionRule or None
        When a vehicle or a flexible load is there, and what it has to hold.
    """

    forecast_kw: FloatArray | None = None
    energy_start_kwh: float = 0.0
    rule: StorageRule | None = None
    diesel: DieselState | None = None
    sessions: SessionRule | None = None
