"""An LP and the conditions of its optimality as rows of another problem.

``x`` solves ``min costs @ x`` over its rows and limits if and only if there are multipliers with

    costs - matrix' @ (below - above) - low + high = 0,      all of them >= 0,

each zero wherever its limit leaves slack. "Either multiplier or slack is zero" is a binary:
``multiplier <= M * binary``, ``slack <= range * (1 - binary)``. The ranges follow from the limits
of the LP, and so do bounds of many multipliers; what has none gets the number `most_dual`, and a
solution counts only where none of these comes near it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.linear_program import LinearProgram, activity_limits, propagated
from mmgsim.subproblems.solver import Solver

__all__ = ["NEAR", "Conditions", "activities", "declare_feasible", "declare_optimal"]

# A multiplier that is this close to a bound nobody has proven may have been held back by it.
NEAR = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """The multipliers of a declared LP.

    Parameters
    ----------
    unproven : tuple of Pyomo Vars
        Those whose bound is `most_dual` and nothing better.
    most_dual : float
        That bound.
    binaries : int
        How many conditions are a choice.
    """

    unproven: tuple[Any, ...]
    most_dual: float
    binaries: int

    def reach(self, solver: Solver) -> float:
        """Give the largest share of `most_dual` that a multiplier takes in the last solution."""
        values = [float(solver.get(one)[0]) for one in self.unproven]
        return max(values, default=0.0) / self.most_dual


Ranges = tuple[FloatArray, FloatArray]
"""Between what the columns of some optimum lie."""


def declare_feasible(block: Any, program: LinearProgram, ranges: Ranges) -> None:
    """Declare the columns ``x[j]`` and the rows of an LP.

    Parameters
    ----------
    block : pyomo Block
        Where to declare.
    program : LinearProgram
        The LP.
    ranges : pair of (columns,) arrays
        Between what some optimum lies: within the limits of the LP, finite where it has none.
    """
    block.column = pyo.RangeSet(0, len(program.costs) - 1)
    bounds = [(_limit(a), _limit(b)) for a, b in zip(*ranges, strict=True)]
    block.x = pyo.Var(block.column, bounds=lambda _, j: bounds[j])
    rows = activities(program.matrix, block.x)
    sides = (program.row_low.tolist(), program.row_high.tolist())
    block.row = pyo.Constraint(
        pyo.RangeSet(0, len(rows) - 1),
        rule=lambda _, i: _between(sides[0][i], rows[i], sides[1][i]),
    )
    block.cost = pyo.Expression(expr=_linear(program.costs, block.x) + program.offset)


def declare_optimal(
    block: Any, program: LinearProgram, ranges: Ranges, *, most_dual: float
) -> Conditions:
    """Declare that the columns of `declare_feasible` are an optimum of the LP.

    Parameters
    ----------
    block : pyomo Block
        That of `declare_feasible`.
    program : LinearProgram
        As reduced: limits that never bind need no multiplier.
    ranges : pair of (columns,) arrays
        As there.
    most_dual : float
        Bound of the multipliers for which none can be derived.
    """
    pairs = _Pairs(program, ranges)
    proven = pairs.proven_limits()
    limit = np.where(np.isfinite(proven), proven, most_dual)
    count = len(limit)
    block.equation = pyo.RangeSet(0, len(pairs.equations) - 1)
    block.price = pyo.Var(block.equation)
    block.pair = pyo.RangeSet(0, count - 1)
    block.multiplier = pyo.Var(block.pair, bounds=lambda _, k: (0.0, float(limit[k])))
    block.binds = pyo.Var(block.pair, domain=pyo.Binary)
    block.dual = pyo.Constraint(
        block.pair, rule=lambda b, k: b.multiplier[k] <= float(limit[k]) * b.binds[k]
    )
    slacks = pairs.slacks(block.x)
    block.slack = pyo.Constraint(
        block.pair,
        rule=lambda b, k: slacks[k] <= float(pairs.ranges[k]) * (1 - b.binds[k]),
    )
    every = [*block.price.values(), *block.multiplier.values()]
    sums = activities(pairs.dual_matrix, every)
    block.stationary = pyo.Constraint(
        pyo.RangeSet(0, len(sums) - 1),
        rule=lambda _, i: sums[i] == float(pairs.dual_costs[i]),
    )
    unproven = tuple(block.multiplier[k] for k in range(count) if not np.isfinite(proven[k]))
    return Conditions(unproven, most_dual, count)


class _Pairs:
    """Every limit that may bind, with the multiplier that belongs to it.

    In this order: rows from below, rows from above, columns from below, columns from above.
    """

    def __init__(self, program: LinearProgram, ranges: Ranges) -> None:
        self._program = program
        low, high = program.row_low, program.row_high
        is_equation = low == high
        self.equations = np.flatnonzero(is_equation)
        self._rows = [np.flatnonzero(~is_equation & np.isfinite(side)) for side in (low, high)]
        decides = ~program.is_given & ~program.is_fixed
        self._columns = [
            np.flatnonzero(decides & binds) for binds in (program.binds_low, program.binds_high)
        ]
        self._decides = np.flatnonzero(decides)
        self.ranges = self._slack_ranges(*ranges)
        self.dual_costs = program.costs[self._decides]
        self.dual_matrix = self._dual_matrix()

    def _slack_ranges(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """Give how far from each limit anything can be."""
        program, (below, above) = self._program, self._columns
        least, most = activity_limits(program.matrix, low, high)
        ranges = np.concatenate(
            [
                most[self._rows[0]] - program.row_low[self._rows[0]],
                program.row_high[self._rows[1]] - least[self._rows[1]],
                high[below] - program.low[below],
                program.high[above] - low[above],
            ]
        )
        if not np.isfinite(ranges).all():
            raise ValueError("a limit with a multiplier has no range: bound its columns")
        return np.asarray(np.maximum(ranges, 0.0))

    def _dual_matrix(self) -> Any:
        """Give the matrix of prices and multipliers in the conditions of the columns."""
        of_rows = self._program.matrix[:, self._decides].T
        unit = sparse.eye_array(self._program.matrix.shape[1], format="csr")[self._decides]
        parts = (
            of_rows[:, self.equations],
            of_rows[:, self._rows[0]],
            -of_rows[:, self._rows[1]],
            unit[:, self._columns[0]],
            -unit[:, self._columns[1]],
        )
        return sparse.hstack(parts, format="csr")

    def proven_limits(self) -> FloatArray:
        """Give bounds of the multipliers that follow from the conditions alone."""
        prices, multipliers = len(self.equations), len(self.ranges)
        low = np.concatenate([np.full(prices, -np.inf), np.zeros(multipliers)])
        costs = (self.dual_costs, self.dual_costs)
        _, high = propagated(self.dual_matrix, costs, (low, np.full(len(low), np.inf)))
        return np.maximum(high[prices:], 0.0)

    def slacks(self, x: Any) -> list[Any]:
        """Give how far from each limit the columns of a block are."""
        program = self._program
        rows = activities(program.matrix, x)
        return [
            *(rows[i] - float(program.row_low[i]) for i in self._rows[0]),
            *(float(program.row_high[i]) - rows[i] for i in self._rows[1]),
            *(x[int(j)] - float(program.low[j]) for j in self._columns[0]),
            *(float(program.high[j]) - x[int(j)] for j in self._columns[1]),
        ]


def _limit(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _between(low: float, body: Any, high: float) -> Any:
    if low == high:
        return body == float(low)
    return pyo.inequality(_limit(low), body, _limit(high))


def _linear(entries: FloatArray, x: Any) -> Any:
    used = np.flatnonzero(entries)
    return LinearExpression(
        constant=0.0,
        linear_coefs=[float(entries[j]) for j in used],
        linear_vars=[x[int(j)] for j in used],
    )


def activities(matrix: Any, x: Any) -> list[Any]:
    """Give ``matrix @ x`` as linear expressions, one a row of a sparse matrix."""
    csr = sparse.csr_array(matrix)
    ends = zip(csr.indptr[:-1], csr.indptr[1:], strict=True)
    return [
        LinearExpression(
            constant=0.0,
            linear_coefs=csr.data[a:b].tolist(),
            linear_vars=[x[j] for j in csr.indices[a:b].tolist()],
        )
        for a, b in ends
    ]
