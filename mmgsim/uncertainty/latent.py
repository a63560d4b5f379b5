"""The normal scores behind what is uncertain: paths with memory, a part of them common to sites.

A score says how far a value lies above its median, in standard normal numbers; `spreads` turns it
into kW. All paths are stationary AR(1) processes of unit variance. Each day of 24 h is a recursion
of its own that begins so far before it that nothing is left of how it began. So the score of an
instant hangs on that instant alone, to the last bit: a day is the same in every run that holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log

import numpy as np

from mmgsim.contracts import FloatArray

__all__ = ["burn_in", "conditional", "joined", "remembering", "scores_at"]

_FORGOTTEN = 1e-17
"""What is left of the beginning of a recursion: below the rounding of what it ends in."""


def burn_in(lag1: float) -> int:
    """Give after how many steps nothing is left of a beginning.

    Parameters
    ----------
    lag1 : float
        Correlation of neighbouring steps, from 0 to below 1.
    """
    return ceil(log(_FORGOTTEN) / log(lag1)) if lag1 > 0.0 else 0


def scores_at(
    shocks: Callable[[int, int], FloatArray],
    *,
    first: int,
    steps: int,
    lag1: float,
    per_day: int,
) -> FloatArray:
    """Give the scores of some steps.

    ``z[n] = lag1 z[n-1] + sqrt(1 - lag1^2) e[n]``, from ``z[b] = e[b]`` at a `burn_in` before each
    day on.

    Parameters
    ----------
    shocks : callable
        Gives (rows, count) independent standard normal numbers of the steps from a first one on.
    first, steps : int
        Number of the first step, counted from long ago, and how many there are.
    lag1 : float
        Correlation of neighbouring steps, from 0 to below 1.
    per_day : int
        Steps of 24 h.

    Returns
    -------
    (rows, steps) array
        Mean 0 and variance 1, correlation ``lag1^k`` of steps k apart.
    """
    ahead = burn_in(lag1)
    first_day, stop_day = first // per_day, -(-(first + steps) // per_day)
    drawn = shocks(first_day * per_day - ahead, (stop_day - first_day) * per_day + ahead)
    # By step of the recursion, the shocks of all days at once: days overlap where they begin.
    shock = np.ascontiguousarray(drawn.T)
    days, fresh = stop_day - first_day, np.sqrt(1.0 - lag1**2)
    scores = np.empty((per_day, days, len(drawn)))
    score = shock[::per_day][:days]
    for step in range(ahead + per_day):
        if step:
            score = lag1 * score + fresh * shock[step::per_day][:days]
        if step >= ahead:
            scores[step - ahead] = score
    in_order = scores.transpose(2, 1, 0).reshape(len(drawn), -1)
    skipped = first - first_day * per_day
    return np.ascontiguousarray(in_order[:, skipped : skipped + steps])


def joined(common: FloatArray, own: FloatArray, between: float) -> FloatArray:
    """Give what has a correlation `between` with others of the same common part.

    ``sqrt(c) common + sqrt(1 - c) own``: of unit variance where both parts are.
    """
    return np.asarray(np.sqrt(between) * common + np.sqrt(1.0 - between) * own)


def conditional(
    score: float, *, gap: int | None, steps: int, lag1: float
) -> tuple[FloatArray, FloatArray]:
    """Give mean and standard deviation of the scores ahead of one that is known.

    ``lag1^k z`` and ``sqrt(1 - lag1^(2k))`` at a distance of k steps.

    Parameters
    ----------
    score : float
        The last one that is known.
    gap : int or None
        How many steps lie between it and the first of those ahead, 0 if it is that one; None where
        none is known.
    steps : int
        How many are ahead.
    lag1 : float
        Correlation of neighbouring steps.

    Returns
    -------
    two (steps,) arrays
        Without unit.
    """
    if gap is None:
        return np.zeros(steps), np.ones(steps)
    left = lag1 ** (gap + np.arange(steps, dtype=np.float64))
    return np.asarray(left * score), np.sqrt(1.0 - left**2)


def remembering(shocks: FloatArray, *, first_sd: float, lag1: float) -> FloatArray:
    """Turn independent shocks into courses of scores around their conditional mean.

    Parameters
    ----------
    shocks : (samples, steps) array
        Standard normal numbers.
    first_sd : float
        Standard deviation in the first step: the first of `conditional`.
    lag1 : float
        Correlation of neighbouring steps.

    Returns
    -------
    (samples, steps) array
        With the standard deviations of `conditional`, and with memory.
    """
    courses = np.empty_like(shocks)
    courses[:, 0] = first_sd * shocks[:, 0]
    fresh = np.sqrt(1.0 - lag1**2)
    for step in range(1, shocks.shape[1]):
        courses[:, step] = lag1 * courses[:, step - 1] + fresh * shocks[:, step]
    return courses
