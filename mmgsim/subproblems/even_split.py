"""Which of several equally cheap joint plans: the one that treats all microgrids alike.

An optimum says what all pay together, and often leaves open who pays how much: a solver gives any
vertex of the optimal face, by the order of its columns. Here worths are raised on that face: first
the least one as far as it goes, then the next, and so on (the lexicographic maximum of the sorted
worths). On a convex face these worths are the same whatever the order, and alike for who is alike.

One LP finds how far the least worth goes; whose row has a dual there can have no more in any
solution, and is held at it. So there are at most as many LPs as worths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.compiled import CompiledHighs

__all__ = ["Worths", "evened"]

_INFINITY = highspy.kHighsInf
# Rows hold to this here, a hundredth of what HiGHS does by itself.
_FEASIBLE = 1e-9
# Of the size of the numbers: rounding must not make a face empty. The cost was found by a solver of
# the usual tolerance, the worths by one of the finer.
_SLACK_OF_COST = 1e-7
_SLACK = 1e-8
# Duals of the rows of one LP add up to one; below this, one is the rounding of a solver.
_LEAST_DUAL = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Worths:
    """Numbers ``base - taken @ x`` of a solution ``x``, to be evened out.

    Parameters
    ----------
    taken : sparse (worths, columns) array
        Over the compiled columns.
    base : (worths,) array
        In the same unit.
    """

    taken: Any
    base: FloatArray


def evened(solver: CompiledHighs, levels: Sequence[Worths], moved: FloatArray) -> FloatArray | None:
    """Give the optimal solution whose worths are most even, level by level.

    Parameters
    ----------
    solver : CompiledHighs
        After its solve, nothing added. Integer variables are held where they are.
    levels : sequence of Worths
        The first counts before the second.
    moved : (columns,) array
        What is made small at the end, where all levels leave a choice: its weights.

    Returns
    -------
    (columns,) array or None
        None where a solver does not end optimal.
    """
    highs = _face(solver)
    for level in levels:
        if not _raise(highs, level):
            return None
    columns = np.arange(len(moved), dtype=np.int32)
    highs.changeColsCost(len(moved), columns, np.asarray(moved, dtype=np.float64))
    if not _run(highs):
        return None
    return np.array(highs.getSolution().col_value)[: len(moved)]


def _face(solver: CompiledHighs) -> Any:
    """Load all solutions that cost no more than the solver's own."""
    matrix, costs = solver.entries(), solver.costs
    x = solver.solution[: matrix.shape[1]]
    low, high = (side.copy() for side in solver.column_limits())
    low[solver.integers] = high[solver.integers] = np.round(x[solver.integers])
    most = float(costs @ x) + _SLACK_OF_COST * (1.0 + float(np.abs(costs) @ np.abs(x)))
    whole = sparse.csr_array(sparse.vstack([matrix, sparse.csr_array(costs[None, :])]))
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = whole.shape
    lp.row_lower_ = _finite(np.append(solver.row_limits[0], -np.inf))
    lp.row_upper_ = _finite(np.append(solver.row_limits[1], most))
    lp.col_lower_, lp.col_upper_ = _finite(low), _finite(high)
    lp.col_cost_ = np.zeros(len(costs))
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = whole.indptr, whole.indices
    lp.a_matrix_.value_ = whole.data
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("primal_feasibility_tolerance", _FEASIBLE)
    highs.passModel(lp)
    return highs


def _raise(highs: Any, level: Worths) -> bool:
    """Raise the least of some worths, then the next, and hold them; False where a solve fails.

    ``max least  with  least + taken @ x <= base``
    """
    first, least = int(highs.getNumRow()), int(highs.getNumCol())
    highs.addCol(-1.0, -_INFINITY, _INFINITY, 0, np.zeros(0, np.int32), np.zeros(0))
    taken = sparse.csr_array(level.taken)
    for row, base in enumerate(level.base.tolist()):
        part = slice(taken.indptr[row], taken.indptr[row + 1])
        columns = np.append(taken.indices[part], least).astype(np.int32)
        values = np.append(taken.data[part], 1.0)
        highs.addRow(-_INFINITY, base, len(columns), columns, values)
    is_open = np.ones(len(level.base), dtype=np.bool_)
    while is_open.any():
        if not _run(highs):
            return False
        solution = highs.getSolution()
        reached = solution.col_value[least]
        duals = np.abs(np.array(solution.row_dual)[first : first + len(is_open)])
        done = np.flatnonzero(is_open & (duals > _LEAST_DUAL))
        if not len(done):
            return False
        for row in done.tolist():
            base = float(level.base[row])
            slack = _SLACK * (1.0 + abs(base) + abs(reached))
            highs.changeCoeff(first + row, least, 0.0)
            highs.changeRowBounds(first + row, -_INFINITY, base - reached + slack)
        is_open[done] = False
    highs.changeColBounds(least, 0.0, 0.0)
    highs.changeColCost(least, 0.0)
    return True


def _run(highs: Any) -> bool:
    """Run from the last basis, again from scratch if that went astray."""
    highs.run()
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        highs.clearSolver()
        highs.run()
    return bool(highs.getModelStatus() == highspy.HighsModelStatus.kOptimal)


def _finite(side: FloatArray) -> FloatArray:
    return np.clip(side, -_INFINITY, _INFINITY)
