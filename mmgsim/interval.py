"""The mean of some numbers, and between what bounds that of all that could be drawn lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

__all__ = ["MeanInterval", "mean_interval"]


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean with its 95 % interval, in the unit of what it is the mean of.

    Parameters
    ----------
    count : int
        Of the numbers.
    mean : float
        Of them; NaN where there is none.
    low, high : float
        The interval, NaN with fewer than two numbers.
    """

    count: int
    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Distance of both ends from the mean, for an error bar."""
        return self.high - self.mean


def mean_interval(values: ArrayLike) -> MeanInterval:
    """Give the mean of independent numbers with its 95 % interval, by Student's t.

    The interval is mean plus and minus t(0.975, n - 1) s / sqrt(n). It holds the mean of all that
    could be drawn in 95 % of cases if the numbers are about normal. To compare two treatments of
    the same seeds, give the differences seed by seed.

    Parameters
    ----------
    values : array
        One number a seed, of any shape; NaN is left out.

    Examples
    --------
    >>> mean_interval([1.0, 2.0, 3.0]).mean
    2.0
    """
    found = np.asarray(values, dtype=float).ravel()
    found = found[~np.isnan(found)]
    count = len(found)
    if count < 2:
        return MeanInterval(count, float(found[0]) if count else np.nan, np.nan, np.nan)
    mean = float(found.mean())
    half = float(stdtrit(count - 1, 0.975)) * float(found.std(ddof=1)) / count**0.5
    return MeanInterval(count, mean, mean - half, mean + half)
