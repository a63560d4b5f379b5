"""A linear program as numbers: its bounds tightened, and what never binds left out.

``min costs @ x`` subject to ``row_low <= matrix @ x <= row_high``, ``low <= x <= high``. Some
columns may be given by somebody else: they have limits here, and no say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mmgsim.contracts import FloatArray

__all__ = ["LinearProgram", "activity_limits", "propagated"]

BoolArray = NDArray[np.bool_]

# What rounding may put between a limit and the same limit derived in another way, relative.
_ROUNDING = 1e-9

# Bounds creep on for ever in some loops of rows; what is not found by then hardly matters.
_PASSES = 10


@dataclass(frozen=True, slots=True, eq=False)
class LinearProgram:
    """The numbers of an LP.

    Parameters
    ----------
    costs : (columns,) array
        Of the objective.
    offset : float
        Of the objective.
    matrix : sparse (rows, columns) array
        By row.
    row_low, row_high : (rows,) arrays
        Limits, infinite where there is none.
    low, high : (columns,) arrays
        Likewise.
    is_given : (columns,) array of bool
        Columns that somebody else decides.
    binds_low, binds_high : (columns,) array of bool
        Whether a limit of a column says something that rows and other limits do not.
    """

    costs: FloatArray
    offset: float
    matrix: Any
    row_low: FloatArray
    row_high: FloatArray
    low: FloatArray
    high: FloatArray
    is_given: BoolArray
    binds_low: BoolArray
    binds_high: BoolArray

    @classmethod
    def of(
        cls,
        costs: FloatArray,
        offset: float,
        matrix: Any,
        *,
        rows: tuple[FloatArray, FloatArray],
        columns: tuple[FloatArray, FloatArray],
        given: BoolArray,
    ) -> LinearProgram:
        """Give a program in which every finite limit of a column may bind."""
        low, high = (np.array(side, dtype=np.float64) for side in columns)
        entries = sparse.csr_array(matrix)
        entries.eliminate_zeros()
        return cls(
            costs=costs,
            offset=offset,
            matrix=entries,
            row_low=np.array(rows[0], dtype=np.float64),
            row_high=np.array(rows[1], dtype=np.float64),
            low=low,
            high=high,
            is_given=given,
            binds_low=np.isfinite(low),
            binds_high=np.isfinite(high),
        )

    @property
    def is_fixed(self) -> BoolArray:
        """Columns whose limits leave them nothing to decide."""
        fixed: BoolArray = self.high - self.low <= _slack(self.low)
        return fixed

    def reduced(self) -> LinearProgram:
        """Give the program without what never binds; its columns and its optima are the same.

        Rows about one column become limits of it; rows that hold wherever the limits hold are
        dropped; a column in no row stands at the limit that costs less; a limit of a column that
        follows from a row and the limits that are left is marked as one that does not bind.
        """
        program = self
        while True:
            before = (program.matrix.shape[0], int(program.is_fixed.sum()))
            program = program._without_singletons()._without_idle_rows()._with_idle_columns_fixed()
            if (program.matrix.shape[0], int(program.is_fixed.sum())) == before:
                return program._without_implied_limits()

    def _kept(self, rows: BoolArray) -> LinearProgram:
        return replace(
            self,
            matrix=sparse.csr_array(self.matrix[np.flatnonzero(rows)]),
            row_low=self.row_low[rows],
            row_high=self.row_high[rows],
        )

    def _without_singletons(self) -> LinearProgram:
        """Make limits of a column of every row about it alone; fixed columns are numbers."""
        is_free = ~self.is_fixed
        at = np.where(is_free, 0.0, self.low)
        constant = self.matrix @ at
        counts = (abs(self.matrix) > 0.0).astype(np.float64) @ is_free.astype(np.float64)
        single = counts == 1.0
        low, high = self.low.copy(), self.high.copy()
        places = self.matrix.tocoo()
        for row, column, entry in zip(places.row, places.col, places.data, strict=True):
            if not (single[row] and is_free[column] and entry):
                continue
            if self.is_given[column]:
                single[row] = False  # not a limit of the one who solves this program
                continue
            ends = np.sort(
                [(side[row] - constant[row]) / entry for side in (self.row_low, self.row_high)]
            )
            low[column], high[column] = max(low[column], ends[0]), min(high[column], ends[1])
        # What is left of nothing but rounding is a point.
        high = np.maximum(high, np.where(high - low > -_slack(low), low, high))
        kept = self._kept(~single)
        return replace(
            kept,
            low=low,
            high=high,
            binds_low=np.isfinite(low) & ~self.is_given,
            binds_high=np.isfinite(high) & ~self.is_given,
        )

    def _without_idle_rows(self) -> LinearProgram:
        least, most = activity_limits(self.matrix, self.low, self.high)
        row_low = np.where(least >= self.row_low - _slack(self.row_low), -np.inf, self.row_low)
        row_high = np.where(most <= self.row_high + _slack(self.row_high), np.inf, self.row_high)
        # Of an equation both sides stay: one of them may be idle only where all is fixed.
        is_equation = self.row_low == self.row_high
        is_idle = np.isinf(row_low) & np.isinf(row_high)
        both = is_equation & ~is_idle
        row_low, row_high = (
            np.where(both, given, side)
            for given, side in ((self.row_low, row_low), (self.row_high, row_high))
        )
        return replace(self, row_low=row_low, row_high=row_high)._kept(~is_idle)

    def _with_idle_columns_fixed(self) -> LinearProgram:
        used = np.asarray(abs(self.matrix).sum(axis=0)).ravel() > 0.0
        idle = ~used & ~self.is_given
        high = np.where(idle & (self.costs > 0.0) & np.isfinite(self.low), self.low, self.high)
        low = np.where(idle & (self.costs < 0.0) & np.isfinite(self.high), self.high, self.low)
        return replace(self, low=low, high=high)

    def _without_implied_limits(self) -> LinearProgram:
        """Mark limits of columns that follow from one row and the limits that are not yet marked.

        One after the other, so that no two limits are left out because of each other.
        """
        low, high = self.low.copy(), self.high.copy()
        by_column = self.matrix.tocsc()
        indptr, indices, entries = self.matrix.indptr, self.matrix.indices, self.matrix.data
        for column in np.flatnonzero(~self.is_given & ~self.is_fixed):
            for row in by_column.indices[by_column.indptr[column] : by_column.indptr[column + 1]]:
                part = slice(indptr[row], indptr[row + 1])
                least, most = _implied(
                    (entries[part], indices[part]),
                    int(column),
                    (low, high),
                    (self.row_low[row], self.row_high[row]),
                )
                if least >= low[column] - _ROUNDING * (1.0 + abs(low[column])):
                    low[column] = -np.inf
                if most <= high[column] + _ROUNDING * (1.0 + abs(high[column])):
                    high[column] = np.inf
        return replace(
            self,
            binds_low=self.binds_low & np.isfinite(low),
            binds_high=self.binds_high & np.isfinite(high),
        )


def _slack(values: FloatArray) -> FloatArray:
    finite = np.where(np.isfinite(values), np.abs(values), 0.0)
    slack: FloatArray = _ROUNDING * (1.0 + finite)
    return slack


def _implied(
    row: tuple[FloatArray, Any],
    column: int,
    limits: tuple[FloatArray, FloatArray],
    sides: tuple[float, float],
) -> tuple[float, float]:
    """Give the limits that one row and the other columns' limits set to a column."""
    entries, columns = row
    others = columns != column
    own = float(entries[~others].sum())
    if not own:
        return -np.inf, np.inf
    a, low, high = entries[others], limits[0][columns[others]], limits[1][columns[others]]
    least = float(np.where(a > 0.0, a * low, a * high).sum())
    most = float(np.where(a > 0.0, a * high, a * low).sum())
    ends = ((sides[0] - most) / own, (sides[1] - least) / own)
    return (min(ends), max(ends))


def activity_limits(
    matrix: Any, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Give what ``matrix @ x`` lies between where ``low <= x <= high``: (rows,) arrays."""
    places, rows = matrix.tocoo(), matrix.shape[0]
    is_up = places.data > 0.0
    ends = (np.where(up, low[places.col], high[places.col]) for up in (is_up, ~is_up))
    least, most = (np.bincount(places.row, places.data * end, rows) for end in ends)
    return np.asarray(least, np.float64), np.asarray(most, np.float64)


def propagated(
    matrix: Any, rows: tuple[FloatArray, FloatArray], columns: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Give limits of columns that follow from rows and limits: never wider, never wrong.

    Parameters
    ----------
    matrix : sparse (rows, columns) array
        The rows.
    rows, columns : pairs of arrays
        Lower and upper limits.
    """
    places, shape = matrix.tocoo(), matrix.shape
    nonzero = places.data != 0.0
    row, column, entry = places.row[nonzero], places.col[nonzero], places.data[nonzero]
    low, high = (np.array(side, dtype=np.float64) for side in columns)
    for _ in range(_PASSES):
        before = (low.copy(), high.copy())
        up = entry > 0.0
        least = entry * np.where(up, low[column], high[column])
        most = entry * np.where(up, high[column], low[column])
        others_least = _without_own(least, row, shape[0], -np.inf)
        others_most = _without_own(most, row, shape[0], np.inf)
        ends = ((rows[0][row] - others_most) / entry, (rows[1][row] - others_least) / entry)
        np.maximum.at(low, column, np.where(up, ends[0], ends[1]))
        np.minimum.at(high, column, np.where(up, ends[1], ends[0]))
        if np.array_equal(before[0], low) and np.array_equal(before[1], high):
            break
    return low, high


def _without_own(parts: FloatArray, row: Any, rows: int, unknown: float) -> FloatArray:
    """Give for every entry the sum of the others of its row, `unknown` where one is infinite."""
    is_open = np.isinf(parts)
    finite = np.where(is_open, 0.0, parts)
    total = np.bincount(row, finite, rows)[row] - finite
    open_others = np.bincount(row, is_open, rows)[row] - is_open
    return np.where(open_others > 0, unknown, total)
