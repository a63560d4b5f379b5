"""Spreads have the moments of their distributions, and the series in their middle."""

from functools import partial

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from mmgsim.profiles import WindSource, wind_power_pu
from mmgsim.uncertainty import (
    Ahead,
    Beta,
    BetaSpread,
    NormalSpread,
    Residuals,
    ResidualSpread,
    WeibullSpread,
)

DRAWS = 40_000
WITHIN = 3.0  # standard errors
ONE = slice(0, 1)
SCORES = np.random.default_rng(8).standard_normal((DRAWS, 1))


def beta(series, cap=np.inf):
    return BetaSpread(np.asarray(series, dtype=float), 0.65, 0.2, cap)


def turbine(speed_m_s=(8.0,), sd=0.4, **keys):
    source = WindSource(source="wind", mean_speed_m_s=6.0, **keys)
    power_pu = partial(wind_power_pu, source)
    return WeibullSpread(np.asarray(speed_m_s, float), sd, power_pu, 50.0, source.cut_out_m_s)


def residuals(values, *, unit=1.0, series=10.0, cap=np.inf):
    past = Residuals({0: np.sort(values)}, np.zeros(1, dtype=np.intp))
    return ResidualSpread(np.array([series]), past, np.array([unit]), cap)


def off(values, mean, sd):
    """Give by how many standard errors mean and standard deviation of a sample are off."""
    fourth = np.mean((values - values.mean()) ** 4)
    error = np.sqrt((fourth - sd**4) / len(values)) / (2.0 * sd)
    return max(
        abs(values.mean() - mean) * np.sqrt(len(values)) / sd, abs(values.std() - sd) / error
    )


def test_normal_has_mean_and_relative_deviation_of_its_series():
    values = NormalSpread(np.array([20.0]), 0.1).values(SCORES, ONE)[:, 0]
    assert off(values, 20.0, 2.0) <= WITHIN


def test_normal_is_cut_at_zero_and_at_the_cap():
    values = NormalSpread(np.array([20.0]), 1.0, 25.0).values(SCORES, ONE)
    assert (values.min(), values.max()) == (0.0, 25.0)


def test_beta_has_its_series_as_mean():
    values = beta([13.0]).values(SCORES, ONE)[:, 0]
    assert off(values, 13.0, 0.2 * 13.0 / 0.65) <= WITHIN
    assert values.min() >= 0.0
    assert values.max() <= 13.0 / 0.65


def test_beta_is_cut_at_the_rating_and_certain_at_night():
    values = beta([13.0, 0.0], cap=15.0).values(SCORES, slice(0, 2))
    assert values[:, 0].max() == 15.0
    assert not values[:, 1].any()
    assert beta([13.0, 0.0]).shows.tolist() == [True, False]


@pytest.mark.parametrize(("mean", "sd"), [(0.65, 0.2), (0.9, 0.1), (0.2, 0.3)])
def test_the_table_of_beta_is_its_inverse(mean, sd):
    score = np.linspace(-4.0, 4.0, 1001)
    exact = Beta.of_moments(mean, sd).quantile(ndtr(score))
    # Straight between knots that are 1/964 apart: an eighth of the square times the curvature.
    curvature = np.abs(np.diff(exact, 2)).max() / (score[1] - score[0]) ** 2
    allowed = 1.1 * curvature * (17.0 / 16384) ** 2 / 8.0 + 1e-12
    found = BetaSpread(np.array([mean]), mean, sd).values(score[:, None], ONE)[:, 0]
    assert np.abs(found - exact).max() <= allowed
    assert allowed < 1e-5


def test_weibull_has_mean_and_deviation_of_the_wind():
    straight = turbine(cut_in_m_s=0.0, rated_m_s=99.0, cut_out_m_s=100.0, curve="linear")
    speed_m_s = straight.values(SCORES, ONE)[:, 0] / 50.0 * 99.0
    assert off(speed_m_s, 8.0, 0.4 * 8.0) <= WITHIN


def test_a_turbine_stands_still_in_calm_and_storm_and_never_passes_its_rating():
    found = turbine((15.0,), sd=0.8).values(SCORES, ONE)
    assert (found.min(), found.max()) == (0.0, 50.0)
    at = turbine((15.0,), sd=0.8).stop_score(ONE)
    above = turbine((15.0,), sd=0.8).values(np.array([at + 1e-9]), ONE)
    below = turbine((15.0,), sd=0.8).values(np.array([at - 1e-9]), ONE)
    assert (float(below[0, 0]), float(above[0, 0])) == (50.0, 0.0)


@pytest.mark.parametrize(
    "spread",
    [
        NormalSpread(np.array([7.0]), 0.3),
        beta([7.0]),
        residuals([-2.0, -1.0, 0.0, 1.0, 2.0], series=7.0),
    ],
    ids=["normal", "beta", "residuals"],
)
def test_the_series_itself_comes_true_at_its_own_score(spread):
    score = np.array([spread.own_score(0)])
    assert spread.values(score, ONE)[0] == pytest.approx(7.0, abs=1e-5)


def test_the_mean_wind_comes_true_at_its_own_score():
    own = turbine(curve="linear")
    power_kw = own.values(np.array([own.own_score(0)]), ONE)[0]
    assert power_kw == pytest.approx(50.0 * (8.0 - 3.0) / (12.0 - 3.0))


def test_residuals_keep_their_mean_and_their_outer_ones():
    past = np.array([-3.0, -1.0, -0.5, 0.1, 0.4, 4.0])
    rank = (np.arange(60_000) + 0.5) / 60_000
    found = residuals(past).values(ndtri(rank)[:, None], ONE)[:, 0] - 10.0
    assert found.mean() == pytest.approx(past.mean(), abs=1e-6)
    assert (found.min(), found.max()) == pytest.approx((-3.0, 4.0))


def test_residuals_are_of_the_hour_of_a_step():
    past = Residuals({0: np.full(2, 1.0), 5: np.full(2, -1.0)}, np.array([5, 0, 5]))
    spread = ResidualSpread(np.full(3, 10.0), past, np.ones(3))
    assert spread.values(np.zeros((2, 3)), slice(0, 3)).tolist() == [[9.0, 11.0, 9.0]] * 2


def test_residuals_without_a_unit_change_nothing():
    spread = residuals([5.0, 6.0], unit=0.0, series=0.0)
    assert not spread.values(SCORES, ONE).any()
    assert not spread.shows.any()


# --------------------------------------------------------------------------------- steps ahead
STEPS = 8
SPREADS = {
    "normal": NormalSpread(np.full(STEPS, 20.0), 0.3, 25.0),
    "beta": beta(np.full(STEPS, 13.0), cap=17.0),
    "weibull": turbine(np.full(STEPS, 9.0), sd=0.5),
    "storm": turbine(np.full(STEPS, 20.0), sd=0.4),
}
SHOCKS = np.random.default_rng(4).standard_normal((DRAWS, STEPS))


def ahead(spread, *, score=1.0, gap=1, lag1=0.9):
    return Ahead(spread, slice(0, STEPS), lag1, score, gap)


@pytest.mark.parametrize("gap", [1, 5, None])
@pytest.mark.parametrize("name", SPREADS)
def test_what_is_expected_is_the_mean_of_the_samples(name, gap):
    one = ahead(SPREADS[name], gap=gap)
    samples = one.samples(SHOCKS)
    error = samples.std(axis=0) / np.sqrt(DRAWS)
    # A jump of the power by the whole rating lies between two nodes 0.075 apart, of density 0.4.
    jump = 50.0 * 0.4 * 0.075 / 2.0 if name in ("weibull", "storm") else 0.0
    assert (np.abs(samples.mean(axis=0) - one.expected()) <= WITHIN * error + jump).all()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("name", SPREADS)
def test_quantiles_cover_their_share_of_the_samples(name, share):
    one = ahead(SPREADS[name])
    bound, samples = one.quantile(share), one.samples(SHOCKS)
    error = WITHIN * np.sqrt(share * (1.0 - share) / DRAWS)
    # What is cut lies on the bound itself, so that both sides are looked at.
    assert ((samples <= bound + 1e-9).mean(axis=0) >= share - error).all()
    assert ((samples < bound - 1e-9).mean(axis=0) <= share + error).all()


@pytest.mark.parametrize("name", ["normal", "beta", "weibull"])
def test_samples_spread_further_the_farther_ahead_they_are(name):
    spread = ahead(SPREADS[name], score=0.0).samples(SHOCKS).std(axis=0)
    assert (np.diff(spread) > 0.0).all()


def test_samples_of_fewer_are_the_first_of_more():
    one = ahead(SPREADS["weibull"])
    assert np.array_equal(one.samples(SHOCKS[:10]), one.samples(SHOCKS)[:10])


def test_a_known_first_step_is_known():
    one = ahead(SPREADS["normal"], gap=0, score=0.5)
    assert one.samples(SHOCKS)[:, 0] == pytest.approx(20.0 * 1.15)
    assert one.quantile(0.9)[0] == pytest.approx(20.0 * 1.15)
    assert one.expected()[0] == pytest.approx(20.0 * 1.15)
