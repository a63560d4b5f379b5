"""Learning from own statements: what is rewarded, when, and what is remembered."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Award, Item, LedgerLine, Statement, frozen
from mmgsim.coordination import RothErev
from mmgsim.errors import ContractError
from mmgsim_agents.strategies import Learner
from mmgsim_agents.strategies.learner import gain_over_grid
from tests.support.pencil import pencil_tariff, pencil_view
from tests.support.strategies import at_gate, memory_after, price_of

TARIFF = pencil_tariff([0.2], [0.05], charge=0.1, local=0.04)
# Local prices lie between 0.05 and 0.2 + 0.1 - 0.04 = 0.26.
SELLER = pencil_view("A", TARIFF, sun_kw=[8.0])
BUYER = pencil_view("A", TARIFF, load_kw=[6.0])


def sold(kwh, price):
    """Give the statement of who sold to the market, and of what else it paid."""
    lines = (
        LedgerLine("market", "A", Item.LOCAL_TRADE, kwh, kwh * price),
        LedgerLine("A", "grid", Item.IMPORT, 1.0, 0.2),
        LedgerLine("A", "operations", Item.WEAR, 1.0, 0.01),
    )
    return Statement(to="A", lines=lines)


def test_a_sale_gains_what_its_price_is_above_the_grids():
    gain = gain_over_grid(sold(4.0, 0.15).lines, "A", sell_per_kwh=0.05, buy_per_kwh=0.3)
    assert gain == pytest.approx(4.0 * (0.15 - 0.05))


def test_a_purchase_gains_what_its_price_and_charge_are_below_the_grids():
    lines = [
        LedgerLine("A", "B", Item.LOCAL_TRADE, 5.0, 5.0 * 0.12),
        LedgerLine("A", "dno", Item.LOCAL_CHARGE, 5.0, 5.0 * 0.04),
    ]
    gain = gain_over_grid(lines, "A", sell_per_kwh=0.05, buy_per_kwh=0.3)
    assert gain == pytest.approx(5.0 * (0.3 - 0.12 - 0.04))


@pytest.mark.parametrize(("markup", "price"), [(0.0, 0.05), (0.5, 0.155), (1.0, 0.26)])
def test_a_seller_asks_so_far_towards_what_the_grid_takes(markup, price):
    assert price_of(Learner([markup]), at_gate(SELLER)) == pytest.approx(price, abs=1e-6)


@pytest.mark.parametrize(("markup", "price"), [(0.0, 0.26), (0.5, 0.155), (1.0, 0.05)])
def test_a_buyer_bids_so_far_towards_what_the_grid_pays(markup, price):
    assert price_of(Learner([markup]), at_gate(BUYER)) == pytest.approx(price, abs=1e-6)


def test_rewards_are_measured_in_the_mean_gain_so_far():
    strategy, start = Learner(), RothErev.even(5)
    first = memory_after(strategy, at_gate(SELLER))
    # 4 kWh at 10 cents above the grid, then 8: 0.4 and 0.8, whose mean is 0.6.
    view = at_gate(SELLER, memory=first, news=[sold(4.0, 0.15)], step=1)
    second = memory_after(strategy, view)
    known = start.learn(first["choice"], 1.0)
    assert second["propensities"] == pytest.approx(known.propensities)
    assert (second["mean_gain"], second["gains"]) == (pytest.approx(0.4), 1)
    view = at_gate(SELLER, memory=second, news=[sold(8.0, 0.15)], step=2)
    third = memory_after(strategy, view)
    known = known.learn(second["choice"], 0.8 / 0.6)
    assert third["propensities"] == pytest.approx(known.propensities)
    assert (third["mean_gain"], third["gains"]) == (pytest.approx(0.6), 2)


def test_who_sells_nothing_likes_its_markup_less():
    strategy = Learner()
    first = memory_after(strategy, at_gate(SELLER))
    second = memory_after(strategy, at_gate(SELLER, memory=first, step=1))
    expected = RothErev.even(5).learn(first["choice"], 0.0)
    assert second["propensities"] == pytest.approx(expected.propensities)
    assert (second["mean_gain"], second["gains"]) == (0.0, 0)


def test_gains_add_up_until_the_next_gate():
    strategy = Learner()
    memory = memory_after(strategy, at_gate(SELLER))
    choice = memory["choice"]
    for step in (1, 2):
        between = at_gate(SELLER, memory=memory, news=[sold(2.0, 0.15)], step=step)
        memory = memory_after(strategy, between, opened=False)
        assert memory["choice"] == choice
        assert memory["propensities"] == pytest.approx([1.8] * 5)
    assert memory["gained"] == pytest.approx(2 * 0.2)
    after = memory_after(strategy, at_gate(SELLER, memory=memory, news=[sold(2.0, 0.15)], step=3))
    assert (after["mean_gain"], after["gained"]) == (pytest.approx(0.6), 0.0)


def test_a_gate_without_a_question_for_orders_draws_nothing_and_teaches_nothing():
    strategy = Learner()
    first = memory_after(strategy, at_gate(SELLER))
    left_out = replace(
        at_gate(SELLER, memory=first, news=[sold(4.0, 0.15)], step=1), asked=frozenset({Award})
    )
    second = memory_after(strategy, left_out)
    # What the gate before it brought is learnt all the same.
    known = RothErev.even(5).learn(first["choice"], 1.0)
    assert second["propensities"] == pytest.approx(known.propensities)
    assert second["choice"] == -1
    third = memory_after(strategy, at_gate(SELLER, memory=second, news=[sold(0.0, 0.1)], step=2))
    assert third["propensities"] == pytest.approx(known.propensities)
    assert third["choice"] >= 0


@pytest.mark.parametrize("opened", [True, False])
def test_a_gate_of_which_a_statement_was_missed_teaches_nothing(opened):
    strategy = Learner()
    first = memory_after(strategy, at_gate(SELLER))
    # A stand-in dispatched step 1, and had the statement of step 0.
    view = at_gate(SELLER, memory=first, news=[sold(4.0, 0.15)], step=2)
    after = memory_after(strategy, view, opened=opened)
    assert after["propensities"] == pytest.approx([1.8] * 5)
    assert (after["gains"], after["gained"]) == (0, 0.0)
    assert (after["choice"] >= 0) == opened


def test_a_gain_is_measured_against_the_grid_of_its_own_step():
    strategy = Learner()
    first = memory_after(strategy, at_gate(SELLER))
    dearer = replace(SELLER, tariff=replace(TARIFF, export_per_kwh=frozen([0.1])))
    second = memory_after(strategy, at_gate(dearer, memory=first, news=[sold(4.0, 0.15)], step=1))
    assert second["mean_gain"] == pytest.approx(4.0 * (0.15 - 0.05))


def test_all_orders_of_a_gate_have_the_markup_that_is_remembered():
    strategy = Learner()
    for step in range(5):
        view = at_gate(SELLER, step=step)
        prices = [price_of(strategy, view) for _ in range(3)]
        chosen = strategy.markups[memory_after(strategy, view)["choice"]]
        assert prices == pytest.approx([0.05 + chosen * 0.21] * 3, abs=1e-6)


def test_a_price_below_the_grids_is_no_negative_reward():
    strategy = Learner()
    first = memory_after(strategy, at_gate(SELLER))
    second = memory_after(strategy, at_gate(SELLER, memory=first, news=[sold(4.0, 0.01)], step=1))
    assert (np.asarray(second["propensities"]) > 0.0).all()


def test_without_a_stream_it_says_so():
    with pytest.raises(ContractError, match="no random stream"):
        price_of(Learner(), replace(SELLER, rng=None))


@pytest.mark.parametrize("markups", [[], [-0.1], [0.5, 1.1], [float("nan")]])
def test_markups_that_mean_nothing_are_refused(markups):
    with pytest.raises(ValueError, match="markups"):
        Learner(markups)
