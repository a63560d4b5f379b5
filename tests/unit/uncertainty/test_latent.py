"""Scores have the wanted memory and company, and each hangs on its own instant alone."""

import numpy as np
import pytest

from mmgsim.profiles import normals_at
from mmgsim.uncertainty import burn_in, conditional, joined, remembering, scores_at

ROWS = 4000
WITHIN = 4.0  # standard errors: of some dozens of numbers that are looked at


MIDNIGHT = 24 * 4000


def scores(*names, first=MIDNIGHT + 16, steps=12, lag1=0.8, rows=ROWS):
    def shocks(first, count):
        return normals_at(5, *names, rows=range(rows), first=first, count=count)

    return scores_at(shocks, first=first, steps=steps, lag1=lag1, per_day=24)


@pytest.mark.parametrize("lag1", [0.0, 0.5, 0.9, 0.99])
def test_scores_are_the_same_to_the_last_bit_wherever_a_window_begins(lag1):
    begin = MIDNIGHT - 10
    whole = scores("a", first=begin, steps=100, lag1=lag1, rows=3)
    for skipped, steps in ((0, 1), (11, 30), (50, 50), (99, 1)):
        part = scores("a", first=begin + skipped, steps=steps, lag1=lag1, rows=3)
        assert np.array_equal(part, whole[:, skipped : skipped + steps])


def test_scores_keep_variance_and_memory_over_midnight():
    found = scores(first=MIDNIGHT - 4, steps=8)
    assert np.abs(found.var(axis=0) - 1.0).max() < WITHIN * np.sqrt(2.0 / ROWS)
    wanted = 0.8 ** np.abs(np.subtract.outer(np.arange(8), np.arange(8)))
    error = (1.0 - wanted**2) / np.sqrt(ROWS)  # of a correlation
    assert (np.abs(np.corrcoef(found.T) - wanted) <= WITHIN * error + 1e-12).all()


def test_a_common_part_gives_the_wanted_correlation_between_sites():
    common, one, other = scores("kind"), scores("kind", "1"), scores("kind", "2")
    first, second = joined(common, one, 0.6), joined(common, other, 0.6)
    found = [np.corrcoef(first[:, k], second[:, k])[0, 1] for k in range(12)]
    assert np.abs(np.array(found) - 0.6).max() < WITHIN * (1.0 - 0.6**2) / np.sqrt(ROWS)
    lagged = np.corrcoef(first[:, 0], second[:, 3])[0, 1]
    assert abs(lagged - 0.6 * 0.8**3) < WITHIN / np.sqrt(ROWS)


def test_nothing_is_left_of_a_beginning_after_the_burn_in():
    for lag1 in (0.1, 0.9, 0.99):
        assert lag1 ** burn_in(lag1) <= 1e-17 < lag1 ** (burn_in(lag1) - 1)
    assert burn_in(0.0) == 0


def test_the_conditional_distribution_is_that_of_paths_that_share_a_score():
    found = scores(steps=6)
    near = np.abs(found[:, 0] - 1.0) < 0.3
    mean, sd = conditional(1.0, gap=0, steps=6, lag1=0.8)
    regressed = found - 0.8 ** np.arange(6) * (found[:, :1] - 1.0)  # as if all were at 1
    count = near.sum()
    assert count > 300
    error = np.maximum(sd, 1e-12) / np.sqrt(count)
    assert (np.abs(regressed[near].mean(axis=0) - mean) <= WITHIN * error + 1e-12).all()
    assert (np.abs(regressed[near].std(axis=0) - sd) <= WITHIN * error / np.sqrt(2.0) + 1e-12).all()


def test_nothing_known_is_the_distribution_of_all():
    mean, sd = conditional(5.0, gap=None, steps=4, lag1=0.8)
    assert mean.tolist() == [0.0] * 4
    assert sd.tolist() == [1.0] * 4


def test_sampled_courses_spread_as_far_as_they_should_and_remember():
    drawn = np.random.default_rng(3).standard_normal((20_000, 6))
    _, sd = conditional(0.0, gap=2, steps=6, lag1=0.8)
    courses = remembering(drawn, first_sd=sd[0], lag1=0.8)
    assert np.abs(courses.std(axis=0) / sd - 1.0).max() < WITHIN / np.sqrt(2 * 20_000)
    covariance = np.cov(courses[:, 0], courses[:, 1])[0, 1]
    assert covariance == pytest.approx(0.8 * sd[0] ** 2, abs=WITHIN * sd[1] ** 2 / np.sqrt(20_000))
