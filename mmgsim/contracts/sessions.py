"""Stores that are there for a while: vehicles that are plugged in, load that may be moved in time.

A *session* is a span of steps in which power may flow into a store, and out of it where it may
discharge. The store begins it with some energy and should hold a wanted energy at its end. A
flexible load is such a store without discharge: it begins empty and wants what is to be served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from mmgsim.contracts.operation import Operation
from mmgsim.contracts.window import FloatArray

__all__ = ["NO_SESSIONS", "Session", "SessionKind", "SessionRule", "SessionStore"]


class SessionKind(StrEnum):
    """What a store with sessions is, and which columns of the dispatch table it belongs to."""

    VEHICLE = "ev"
    LOAD = "flexible"


@dataclass(frozen=True, slots=True)
class Session:
    """When a store is there, and with which energy.

    Parameters
    ----------
    first_step, stop_step : int
        The first step of it, and the first one after it, in steps of the run.
    arrives_kwh : float
        Stored energy at its beginning. [kWh]
    wanted_kwh : float
        Stored energy wanted at its end. [kWh]
    """

    first_step: int
    stop_step: int
    arrives_kwh: float
    wanted_kwh: float

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.stop_step - self.first_step

    def short_kwh(self, charged_kwh: float) -> float:
        """Give what lacks at its end after full charge, 0 if nothing does. [kWh]

        ``wanted - arrives - steps * charged``, where that is positive.

        Parameters
        ----------
        charged_kwh : float
            What full power stores in a step. [kWh]
        """
        return max(self.wanted_kwh - self.arrives_kwh - self.steps * charged_kwh, 0.0)


@dataclass(frozen=True, slots=True)
class SessionStore:
    """A vehicle, or a flexible load: storage in sessions.

    Parameters
    ----------
    name : str
        Unique within the microgrid.
    kind : SessionKind
        A vehicle misses what it wants only where nothing else is possible; a flexible load is left
        unserved where that is cheaper.
    energy_kwh, energy_min_kwh : float
        Most stored energy, and what a vehicle that came with more is not discharged below. [kWh]
    charge_kw, discharge_kw : float
        Limits of charge and discharge at the terminals; 0 for no discharge. [kW]
    efficiency : float
        One way, in (0, 1]: a kWh charged stores `efficiency`, a kWh stored delivers `efficiency`.
    wear_per_kwh : float
        Price of wear per kWh discharged at the terminals. [currency/kWh]
    missing_per_kwh : float
        What each kWh that lacks at the end of a session costs. [currency/kWh]
    """

    name: str
    kind: SessionKind
    energy_kwh: float
    charge_kw: float
    energy_min_kwh: float = 0.0
    discharge_kw: float = 0.0
    efficiency: float = 1.0
    wear_per_kwh: float = 0.0
    missing_per_kwh: float = 10.0

    @property
    def is_vehicle(self) -> bool:
        """True for a vehicle, False for a flexible load."""
        return self.kind is SessionKind.VEHICLE

    @property
    def power_kw(self) -> float:
        """The most that it draws or gives out. [kW]"""
        return max(self.charge_kw, self.discharge_kw)

    def charged_kwh(self, steps: int, step_h: float) -> float:
        """Give what full power stores in some steps. [kWh]"""
        return steps * step_h * self.efficiency * self.charge_kw

    def floor_kwh(self, session: Session) -> float:
        """Give what it is not discharged below in a session: no more than it came with. [kWh]"""
        return min(self.energy_min_kwh, session.arrives_kwh)

    def stored_kwh(self, rule: SessionRule, in_kw: FloatArray, out_kw: FloatArray) -> FloatArray:
        """Give the energy at the end of each step, before it leaves: (steps,). [kWh]

        ``e' = e + (efficiency * in - out / efficiency) * step``; zero while it is away.
        """
        change_kwh = rule.step_h * (self.efficiency * in_kw - out_kw / self.efficiency)
        stored_kwh, energy_kwh = np.zeros(len(in_kw)), 0.0
        for step, change in enumerate(change_kwh):
            energy_kwh += rule.arrives_kwh[step] + change
            stored_kwh[step] = energy_kwh
            if rule.is_leaving[step]:
                energy_kwh = 0.0
        return stored_kwh

    def energy_after(self, rule: SessionRule, operation: Operation) -> float:
        """Give the energy at the end of the first step of a window, zero where it is away. [kWh]

        Clipped to the limits to take out the rounding of a solver.
        """
        if not rule.is_plugged[0]:
            return 0.0
        after = float(rule.arrives_kwh[0]) + rule.step_h * (
            self.efficiency * operation.in_kw - operation.out_kw / self.efficiency
        )
        return min(max(after, float(rule.floor_kwh[0])), self.energy_kwh)

    def limits_kw(self, rule: SessionRule) -> tuple[float, float, float]:
        """Give what it may do in the first step of a window, as net power, generation positive.

        Returns
        -------
        float
            The least: full charge, or until it is full. [kW]
        float
            The most at which what is due can still be reached; negative where it has to charge.
            [kW]
        float
            The most that is possible: that, or standing still. [kW]
        """
        if not rule.is_plugged[0]:
            return 0.0, 0.0, 0.0
        now_kwh, gain, step_h = float(rule.arrives_kwh[0]), self.efficiency, rule.step_h
        room_kw = max(self.energy_kwh - now_kwh, 0.0) / (gain * step_h)
        least_kw = -min(room_kw, self.charge_kw)
        spare_kwh = now_kwh - float(rule.least_kwh[0])
        if spare_kwh < 0.0:
            return least_kw, max(spare_kwh / (gain * step_h), least_kw), 0.0
        most_kw = min(spare_kwh * gain / step_h, self.discharge_kw)
        return least_kw, most_kw, most_kw


@dataclass(frozen=True, slots=True, eq=False)
class SessionRule:
    """The sessions of one store over a window: when it is there and what it has to hold.

    Parameters
    ----------
    step_h : float
        Length of a step. [h]
    is_plugged, is_leaving : (steps,) array
        1 where it is there, and where its session ends with the step; 0 elsewhere.
    arrives_kwh : (steps,) array
        What it holds when a session begins with the step; in the first step what it holds already.
        [kWh]
    floor_kwh : (steps,) array
        What it is not discharged below. [kWh]
    least_kwh : (steps,) array
        The least energy at the end of each step from which full power still reaches what is
        wanted, or as much of it as can be reached at all; never below the floor. [kWh]
    wanted_kwh : (steps,) array
        What is wanted where it leaves, reachable or not; zero elsewhere. [kWh]
    miss_price_per_kwh : float
        What missing a kWh costs a plan. [currency/kWh]
    """

    step_h: float
    is_plugged: FloatArray
    is_leaving: FloatArray
    arrives_kwh: FloatArray
    floor_kwh: FloatArray
    least_kwh: FloatArray
    wanted_kwh: FloatArray
    miss_price_per_kwh: float

    def arrays(self) -> tuple[FloatArray, ...]:
        """Give all that varies over the window, for checks."""
        return (
            self.is_plugged,
            self.is_leaving,
            self.arrives_kwh,
            self.floor_kwh,
            self.least_kwh,
            self.wanted_kwh,
        )

    def due_kwh(self) -> FloatArray:
        """Give what a plan has to reach: where it leaves, and at the end of the window. [kWh]

        What a session needs that goes on beyond the window is the least that lets it still be
        reached: a rolling run then misses nothing that a look at the whole session would reach.
        """
        is_due = self.is_leaving > 0.0
        is_due[-1] = True
        return np.where(is_due, self.least_kwh, self.floor_kwh)

    def missing_kwh(self, energy_kwh: FloatArray | float) -> FloatArray:
        """Give what lacks where it leaves, with an energy at the end of each step. [kWh]

        A single number is that at the end of the first step.
        """
        energies = np.atleast_1d(np.asarray(energy_kwh, dtype=np.float64))
        steps = len(energies)
        lacking = np.maximum(self.wanted_kwh[:steps] - energies, 0.0)
        return self.is_leaving[:steps] * lacking

    def lacking_kwh(self, energy_kwh: FloatArray | None) -> float:
        """Give what a plan lacks of what it could have reached. [kWh]

        Without energies, all of it.
        """
        stored_kwh = 0.0 if energy_kwh is None else energy_kwh
        return float(np.maximum(self.due_kwh() - stored_kwh, 0.0).sum())


NO_SESSIONS: Mapping[str, SessionRule] = MappingProxyType({})
"""Of a microgrid without vehicles and flexible loads."""
