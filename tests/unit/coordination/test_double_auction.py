"""Traders without intelligence, in the two markets of the study."""

import numpy as np
import pytest

from mmgsim.contracts import frozen
from mmgsim.coordination import STANDARD_BOOK, InducedBook, zero_intelligence_study
from mmgsim.coordination.double_auction import call_market_efficiency, double_auction_efficiency


def test_the_standard_book_is_symmetric_around_its_equilibrium():
    values, costs = STANDARD_BOOK.value_per_kwh, STANDARD_BOOK.cost_per_kwh
    assert np.sort(4.0 - costs) == pytest.approx(np.sort(values))
    # 2.5 + 2 + 1.5 + 1 + 0.5: five units gain, the sixth neither gains nor loses.
    assert STANDARD_BOOK.most_surplus == pytest.approx(7.5)


def test_mean_efficiency_over_100_seeds_lies_where_the_literature_has_it():
    study = zero_intelligence_study()
    assert len(study.by_seed) == 100
    # Gode and Sunder 1993 and what followed: 95 to 99 %.
    assert 0.95 <= study.low <= study.mean <= study.high <= 0.99


def test_one_call_gains_less_than_the_continuous_auction():
    continuous, call = (zero_intelligence_study(market=m) for m in ("continuous", "call"))
    assert call.high < continuous.low


def test_no_market_gains_more_than_there_is():
    for market in ("continuous", "call"):
        by_seed = zero_intelligence_study(market=market).by_seed
        assert (by_seed >= 0.0).all()
        assert (by_seed <= 1.0 + 1e-12).all()


def test_the_same_seeds_give_the_same_study():
    one, other = (zero_intelligence_study(seeds=range(5)).by_seed for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("market", [double_auction_efficiency, call_market_efficiency])
def test_a_pair_whose_quotes_always_meet_gains_everything(market):
    # Bids lie between 1 and 2, asks between 0 and 1.
    book = InducedBook(frozen([2.0]), frozen([0.0]), 1.0, 1.0)
    assert market(book, np.random.default_rng(0)) == 1.0


def test_the_interval_is_students():
    study = zero_intelligence_study(seeds=range(3))
    # 4.3027 is the two-sided 5 % point of Student's t with two degrees of freedom.
    half = 4.302652729911275 * study.by_seed.std(ddof=1) / 3**0.5
    assert study.high - study.mean == pytest.approx(half)
