"""The pool: the optimum without rules, losses in kind, and a saving that is divided."""

from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.contracts import Objective
from mmgsim.coordination import Central, Isolated, Pool
from tests.support import p001
from tests.support.gates import clear


def some_members(seed=0, count=4):
    rng = np.random.default_rng(seed)
    return p001.random_members(rng, count, p001.random_prices(rng, 12))


def pair(surplus_kw=10.0, lack_kw=10.0):
    prices = p001.tariff(np.full(2, 0.2), np.full(2, 0.05))
    return [
        p001.member("seller", prices, sun_kw=surplus_kw),
        p001.member("buyer", prices, load_kw=lack_kw),
    ]


def test_without_rules_it_is_the_joint_optimum():
    members = some_members()
    pool, central = (clear(p001.world(members), one) for one in (Pool(), Central()))
    assert pool.upper == pytest.approx(central.upper, rel=1e-9)
    assert pool.lower == pytest.approx(central.lower, rel=1e-9)


def test_losses_by_hand():
    """10 kW are put in, 9 arrive, 1 kW is bought at 0.2: 0.2 an hour, not 1.5 apart, not 0."""
    clearing = clear(p001.world(pair()), Pool(loss_factor=0.1))
    assert clearing.upper == pytest.approx(2 * 0.2)
    kw = {(t.seller, t.buyer): t.kw for t in clearing.trades}
    assert kw["seller", "market"] == pytest.approx(np.full(2, 10.0))
    assert kw["market", "buyer"] == pytest.approx(np.full(2, 9.0))
    assert kw["market", "dno"] == pytest.approx(np.full(2, 1.0))


def test_with_losses_sellers_get_what_buyers_pay_and_the_rest_goes_for_nothing():
    clearing = clear(p001.world(pair(), local_price="midpoint"), Pool(loss_factor=0.1))
    price = {(t.seller, t.buyer): t.price_per_kwh[0] for t in clearing.trades}
    # Between 0.05 / 0.9, what a kWh that arrives would have earned at the grid, and 0.2.
    due = (0.05 / 0.9 + 0.2) / 2
    assert price["market", "buyer"] == pytest.approx(due)
    assert price["seller", "market"] == pytest.approx(0.9 * due)
    assert price["market", "dno"] == 0.0


def test_losses_above_the_margin_end_all_trade():
    """Of a kWh worth 0.2 to its buyer a quarter arrives; the grid pays 0.05 for all of it."""
    clearing = clear(p001.world(pair()), Pool(loss_factor=0.76))
    assert not clearing.trades
    assert clearing.upper == pytest.approx(clear(p001.world(pair()), Isolated()).upper)


def test_losses_never_make_it_cheaper():
    members = some_members(3)
    costs = [clear(p001.world(members), Pool(loss_factor=x)).upper for x in (0.0, 0.05, 0.2, 0.9)]
    assert (np.diff(costs) >= -1e-7).all()


@pytest.mark.parametrize("split", ["nash", "shapley", "nucleolus"])
def test_transfers_bring_everybody_below_what_it_pays_alone(split):
    members = some_members(1)
    prices = members[0].tariff
    alone = p001.bills(clear(p001.world(members), Isolated()), prices)
    clearing = clear(p001.world(members), Pool(split=split))
    paid = p001.bills(clearing, prices)
    assert sum(paid.values()) == pytest.approx(clearing.upper)
    assert all(paid[name] <= alone[name] + 1e-6 for name in paid)
    assert np.abs(sum(clearing.transfers.values())).max() < 1e-9


def test_nash_leaves_everybody_the_same_gain():
    members = some_members(2)
    prices = members[0].tariff
    alone = p001.bills(clear(p001.world(members), Isolated()), prices)
    paid = p001.bills(clear(p001.world(members), Pool(split="nash", loss_factor=0.03)), prices)
    gains = [alone[name] - paid[name] for name in paid]
    assert gains == pytest.approx([np.mean(gains)] * 4)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"ir": "pareto"}, "ir is one of none, paper"),
        ({"split": "equal"}, "split is one of none, nash"),
        ({"loss_factor": 1.0}, "below 1"),
        ({"loss_factor": float("nan")}, "below 1"),
        ({"ir": "paper", "split": "nash"}, "without money"),
    ],
)
def test_impossible_options_are_refused(options, fault):
    with pytest.raises(ValueError, match=fault):
        Pool(**options)


def test_rules_about_bills_do_not_fit_the_cost_of_the_system():
    scenario = SimpleNamespace(objective=Objective.SYSTEM, microgrids=[None] * 11)
    pool = Pool(split="shapley", loss_factor=0.1)
    assert [fault[0] for fault in pool.scenario_faults(scenario)] == [
        "loss_factor",
        "split",
        "split",
    ]
    assert list(Pool().scenario_faults(scenario)) == []


def test_a_pool_that_was_reset_clears_as_a_new_one():
    members = some_members(4)
    pool = Pool(split="shapley", loss_factor=0.02)
    clear(p001.world(some_members(5)), pool)
    pool.reset()
    again, new = (
        clear(p001.world(members), one) for one in (pool, Pool(split="shapley", loss_factor=0.02))
    )
    assert again.upper == new.upper
    for name, amount in new.transfers.items():
        np.testing.assert_array_equal(again.transfers[name], amount)
