"""A minimiser for the few sizes of one block: descent along axes, from where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.profiles import stream
from mmgsim.sizing.problem import Best, Problem

__all__ = ["Minimiser", "descend"]

Minimiser = Callable[[Problem, int], Best]
"""Finds the best vector of a problem; the number is a seed. May begin at the sizes in `at`."""

_FIRST = 0.25
"""First step, of the range of each size."""
_PARTS: Final = (1.0, 0.5, 0.25, 0.125)
"""Of the step that are tried along each axis; where none is better, the step becomes the last."""
_FINE = 0.01
"""Least step that is tried to the end. [kW], [kWh]"""
_DRAWN = 8
"""Points looked at before, a free size."""
_ASKEW = 4
"""Steps in directions of chance, a free size."""
_NOISE = 1e-12
"""Of a cost: what sums of a year differ by for no other reason than rounding."""


def descend(problem: Problem, seed: int = 0) -> Best:
    """Find the least cost near the best of where sizes are and some points drawn from the whole.

    A pattern search [1]_: all steps along all axes and some in directions of chance, for valleys
    that run askew, are judged at once, then sums of the best ones, the last move again, and both.
    Costs over a year are nearly smooth in sizes; a minimum that is found is one along every axis,
    to steps of a hundredth of a kW.

    Parameters
    ----------
    problem : Problem
        Begins at the sizes in `at`, if they are within limits, else at the nearest that are.
    seed : int
        Of the points that are drawn.

    References
    ----------
    .. [1] T. G. Kolda, R. M. Lewis, V. Torczon, "Optimization by direct search", SIAM Review 45,
       2003, doi:10.1137/S003614450242889.
    """
    low, high = problem.low, problem.high
    if not len(low):
        return Best(low, float(problem.costs(low[None])[0]))
    rng = stream(seed, "sizing", "descent")
    drawn = rng.uniform(low, high, (_DRAWN * len(low), len(low)))
    found = _best_of(problem, np.vstack([np.clip(problem.at[problem.is_free], low, high), drawn]))
    step, last = _FIRST * (high - low), np.zeros(len(low))
    while step.max() > _FINE:
        better = _around(
            problem, found, step, last, rng.standard_normal((_ASKEW * len(low), len(low)))
        )
        if better.cost < found.cost - _NOISE * abs(found.cost):
            last, found = better.vector - found.vector, better
        else:
            step = step * _PARTS[-1]
    return found


def _around(
    problem: Problem, found: Best, step: FloatArray, last: FloatArray, askew: FloatArray
) -> Best:
    """Give the best of what steps along axes and askew lead to, and what their sums do."""
    axes = np.arange(len(step))
    parts = np.array([sign * part for part in _PARTS for sign in (1.0, -1.0)])
    moves = parts[:, None, None] * np.diag(step)
    steps = np.vstack([moves.reshape(-1, len(step)), askew * step])
    along = np.clip(found.vector + steps, problem.low, problem.high)
    costs = problem.costs(along)
    by_axis = costs[: -len(askew)].reshape(len(parts), len(step))
    best = by_axis.argmin(axis=0)
    gains = by_axis[best, axes] < found.cost
    together = np.where(gains, parts[best] * step, 0.0)
    sums = [together * part for part in (2.0, 1.0, 0.5, 1.0 / len(step))]
    again = [last * part for part in (4.0, 2.0, 1.0)]
    both = [last + together * part for part in (1.0, 0.5)]
    beyond = np.clip(found.vector + np.array([*sums, *again, *both]), problem.low, problem.high)
    at = int(costs.argmin())
    further = _best_of(problem, beyond)
    return further if further.cost < costs[at] else Best(along[at], float(costs[at]))


def _best_of(problem: Problem, vectors: FloatArray) -> Best:
    costs = problem.costs(vectors)
    at = int(costs.argmin())
    return Best(vectors[at], float(costs[at]))
