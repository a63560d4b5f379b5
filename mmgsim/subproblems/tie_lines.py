"""Tie lines in the joint problem: two flows a line, one each way, with what is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import FloatArray, TieLine, frozen
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.solver import Solver

__all__ = ["declare_ties", "is_circling", "leaving_kw", "read_sent_kw", "tie_capacity_kw"]

# Below this, sending both ways at once is the rounding of a solver. [kW]
CIRCLE_KW = 1e-6


def declare_ties(block: Any, ties: Sequence[TieLine], horizon: Horizon) -> None:
    """Declare ``0 <= sent_kw[line, end, t] <= limit``; exclusive, a line sends one way at a time.

    A flow both ways at once only burns energy, which pays where prices are negative.
    """
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.line = pyo.RangeSet(0, len(ties) - 1)
    block.sent_kw = pyo.Var(
        block.line,
        pyo.RangeSet(0, 1),
        block.time,
        bounds=lambda _, line, *__: (0.0, ties[line].limit_kw),
    )
    if horizon.is_exclusive:
        block.is_back = pyo.Var(block.line, block.time, domain=pyo.Binary)
        block.forth_only = pyo.Constraint(
            block.line,
            block.time,
            rule=lambda b, i, t: b.sent_kw[i, 0, t] <= ties[i].limit_kw * (1 - b.is_back[i, t]),
        )
        block.back_only = pyo.Constraint(
            block.line,
            block.time,
            rule=lambda b, i, t: b.sent_kw[i, 1, t] <= ties[i].limit_kw * b.is_back[i, t],
        )


def leaving_kw(block: Any, ties: Sequence[TieLine], name: str) -> dict[int, Any] | None:
    """Give what a microgrid sends less what it receives, by step; None where no line ends. [kW]"""
    ends = [(i, tie.between.index(name)) for i, tie in enumerate(ties) if name in tie.between]
    if not ends:
        return None
    return {
        t: pyo.quicksum(
            block.sent_kw[i, end, t] - (1.0 - ties[i].loss_share) * block.sent_kw[i, 1 - end, t]
            for i, end in ends
        )
        for t in block.time
    }


def is_circling(solver: Solver, block: Any, ties: Sequence[TieLine]) -> bool:
    """Tell whether a lossy line sends both ways at once; without losses it can be netted."""
    both_kw = _sent_kw(solver, block, ties).min(axis=1)
    return any(
        tie.loss_share > 0.0 and both.max() > CIRCLE_KW
        for tie, both in zip(ties, both_kw, strict=True)
    )


def read_sent_kw(
    solver: Solver, block: Any, ties: Sequence[TieLine]
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Give what the first and the second end of each line send, by its name. [kW]

    Of lines without losses only the difference: what goes round changes nothing.
    """
    sent = _sent_kw(solver, block, ties)
    for tie, both in zip(ties, sent, strict=True):
        if tie.loss_share == 0.0:
            both -= both.min(axis=0)
    return {
        tie.name: (frozen(both[0]), frozen(both[1])) for tie, both in zip(ties, sent, strict=True)
    }


def _sent_kw(solver: Solver, block: Any, ties: Sequence[TieLine]) -> FloatArray:
    sent_kw = np.maximum(solver.get(block.sent_kw), 0.0)
    return np.asarray(sent_kw).reshape(len(ties), 2, -1)


def tie_capacity_kw(ties: Sequence[TieLine], name: str) -> float:
    """Give the most that all lines of a microgrid together take or bring. [kW]"""
    return sum(tie.limit_kw for tie in ties if name in tie.between)
