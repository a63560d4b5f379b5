"""Properties 9 and 10: groups never cost more together; what each settlement keeps."""

from functools import cache

import numpy as np
import pytest

from mmgsim.coordination import Coalitions
from mmgsim.division import DayGame, Rule, bills_by_rule
from tests.support import p001

STEPS = 8
GAMES = [(count, seed) for count in range(2, 7) for seed in range(20)]
RULES = tuple(Rule)
_HOT = {count: Coalitions() for count in range(2, 7)}


@cache
def played(count, seed):
    """Give a random game with storage, what every group pays, and the bills by all rules."""
    rng = np.random.default_rng([count, seed])
    members = p001.random_members(rng, count, p001.random_prices(rng, STEPS))
    game = DayGame(p001.game_day(members), _HOT[count])
    cost = game.costs()
    return cost, {rule: one.bills for rule, one in bills_by_rule(game, RULES, orders=2).items()}


def groups(count):
    masks = np.arange(1 << count)
    return (masks[:, None] >> np.arange(count) & 1).astype(float)


def near(cost):
    """Rounding of solvers: 1e-9 of what all pay, per member."""
    return 1e-7 * (1.0 + abs(cost).max())


@pytest.mark.parametrize("count", range(2, 7))
def test_p001_09_two_groups_without_a_common_member_cost_at_most_their_sum(count):
    for seed in range(20):
        cost, _ = played(count, seed)
        for one in range(1, 1 << count):
            others = ~one & (1 << count) - 1
            other = others
            while other:
                assert cost[one | other] <= cost[one] + cost[other] + near(cost)
                other = (other - 1) & others


@pytest.mark.parametrize("count", range(2, 7))
def test_bills_of_every_rule_add_up_to_the_cost_of_all(count):
    for seed in range(20):
        cost, found = played(count, seed)
        for bills in found.values():
            assert bills.sum() == pytest.approx(cost[-1], abs=near(cost))


@pytest.mark.parametrize("count", range(2, 7))
def test_marginal_prices_are_in_the_core_of_every_game(count):
    """Twenty games of each size: no group would pay less on its own (Owen)."""
    for seed in range(20):
        cost, found = played(count, seed)
        assert (groups(count) @ found[Rule.MARGINAL] <= cost + near(cost)).all()


@pytest.mark.parametrize("rule", [Rule.NASH, Rule.SHAPLEY, Rule.NUCLEOLUS])
def test_nobody_pays_more_than_alone(rule):
    for count, seed in GAMES:
        cost, found = played(count, seed)
        assert (found[rule] <= cost[1 << np.arange(count)] + near(cost)).all()


def test_the_core_holds_the_nucleolus():
    """It is not empty, so that the least content group is content."""
    for count, seed in GAMES:
        cost, found = played(count, seed)
        assert (groups(count) @ found[Rule.NUCLEOLUS] <= cost + near(cost)).all()


def test_shapley_and_nash_need_not_be_in_the_core():
    def leaves(rule):
        return any(
            (groups(count) @ played(count, seed)[1][rule] > played(count, seed)[0] + 1e-3).any()
            for count, seed in GAMES
        )

    assert leaves(Rule.NASH)
    assert leaves(Rule.SHAPLEY)


@pytest.mark.parametrize("rule", [Rule.NASH, Rule.SHAPLEY, Rule.NUCLEOLUS])
def test_symmetric_microgrids_pay_the_same(rule):
    prices = p001.random_prices(np.random.default_rng(1), STEPS)
    rng = np.random.default_rng(2)
    load_kw, sun_kw = rng.uniform(0.0, 30.0, (2, STEPS))
    members = [
        p001.member("A", prices, load_kw=load_kw, sun_kw=sun_kw, battery_kwh=20.0),
        p001.member("B", prices, load_kw=sun_kw, sun_kw=load_kw),
        p001.member("C", prices, load_kw=load_kw, sun_kw=sun_kw, battery_kwh=20.0),
    ]
    bills = bills_by_rule(DayGame(p001.game_day(members)), (rule,), orders=2)[rule].bills
    assert bills[0] == pytest.approx(bills[2], abs=1e-6)
