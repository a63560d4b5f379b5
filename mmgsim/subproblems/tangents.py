"""Half squares in a hot LP, from below, by tangents that are added where its solutions lie.

    h_t >= a x_t - a**2 / 2        for every ``a``, equal at ``x_t = a``

so that with ``h`` in the objective, at a weight above zero, each LP is a lower bound of the problem
with ``x_t**2 / 2`` in its place, and its solution is feasible there. With weight ``w`` both differ
by ``w * sum_t (x_t**2 / 2 - h_t)`` at most, and as that problem curves by ``w``, its optimum ``x*``
is no further away than

    sum_t (x_t - x*_t)**2 <= 2 * sum_t (x_t**2 / 2 - h_t).

A square does not hang on prices, points or weights, so that what was learnt of it stays: later
problems near the last one take few LPs. LPs are all that is ever solved.

HiGHS holds rows to an absolute tolerance, 1e-7, and squares of large numbers no better than their
last digits. Both are counted in a unit, ``x / unit`` and ``h`` with it, in which no value is much
above 1e3: a tangent is missed by 5e-4 of a unit then, and no number of its row is above 1e6.

References
----------
.. [1] Kelley, "The cutting-plane method for solving convex programs", Journal of the Society for
   Industrial and Applied Mathematics 8 (1960), doi:10.1137/0108053.
"""

from __future__ import annotations

import logging

import numpy as np
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.linear_form import IndexArray

__all__ = ["Tangents", "unit_of"]

log = logging.getLogger(__name__)

# Root mean square, over the columns, of how far a solution is from the optimum at most, in units;
# and over the largest value, where that is more: HiGHS keeps slopes and rows to no better.
NEAR, NEAR_SHARE = 1e-3, 1e-5

# Units that a value may have at most, roughly: a square of more has too few digits left.
MOST_UNITS = 1e3

# Every solve halves at least what is left between two tangents, from 1e3 to 1e-3 units by 20 of
# them; those of a window do not all come to rest at once.
MOST_SOLVES = 60

# Tangents a column: with more of them at the end of a solve, those are dropped that are furthest
# from binding, until half as many are left.
MOST_TANGENTS = 16


class Tangents:
    """Half squares of some columns.

    Parameters
    ----------
    solver : CompiledHighs
        Of an LP, with no other rows added to it.
    columns : (squares,) array
        Positions of ``x``, which have limits on both sides.
    half_squares : (squares,) array
        Positions of ``h``, not negative, in units of ``x`` squared.
    """

    def __init__(
        self, solver: CompiledHighs, columns: IndexArray, half_squares: IndexArray
    ) -> None:
        self._solver, self._columns, self._half_squares = solver, columns, half_squares
        self._first_row = solver.shape[0]
        self._unit = 1.0
        self.forget()

    def forget(self) -> None:
        """Know of no tangent: the solver was reset."""
        self._at: FloatArray = np.zeros(0)
        self._of: IndexArray = np.zeros(0, dtype=np.int32)

    def solve(self, near: FloatArray, *, agent: str, step: int, unit: float = 1.0) -> None:
        """Solve until the half squares are what they are called.

        Parameters
        ----------
        near : (squares,) array
            Values of ``x`` to begin at while there are no tangents.
        agent, step
            As for `CompiledHighs.solve`.
        unit : float
            Of ``x``; see `unit_of`. What was learnt in another one is dropped.

        Raises
        ------
        SubproblemError
            If an LP does not end optimal, even without what was learnt.
        """
        if unit != self._unit:
            self._clear()
            self._unit = unit
        try:
            self._solve(near, agent, step)
        except SubproblemError as error:
            log.info("%s; solved again without the tangents of earlier questions", error)
            self._clear()
            self._solve(near, agent, step)
        if len(self._at) > MOST_TANGENTS * len(near):
            self._drop()

    def _solve(self, near: FloatArray, agent: str, step: int) -> None:
        if not len(self._at):
            self._add(np.arange(len(near), dtype=np.int32), near / self._unit)
        for _ in range(MOST_SOLVES):
            self._solver.solve(agent=agent, step=step)
            x, missing = self._found()
            enough = max(NEAR, NEAR_SHARE * float(np.abs(x).max())) ** 2 / 2.0
            if missing.mean() <= enough:
                break
            short = np.flatnonzero(missing > enough).astype(np.int32)
            # Halfway to the two tangents that meet there, if it is where two of them meet.
            aside = np.sqrt(missing[short] / 2.0)
            self._add(
                np.tile(short, 3), np.concatenate([x[short], x[short] - aside, x[short] + aside])
            )
        else:
            log.warning(
                "%s at step %d: an answer is up to %.2g kW from the nearest one in the root mean "
                "square, as LPs do not tell squares apart any better",
                agent,
                step,
                self._unit * np.sqrt(2.0 * missing.mean()),
            )

    def _found(self) -> tuple[FloatArray, FloatArray]:
        """Give ``x`` and by how much its half squares are missed, in units."""
        x = self._solver.solution[self._columns] / self._unit
        return x, x**2 / 2.0 - self._solver.solution[self._half_squares]

    def _add(self, of: IndexArray, at: FloatArray) -> None:
        pairs = np.column_stack([np.ones(len(of)), -at / self._unit])
        columns = np.column_stack([self._half_squares[of], self._columns[of]])
        entries = sparse.csr_array(
            (pairs.ravel(), columns.ravel(), np.arange(0, pairs.size + 1, 2)),
            shape=(len(of), self._solver.shape[1]),
        )
        self._solver.add_rows(-(at**2) / 2.0, np.inf, entries)
        self._at, self._of = np.concatenate([self._at, at]), np.concatenate([self._of, of])

    def _clear(self) -> None:
        """Take out all tangents."""
        self._solver.drop_rows(self._first_row + np.arange(len(self._at), dtype=np.int32))
        self.forget()

    def _drop(self) -> None:
        """Take out those that are furthest from binding."""
        x, missing = self._found()
        # At x, a half square is above its tangent at a by (x - a)**2 / 2.
        slack = (x[self._of] - self._at) ** 2 / 2.0 - missing[self._of]
        gone = np.sort(np.argsort(slack, kind="stable")[MOST_TANGENTS * len(x) // 2 :])
        self._solver.drop_rows((self._first_row + gone).astype(np.int32))
        self._at, self._of = np.delete(self._at, gone), np.delete(self._of, gone)


def unit_of(size: float) -> float:
    """Give the unit in which to count values of this size at most: 1, 10, 100 and so on."""
    return float(10.0 ** max(np.ceil(np.log10(max(size, 1.0) / MOST_UNITS)), 0.0))
