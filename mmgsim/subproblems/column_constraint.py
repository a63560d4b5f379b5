"""Two-stage robust problems: decide now, meet the worst, make the best of it.

    ``min over x of  cost(x) + max over u in U of  min over y of  recourse(x, u, y)``

Column-and-constraint generation keeps a list of unknowns u. The first stage is solved against the
list, which gives a lower bound; an adversary finds the worst unknown for its decision, which gives
an upper one, and goes on the list. As U has finitely many vertices, and a vertex that comes twice
ends it, so does the list.

References
----------
.. [1] B. Zeng, L. Zhao, Solving two-stage robust optimization problems using a
   column-and-constraint generation method, Operations Research Letters 41(5), 2013,
   doi 10.1016/j.orl.2013.05.003.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np

from mmgsim.contracts import FloatArray, frozen

__all__ = [
    "Adversary",
    "FirstStage",
    "RobustOptimum",
    "RobustRound",
    "Trial",
    "Worst",
    "robust_optimum",
]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What the first stage decides against the unknowns it knows.

    Parameters
    ----------
    first : (decisions,) array
        The decision.
    first_cost : float
        Its own cost, without what comes later. [currency]
    bound : float
        No decision costs less at worst. [currency]
    cost : float
        What it costs in all at the worst of the unknowns that are known. [currency]
    is_best : bool
        False where it was looked for among some decisions only: that the worst of it is known says
        nothing then about others.
    is_fallback : bool
        True where no decision was found in time, and this is one that needs no search.
    """

    first: FloatArray
    first_cost: float
    bound: float
    cost: float = -np.inf
    is_best: bool = True
    is_fallback: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Worst:
    """The worst that can happen to a decision.

    Parameters
    ----------
    unknown : (unknowns,) array
        What happens.
    bound : float
        No unknown makes the best of it cost more. [currency]
    """

    unknown: FloatArray
    bound: float


class FirstStage(Protocol):
    """Decides before the unknown is known."""

    def add(self, unknown: FloatArray) -> None:
        """Put an unknown on the list that decisions are made against."""
        ...

    def solve(self) -> Trial:
        """Decide against the list."""
        ...


class Adversary(Protocol):
    """Knows the decision, and looks for the worst unknown."""

    def worst(self, first: FloatArray) -> Worst:
        """Give the worst unknown for a decision."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RobustRound:
    """Bounds after a round, and the unknown that it found."""

    lower: float
    upper: float
    unknown: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class RobustOptimum:
    """The decision that costs least at worst, as far as it was proven.

    Parameters
    ----------
    first : (decisions,) array
        The decision with the smallest upper bound.
    lower, upper : float
        Between them lies the best that can be had at worst; `first` costs `upper` at most.
        [currency]
    rounds : tuple of RobustRound
        How the bounds met.
    flags : tuple of str
        ``out_of_rounds`` or ``out_of_time`` where they did not; ``fallback`` beside it where
        `first` is a decision that needs no search, as none was found in time.
    """

    first: FloatArray
    lower: float
    upper: float
    rounds: tuple[RobustRound, ...]
    flags: tuple[str, ...] = ()

    @property
    def gap(self) -> float:
        """Upper less lower bound, relative to the upper one or to one currency unit."""
        return (self.upper - self.lower) / max(1.0, abs(self.upper))


def robust_optimum(
    first_stage: FirstStage,
    adversary: Adversary,
    *,
    start: FloatArray | None = None,
    tolerance: float = 1e-3,
    max_rounds: int = 50,
    time_limit_s: float = np.inf,
) -> RobustOptimum:
    """Solve a two-stage robust problem to a gap.

    Parameters
    ----------
    first_stage : FirstStage
        Without unknowns yet.
    adversary : Adversary
        Of the same problem.
    start : (unknowns,) array or None
        The unknown to begin with, such as the forecast; without it, the first decision is made
        against nothing, which the first stage has to bound by itself.
    tolerance : float
        Gap at which it ends, relative to the upper bound or to one currency unit.
    max_rounds : int
        After which it ends all the same.
    time_limit_s : float
        After which no round begins.

    Returns
    -------
    RobustOptimum
        Its lower bounds never fall from round to round, its upper ones never rise.
    """
    begin, lower, upper = perf_counter(), -np.inf, np.inf
    rounds: list[RobustRound] = []
    best, flags, known = Trial(np.zeros(0), 0.0, -np.inf), tuple[str, ...](), set[bytes]()
    if start is not None:
        known.add(start.tobytes())
        first_stage.add(start)
    while True:
        trial = first_stage.solve()
        lower = max(lower, trial.bound)
        worst = adversary.worst(trial.first)
        if trial.first_cost + worst.bound < upper:
            best, upper = trial, trial.first_cost + worst.bound
        rounds.append(RobustRound(min(lower, upper), upper, frozen(worst.unknown)))
        # One that is known already adds nothing: what is left is the tolerance of the solvers.
        is_over = trial.is_best and worst.unknown.tobytes() in known
        if upper - lower <= tolerance * max(1.0, abs(upper)) or is_over:
            break
        if len(rounds) == max_rounds:
            flags = ("out_of_rounds",)
            break
        if perf_counter() - begin > time_limit_s:
            flags = ("out_of_time",)
            break
        if worst.unknown.tobytes() not in known:
            known.add(worst.unknown.tobytes())
            first_stage.add(worst.unknown)
    if best.is_fallback:
        flags += ("fallback",)
    return RobustOptimum(frozen(best.first), min(lower, upper), upper, tuple(rounds), flags)
