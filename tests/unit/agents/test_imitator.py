"""Doing as the best do, by what is public."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Bulletin, Trade, frozen
from mmgsim_agents.bulletin import bulletin
from mmgsim_agents.strategies import Imitator
from mmgsim_agents.strategies.imitator import best_level
from tests.support.pencil import pencil_tariff, pencil_view
from tests.support.strategies import at_gate, memory_after, price_of

TARIFF = pencil_tariff([0.25], [0.05])
SELLER = pencil_view("A", TARIFF, sun_kw=[8.0])
BUYER = pencil_view("A", TARIFF, load_kw=[6.0])


def trade(seller, buyer, kw, price):
    return Trade(seller, buyer, frozen([kw]), frozen([price]))


def news(sold=(), bought=()):
    """Give a bulletin of (kW, price) on both sides."""
    sides = [np.array(side, dtype=float).reshape(-1, 2).T for side in (sold, bought)]
    (sold_kw, sold_per_kwh), (bought_kw, bought_per_kwh) = sides
    return Bulletin(
        sold_kw=frozen(sold_kw),
        sold_per_kwh=frozen(sold_per_kwh),
        bought_kw=frozen(bought_kw),
        bought_per_kwh=frozen(bought_per_kwh),
    )


def after(view, told, strategy):
    """Give the price at the gate that follows the news of a step, and what it was before."""
    memory = memory_after(strategy, at_gate(view))
    before = price_of(strategy, at_gate(view))
    return price_of(strategy, at_gate(view, memory=memory, news=[told], step=1)), before


# ------------------------------------------------------------------------------------- the news
def test_a_bulletin_has_one_entry_a_microgrid_and_side_by_price_and_no_names():
    trades = [
        trade("B", "market", 2.0, 0.2),
        trade("A", "market", 1.0, 0.1),
        trade("A", "market", 3.0, 0.2),
        trade("market", "C", 6.0, 0.25),
    ]
    told = bulletin(trades, ["A", "B", "C"])
    # A sold 4 kW at (0.1 + 3 x 0.2) / 4.
    assert told.sold_kw == pytest.approx([4.0, 2.0])
    assert told.sold_per_kwh == pytest.approx([0.175, 0.2])
    assert told.bought_kw.tolist() == [6.0]
    assert told.bought_per_kwh.tolist() == [0.25]


def test_a_bilateral_trade_is_on_both_sides():
    told = bulletin([trade("A", "B", 2.0, 0.2)], ["A", "B"])
    assert told.sold_kw.tolist() == told.bought_kw.tolist() == [2.0]


def test_a_step_without_trades_has_an_empty_bulletin():
    told = bulletin([], ["A", "B"])
    assert [len(each) for each in (told.sold_kw, told.bought_per_kwh)] == [0, 0]


# -------------------------------------------------------------------------------- whom it copies
def test_the_best_is_who_gained_most_in_all_not_by_the_kwh():
    # 1 kW x 0.15 against 4 kW x 0.05.
    assert best_level(np.array([1.0, 4.0]), np.array([0.15, 0.05]), 0.2) == pytest.approx(0.25)


def test_of_equal_gains_the_better_price_is_copied():
    assert best_level(np.array([1.0, 2.0]), np.array([0.2, 0.1]), 0.2) == pytest.approx(1.0)


def test_nobody_and_no_room_give_nothing_to_copy():
    assert np.isnan(best_level(np.array([]), np.array([]), 0.2))
    assert np.isnan(best_level(np.array([1.0]), np.array([0.0]), 0.0))


def test_a_seller_asks_what_the_best_seller_got():
    told = news(sold=[(1.0, 0.2), (4.0, 0.11)])
    assert after(SELLER, told, Imitator(experimentation=0.0))[0] == pytest.approx(0.11, abs=1e-6)


def test_a_buyer_bids_what_the_best_buyer_paid():
    told = news(bought=[(1.0, 0.1), (4.0, 0.19)])
    assert after(BUYER, told, Imitator(experimentation=0.0))[0] == pytest.approx(0.19, abs=1e-6)


def test_after_a_step_without_trades_it_goes_on_as_before():
    now, before = after(SELLER, news(), Imitator(experimentation=0.0))
    assert now == pytest.approx(before)


def test_without_imitation_news_change_nothing():
    told = news(sold=[(4.0, 0.11)])
    now, before = after(SELLER, told, Imitator(imitation=0.0, experimentation=0.0))
    assert now == pytest.approx(before)


def test_who_always_tries_copies_nobody():
    told = news(sold=[(4.0, 0.11)])
    prices = [
        after(SELLER, told, Imitator(imitation, experimentation=1.0))[0] for imitation in (0, 1)
    ]
    assert prices[0] == prices[1] != pytest.approx(0.11, abs=1e-6)


def test_nobody_asks_less_than_the_energy_is_worth_to_it():
    # Stored energy that the grid takes for 0.2 an hour later.
    tariff = pencil_tariff([0.4, 0.5], [0.05, 0.2])
    view = pencil_view("A", tariff, sun_kw=[0.0, 0.0], battery=(5.0, 5.0, 1.0))
    told = news(sold=[(4.0, 0.06)])
    assert after(view, told, Imitator(experimentation=0.0))[0] == pytest.approx(0.2, abs=1e-6)


def test_news_between_gates_are_remembered():
    strategy = Imitator(experimentation=0.0)
    memory = memory_after(strategy, at_gate(SELLER))
    told = at_gate(SELLER, memory=memory, news=[news(sold=[(4.0, 0.11)])], step=1)
    memory = memory_after(strategy, told, opened=False)
    gate = at_gate(SELLER, memory=memory, step=2)
    assert price_of(strategy, gate) == pytest.approx(0.11, abs=1e-6)


def test_prices_are_copied_as_their_place_between_those_of_the_grid():
    strategy = Imitator(experimentation=0.0)
    memory = memory_after(strategy, at_gate(SELLER))
    other = replace(SELLER, tariff=pencil_tariff([0.5], [0.1]))
    # 0.15 is half way from 0.05 to 0.25; half way from 0.1 to 0.5 is 0.3.
    gate = at_gate(other, memory=memory, news=[news(sold=[(4.0, 0.15)])], step=1)
    assert price_of(strategy, gate) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize("options", [{"imitation": 1.1}, {"experimentation": -0.1}])
def test_options_that_mean_nothing_are_refused(options):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Imitator(**options)
