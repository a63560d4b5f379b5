"""Which of several equally right duals: the ones nearest to what is wanted.

Where an optimum is degenerate, as where nothing is traded, many duals prove it, and a solver gives
any of them. All are those that are complementary to one optimum: a row or column that is not at a
limit has no multiplier. Among them the nearest to a target is unique, whatever path a solver took.
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


def nearest_duals(solver: CompiledHighs, rows: IndexArray, target: FloatArray) -> FloatArray:
    """Give the duals of some rows that are nearest to a target, by least squares.

    ``min |y[rows] - target|^2`` over all ``y`` with ``costs - matrix' y`` zero for columns between
    their limits, not negative at a lower limit, not positive at an upper one, and ``y`` likewise by
    the rows. Integer variables are held where they are.

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
        If the quadratic program does not end optimal.
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
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.row_lower_, lp.row_upper_ = (_finite(side) for side in rows)
    lp.col_lower_, lp.col_upper_ = (_finite(side) for side in columns)
    costs = np.zeros(matrix.shape[1])
    costs[places] = -target
    lp.col_cost_ = costs
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data
    hessian = highspy.HighsHessian()
    hessian.dim_ = matrix.shape[1]
    hessian.format_ = highspy.HessianFormat.kTriangular
    is_aim = np.zeros(matrix.shape[1], dtype=np.int32)
    is_aim[places] = 1
    hessian.start_ = np.concatenate([[0], np.cumsum(is_aim)]).astype(np.int32)
    hessian.index_ = np.sort(places).astype(np.int32)
    hessian.value_ = np.ones(len(places))
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    # By default the point is pulled a little towards zero, and some programs are not solved then.
    highs.setOptionValue("qp_regularization_value", 0.0)
    highs.passModel(lp)
    highs.passHessian(hessian)
    highs.run()
    status = highs.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise SubproblemError("the duals", 0, highs.modelStatusToString(status))
    return np.array(highs.getSolution().col_value)[places]


def _finite(side: FloatArray) -> FloatArray:
    return np.clip(side, -_INFINITY, _INFINITY)
