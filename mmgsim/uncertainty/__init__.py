"""What is not known when plans are made: distributions, scenarios from them, a few of those."""

from mmgsim.uncertainty.copula import alike, gaussian_copula
from mmgsim.uncertainty.marginals import Beta, Marginal, Normal, Weibull
from mmgsim.uncertainty.risk import Risk, tail_mean
from mmgsim.uncertainty.selection import (
    Selection,
    backward_reduction,
    features,
    forward_selection,
    moment_errors,
)

__all__ = [
    "Beta",
    "Marginal",
    "Normal",
    "Risk",
    "Selection",
    "Weibull",
    "alike",
    "backward_reduction",
    "features",
    "forward_selection",
    "gaussian_copula",
    "moment_errors",
    "tail_mean",
]
