"""What a power flow gives, and the contract of whatever computes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mmgsim.contracts import FloatArray, frozen

__all__ = ["Flow", "FlowStatus", "PowerFlow", "join_flows"]


class FlowStatus(StrEnum):
    """How a point ended; if several apply, the last of them in this order.

    OK: solved and within limits. VIOLATIONS: solved, limits broken. UNSUPPLIED: somebody is cut
    off. NOT_CONVERGED: no solution at the full exchanges; what is given, if anything, belongs to
    smaller ones.
    """

    OK = "ok"
    VIOLATIONS = "violations"
    UNSUPPLIED = "unsupplied"
    NOT_CONVERGED = "not_converged"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Flow:
    """Results of a power flow at several points; the first axis of every array is `points`.

    Flags: ``undervoltage``, ``overvoltage``, ``line_overload``, ``trafo_overload``, ``emergency``
    (below 0.8 pu, near collapse), ``unsupplied:NAME`` (a microgrid on a bus without supply),
    ``relaxed:0.7`` (solved with loads and exchanges at 0.7), ``collapse`` (not even at 0.1).

    Parameters
    ----------
    status : tuple of FlowStatus
        One per point.
    flags : tuple of tuple of str
        What was out of the ordinary, per point.
    vm_pu : (points, buses) array
        Voltage magnitude; NaN without supply. [pu]
    p_kw, q_kvar : (points, buses) array
        Net consumption of the bus, as pandapower counts it; 0 without supply. [kW], [kvar]
    loading_percent : (points, lines) array
        Current against rating; 0 where a line has no rating. [%]
    i_ka : (points, lines) array
        The larger of the currents at both ends. [kA]
    p_from_kw, line_loss_kw : (points, lines) array
        Power into the line at its first bus; loss in it. [kW]
    trafo_loading_percent : (points, trafos) array
        Two-winding transformers, then three-winding ones. [%]
    exchange_kw : (points, members) array
        What really passes each connection point. [kW]
    loss_kw : (points,) array
        All losses: slack and other injections minus consumption (shunts consume). [kW]
    slack_p_kw, slack_q_kvar : (points,) array
        Drawn from the upstream grid, negative when fed back. [kW], [kvar]
    unserved_kw : (points,) array
        Consumption that was asked for and not served: background loads, charging storages of the
        case and microgrids' imports. [kW]
    served_share : (points,) array
        Served part of that consumption, 1 if none was asked for.
    """

    status: tuple[FlowStatus, ...]
    flags: tuple[tuple[str, ...], ...]
    vm_pu: FloatArray
    p_kw: FloatArray
    q_kvar: FloatArray
    loading_percent: FloatArray
    i_ka: FloatArray
    p_from_kw: FloatArray
    line_loss_kw: FloatArray
    trafo_loading_percent: FloatArray
    exchange_kw: FloatArray
    loss_kw: FloatArray
    slack_p_kw: FloatArray
    slack_q_kvar: FloatArray
    unserved_kw: FloatArray
    served_share: FloatArray

    @property
    def vm_min_pu(self) -> FloatArray:
        """Lowest voltage of each point; NaN if no bus is supplied. [pu]"""
        return _reduced(np.where(np.isnan(self.vm_pu), np.inf, self.vm_pu).min(axis=1))

    @property
    def vm_max_pu(self) -> FloatArray:
        """Highest voltage of each point; NaN if no bus is supplied. [pu]"""
        return _reduced(np.where(np.isnan(self.vm_pu), -np.inf, self.vm_pu).max(axis=1))

    @property
    def loading_max_percent(self) -> FloatArray:
        """Highest loading of a line or transformer, of each point. [%]"""
        loading = np.concatenate([self.loading_percent, self.trafo_loading_percent], axis=1)
        return frozen(loading.max(axis=1, initial=0.0))


def _reduced(extreme: FloatArray) -> FloatArray:
    return frozen(np.where(np.isfinite(extreme), extreme, np.nan))


def join_flows(flows: Sequence[Flow]) -> Flow:
    """Put flows of the same feeder one after the other, along the axis `points`.

    Raises
    ------
    ValueError
        If there is nothing to join.
    """
    joined: dict[str, Any] = {}
    for field in fields(Flow):
        parts = [getattr(flow, field.name) for flow in flows]
        if field.name in ("status", "flags"):
            joined[field.name] = tuple(entry for part in parts for entry in part)
        else:
            joined[field.name] = frozen(np.concatenate(parts))
    return Flow(**joined)


@runtime_checkable
class PowerFlow(Protocol):
    """Whatever computes AC power flows of a feeder, many points at once."""

    def solve(self, background: FloatArray, exchange_kw: FloatArray, q_kvar: FloatArray) -> Flow:
        """Solve every point on its own; never raise because of the physics.

        Parameters
        ----------
        background : (points,) or (points, profiles) array
            Profile values: what the background's loads are multiplied with; one a profile where
            its elements follow profiles of their own (`Feeder.follows`).
        exchange_kw, q_kvar : (points, members) array
            Positive when power leaves the microgrid. [kW], [kvar]

        Raises
        ------
        ValueError
            If the shapes do not fit or a number is not finite.
        """
        ...
