"""From scores to values: how a series of a scenario is spread, step by step.

A spread is given a score, a standard normal number, and gives what comes true: the same share of
all possibilities lies below either. The series of the scenario is its middle; which middle, each
spread says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gamma, log_ndtr, ndtr, ndtri

from mmgsim.contracts import FloatArray
from mmgsim.uncertainty.marginals import Beta, Weibull

__all__ = [
    "BetaSpread",
    "NormalSpread",
    "ResidualSpread",
    "Residuals",
    "Spread",
    "WeibullSpread",
]

_LARGEST_SCORE = 8.5
"""Beyond it lies less than what a uniform number of 53 bits can tell from 0 or 1."""
_KNOTS = 16385


class Spread(Protocol):
    """How each step of one series is spread."""

    @property
    def shows(self) -> NDArray[np.bool_]:
        """Where who sees the value of a step learns its score: not from a panel at night."""
        ...

    def values(self, score: FloatArray, part: slice) -> FloatArray:
        """Give the values of some steps at (..., steps) scores, in the unit of the series."""
        ...

    def own_score(self, step: int) -> float:
        """Give the score at which the series itself comes true."""
        ...

    def stop_score(self, part: slice) -> FloatArray:
        """Give from which score on there is nothing, infinite where values only ever rise."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class NormalSpread:
    """Normal about the series: ``series (1 + sd z)``, cut at 0 and at a cap.

    Parameters
    ----------
    series : (steps,) array
        The median, and the mean as far as nothing is cut.
    sd : float
        Relative standard deviation. [-]
    cap : float
        Most that is possible, in the unit of the series.
    """

    series: FloatArray
    sd: float
    cap: float = np.inf

    @property
    def shows(self) -> NDArray[np.bool_]:
        """Where there is anything."""
        return np.asarray(self.series > 0.0)

    def values(self, score: FloatArray, part: slice) -> FloatArray:
        """Give the cut normal values."""
        return np.clip(self.series[part] * (1.0 + self.sd * score), 0.0, self.cap)

    def own_score(self, step: int) -> float:
        """Give 0, in every step."""
        del step
        return 0.0

    def stop_score(self, part: slice) -> FloatArray:
        """Give infinity."""
        return np.full(len(self.series[part]), np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class BetaSpread:
    """A share of the most that is possible, Beta distributed: ``series / mean x``, ``x = Q(z)``.

    The series is the mean, so that ``series / mean`` is what a clear sky would give; where that is
    above the cap, values are cut and their mean is below the series.

    Parameters
    ----------
    series : (steps,) array
        The mean as far as nothing is cut.
    mean, sd : float
        Of the share x. [-]
    cap : float
        Most that is possible, in the unit of the series.

    References
    ----------
    M. Daneshvar et al., MPCE 2020, doi 10.35833/MPCE.2018.000590 (irradiance as a share of its
    largest value).
    """

    series: FloatArray
    mean: float
    sd: float
    cap: float = np.inf
    _share: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Tabulate the share by its score."""
        object.__setattr__(self, "_share", _beta_shares(self.mean, self.sd))

    @property
    def shows(self) -> NDArray[np.bool_]:
        """Where there is any sun."""
        return np.asarray(self.series > 0.0)

    def values(self, score: FloatArray, part: slice) -> FloatArray:
        """Give the share of what is possible, cut at the cap."""
        share = np.interp(score, _SCORES, self._share)
        return np.minimum(self.series[part] / self.mean * share, self.cap)

    def own_score(self, step: int) -> float:
        """Give the score of the mean, in every step."""
        del step
        shape = Beta.of_moments(self.mean, self.sd)
        return float(ndtri(betainc(shape.alpha, shape.beta, self.mean)))

    def stop_score(self, part: slice) -> FloatArray:
        """Give infinity."""
        return np.full(len(self.series[part]), np.inf)


_SCORES = np.linspace(-_LARGEST_SCORE, _LARGEST_SCORE, _KNOTS)


@lru_cache(maxsize=16)
def _beta_shares(mean: float, sd: float) -> FloatArray:
    """Give the quantiles of a Beta distribution at `_SCORES`: between them they are straight.

    The inverse of the incomplete beta function takes fifty times as long as this table.
    """
    return np.asarray(Beta.of_moments(mean, sd).quantile(ndtr(_SCORES)))


@dataclass(frozen=True, slots=True, eq=False)
class WeibullSpread:
    """Power of a wind turbine in a wind whose speed is Weibull distributed in each step.

    Parameters
    ----------
    speed_m_s : (steps,) array
        Mean speed. [m/s]
    sd : float
        Standard deviation of the speed as a share of its mean. [-]
    power_pu : callable
        Gives the power at speeds, as a share of the rating; it rises up to the cut-out speed.
    rating_kw : float
        [kW]
    cut_out_m_s : float
        Speed from which on the turbine stands still. [m/s]

    References
    ----------
    M. Daneshvar et al., MPCE 2020, doi 10.35833/MPCE.2018.000590 (hourly wind speed from its mean
    and standard deviation).
    """

    speed_m_s: FloatArray
    sd: float
    power_pu: Callable[[FloatArray], FloatArray]
    rating_kw: float
    cut_out_m_s: float
    _shape: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Find the shape, which is the same for all means."""
        object.__setattr__(self, "_shape", Weibull.of_moments(1.0, self.sd).shape)

    @property
    def shows(self) -> NDArray[np.bool_]:
        """Everywhere: a turbine that stands still measures the wind too."""
        return np.ones(len(self.speed_m_s), dtype=np.bool_)

    def values(self, score: FloatArray, part: slice) -> FloatArray:
        """Give the power at ``v = c (-ln(1 - Phi(z)))^(1/k)``. [kW]"""
        scale = self.speed_m_s[part] / gamma(1.0 + 1.0 / self._shape)
        speed_m_s = scale * (-log_ndtr(-score)) ** (1.0 / self._shape)
        return np.asarray(self.rating_kw * self.power_pu(speed_m_s))

    def own_score(self, step: int) -> float:
        """Give the score of the mean speed, in every step."""
        del step
        return float(-ndtri(np.exp(-(gamma(1.0 + 1.0 / self._shape) ** self._shape))))

    def stop_score(self, part: slice) -> FloatArray:
        """Give the score of the cut-out speed."""
        scale = self.speed_m_s[part] / gamma(1.0 + 1.0 / self._shape)
        with np.errstate(divide="ignore"):
            above = np.exp(-((self.cut_out_m_s / scale) ** self._shape))
        return np.asarray(-ndtri(above))


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Past differences between what came and what was expected, each as likely as any other.

    Between neighbours in order of size the quantile is straight, and flat beyond the outer ones
    (positions ``(i - 1/2) / n``), so that its mean is the mean of the residuals.

    Parameters
    ----------
    by_group : mapping of arrays
        Residuals by number of the group, such as the hour of the day; each in ascending order.
    group : (steps,) int array
        The group of each step.
    """

    by_group: Mapping[int, FloatArray]
    group: NDArray[np.intp]

    def quantile(self, score: FloatArray, part: slice) -> FloatArray:
        """Give the residuals of some steps at (..., steps) scores."""
        group, share = self.group[part], ndtr(score)
        found = np.empty(np.broadcast_shapes(np.shape(score), group.shape))
        for number in np.unique(group):
            of_group, ordered = group == number, self.by_group[int(number)]
            found[..., of_group] = np.interp(share[..., of_group], _positions(ordered), ordered)
        return found

    def score_of_none(self, step: int) -> float:
        """Give the score of a residual of zero, or of the one next to it."""
        ordered = self.by_group[int(self.group[step])]
        return float(ndtri(np.interp(0.0, ordered, _positions(ordered))))


def _positions(ordered: FloatArray) -> FloatArray:
    return np.asarray((np.arange(len(ordered)) + 0.5) / len(ordered))


@dataclass(frozen=True, slots=True, eq=False)
class ResidualSpread:
    """The series and a residual of the past, ``series + unit q(z)``, cut at 0 and at a cap.

    Parameters
    ----------
    series : (steps,) array
        What was expected.
    residuals : Residuals
        As multiples of `unit`.
    unit : (steps,) array
        What a residual of 1 is: the series itself, or 1; 0 where nothing is uncertain, such as at
        night.
    cap : float
        Most that is possible, in the unit of the series.
    """

    series: FloatArray
    residuals: Residuals
    unit: FloatArray
    cap: float = np.inf

    @property
    def shows(self) -> NDArray[np.bool_]:
        """Where anything is uncertain."""
        return np.asarray(self.unit > 0.0)

    def values(self, score: FloatArray, part: slice) -> FloatArray:
        """Give the series with the residual at the score."""
        residual = self.residuals.quantile(score, part)
        return np.clip(self.series[part] + self.unit[part] * residual, 0.0, self.cap)

    def own_score(self, step: int) -> float:
        """Give the score of no residual."""
        return self.residuals.score_of_none(step)

    def stop_score(self, part: slice) -> FloatArray:
        """Give infinity."""
        return np.full(len(self.series[part]), np.inf)
