"""A first stage that meets what it can foresee before it is asked for the worst.

Most of the time of a two-stage problem goes into its first stage, whose MILP grows with every
unknown on the list. Three things keep it from being solved for decisions that are easily broken:

- before anything has to be whole, the list is filled with the unknowns that the relaxed problem
  finds, LP by LP;
- every MILP but the first begins with the best decision so far;
- after each MILP bad unknowns are looked for by alternating, and the decision is mended against
  them: what it opened stays open, and what else has to be opened is a small MILP.

Neither takes anything from the bounds: the lower one is that of the whole first stage against a
list of possible unknowns, the upper one is left to whoever finds the worst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.alternating import Alternating
from mmgsim.subproblems.column_constraint import Trial
from mmgsim.subproblems.listed_stage import ListedFirstStage

__all__ = ["SettlingStage"]

# Mending goes on while it finds new unknowns, but no longer than this.
_MENDINGS = 8
_RELAXED_ROUNDS = 20


class SettlingStage:
    """Fills the list of a first stage, and mends its decisions.

    Parameters
    ----------
    stage : ListedFirstStage
        All of whose decisions are binary, and with nothing on its list.
    alternating : Alternating
        Of the same problem.
    tolerance : float
        What an unknown has to cost more than is known to count, relative.
    fallbacks : callable
        Gives decisions that need no search, with what they cost by themselves. They are asked for
        when the time is up and there is no other.
    """

    def __init__(
        self,
        stage: ListedFirstStage,
        alternating: Alternating,
        *,
        tolerance: float,
        fallbacks: Callable[[], Sequence[tuple[FloatArray, float]]],
    ) -> None:
        self._stage, self._alternating, self._tolerance = stage, alternating, tolerance
        self._list: list[FloatArray] = []
        self._fallbacks = fallbacks
        self._settled: list[Trial] = []
        self._lower = -np.inf
        self._is_filled = False

    def add(self, unknown: FloatArray) -> None:
        """Put an unknown on the list, once."""
        if not self._knows(unknown):
            self._list.append(unknown)
            self._stage.add(unknown)

    def solve(self) -> Trial:
        """Decide against the list, and mend the decision."""
        if not self._is_filled:
            self._fill()
            self._is_filled = True
        mended: Trial | None = None
        try:
            mended = self._stage.solve(self._best_known())
            self._lower = max(self._lower, mended.bound)
            for _ in range(_MENDINGS):
                if not self._finds_worse(mended):
                    break
                mended = self._stage.solve_held(np.where(mended.first > 0.5, 1.0, np.nan))
        except SubproblemError as error:
            if not error.is_out_of_time:
                raise
        if mended is None:
            return self._at_hand()
        self._settled.append(mended)
        return replace(mended, bound=self._lower)

    def _at_hand(self) -> Trial:
        """Give the best of the decisions that need no search, with the bound that is known."""
        known = [(trial.first, trial.first_cost, False) for trial in self._settled]
        others = [(first, cost, True) for first, cost in self._fallbacks()]
        trials = [
            Trial(
                first,
                cost,
                bound=self._lower,
                cost=cost + self._alternating.worst(first, self._list).bound,
                is_best=False,
                is_fallback=is_fallback,
            )
            for first, cost, is_fallback in (*known, *others)
        ]
        return min(trials, key=lambda trial: trial.cost)

    def _best_known(self) -> FloatArray | None:
        """Give the decision so far that costs least at the worst of the list."""
        best: Trial | None = None
        self._settled.sort(key=lambda trial: trial.cost)
        for place, one in enumerate(self._settled):
            # A longer list makes no decision cheaper, so that what follows cannot be better.
            if best is not None and one.cost >= best.cost:
                break
            again = self._settled[place] = self._stage.solve_held(one.first)
            if best is None or again.cost < best.cost:
                best = again
        return None if best is None else best.first

    def _fill(self) -> None:
        for _ in range(_RELAXED_ROUNDS):
            trial = self._stage.solve_relaxed()
            self._lower = max(self._lower, trial.bound)
            if not self._finds_worse(trial):
                return

    def _finds_worse(self, trial: Trial) -> bool:
        """Tell whether an unknown was found and listed that costs more than a decision reckons."""
        found = self._alternating.worst(trial.first, self._list)
        cost = trial.first_cost + found.bound
        if self._knows(found.unknown):
            return False
        if cost <= trial.cost + self._tolerance * max(1.0, abs(cost)):
            return False
        self.add(found.unknown)
        return True

    def _knows(self, unknown: FloatArray) -> bool:
        return any(np.array_equal(unknown, one) for one in self._list)
