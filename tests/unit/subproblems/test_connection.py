import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmgsim.contracts import Objective
from mmgsim.subproblems import (
    PublicPrices,
    exchange_limits,
    public_cost,
    public_cost_terms,
    public_prices,
    split_exchange,
)
from mmgsim.testing import sample_view

POWER = arrays(float, 4, elements=st.floats(-1e4, 1e4))
PRICE = arrays(float, 4, elements=st.floats(-1.0, 1.0))
MARGIN = arrays(float, 4, elements=st.floats(0.0, 1.0))


@given(POWER, POWER)
def test_import_and_export_are_never_both_positive(exchange, trade):
    imported, exported, _ = split_exchange(exchange, trade)
    assert (imported * exported == 0.0).all()
    assert (np.minimum(imported, exported) >= 0.0).all()


@given(POWER, POWER)
def test_split_adds_up_to_the_exchange(exchange, trade):
    imported, exported, bought = split_exchange(exchange, trade)
    sold = np.maximum(trade, 0.0)
    assert exported + sold - imported - bought == pytest.approx(exchange, abs=1e-9)


@given(POWER, POWER, PRICE, MARGIN, st.floats(0.0, 1.0))
def test_cost_is_convex_in_the_exchange_where_buying_is_no_cheaper(one, two, sell, margin, share):
    prices = PublicPrices(sell + margin, sell, np.zeros(4))
    none = np.zeros(4)

    def cost(exchange):
        return public_cost(exchange, none, prices, 1.0)

    between = cost(share * one + (1.0 - share) * two)
    assert between <= share * cost(one) + (1.0 - share) * cost(two) + 1e-6


@given(POWER, POWER, PRICE, MARGIN, MARGIN)
def test_trade_without_margin_or_charge_moves_no_cost(exchange, trade, sell, margin, local):
    """What is bought locally replaces import one for one, so the cost of energy is the same."""
    prices = PublicPrices(sell, sell, np.zeros(4))
    alone = public_cost(exchange, np.zeros(4), prices, 1.0)
    trading = public_cost(exchange, trade, prices, 1.0)
    assert trading - alone == pytest.approx(float(trade @ sell), abs=1e-6)


@given(POWER, POWER, PRICE, MARGIN, MARGIN)
def test_cost_is_the_sum_of_its_terms(exchange, trade, sell, margin, local):
    prices = PublicPrices(sell + margin, sell, local)
    terms = public_cost_terms(exchange, trade, prices, 0.5)
    assert terms.shape == (3, 4)
    assert public_cost(exchange, trade, prices, 0.5) == pytest.approx(float(terms.sum()))


def test_cost_of_import_export_and_local_purchase_by_hand():
    prices = PublicPrices(np.full(3, 0.3), np.full(3, 0.1), np.full(3, 0.02))
    exchange, trade = np.array([-4.0, 5.0, -4.0]), np.array([0.0, 2.0, -3.0])
    # Import 4; export 3 of 5; import 1 and buy 3.
    assert public_cost(exchange, trade, prices, 1.0) == pytest.approx(1.2 - 0.3 + 0.3 + 0.06)


def test_system_objective_drops_charges_and_margins():
    tariff = sample_view().tariff
    prices = public_prices(tariff, Objective.SYSTEM)
    assert (prices.buy_per_kwh == tariff.upstream_per_kwh).all()
    assert (prices.sell_per_kwh == tariff.upstream_per_kwh).all()
    assert (prices.local_per_kwh == 0.0).all()


def test_members_objective_adds_the_network_charge_to_import_only():
    tariff = sample_view().tariff
    prices = public_prices(tariff)
    assert prices.buy_per_kwh == pytest.approx(
        tariff.import_per_kwh + tariff.network_charge_per_kwh
    )
    assert (prices.sell_per_kwh == tariff.export_per_kwh).all()


def test_award_takes_the_place_of_the_envelope(toy):
    award = np.array([1.0, -2.0])
    low, high = exchange_limits(toy.envelope("A", 2, -5.0, 3.0), award)
    assert (low == award).all()
    assert (high == award).all()


def test_envelope_limits_import_below_and_export_above(toy):
    low, high = exchange_limits(toy.envelope("A", 2, -5.0, 3.0))
    assert (low == -5.0).all()
    assert (high == 3.0).all()
