"""The first stage of a two-stage problem, with a copy of the recourse for every listed unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mmgsim.contracts import FloatArray, frozen
from mmgsim.subproblems.column_constraint import Trial
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.linear_form import IndexArray
from mmgsim.subproblems.recourse import Recourse
from mmgsim.subproblems.recourse_parts import RecoursePart, parts_of

__all__ = ["ListedFirstStage"]

_NONE = np.zeros(0, dtype=np.intp)


class ListedFirstStage:
    """A Pyomo MILP that grows by a copy of the recourse for every unknown on the list.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        The first stage, whose objective is its own cost plus the variable `later`.
    first : Pyomo Var
        The decisions, in the order of the recourse.
    later : Pyomo Var
        What comes later costs no less than this.
    recourse : Recourse
        The second stage.
    stronger : callable or None
        Gives for an unknown rows that hold anyhow, and only make the first stage faster: on the
        recourse, on the decisions, and what they reach at least.
    mip_gap : float
        To which each list is solved; its bound counts.
    time_limit_s : float
        After which a list is left with its best decision, and with its bound.
    """

    def __init__(  # noqa: PLR0913  one parameter per part of the problem
        self,
        model: Any,
        *,
        first: Any,
        later: Any,
        recourse: Recourse,
        stronger: Callable[[FloatArray], tuple[Any, Any, FloatArray]] | None = None,
        mip_gap: float = 1e-6,
        time_limit_s: float = np.inf,
    ) -> None:
        self._solver = CompiledHighs(model, mip_gap=mip_gap, time_limit_s=time_limit_s)
        self._first, (self._later,) = self._solver.columns(first), self._solver.columns(later)
        self._recourse, self._stronger = recourse, stronger
        self._parts = parts_of(recourse)
        self._known: dict[tuple[int, bytes], IndexArray] = {}
        is_whole = np.isin(self._first, self._solver.integers)
        self._is_whole = is_whole

    def add(self, unknown: FloatArray) -> None:
        """Have the recourse of one more unknown be feasible, and no dearer than `later`.

        Only parts of it that no listed unknown has in common with this one get a copy.
        """
        recourse = self._recourse
        copies, new = self._copied(unknown)
        rows = np.concatenate([_NONE, *(part.rows for part in new)])
        entries = self._over_all(recourse.matrix[rows], copies) - self._over_all(
            recourse.on_first[rows], self._first
        )
        sides = (recourse.base + recourse.on_unknown @ unknown)[rows]
        highest = np.where(recourse.is_equation[rows], sides, np.inf)
        self._solver.add_rows(sides, highest, entries)
        cost = self._over_all(sparse.csr_array(recourse.costs[None, :]), copies)
        later = self._over_all(sparse.csr_array(np.ones((1, 1))), np.array([self._later]))
        self._solver.add_rows(recourse.offset, np.inf, later - cost)
        if self._stronger is not None:
            self._strengthen(unknown, new, copies)

    def _copied(self, unknown: FloatArray) -> tuple[IndexArray, list[RecoursePart]]:
        """Give the columns of an unknown's recourse, and the parts of it that are new."""
        solver, copies = self._solver, np.zeros(len(self._recourse.costs), dtype=np.int32)
        new = [p for k, p in enumerate(self._parts) if (k, p.key(unknown)) not in self._known]
        count = sum(len(part.columns) for part in new)
        added = solver.add_columns(np.zeros(count), sparse.csc_array((solver.shape[0], count)))
        for k, part in enumerate(self._parts):
            key = (k, part.key(unknown))
            if key not in self._known:
                self._known[key], added = np.split(added, [len(part.columns)])
                free = self._known[key][self._recourse.is_free[part.columns]]
                solver.limit_columns(free, -np.inf, np.inf)
            copies[part.columns] = self._known[key]
        return copies, new

    def _strengthen(self, unknown: FloatArray, new: list[RecoursePart], copies: IndexArray) -> None:
        """Add rows that hold anyhow, of the parts that are new."""
        assert self._stronger is not None
        on_recourse, on_first, least = self._stronger(unknown)
        is_new = np.zeros(len(self._recourse.costs))
        is_new[np.concatenate([_NONE, *(part.columns for part in new)])] = 1.0
        rows = np.flatnonzero(abs(on_recourse) @ is_new)
        entries = self._over_all(on_recourse[rows], copies) + self._over_all(
            on_first[rows], self._first
        )
        self._solver.add_rows(least[rows], np.inf, entries)

    def solve(self, start: FloatArray | None = None) -> Trial:
        """Decide against the list; `start` is a decision to begin with, (decisions,) array."""
        if start is not None:
            self.solve_held(start)
            self._solver.start_from(self._solver.solution)
        return self._solved(is_whole=self._is_whole)

    def solve_relaxed(self) -> Trial:
        """Decide as if nothing had to be whole, which takes a fraction of the time."""
        with self._solver.integers_relaxed():
            return self._solved(is_whole=np.zeros_like(self._is_whole))

    def solve_held(self, held: FloatArray) -> Trial:
        """Decide with some decisions held: (decisions,) array, NaN for those that are free.

        Its bound is one of the decisions that keep to these.
        """
        place = {column: i for i, column in enumerate(self._solver.integers.tolist())}
        values = np.full(len(place), np.nan)
        for column, value in zip(self._first.tolist(), held.tolist(), strict=True):
            values[place[column]] = value
        with self._solver.integers_held(values):
            return replace(self._solved(is_whole=self._is_whole), is_best=False)

    def _solved(self, *, is_whole: NDArray[np.bool_]) -> Trial:
        outcome = self._solver.solve(agent="first stage", step=0)
        solution = self._solver.solution
        first = np.where(is_whole, np.round(solution[self._first]), solution[self._first])
        cost = outcome.objective - float(solution[self._later])
        return Trial(
            first=frozen(first), first_cost=cost, bound=outcome.bound, cost=outcome.objective
        )

    def _over_all(self, matrix: Any, columns: Any) -> Any:
        """Give a matrix over some columns as one over all."""
        part = sparse.coo_array(matrix)
        shape = (part.shape[0], self._solver.shape[1])
        return sparse.csr_array((part.data, (part.row, columns[part.col])), shape=shape)
