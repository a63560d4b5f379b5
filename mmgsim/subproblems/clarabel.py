"""A Pyomo LP with curved costs in one clarabel instance: the optional solver of QPs.

An interior point method: it takes some ten steps whatever the numbers are, where the active sets of
HiGHS are walked through one by one at every solve.

References
----------
.. [1] Goulart, Chen, "Clarabel: An interior-point solver for conic programs with quadratic
   objectives", 2024, arXiv:2405.12762.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.compiled_form import CompiledForm
from mmgsim.subproblems.linear_form import IndexArray
from mmgsim.subproblems.solver import Outcome, solver_time

__all__ = ["CompiledClarabel", "has_clarabel"]

# A gap moves an exchange by the root of it over the curvature: 1e-10 at 1e-3 by less than 1e-3 kW.
_TOLERANCE = 1e-10

# Where rounding ends it before that; from scratch, and for the rest of the window.
_FURTHER_TOLERANCES = (1e-9, 1e-8)

# Almost: within 1e-4, where rounding keeps it from the tolerance.
_DONE = ("Solved", "AlmostSolved")


def has_clarabel() -> bool:
    """Tell whether the optional package is installed."""
    return find_spec("clarabel") is not None


class CompiledClarabel(CompiledForm):
    """A Pyomo LP with curved costs, compiled once and solved again and again.

    As long as only costs change, clarabel keeps its scaling and the pattern of its factors. Integer
    variables take any value between their limits. Not picklable; one instance is for one thread at
    a time.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        As for `CompiledHighs`; minimised.
    """

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        if self._form.is_maximised:
            raise ValueError("a curved problem is minimised")
        self.reset()

    def reset(self) -> None:
        """Make everything as new: numbers of the Params, curvature and solution."""
        self._forget()
        self._curvature: FloatArray = np.zeros(len(self._form.variables))
        self._is_curved_anew = False
        self._solver: Any = None

    def curve(self, columns: IndexArray, curvature: float) -> None:
        """Add ``curvature / 2 * x**2`` of some columns to the objective, in place of the last."""
        wanted = np.zeros(len(self._form.variables))
        wanted[columns] = curvature
        self._is_curved_anew = self._is_curved_anew or bool((wanted != self._curvature).any())
        self._curvature = wanted

    def solve(self, *, agent: str, step: int) -> Outcome:
        """Hand over what changed, solve, keep the solution.

        Raises
        ------
        SubproblemError
            If clarabel does not end optimal.
        """
        with solver_time.running():
            self._push()
            found = self._solver.solve()
            for tolerance in _FURTHER_TOLERANCES:
                if str(found.status) in _DONE:
                    break
                self._solver = self._load(tolerance)
                found = self._solver.solve()
        if str(found.status) not in _DONE:
            raise SubproblemError(agent, step, f"clarabel: {found.status}")
        self.solution, self._multipliers = np.array(found.x), np.array(found.z)
        offset = float(self._form.offset.values()[0])
        bound = float(found.obj_val_dual) + offset
        return Outcome.of(float(found.obj_val) + offset, bound, is_maximised=False)

    def duals(self, constraints: Iterable[Any]) -> FloatArray:
        """Give the change of the objective per unit of each right-hand side."""
        by_row = np.zeros(len(self._sides[0]))
        start = 0
        for side, sign in zip(self._sides, (-1.0, -1.0, 1.0), strict=True):
            by_row[side] += sign * self._multipliers[start : start + int(side.sum())]
            start += int(side.sum())
        return by_row[self.rows(constraints)]

    def _push(self) -> None:
        """Hand clarabel other costs alone, or everything where more than they moved."""
        if self._solver is None or self._moved - {"costs", "offset"}:
            self._solver = self._load()
        elif self._moved or self._is_curved_anew:
            curved = {"P": self._hessian()} if self._is_curved_anew else {}
            self._solver.update(q=self._form.costs.values(), **curved)
        self._moved.clear()
        self._is_curved_anew = False

    def _hessian(self) -> Any:
        return sparse.diags_array(self._curvature, format="csc")

    def _load(self, tolerance: float = _TOLERANCE) -> Any:
        """Declare ``A x + s = b``, with slacks that are zero or not negative."""
        clarabel = importlib.import_module("clarabel")
        matrix = sparse.vstack([self.entries(), sparse.eye_array(len(self._form.variables))])
        low, high = (
            np.concatenate([rows.values(), columns.values()])
            for rows, columns in zip(self._form.row_limits, self._form.column_limits, strict=True)
        )
        is_equal = low == high
        is_above, is_below = (np.isfinite(side) & ~is_equal for side in (low, high))
        self._sides = (is_equal, is_below, is_above)
        matrix = matrix.tocsr()
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.presolve_enable = False  # what it takes out could not be updated
        settings.max_threads = 1
        for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas"):
            setattr(settings, name, tolerance)
        return clarabel.DefaultSolver(
            sparse.csc_matrix(self._hessian()),
            self._form.costs.values(),
            sparse.csc_matrix(
                sparse.vstack([matrix[is_equal], matrix[is_below], -matrix[is_above]])
            ),
            np.concatenate([high[is_equal], high[is_below], -low[is_above]]),
            [
                clarabel.ZeroConeT(int(is_equal.sum())),
                clarabel.NonnegativeConeT(int(is_below.sum() + is_above.sum())),
            ],
            settings,
        )
