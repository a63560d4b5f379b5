"""AC power flow of the plans of a window, linearised where somebody looks at a step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from mmgsim.contracts import FloatArray, LinearisedStep, frozen
from mmgsim.network.feeder import Feeder
from mmgsim.network.many import linearise_many
from mmgsim.network.powerflow import FlowStatus, PowerFlow

__all__ = ["JoinedPoints", "PlannedFlow", "PlannedPoints"]

_LIMITS = frozenset({"undervoltage", "overvoltage", "line_overload", "trafo_overload"})


@dataclass(frozen=True, slots=True, eq=False)
class PlannedFlow:
    """What a plan does to the feeder in a step.

    Parameters
    ----------
    vm_pu : (buses,) array
        Voltage magnitude; NaN without supply. [pu]
    loading_percent : (lines,) array
        Current against rating; 0 where a line has no rating. [%]
    """

    vm_pu: FloatArray
    loading_percent: FloatArray


class _Points(Sequence[LinearisedStep | None]):
    """Points of a window by position; see `PlannedPoints` for what they are."""

    violations: tuple[tuple[str, ...], ...]
    broken: Mapping[int, PlannedFlow]

    def __len__(self) -> int:
        return len(self.violations)

    @overload
    def __getitem__(self, at: int) -> LinearisedStep | None: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[LinearisedStep | None, ...]: ...
    def __getitem__(
        self, at: int | slice
    ) -> LinearisedStep | tuple[LinearisedStep | None, ...] | None:
        positions = range(len(self))[at]
        if isinstance(positions, range):
            return tuple(map(self._point, positions))
        return self._point(positions)

    @abstractmethod
    def _point(self, position: int) -> LinearisedStep | None:
        """Give the point of a step."""


class PlannedPoints(_Points):
    """The network around the plans, step by step; None where the power flow does not converge.

    All steps are solved at once. Derivatives cost more and are worked out when they are asked
    for: those of all steps that break a limit together, those of any other step on its own.

    Parameters
    ----------
    feeder : Feeder
        Network, members and limits.
    solver : PowerFlow
        Of the feeder.
    background : (steps,) or (steps, profiles) array
        Profile values of the background.
    exchange_kw : (steps, members) array
        Planned, positive when power leaves the microgrid; reactive power follows at the members'
        power factors. [kW]
    members : int or None
        How many of the first members' exchanges the steps are functions of; all by default.

    Attributes
    ----------
    violations : tuple of tuple of str
        Per step the limits that the plans break: ``undervoltage``, ``overvoltage``,
        ``line_overload``, ``trafo_overload``, or ``not_converged``.
    broken : mapping of int to PlannedFlow
        What the plans do where they break a limit, by position; not where there is no solution.
    """

    def __init__(
        self,
        feeder: Feeder,
        solver: PowerFlow,
        background: FloatArray,
        exchange_kw: FloatArray,
        *,
        members: int | None = None,
    ) -> None:
        self._feeder = feeder
        self._members = len(feeder.members) if members is None else members
        self._background = background
        self._exchange_kw = exchange_kw
        self._found: dict[int, LinearisedStep | None] = {}
        flow = solver.solve(background, exchange_kw, feeder.q_kvar(exchange_kw))
        self.violations = tuple(
            (str(status),)
            if status is FlowStatus.NOT_CONVERGED
            else tuple(flag for flag in flags if flag in _LIMITS)
            for status, flags in zip(flow.status, flow.flags, strict=True)
        )
        lost = [k for k, status in enumerate(flow.status) if status is FlowStatus.NOT_CONVERGED]
        self._found.update(dict.fromkeys(lost))
        self.broken = {
            k: PlannedFlow(frozen(flow.vm_pu[k]), frozen(flow.loading_percent[k]))
            for k, flags in enumerate(self.violations)
            if flags and k not in self._found
        }

    def _point(self, position: int) -> LinearisedStep | None:
        if position not in self._found:
            broken = [k for k, f in enumerate(self.violations) if f and k not in self._found]
            self._linearise(broken if position in broken else [position])
        return self._found[position]

    def _linearise(self, positions: list[int]) -> None:
        at = np.array(positions)
        points = linearise_many(self._feeder, self._background[at], self._exchange_kw[at])
        for position, point in zip(positions, points, strict=True):
            self._found[position] = None if point is None else point.step().of_first(self._members)


class JoinedPoints(_Points):
    """Planned points of a window in which the feeder changes.

    Parameters
    ----------
    parts : sequence of (positions, PlannedPoints)
        The steps of the window that share a feeder, and their points in the same order; every
        position of the window once.

    Attributes
    ----------
    violations : tuple of tuple of str
        As of `PlannedPoints`.
    broken : mapping of int to PlannedFlow
        As of `PlannedPoints`.
    """

    def __init__(self, parts: Sequence[tuple[Sequence[int], PlannedPoints]]) -> None:
        self._at = {
            position: (points, k)
            for positions, points in parts
            for k, position in enumerate(positions)
        }
        self.violations = tuple(
            points.violations[k] for points, k in (self._at[at] for at in range(len(self._at)))
        )
        self.broken = {
            at: points.broken[k] for at, (points, k) in self._at.items() if k in points.broken
        }

    def _point(self, position: int) -> LinearisedStep | None:
        points, k = self._at[position]
        return points[k]
