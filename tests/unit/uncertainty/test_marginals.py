"""Distributions by their moments, and copulas by their correlations."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from mmgsim.uncertainty import Beta, Normal, Weibull, alike, gaussian_copula

DRAWS = 20_000
WITHIN = 3.0  # standard errors


def off_in_standard_errors(values, marginal):
    """Give by how many standard errors mean and standard deviation of a sample are off."""
    count, sd = len(values), values.std(ddof=1)
    fourth = np.mean((values - values.mean()) ** 4)
    error_of_sd = np.sqrt((fourth - sd**4) / count) / (2.0 * sd)
    return (
        abs(values.mean() - marginal.mean) * np.sqrt(count) / sd,
        abs(sd - marginal.sd) / error_of_sd,
    )


@pytest.mark.parametrize(("mean", "sd"), [(6.0, 3.0), (6.0, 0.5), (2.0, 4.0), (9.0, 4.7)])
def test_weibull_has_the_wanted_moments(mean, sd):
    marginal = Weibull.of_moments(mean, sd)
    assert marginal.mean == pytest.approx(mean, rel=1e-9)
    assert marginal.sd == pytest.approx(sd, rel=1e-7)
    values = marginal.quantile(np.random.default_rng(11).random(DRAWS))
    assert max(off_in_standard_errors(values, marginal)) <= WITHIN


@pytest.mark.parametrize(("mean", "sd"), [(0.65, 0.2), (0.1, 0.05), (0.9, 0.2), (0.5, 0.45)])
def test_beta_has_the_wanted_moments_and_stays_inside(mean, sd):
    marginal = Beta.of_moments(mean, sd)
    assert (marginal.mean, marginal.sd) == pytest.approx((mean, sd))
    values = marginal.quantile(np.random.default_rng(12).random(DRAWS))
    assert max(off_in_standard_errors(values, marginal)) <= WITHIN
    assert values.min() >= 0.0
    assert values.max() <= 1.0


def test_quantiles_are_those_of_scipy():
    uniform = np.linspace(0.001, 0.999, 99)
    weibull, beta = Weibull(2.0, 7.0), Beta(2.0, 3.0)
    np.testing.assert_allclose(
        weibull.quantile(uniform), stats.weibull_min(2.0, scale=7.0).ppf(uniform)
    )
    np.testing.assert_allclose(beta.quantile(uniform), stats.beta(2.0, 3.0).ppf(uniform))
    np.testing.assert_allclose(
        Normal(1.0, 0.2).quantile(uniform), stats.norm(1.0, 0.2).ppf(uniform)
    )


def test_the_approximation_of_paper_001_has_the_mean_and_nearly_the_spread():
    marginal = Weibull.as_justus(6.0, 3.0)
    assert marginal.shape == pytest.approx(0.5**-1.086)
    assert marginal.mean == pytest.approx(6.0)
    assert 1e-4 < abs(marginal.sd / 3.0 - 1.0) < 0.02


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: Weibull.of_moments(0.0, 1.0), "mean and sd are above 0"),
        (lambda: Weibull.of_moments(1.0, 1e-5), "too far from a mean of 1"),
        (lambda: Weibull(0.0, 1.0), "shape and scale are above 0"),
        (lambda: Beta.of_moments(1.0, 0.1), "mean is between 0 and 1"),
        (lambda: Beta.of_moments(0.5, 0.5), "sd is between 0 and 0.5, not 0.5"),
        (lambda: Beta(-1.0, 1.0), "alpha and beta are above 0"),
        (lambda: Normal(0.0, -1.0), "sd is 0 or above"),
        (lambda: alike(2, 1.5), "correlation is between 0 and 1"),
    ],
)
def test_what_is_no_distribution_is_refused(make, fault):
    with pytest.raises(ValueError, match=fault):
        make()


# ------------------------------------------------------------------------------------ copula
def test_scores_are_correlated_in_time_and_between_sites_as_wanted():
    lag1, between = 0.9, np.array([[1.0, 0.6], [0.6, 1.0]])
    uniform = gaussian_copula(np.random.default_rng(13), (DRAWS, 5), between=between, lag1=lag1)
    score = ndtri(uniform).reshape(DRAWS, -1)
    found = np.corrcoef(score, rowvar=False)
    apart = abs(np.subtract.outer(np.arange(5), np.arange(5)))
    wanted = np.kron(lag1**apart, between)
    # The standard error of a correlation r is (1 - r^2) / sqrt(n); of 45 pairs some are above 3.
    error = np.maximum(1.0 - wanted**2, 1e-12) / np.sqrt(DRAWS)
    assert (abs(found - wanted) <= 4.5 * error + 1e-12).all()


def test_each_number_by_itself_is_uniform():
    uniform = gaussian_copula(np.random.default_rng(14), (4000, 3), between=alike(2, 0.9), lag1=0.8)
    for step in range(3):
        assert stats.kstest(uniform[:, step, 0], "uniform").pvalue > 1e-3


def test_sites_that_are_fully_correlated_are_one():
    uniform = gaussian_copula(np.random.default_rng(15), (10, 4), between=alike(3, 1.0))
    np.testing.assert_allclose(uniform[..., 1], uniform[..., 0], atol=1e-12)
    np.testing.assert_allclose(uniform[..., 2], uniform[..., 0], atol=1e-12)


def test_the_same_stream_gives_the_same_numbers():
    draws = [
        gaussian_copula(np.random.default_rng(16), (5, 4), between=alike(3, 0.5), lag1=0.5)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize(
    ("between", "lag1", "fault"),
    [
        (np.eye(2), 1.0, "lag1 is from 0 to below 1"),
        (np.array([[1.0, 0.5], [0.2, 1.0]]), 0.0, "symmetric matrix"),
        (2.0 * np.eye(2), 0.0, "ones on its diagonal"),
        (np.ones((2, 3)), 0.0, "symmetric matrix"),
        (np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]), 0.0, "contradict"),
    ],
)
def test_correlations_that_cannot_be_are_refused(between, lag1, fault):
    with pytest.raises(ValueError, match=fault):
        gaussian_copula(np.random.default_rng(1), (2, 2), between=between, lag1=lag1)
