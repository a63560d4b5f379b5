"""Of several right prices, the one nearest to what is wanted; of one, that one."""

import numpy as np
import pytest

from mmgsim.subproblems import JointProblem, public_prices
from mmgsim.subproblems.terms import disclosure_of
from tests.support import p001

BUY, SELL = 0.2, 0.08


def price(surplus_kw, lack_kw, wanted):
    prices = p001.tariff(np.full(2, BUY), np.full(2, SELL))
    members = [
        p001.member("A", prices, sun_kw=surplus_kw),
        p001.member("B", prices, load_kw=lack_kw),
    ]
    declared = {one.name: disclosure_of(one) for one in members}
    devices = {name: one.devices for name, one in declared.items()}
    problem = JointProblem(devices, prices.window)
    envelopes = {one.name: one.envelope for one in members}
    problem.solve(declared, envelopes, public_prices(prices), 0)
    return problem.price_nearest_to(np.full(2, wanted))


@pytest.mark.parametrize("wanted", [0.1, 0.14, 0.19])
def test_where_surplus_meets_its_lack_any_price_between_the_alternatives_is_right(wanted):
    assert price(5.0, 5.0, wanted) == pytest.approx(np.full(2, wanted))


@pytest.mark.parametrize(("wanted", "due"), [(0.0, SELL), (1.0, BUY)])
def test_a_wanted_price_outside_is_moved_to_the_nearest_end(wanted, due):
    assert price(5.0, 5.0, wanted) == pytest.approx(np.full(2, due))


@pytest.mark.parametrize(("surplus", "lack", "due"), [(6.0, 5.0, SELL), (5.0, 6.0, BUY)])
def test_what_is_scarce_fixes_the_price(surplus, lack, due):
    assert price(surplus, lack, 0.14) == pytest.approx(np.full(2, due))
