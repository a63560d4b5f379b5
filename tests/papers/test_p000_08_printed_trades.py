"""Paper 000, property 8 and finding 1: what (12) lets two microgrids trade."""

import pytest

from tests.support.printed import traded_range


def test_the_printed_equation_forbids_all_trade():
    assert traded_range(100.0, repaired=False) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_the_repaired_equation_lets_trade_reach_both_limits():
    assert traded_range(100.0, repaired=True) == pytest.approx((-100.0, 100.0))
