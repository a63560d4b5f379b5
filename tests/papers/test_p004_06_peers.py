"""Properties 6 to 8 and 10 in random markets: what peers change for each and for all."""

import numpy as np
import pytest

from mmgsim.coordination import Central, Isolated, PeerToPeer
from mmgsim_agents.strategies import CostMinimiser
from tests.support.gates import clear
from tests.support.peers import BUY, PEER, SELL, grid_kw, peers, small_battery

STEPS = 24
# What solvers leave of nothing, per request and plan. [kW]
NOISE_KW = 2e-6


def towns(seed, members=3, **terms):
    """Give random towns with batteries."""
    rng = np.random.default_rng(seed)
    names = [f"T{k}" for k in range(members)]
    return peers(
        {name: rng.normal(0.0, 40.0, STEPS) for name in names},
        batteries={name: small_battery(rng.uniform(10.0, 80.0)) for name in names},
        **terms,
    )


def both(world, price=PEER):
    return clear(world, Isolated()), clear(world, PeerToPeer(price_per_kwh=price))


def purchases(clearing, world):
    """Give what every town imports: (towns, steps). [kW]"""
    return np.stack([np.maximum(-grid_kw(clearing, name), 0.0) for name in world.agents])


def traded_kw(clearing, world):
    """Give what every town buys from and sells to peers: two (towns, steps) arrays. [kW]"""
    zero = np.zeros(STEPS)
    return tuple(
        np.stack(
            [
                sum((t.kw for t in clearing.trades if getattr(t, side) == name), zero)
                for name in world.agents
            ]
        )
        for side in ("buyer", "seller")
    )


@pytest.mark.parametrize("seed", range(5))
def test_net_purchases_of_all_are_no_more_than_without_peers(seed):
    world = towns(seed)
    alone, together = both(world)
    less_kw = purchases(alone, world).sum(axis=0) - purchases(together, world).sum(axis=0)
    assert less_kw.min() >= -3 * NOISE_KW
    bought_kw, sold_kw = traded_kw(together, world)
    np.testing.assert_allclose(bought_kw.sum(axis=0), sold_kw.sum(axis=0), rtol=0.0, atol=1e-12)
    # What is bought from peers is just what is no longer bought from the grid.
    np.testing.assert_allclose(less_kw, bought_kw.sum(axis=0), rtol=0.0, atol=3 * NOISE_KW)


@pytest.mark.parametrize("price", [SELL, PEER, BUY])
@pytest.mark.parametrize("seed", range(3))
def test_hour_by_hour_buyers_pay_no_more_and_sellers_earn_no_less(seed, price):
    world = towns(seed)
    alone, together = both(world, price)
    assert together.trades
    bought_kw, sold_kw = traded_kw(together, world)
    cost = BUY * purchases(together, world) + price * bought_kw
    assert (cost - BUY * purchases(alone, world)).max() <= BUY * NOISE_KW
    for row, name in enumerate(world.agents):
        earned = SELL * np.maximum(grid_kw(together, name), 0.0) + price * sold_kw[row]
        before = SELL * np.maximum(grid_kw(alone, name), 0.0)
        assert (earned - before).min() >= -BUY * NOISE_KW


def test_a_town_without_peers_does_what_it_does_alone():
    world = towns(0, members=1)
    alone, together = both(world)
    assert together.trades == ()
    assert np.array_equal(purchases(together, world), purchases(alone, world))


def test_identical_towns_have_nothing_to_trade():
    kw = np.random.default_rng(1).normal(0.0, 40.0, STEPS)
    battery = small_battery(40.0)
    world = peers(dict.fromkeys("ABC", kw), batteries=dict.fromkeys("ABC", battery))
    assert both(world)[1].trades == ()


# ---------------------------------------------------------------------------------- 8 and 10
@pytest.mark.parametrize("seed", range(3))
def test_own_first_is_the_cheapest_dispatch_at_the_grid_alone(seed):
    # What is sold earns nothing: otherwise what the window leaves in storage should be sold.
    greedy, cheapest = towns(seed, sell=0.0), towns(seed, sell=0.0)
    for agent in cheapest.agents.values():
        agent.strategy = CostMinimiser()
    found, best = clear(greedy, Isolated()), clear(cheapest, Isolated())
    assert found.upper == pytest.approx(best.upper, abs=3 * STEPS * BUY * NOISE_KW)


@pytest.mark.parametrize("seed", range(3))
def test_own_first_with_peers_is_no_cheaper_than_one_planner_for_all(seed):
    world = towns(seed)
    _, together = both(world)
    best = clear(world, Central())
    assert together.upper >= best.lower - 1e-6 * best.gross_cost
