"""Paper 000, property 4: no grid of trades holds anything better than the bi-level optimum.

Two microgrids, two hours: every net trade of a grid is handed to the followers, and what their
responses cost the leader is counted. Responses do not favour the leader, so that this is never
below the optimistic optimum.
"""

import itertools

import numpy as np
import pytest

from mmgsim.contracts import LimitKind, Objective
from mmgsim.subproblems import NetworkLimits
from tests.support.bilevel import (
    LCOE_PER_KWH,
    followers_of,
    leader_cost,
    leader_of,
    small_market,
)

POINTS = 9


def grid(followers):
    """Give net trades of the first microgrid from the most it can buy to the most it can sell."""
    (sold, bought), (other_sold, other_bought) = (one.most_traded_kw() for one in followers)
    low, high = -np.minimum(bought, other_sold), np.minimum(sold, other_bought)
    axes = [np.linspace(a, b, POINTS) for a, b in zip(low, high, strict=True)]
    for kw in [(0.0, 0.0), *itertools.product(*axes)]:
        yield np.stack([kw, -np.asarray(kw)])


@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize("seed", range(4))
def test_no_trade_of_a_grid_costs_less(seed, objective):
    small = small_market(seed, steps=2, objective=objective)
    followers = followers_of(small)
    found = leader_of(small, followers).optimistic()
    costs = [leader_cost(small, followers, trade_kw) for trade_kw in grid(followers)]
    slack = 1e-6 * max(gross for _, gross in costs)
    assert found.cost <= min(cost for cost, _ in costs) + slack
    at_optimum, _ = leader_cost(small, followers, found.trade_kw)
    assert at_optimum == pytest.approx(found.cost, abs=slack)


@pytest.mark.parametrize("seed", range(4))
def test_network_rows_hold_and_no_trade_of_a_grid_that_keeps_them_costs_less(seed):
    small = small_market(seed, steps=2, objective=Objective.MEMBERS)
    followers = followers_of(small)
    alone_kw = np.stack([follower.alone.exchange_kw for follower in followers])
    free = leader_of(small, followers).optimistic()
    free_kw = exchanges(followers, free.trade_kw)
    # Between what follows without trade, which has to stay possible, and from free trade.
    limit = np.maximum(alone_kw.sum(0) + 1e-6, 0.5 * (alone_kw + free_kw).sum(0))
    limits = NetworkLimits(
        loss_per_kwh=np.zeros(2),
        offset=np.array([0, 1]),
        key=((LimitKind.CURRENT, 0),) * 2,
        coefficient=np.ones((2, 2)),
        limit=limit,
        share_per_kw=np.ones(2),
    )
    found = leader_of(small, followers, limits=limits).optimistic()
    assert (exchanges(followers, found.trade_kw).sum(0) <= limit + 1e-5).all()
    kept = [
        leader_cost(small, followers, trade_kw)
        for trade_kw in grid(followers)
        if (exchanges(followers, trade_kw).sum(0) <= limit + 1e-9).all()
    ]
    slack = 1e-6 * max(gross for _, gross in kept)
    assert found.cost <= min(cost for cost, _ in kept) + slack
    assert found.cost >= free.cost - slack


def exchanges(followers, trade_kw):
    responses = zip(followers, trade_kw, strict=True)
    return np.stack([one.respond(kw).exchange_kw for one, kw in responses])


@pytest.mark.parametrize("objective", Objective)
@pytest.mark.parametrize("seed", range(3))
def test_nobody_pays_more_than_alone_and_no_such_trade_of_a_grid_costs_less(seed, objective):
    small = small_market(seed, steps=2, objective=objective)
    followers = followers_of(small)
    found = leader_of(small, followers, is_rational=True).optimistic()
    alone = bills(small, followers, np.zeros((2, 2)))
    slack = 1e-6 * (1.0 + np.abs(alone))
    assert (bills(small, followers, found.trade_kw) <= alone + slack).all()
    kept = [
        leader_cost(small, followers, trade_kw)[0]
        for trade_kw in grid(followers)
        if (bills(small, followers, trade_kw) <= alone).all()
    ]
    assert found.cost <= min(kept, default=np.inf) + slack.sum()
    assert found.cost >= leader_of(small, followers).optimistic().cost - slack.sum()


def bills(small, followers, trade_kw):
    """Give each one's bill with trades at the levelised cost, written out for two microgrids."""
    tariff = small.view.tariff
    totals = []
    for follower, kw in zip(followers, trade_kw, strict=True):
        own = follower.cost(follower.respond(kw), kw)
        buying = (LCOE_PER_KWH + tariff.local_charge_per_kwh) @ np.maximum(-kw, 0.0)
        totals.append(own + buying - LCOE_PER_KWH * np.maximum(kw, 0.0).sum())
    return np.array(totals)
