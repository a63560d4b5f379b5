"""One series over the steps ahead: mean, quantiles and samples of one distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from mmgsim.contracts import FloatArray, frozen
from mmgsim.uncertainty.latent import conditional, remembering
from mmgsim.uncertainty.spreads import Spread

__all__ = ["Ahead"]

_NODES = np.linspace(-6.0, 6.0, 161)[:, None]
_WEIGHTS = np.exp(-0.5 * _NODES**2) / np.exp(-0.5 * _NODES**2).sum()
"""The trapezoidal rule against the normal density: to 1e-8 where values are smooth; equally spaced
nodes take the kinks of ratings and power curves better than those of Gauss and Hermite."""


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """The distribution of a series over the steps ahead, given the last score that was seen.

    Parameters
    ----------
    spread : Spread
        Turns scores into values.
    part : slice
        The steps ahead.
    lag1 : float
        Correlation of the scores of neighbouring steps.
    score : float
        The last that was seen; without effect where none was.
    gap : int or None
        Steps from it to the first one ahead; None where none was seen.
    """

    spread: Spread
    part: slice
    lag1: float
    score: float
    gap: int | None

    @property
    def steps(self) -> int:
        """How many steps are ahead."""
        return int(self.part.stop - self.part.start)

    def _scores(self) -> tuple[FloatArray, FloatArray]:
        return conditional(self.score, gap=self.gap, steps=self.steps, lag1=self.lag1)

    def expected(self) -> FloatArray:
        """Give the mean of every step, in the unit of the series. (steps,) array."""
        mean, sd = self._scores()
        values = self.spread.values(mean + sd * _NODES, self.part)
        return frozen((_WEIGHTS * values).sum(axis=0))

    def quantile(self, share: float) -> FloatArray:
        """Give what every step by itself does not exceed with a probability of `share`.

        Values rise with their score up to where they stop (a turbine in a storm): what lies beyond
        counts among the lowest.
        """
        mean, sd = self._scores()
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = np.where(sd > 0.0, ndtr((mean - self.spread.stop_score(self.part)) / sd), 0.0)
        rank = np.clip(share - beyond, 2.0**-60, 1.0 - 2.0**-53)
        return frozen(self.spread.values(mean + sd * ndtri(rank), self.part))

    def samples(self, shocks: FloatArray) -> FloatArray:
        """Give equally likely courses, one for each row of (samples, steps) standard normals."""
        mean, sd = self._scores()
        courses = remembering(shocks, first_sd=float(sd[0]), lag1=self.lag1)
        return frozen(self.spread.values(mean + courses, self.part))
