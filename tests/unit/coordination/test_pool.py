"""Matching in the pool: balanced, in proportion, and never dearer than any other division."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgsim.contracts import frozen
from mmgsim.coordination.pool import local_price, match_pool, pool_trades
from mmgsim.subproblems import public_cost, public_prices
from mmgsim.testing import sample_view

TARIFF = sample_view(3).tariff
STEPS = TARIFF.window.steps


def random_exchange(seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(scale=50.0, size=STEPS) for name in "ABCD"}


@given(st.integers(0, 10_000))
def test_trades_balance_and_never_turn_a_microgrid_round(seed):
    exchange_kw = random_exchange(seed)
    trade_kw = match_pool(exchange_kw, TARIFF)
    assert np.abs(sum(trade_kw.values())).max() < 1e-9
    for name, kw in trade_kw.items():
        assert (np.abs(kw) <= np.abs(exchange_kw[name]) + 1e-9).all()
        assert (kw * exchange_kw[name] >= -1e-9).all()


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_no_other_trades_cost_less(seed, other_seed):
    exchange_kw = random_exchange(seed)
    prices = public_prices(TARIFF)

    def cost(trade_kw):
        return sum(public_cost(exchange_kw[n], trade_kw[n], prices, 1.0) for n in exchange_kw)

    rng = np.random.default_rng(other_seed)
    swap = rng.normal(scale=10.0, size=STEPS)
    matched = match_pool(exchange_kw, TARIFF)
    other = {**matched, "A": matched["A"] + swap, "B": matched["B"] - swap}
    assert cost(matched) <= cost(other) + 1e-9


def test_longer_side_shares_in_proportion():
    ones = np.ones(STEPS)
    trade_kw = match_pool({"A": 30 * ones, "B": 10 * ones, "C": -8 * ones}, TARIFF)
    assert trade_kw["A"] == pytest.approx(6 * ones)
    assert trade_kw["B"] == pytest.approx(2 * ones)


def test_midpoint_is_between_the_alternatives():
    price = local_price("midpoint", TARIFF, np.zeros(STEPS))
    ceiling = TARIFF.buy_per_kwh - TARIFF.local_charge_per_kwh
    assert price == pytest.approx((TARIFF.export_per_kwh + ceiling) / 2)


def test_marginal_price_stays_between_the_alternatives():
    price = local_price("marginal", TARIFF, np.full(STEPS, 1e3))
    assert price == pytest.approx(TARIFF.buy_per_kwh - TARIFF.local_charge_per_kwh)


def test_who_trades_nothing_has_no_trades():
    zero = np.zeros(STEPS)
    assert pool_trades({"A": zero}, frozen(zero)) == ()
