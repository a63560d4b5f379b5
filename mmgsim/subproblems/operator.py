"""The DNO's problem: the least cut of connection limits that keeps the network's limits.

Around an AC point, voltages and currents are linear in the microgrids' exchanges. Every exchange
between a microgrid's limits ``[low, high]`` must keep every voltage and current within its limit;
as the rows are linear, the worst exchange of each row is a corner of the box, known from the signs
of its coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, LimitKind, LinearisedStep
from mmgsim.subproblems.solver import PyomoHighs

__all__ = ["LimitBlock", "LimitRows", "least_cut", "limit_blocks", "limit_rows"]

# A row that no cut can keep is broken by as little as possible: breaking a whole row (100 % of its
# limit) weighs as much as cutting this much. [kW] So a cut has to relieve a row by 1e-6 of its
# limit per kW; a microgrid with a weaker hold on the row is left alone.
BREAK_WEIGHT_KW = 1e6
_TOLERANCE = 1e-9
_KEPT = 1e-7  # what the solver itself may leave of a row


@dataclass(frozen=True, slots=True, eq=False)
class LimitRows:
    """Rows ``coefficient @ exchange_kw <= room``, scaled so that 1 is the whole limit.

    Parameters
    ----------
    coefficient : (rows, members) array
        Share of the limit per kW.
    room : (rows,) array
        Share of the limit that is left at zero exchange.
    """

    coefficient: FloatArray
    room: FloatArray

    def kept_at_zero(self) -> LimitRows:
        """Give the rows that zero exchange keeps: no cut of a connection can mend the others."""
        kept = self.room >= 0.0
        return LimitRows(self.coefficient[kept], self.room[kept])

    @classmethod
    def joined(cls, parts: Sequence[LimitRows]) -> LimitRows:
        """Put rows one after the other: all of them have to hold."""
        return cls(
            np.concatenate([part.coefficient for part in parts]),
            np.concatenate([part.room for part in parts]),
        )

    def worst(self, low_kw: FloatArray, high_kw: FloatArray) -> FloatArray:
        """Give how far each row is broken in the worst corner of the box; <= 0 where kept."""
        up = np.maximum(self.coefficient, 0.0)
        down = np.minimum(self.coefficient, 0.0)
        return np.asarray(up @ high_kw + down @ low_kw - self.room, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class LimitBlock:
    """All limits of one kind around an AC point.

    Parameters
    ----------
    kind : LimitKind
        Of the limits.
    element : (rows,) int array
        Position of each limit's bus, or branch, in the point.
    per_kw : (rows, members) array
        How fast each exchange takes up room. [pu/kW] or [kA/kW]
    room : (rows,) array
        What is left at the point, negative where the limit is broken. [pu] or [kA]
    limit : (rows,) array or float
        [pu] or [kA]
    """

    kind: LimitKind
    element: NDArray[np.intp]
    per_kw: FloatArray
    room: FloatArray
    limit: FloatArray | float


def limit_blocks(point: LinearisedStep) -> tuple[LimitBlock, ...]:
    """Give the limits of voltages and currents around an AC point; unrated branches have none."""
    rated = np.flatnonzero(np.isfinite(point.current_max_ka))
    buses, voltage_pu = np.arange(len(point.voltage_pu)), point.voltage_pu
    high_pu, low_pu = point.voltage_max_pu, point.voltage_min_pu
    most_ka, slope = point.current_max_ka[rated], point.voltage_per_kw
    room_ka = most_ka - point.current_ka[rated]
    return (
        LimitBlock(LimitKind.VOLTAGE_MAX, buses, slope, high_pu - voltage_pu, high_pu),
        LimitBlock(LimitKind.VOLTAGE_MIN, buses, -slope, voltage_pu - low_pu, low_pu),
        LimitBlock(LimitKind.CURRENT, rated, point.current_per_kw[rated], room_ka, most_ka),
    )


def limit_rows(point: LinearisedStep) -> LimitRows:
    """Give the voltage and current limits around an AC point as rows.

    ``V + dV/dp (p - p0) <= V_max``, ``>= V_min`` and ``-I_max <= I + dI/dp (p - p0) <= I_max``;
    a linear current below zero stands for a flow that has turned round.
    """
    high, low, current = limit_blocks(point)
    turned = replace(current, per_kw=-current.per_kw, room=2.0 * current.limit - current.room)
    coefficients, rooms = [], []
    for block in (high, low, current, turned):
        coefficients.append(block.per_kw / np.reshape(block.limit, (-1, 1)))
        rooms.append((block.room + block.per_kw @ point.exchange_kw) / block.limit)
    coefficient, room = np.concatenate(coefficients), np.concatenate(rooms)
    known = np.isfinite(room) & np.isfinite(coefficient).all(axis=1)
    return LimitRows(coefficient=coefficient[known], room=room[known])


def least_cut(
    rows: LimitRows, low_kw: FloatArray, high_kw: FloatArray, *, least_share: float, step: int
) -> tuple[FloatArray, FloatArray]:
    """Give the largest limits ``[low, high]`` whose every exchange keeps every row.

    ``min sum(raise) + sum(lower)`` over ``low + raise`` and ``high - lower``, each cut by at most
    ``1 - least_share``. A row that cannot be kept is broken as little as possible; cuts that
    relieve it by less than 1e-6 of its limit per kW are not made.

    Parameters
    ----------
    rows : LimitRows
        Of one step.
    low_kw, high_kw : (members,) array
        Limits before the cut, ``low <= 0 <= high``. [kW]
    least_share : float
        Part of each limit that is never cut.
    step : int
        For messages.
    """
    worst = rows.worst(low_kw, high_kw)
    if least_share >= 1.0 or not (worst > _TOLERANCE).any():
        return low_kw, high_kw
    # Rows that the uncut box keeps are kept by every smaller one, and most of the others by what
    # keeps the worst of them: a row joins the problem when the solution without it breaks it.
    most_kw = (-low_kw * (1.0 - least_share), high_kw * (1.0 - least_share))
    chosen: list[int] = []
    low, high = low_kw, high_kw
    while worst.max() > (_KEPT if chosen else _TOLERANCE):
        chosen.append(int(worst.argmax()))
        part = LimitRows(rows.coefficient[chosen], rows.room[chosen])
        raised, lowered = _solve(_build(part, low_kw, high_kw), most_kw, step)
        low, high = np.minimum(low_kw + raised, 0.0), np.maximum(high_kw - lowered, 0.0)
        worst = rows.worst(low, high)
        worst[chosen] = -np.inf
    return low, high


def _solve(
    model: Any, most_kw: tuple[FloatArray, FloatArray], step: int
) -> tuple[FloatArray, FloatArray]:
    """Give how far the limits of every microgrid are raised and lowered, at most by so much."""
    for member in model.members:
        model.raise_kw[member].setub(most_kw[0][member])
        model.lower_kw[member].setub(most_kw[1][member])
    PyomoHighs(model).solve(agent="the DNO", step=step)
    raised = np.array([pyo.value(model.raise_kw[m]) for m in model.members])
    lowered = np.array([pyo.value(model.lower_kw[m]) for m in model.members])
    return raised, lowered


def _build(rows: LimitRows, low_kw: FloatArray, high_kw: FloatArray) -> Any:
    model = pyo.ConcreteModel()
    model.members = pyo.RangeSet(0, len(low_kw) - 1)
    model.rows = pyo.RangeSet(0, len(rows.room) - 1)
    model.raise_kw = pyo.Var(model.members, domain=pyo.NonNegativeReals)
    model.lower_kw = pyo.Var(model.members, domain=pyo.NonNegativeReals)
    model.broken = pyo.Var(model.rows, domain=pyo.NonNegativeReals)

    def keep(m: Any, row: int) -> Any:
        worst = pyo.quicksum(
            slope * (high_kw[i] - m.lower_kw[i])
            if slope > 0
            else slope * (low_kw[i] + m.raise_kw[i])
            for i, slope in enumerate(rows.coefficient[row].tolist())
        )
        return worst - m.broken[row] <= float(rows.room[row])

    model.keep = pyo.Constraint(model.rows, rule=keep)
    model.total = pyo.Objective(
        expr=pyo.quicksum(model.raise_kw[i] + model.lower_kw[i] for i in model.members)
        + BREAK_WEIGHT_KW * pyo.quicksum(model.broken[row] for row in model.rows)
    )
    return model
