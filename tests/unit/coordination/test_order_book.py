"""What comes of the orders of one step: against brute force, and by hand."""

from itertools import combinations

import numpy as np
import pytest

from mmgsim.contracts import Order, Side
from mmgsim.coordination import clear_book

BUY, SELL = Side.BUY, Side.SELL


def bid(kw, price):
    return Order(0, BUY, kw, price)


def ask(kw, price):
    return Order(0, SELL, kw, price)


def most_surplus(asks, bids):
    """Try every set of units that could be sold and every one that could be bought."""
    best = 0.0
    for count in range(1, min(len(asks), len(bids)) + 1):
        for sold in combinations(asks, count):
            for bought in combinations(bids, count):
                best = max(best, sum(bought) - sum(sold))
    return best


def units(orders, side):
    """Give the price of every kW; all orders are of whole kW."""
    flat = [o for own in orders.values() for o in own if o.side is side]
    return [o.price_per_kwh for o in flat for _ in range(int(o.kw))]


def random_book(seed):
    """Two to five traders with up to six kW on each side, at prices that often tie.

    Buyers take a local charge off what a kWh is worth to them, as the contract says.
    """
    rng = np.random.default_rng(seed)
    charge = float(rng.choice([0.0, 0.5, 2.0]))
    orders, worth = {}, {BUY: [], SELL: []}
    for number in range(rng.integers(2, 6)):
        side = BUY if number % 2 else SELL
        own = []
        for _ in range(rng.integers(1, 3)):
            kw, value = int(rng.integers(1, 3)), float(rng.integers(1, 9))
            if len(worth[side]) + kw <= 6:
                worth[side] += [value] * kw
                own.append(Order(0, side, float(kw), value - charge * (side is BUY)))
        orders[f"MG{number}"] = own
    return orders, worth, charge


@pytest.mark.parametrize("seed", range(200))
def test_surplus_after_local_charge_is_the_most_that_any_choice_of_units_gives(seed):
    orders, worth, charge = random_book(seed)
    result = clear_book(orders)
    best = most_surplus(worth[SELL], [value - charge for value in worth[BUY]])
    # Whole prices and halves add up without rounding.
    assert result.surplus_per_h == best


@pytest.mark.parametrize("seed", range(200))
def test_at_any_price_of_the_crossing_everybody_wants_just_what_is_filled(seed):
    orders, _, _ = random_book(seed)
    result = clear_book(orders)
    if not result.fills:
        asks, bids = units(orders, SELL), units(orders, BUY)
        assert not asks or not bids or min(asks) > max(bids)
        return
    assert result.low_per_kwh <= result.middle_per_kwh <= result.high_per_kwh
    volume_kw = result.volume_kw
    for price in (result.low_per_kwh, result.middle_per_kwh, result.high_per_kwh):
        asks, bids = units(orders, SELL), units(orders, BUY)
        assert sum(p < price for p in asks) <= volume_kw <= sum(p <= price for p in asks)
        assert sum(p > price for p in bids) <= volume_kw <= sum(p >= price for p in bids)


@pytest.mark.parametrize("seed", range(200))
def test_nobody_is_filled_beyond_an_order_and_what_is_sold_is_bought(seed):
    orders, _, _ = random_book(seed)
    result = clear_book(orders)
    for fill in result.fills:
        same = [
            o.kw
            for o in orders[fill.name]
            if (o.side, o.price_per_kwh) == (fill.side, fill.price_per_kwh)
        ]
        assert 0.0 < fill.kw <= max(same)
        sign = 1.0 if fill.side is SELL else -1.0
        assert sign * (result.middle_per_kwh - fill.price_per_kwh) >= 0.0
    bought_kw = sum(fill.kw for fill in result.fills if fill.side is BUY)
    assert bought_kw == result.volume_kw


def test_the_last_ask_is_filled_in_part_and_sets_the_price():
    result = clear_book({"A": [ask(10.0, 0.1)], "B": [bid(4.0, 0.3)]})
    assert [(f.name, f.kw) for f in result.fills] == [("A", 4.0), ("B", 4.0)]
    assert (result.low_per_kwh, result.high_per_kwh) == (0.1, 0.1)


def test_the_last_bid_is_filled_in_part_and_sets_the_price():
    result = clear_book({"A": [ask(4.0, 0.1)], "B": [bid(10.0, 0.3)]})
    assert (result.low_per_kwh, result.high_per_kwh) == (0.3, 0.3)


def test_where_both_sides_are_filled_wholly_the_crossing_is_an_interval():
    result = clear_book({"A": [ask(4.0, 0.1), ask(1.0, 0.25)], "B": [bid(4.0, 0.3), bid(2.0, 0.2)]})
    # The first ones left over, 0.25 and 0.2, are nearer than the last ones filled, 0.1 and 0.3.
    assert (result.low_per_kwh, result.high_per_kwh) == (0.2, 0.25)
    assert result.middle_per_kwh == pytest.approx(0.225)


def test_of_equal_prices_the_name_that_comes_first_is_filled_first():
    orders = {"C": [ask(3.0, 0.1)], "A": [ask(3.0, 0.1)], "B": [bid(4.0, 0.2)]}
    sold = {f.name: f.kw for f in clear_book(orders).fills if f.side is SELL}
    assert sold == {"A": 3.0, "C": 1.0}


def test_orders_that_meet_at_one_price_are_filled():
    result = clear_book({"A": [ask(3.0, 0.2)], "B": [bid(3.0, 0.2)]})
    assert result.volume_kw == 3.0
    assert result.surplus_per_h == 0.0


def test_the_order_in_which_microgrids_are_named_changes_nothing():
    orders, _, _ = random_book(3)
    assert clear_book(orders) == clear_book(dict(reversed(orders.items())))


def test_nobody_buys_from_itself():
    orders = {"A": [ask(3.0, 0.2), bid(2.0, 0.2)], "B": [bid(2.0, 0.25)]}
    result = clear_book(orders)
    assert {(f.name, f.side, f.kw) for f in result.fills} == {("A", SELL, 2.0), ("B", BUY, 2.0)}


def test_who_would_trade_with_itself_only_does_not_trade():
    assert clear_book({"A": [ask(3.0, 0.2), bid(2.0, 0.2)]}).fills == ()


def test_an_empty_side_has_no_price():
    result = clear_book({"A": [ask(3.0, 0.2)], "B": []})
    assert result.volume_kw == 0.0
    assert np.isnan(result.middle_per_kwh)
