"""Prices that are uncertain together: the worst of an ellipsoid, by tangents on a hot problem.

    lambda = mean + L zeta,  ||zeta||_2 <= radius
    max over lambda of lambda @ x  =  mean @ x + radius ||L^T x||_2

[1]_, with the transpose that paper 000 leaves out in (22): for an L that is not symmetric
``||L x||_2`` is another number, and for one that is not square none at all. HiGHS knows no cones,
so that the norm is a column ``q`` with the tangents

    q >= (L L^T x') @ x / ||L^T x'||_2

at the solutions ``x'``, until it lacks no more than 1e-6 of the norm. A tangent is true for every
``x``, with binaries too, and stays while L does.

References
----------
.. [1] A. Ben-Tal, A. Nemirovski, Robust solutions of uncertain linear programs, Operations Research
   Letters 25(1), 1999, doi 10.1016/S0167-6377(99)00016-4.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from mmgsim.contracts import FloatArray, frozen
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.solver import Outcome

__all__ = ["Ellipsoid", "NormHighs"]

log = logging.getLogger(__name__)

# What a norm may lack, as a share of itself, or of one where it is less than that.
LACKING = 1e-6

# A day with storage takes 3 to 9 solves; far more are a sign that the LP cannot tell any better.
MOST_SOLVES = 100


@dataclass(frozen=True, slots=True, eq=False)
class Ellipsoid:
    """Deviations ``L zeta`` with ``||zeta||_2 <= radius``.

    Parameters
    ----------
    shape : (quantities, directions) array
        L; square or not.
    radius : float
        Not below zero.
    """

    shape: FloatArray
    radius: float

    def __post_init__(self) -> None:
        """Refuse what is no ellipsoid."""
        if self.shape.ndim != 2 or not np.isfinite(self.shape).all():
            raise ValueError("the shape of an ellipsoid is a finite (quantities, directions) array")
        if not 0.0 <= self.radius < np.inf:
            raise ValueError(f"the radius of an ellipsoid is a number from 0, not {self.radius:g}")

    @classmethod
    def of_samples(cls, samples: ArrayLike, radius: float) -> Ellipsoid:
        """Give the ellipsoid of the covariance of samples; the radius counts standard deviations.

        With a column for every sample, ``L L^T`` is their covariance, so that nothing has to be
        taken apart.

        Parameters
        ----------
        samples : (samples, quantities) array
            Equally likely.
        radius : float
            The worst total is this many standard deviations of the total from its mean.
        """
        values = np.asarray(samples, dtype=float)
        apart = (values - values.mean(axis=0)).T / np.sqrt(len(values))
        return cls(frozen(apart), radius)

    def norm(self, x: ArrayLike) -> float:
        """Give ``||L^T x||_2``."""
        return float(np.linalg.norm(self.shape.T @ np.asarray(x)))

    def worst(self, x: ArrayLike) -> FloatArray:
        """Give the deviation that makes ``deviation @ x`` largest; zero where none counts."""
        along = self.shape.T @ np.asarray(x)
        size = float(np.linalg.norm(along))
        return np.zeros(len(self.shape)) if size == 0.0 else self.radius * self.shape @ along / size


class NormHighs(CompiledHighs):
    """A compiled problem with ``q = ||L^T x||_2`` in its objective.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        Minimised; `norm` has a weight that is not below zero.
    norm : pyomo Var
        ``q``, from 0.
    exposed : indexed pyomo Var
        ``x``.
    time_limit_s : float
        See `CompiledHighs`.
    """

    def __init__(self, model: Any, norm: Any, exposed: Any, *, time_limit_s: float) -> None:
        self._shape_of_norm: FloatArray | None = None
        super().__init__(model, time_limit_s=time_limit_s)
        self._norm = self.columns(norm)
        self._exposed = self.columns(exposed)

    def set_shape(self, shape: FloatArray) -> None:
        """Write L; the tangents of another one are dropped."""
        if self._shape_of_norm is None or not np.array_equal(self._shape_of_norm, shape):
            self.drop_added()
            self._shape_of_norm = shape

    def solve(self, *, agent: str, step: int, explains: bool = True) -> Outcome:
        """Solve, add the tangent where the norm lacks something, and solve again.

        The objective is that of the solution with its true norm, the bound that of the last
        problem with tangents.

        Raises
        ------
        SubproblemError
            If HiGHS does not end optimal.
        """
        for _ in range(MOST_SOLVES):
            outcome = super().solve(agent=agent, step=step, explains=explains)
            weight = float(self.costs[self._norm[0]])
            if self._shape_of_norm is None or weight == 0.0:
                return outcome
            along = self._shape_of_norm.T @ self.solution[self._exposed]
            size = float(np.linalg.norm(along))
            lacking = size - float(self.solution[self._norm[0]])
            if lacking <= LACKING * max(1.0, size):
                break
            self._add_tangent(self._shape_of_norm @ along / size)
        else:
            log.warning("%s at step %d: the price risk lacks %.2g", agent, step, lacking)
        more = weight * max(lacking, 0.0)
        return Outcome.of(outcome.objective + more, outcome.bound, is_maximised=False)

    def _add_tangent(self, slope: FloatArray) -> None:
        columns = np.concatenate([self._norm, self._exposed])
        entries = np.concatenate([[1.0], -slope])
        row = (entries, (np.zeros(len(columns), dtype=int), columns))
        self.add_rows(0.0, np.inf, sparse.csr_array(row, shape=(1, self.shape[1])))

    def reset(self) -> None:
        """Make everything as new: the tangents are gone too."""
        super().reset()
        self._shape_of_norm = None
