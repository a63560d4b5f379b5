"""How even savings are, by hand and by the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgsim.metrics import gini, jain

AMOUNTS = st.lists(st.floats(0.0, 1e6, allow_subnormal=False), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [((2.0, 2.0, 2.0), 0.0), ((0.0, 0.0, 9.0), 2.0 / 3.0), ((1.0, 3.0), 0.25), ((5.0,), 0.0)],
)
def test_gini_by_hand(amounts, expected):
    assert gini(amounts) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [((2.0, 2.0, 2.0), 1.0), ((0.0, 0.0, 9.0), 1.0 / 3.0), ((1.0, 3.0), 0.8)],
)
def test_jain_by_hand(amounts, expected):
    assert jain(amounts) == pytest.approx(expected, abs=1e-15)


@given(AMOUNTS)
def test_gini_is_the_mean_difference_of_pairs_over_twice_the_mean(amounts):
    x = np.array(amounts)
    if x.sum() == 0.0:
        assert np.isnan(gini(x))
    else:
        pairs = np.abs(x[:, None] - x).mean() / (2.0 * x.mean())
        assert gini(x) == pytest.approx(pairs, abs=1e-9)
        assert -1e-12 <= gini(x) <= 1.0 - 1.0 / len(x) + 1e-9


@given(AMOUNTS, st.floats(1e-3, 1e3))
def test_neither_hangs_on_the_unit(amounts, factor):
    x = np.array(amounts)
    if x.sum() > 1e-6:
        assert gini(factor * x) == pytest.approx(gini(x), abs=1e-9)
        assert jain(factor * x) == pytest.approx(jain(x), abs=1e-9)


def test_where_nobody_gains_nothing_is_said():
    assert np.isnan(gini([1.0, -1.0]))
    assert np.isnan(gini([]))
    assert np.isnan(jain([0.0, 0.0]))


def test_one_who_loses_makes_it_less_fair():
    assert gini([3.0, 3.0, -1.0]) > gini([3.0, 3.0, 0.0]) > gini([3.0, 3.0, 3.0])
    assert jain([3.0, 3.0, -1.0]) < jain([3.0, 3.0, 0.0]) < jain([3.0, 3.0, 3.0])
