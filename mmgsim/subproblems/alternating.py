"""A bad unknown found fast: multipliers for an unknown, the worst unknown for multipliers, again.

The best recourse costs ``max over pi of rhs(x, u) @ pi``. With u held that is an LP, with pi held
the worst u takes the deviations that cost most. Each step costs no less than the one before, so it
ends; where it ends need not be the worst. It bounds nothing from above.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.adversary import BudgetSet, RecourseCost
from mmgsim.subproblems.column_constraint import Worst
from mmgsim.subproblems.recourse import Recourse

__all__ = ["Alternating"]

# What a step has to gain to count, relative: more than the rounding of an LP.
_GAIN = 1e-8


class Alternating:
    """Looks for bad unknowns of a budgeted set.

    Parameters
    ----------
    recourse : Recourse
        The second stage.
    unknowns : BudgetSet
        What may happen.
    """

    def __init__(self, recourse: Recourse, unknowns: BudgetSet) -> None:
        self._cost, self._recourse, self._set = RecourseCost(recourse), recourse, unknowns

    def worst(self, first: FloatArray, starts: Sequence[FloatArray]) -> Worst:
        """Give the worst unknown that is reached from any start.

        Its `bound` is what it costs, which the true worst costs at least.
        """
        ends = [self._climbed(first, start) for start in starts]
        return max(ends, key=lambda end: end.bound)

    def _climbed(self, first: FloatArray, unknown: FloatArray) -> Worst:
        cost = self._cost.at(first, unknown)
        while True:
            worth = self._recourse.on_unknown.T @ self._cost.multipliers()
            further = self._dearest(worth)
            next_cost = self._cost.at(first, further)
            if next_cost <= cost + _GAIN * (1.0 + abs(cost)):
                return Worst(unknown, cost)
            unknown, cost = further, next_cost

    def _dearest(self, worth: FloatArray) -> FloatArray:
        """Give the unknown that costs most where a unit of each has a given worth."""
        gain, deviation = self._set.spread * worth, np.zeros(len(worth))
        for group, (whole, rest) in enumerate(zip(self._set.whole, self._set.rest, strict=True)):
            own = np.flatnonzero((self._set.group == group) & (gain > 0.0))
            order = own[np.argsort(-gain[own], kind="stable")]
            deviation[order[:whole]] = 1.0
            deviation[order[whole : whole + 1]] = rest
        return self._set.at(deviation)
