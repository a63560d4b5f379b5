"""The mean of the dearest cases."""

import numpy as np
import pytest

from mmgsim.uncertainty import Risk, tail_mean


def test_at_level_zero_the_tail_is_everything():
    assert tail_mean([1.0, 2.0, 6.0], [0.5, 0.25, 0.25], 0.0) == pytest.approx(2.5)


def test_a_case_on_the_edge_counts_with_what_of_it_is_inside():
    # The dearest 0.4: all of 6 (0.25), and 0.15 of 2.
    expected = (0.25 * 6.0 + 0.15 * 2.0) / 0.4
    assert tail_mean([1.0, 2.0, 6.0], [0.5, 0.25, 0.25], 0.6) == pytest.approx(expected)


def test_near_level_one_only_the_dearest_is_left():
    assert tail_mean([3.0, -1.0], [0.5, 0.5], 0.999) == pytest.approx(3.0)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_least_of_rockafellar_and_uryasev(seed):
    rng = np.random.default_rng(seed)
    costs, probability = rng.normal(size=12), rng.dirichlet(np.ones(12))
    level = rng.uniform(0.0, 0.95)
    edges = costs + 0.0  # the minimum is at one of the costs, as the function bends nowhere else
    least = min(v + probability @ np.maximum(costs - v, 0.0) / (1.0 - level) for v in edges)
    assert tail_mean(costs, probability, level) == pytest.approx(least, abs=1e-12)


def test_the_judgement_lies_between_mean_and_tail():
    costs, probability = [0.0, 10.0], [0.8, 0.2]
    assert Risk(0.25, 0.9).of(costs, probability) == pytest.approx(0.75 * 2.0 + 0.25 * 10.0)


@pytest.mark.parametrize(("weight", "level"), [(-0.1, 0.5), (1.1, 0.5), (0.5, 1.0), (0.5, -0.1)])
def test_what_is_no_share_is_refused(weight, level):
    with pytest.raises(ValueError, match="from 0 to"):
        Risk(weight, level)
