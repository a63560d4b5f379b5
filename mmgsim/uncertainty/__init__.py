"""What is not known when plans are made: distributions, scenarios from them, a few of those."""

from mmgsim.uncertainty.ahead import Ahead
from mmgsim.uncertainty.copula import alike, gaussian_copula
from mmgsim.uncertainty.latent import burn_in, conditional, joined, remembering, scores_at
from mmgsim.uncertainty.marginals import Beta, Marginal, Normal, Weibull
from mmgsim.uncertainty.medoids import k_medoids
from mmgsim.uncertainty.risk import Risk, tail_mean
from mmgsim.uncertainty.selection import (
    Selection,
    backward_reduction,
    features,
    forward_selection,
    moment_errors,
)
from mmgsim.uncertainty.spreads import (
    BetaSpread,
    NormalSpread,
    Residuals,
    ResidualSpread,
    Spread,
    WeibullSpread,
)

__all__ = [
    "Ahead",
    "Beta",
    "BetaSpread",
    "Marginal",
    "Normal",
    "NormalSpread",
    "ResidualSpread",
    "Residuals",
    "Risk",
    "Selection",
    "Spread",
    "Weibull",
    "WeibullSpread",
    "alike",
    "backward_reduction",
    "burn_in",
    "conditional",
    "features",
    "forward_selection",
    "gaussian_copula",
    "joined",
    "k_medoids",
    "moment_errors",
    "remembering",
    "scores_at",
    "tail_mean",
]
