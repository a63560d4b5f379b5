"""How bad the bad end of uncertain costs is on average.

References
----------
.. [1] R. T. Rockafellar, S. Uryasev, Optimization of conditional value-at-risk, Journal of Risk
   2(3), 2000, doi 10.21314/JOR.2000.038.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Risk", "tail_mean"]


@dataclass(frozen=True, slots=True)
class Risk:
    """What a cost that is not certain is judged by: ``(1 - weight) mean + weight tail mean``.

    Parameters
    ----------
    weight : float
        Of the tail mean, from 0 to 1.
    level : float
        Share of the courses that are not in the tail, from 0 to below 1: 0.9 is the mean of the
        dearest tenth.
    """

    weight: float = 0.0
    level: float = 0.9

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0.0 <= self.weight <= 1.0:
            raise ValueError(f"the weight of the tail is from 0 to 1, not {self.weight:g}")
        if not 0.0 <= self.level < 1.0:
            raise ValueError(f"the level of the tail is from 0 to below 1, not {self.level:g}")

    def of(self, costs: ArrayLike, probability: ArrayLike) -> float:
        """Give what uncertain costs are judged as. [currency]"""
        mean = float(np.asarray(probability) @ np.asarray(costs))
        tail = tail_mean(costs, probability, self.level)
        return (1.0 - self.weight) * mean + self.weight * tail


def tail_mean(costs: ArrayLike, probability: ArrayLike, level: float) -> float:
    """Give the conditional value at risk: the mean of the dearest ``1 - level`` of all cases.

    The least over ``v`` of ``v + sum_s p_s max(cost_s - v, 0) / (1 - level)``, [1]_ eq. 4; where a
    case stands on the edge of the tail, the part of it that is inside counts.

    Parameters
    ----------
    costs, probability : (cases,) arrays
        Of each case. [currency]
    level : float
        From 0, the mean of all, to below 1.
    """
    values, weight = np.asarray(costs, dtype=float), np.asarray(probability, dtype=float)
    dearest_first = np.argsort(-values, kind="stable")
    weight = weight[dearest_first]
    before = np.concatenate([[0.0], np.cumsum(weight)[:-1]])
    inside = np.clip(1.0 - level - before, 0.0, weight)
    return float(inside @ values[dearest_first] / inside.sum())
