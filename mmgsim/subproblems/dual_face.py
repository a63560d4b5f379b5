"""Which of several equally right duals: the ones nearest to what is wanted.

Where an optimum is degenerate, as where nothing is traded, many duals prove it, and a solver gives
any of them. All are those that are complementary to one optimum: a row or column that is not at a
limit has no multiplier. The nearest of them to a target is found by one more LP, whatever path the
first solver took. Distances are absolute ones: HiGHS's quadratic solver does not end on some of
these programs. Each weighs a little more than the last, so that no two points are equally near.
"""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.linear_form import IndexArray

__all__ = ["nearest_duals"]

# Of a limit: nearer than this, a solver's point is at it.
_AT_LIMIT = 1e-7
_INFINITY = highspy.kHighsInf
# The last distance weighs so much more than the first.
_HEAVIER = 0.01


def nearest_duals(solver: CompiledHighs, rows: IndexArray, target: FloatArray) -> FloatArray:
    """Give the duals of some rows that are nearest to a target.

    ``min sum_k weight_k |y[rows_k] - target_k|`` over all ``y`` with ``costs - matrix' y`` zero for
    columns between their limits, not negative at a lower limit, not positive at an upper one, and
    ``y`` likewise by the rows. Integer variables are held where they are.

    Parameters
    ----------
    solver : CompiledHighs
        After its solve.
    rows : (duals,) array
        Positions of the rows.
    target : (duals,) array
        In the units of the duals.

    Raises
    ------
    SubproblemError
        If the LP of the duals does not end optimal.
    """
    matrix = solver.entries()
    x = solver.solution[: matrix.shape[1]]
    least, most = _signs(np.asarray(matrix @ x), *solver.row_limits)
    is_column = np.ones(matrix.shape[1], dtype=np.bool_)
    is_column[solver.integers] = False
    # A reduced cost may have the signs that a multiplier of the limit itself has.
    low, high = _signs(x, *solver.column_limits())
    columns = matrix.T.tocsr()[np.flatnonzero(is_column)]
    costs = solver.costs[is_column]
    used = np.flatnonzero((least < most) | np.isin(np.arange(len(least)), rows))
    return _solved(
        columns[:, used],
        rows=(costs - high[is_column], costs - low[is_column]),
        columns=(least[used], most[used]),
        aims=(np.searchsorted(used, rows).astype(np.int32), target),
    )


def _signs(at: FloatArray, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give the least and the most that the multiplier of each limited number can be."""
    is_low, is_high = (
        np.isfinite(side) & (np.abs(at - np.where(np.isfinite(side), side, 0.0)) <= _room(side))
        for side in (low, high)
    )
    return np.where(is_high, -np.inf, 0.0), np.where(is_low, np.inf, 0.0)


def _room(side: FloatArray) -> FloatArray:
    room: FloatArray = _AT_LIMIT * (1.0 + np.where(np.isfinite(side), np.abs(side), 0.0))
    return room


def _solved(
    matrix: sparse.csr_array,
    *,
    rows: tuple[FloatArray, FloatArray],
    columns: tuple[FloatArray, FloatArray],
    aims: tuple[IndexArray, FloatArray],
) -> FloatArray:
    """Give the aimed-at columns of the point nearest to what is aimed at."""
    places, target = aims
    count = len(target)
    picks = sparse.csr_array(
        (np.ones(count), (np.arange(count), places)), shape=(count, matrix.shape[1])
    )
    apart = sparse.eye_array(count, format="csr")
    nothing = np.full(count, np.inf)
    lp = highspy.HighsLp()
    # ``y - distance <= target <= y + distance``
    whole = sparse.csr_array(
        sparse.block_array([[matrix, None], [picks, -apart], [picks, apart]], format="csr")
    )
    lp.num_row_, lp.num_col_ = whole.shape
    lp.row_lower_ = _finite(np.concatenate([rows[0], -nothing, target]))
    lp.row_upper_ = _finite(np.concatenate([rows[1], target, nothing]))
    lp.col_lower_ = _finite(np.concatenate([columns[0], np.zeros(count)]))
    lp.col_upper_ = _finite(np.concatenate([columns[1], nothing]))
    weights = 1.0 + _HEAVIER * np.arange(count) / count
    lp.col_cost_ = np.concatenate([np.zeros(matrix.shape[1]), weights])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = whole.indptr, whole.indices
    lp.a_matrix_.value_ = whole.data
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.passModel(lp)
    highs.run()
    status = highs.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise SubproblemError("the duals", 0, highs.modelStatusToString(status))
    return np.array(highs.getSolution().col_value)[places]


def _finite(side: FloatArray) -> FloatArray:
    return np.clip(side, -_INFINITY, _INFINITY)
