"""How one uncertain quantity is spread: distributions given by mean and standard deviation.

Everything is drawn through quantiles of uniform numbers, so that a copula can tie quantities
together (`copula`), and the same numbers give the same scenario whatever the distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincinv, gamma, gammaln, ndtri

from mmgsim.contracts import FloatArray

__all__ = ["Beta", "Marginal", "Normal", "Weibull"]

# Shapes between which one with the wanted spread is looked for: standard deviations of 0.1 % to
# 4000 times the mean.
_SHAPES = (0.1, 1300.0)


class Marginal(Protocol):
    """A distribution that can be drawn from by its quantiles."""

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Give what a share `uniform` of all draws, in (0, 1), lies below."""
        ...


@dataclass(frozen=True, slots=True)
class Weibull:
    """The Weibull distribution, of wind speeds for instance.

    Parameters
    ----------
    shape : float
        k, above 0. [-]
    scale : float
        c, above 0, in the unit of the quantity.
    """

    shape: float
    scale: float

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        if not (self.shape > 0.0 and self.scale > 0.0):
            raise ValueError(f"shape and scale are above 0, not {self.shape:g} and {self.scale:g}")

    @classmethod
    def of_moments(cls, mean: float, sd: float) -> Weibull:
        """Give the one with a mean and a standard deviation, by solving for its shape.

        Raises
        ------
        ValueError
            If `mean` or `sd` is not above 0, or `sd` is below 0.1 % of `mean`.
        """
        _check_positive(mean, sd)

        def excess(shape: float) -> float:
            return float(np.expm1(gammaln(1.0 + 2.0 / shape) - 2.0 * gammaln(1.0 + 1.0 / shape)))

        wanted, (low, high) = (sd / mean) ** 2, _SHAPES
        if not excess(high) <= wanted <= excess(low):
            raise ValueError(f"a standard deviation of {sd:g} is too far from a mean of {mean:g}")
        shape = brentq(lambda k: excess(k) - wanted, low, high, xtol=1e-12)
        return cls(float(shape), float(mean / gamma(1.0 + 1.0 / shape)))

    @classmethod
    def as_justus(cls, mean: float, sd: float) -> Weibull:
        """Give the one with a mean, and about a standard deviation: ``k = (sd / mean)^-1.086``.

        The approximation that paper 001 uses; its standard deviation is up to some percent off.
        """
        _check_positive(mean, sd)
        shape = (sd / mean) ** -1.086
        return cls(shape, float(mean / gamma(1.0 + 1.0 / shape)))

    @property
    def mean(self) -> float:
        """In the unit of the quantity."""
        return float(self.scale * gamma(1.0 + 1.0 / self.shape))

    @property
    def sd(self) -> float:
        """In the unit of the quantity."""
        square = gamma(1.0 + 2.0 / self.shape) - gamma(1.0 + 1.0 / self.shape) ** 2
        return float(self.scale * np.sqrt(square))

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Give ``c (-ln(1 - u))^(1/k)``."""
        return np.asarray(self.scale * (-np.log1p(-uniform)) ** (1.0 / self.shape))


@dataclass(frozen=True, slots=True)
class Beta:
    """The Beta distribution on 0 to 1, of irradiance as a share of a clear sky's for instance.

    Parameters
    ----------
    alpha, beta : float
        Both above 0. [-]
    """

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        if not (self.alpha > 0.0 and self.beta > 0.0):
            raise ValueError(f"alpha and beta are above 0, not {self.alpha:g} and {self.beta:g}")

    @classmethod
    def of_moments(cls, mean: float, sd: float) -> Beta:
        """Give the one with a mean and a standard deviation.

        Raises
        ------
        ValueError
            If `mean` is not between 0 and 1, or ``sd^2`` not between 0 and ``mean (1 - mean)``.
        """
        if not 0.0 < mean < 1.0:
            raise ValueError(f"mean is between 0 and 1, not {mean:g}")
        most = mean * (1.0 - mean)
        if not 0.0 < sd**2 < most:
            raise ValueError(
                f"with a mean of {mean:g}, sd is between 0 and {most**0.5:g}, not {sd:g}"
            )
        total = most / sd**2 - 1.0
        return cls(mean * total, (1.0 - mean) * total)

    @property
    def mean(self) -> float:
        """Between 0 and 1."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def sd(self) -> float:
        """Below one half."""
        total = self.alpha + self.beta
        return float(np.sqrt(self.alpha * self.beta / (total + 1.0)) / total)

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Give the inverse of the regularised incomplete beta function."""
        return np.asarray(betaincinv(self.alpha, self.beta, uniform))


@dataclass(frozen=True, slots=True)
class Normal:
    """The normal distribution, of relative errors of load and price for instance.

    Parameters
    ----------
    mean, sd : float
        `sd` is 0 or above.
    """

    mean: float = 0.0
    sd: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        if not self.sd >= 0.0:
            raise ValueError(f"sd is 0 or above, not {self.sd:g}")

    def quantile(self, uniform: FloatArray) -> FloatArray:
        """Give ``mean + sd * z(u)``."""
        return np.asarray(self.mean + self.sd * ndtri(uniform))


def _check_positive(mean: float, sd: float) -> None:
    if not (mean > 0.0 and sd > 0.0):
        raise ValueError(f"mean and sd are above 0, not {mean:g} and {sd:g}")
