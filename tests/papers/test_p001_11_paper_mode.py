"""Property 11: with (20) and no money nobody pays more than alone, and gains are lost."""

import numpy as np
import pytest

from mmgsim.coordination import Isolated, Pool
from tests.support import p001
from tests.support.gates import clear

# 0.12 in ten hours and 0.25 in fourteen: 4.70 over the day.
BUY = np.where(np.arange(24) < 10, 0.12, 0.25)


def pure_pair():
    """5 kWh an hour left over here, and lacking there; the grid pays half of what it charges."""
    prices = p001.tariff(BUY, 0.5 * BUY)
    return [
        p001.member("seller", prices, sun_kw=5.0),
        p001.member("buyer", prices, load_kw=5.0),
    ]


def test_a_pure_seller_and_a_pure_buyer_lose_all_gains():
    """Apart: 5 * 4.70 - 5 * 2.35 = 11.75. Together: 0. A seller does not give energy away."""
    members = pure_pair()
    assert clear(p001.world(members), Isolated()).upper == pytest.approx(11.75)
    assert clear(p001.world(members), Pool()).upper == pytest.approx(0.0, abs=1e-9)
    by_paper = clear(p001.world(members), Pool(ir="paper"))
    assert by_paper.upper == pytest.approx(11.75, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_nobody_pays_more_than_alone_and_all_pay_at_least_the_optimum(seed):
    rng = np.random.default_rng(seed)
    members = p001.random_members(rng, 4, p001.random_prices(rng, 24))
    prices = members[0].tariff
    alone = p001.bills(clear(p001.world(members), Isolated()), prices)
    by_paper = clear(p001.world(members), Pool(ir="paper"))
    paid = p001.bills(by_paper, prices)
    assert all(paid[name] <= alone[name] + 1e-6 for name in alone)
    best = clear(p001.world(members), Pool()).upper
    assert best - 1e-6 <= by_paper.upper <= sum(alone.values()) + 1e-6


def test_microgrids_that_swap_roles_lose_little_by_it():
    """Who sells in the morning buys in the evening: energy is paid back in kind."""
    prices = p001.tariff(np.full(4, 0.2), np.full(4, 0.1))
    early = np.array([5.0, 5.0, 0.0, 0.0])
    members = [
        p001.member("A", prices, load_kw=5.0 - early, sun_kw=early),
        p001.member("B", prices, load_kw=early, sun_kw=5.0 - early),
    ]
    assert clear(p001.world(members), Pool(ir="paper")).upper == pytest.approx(0.0, abs=1e-6)


def test_energy_changes_hands_for_nothing():
    rng = np.random.default_rng(5)
    members = p001.random_members(rng, 4, p001.random_prices(rng, 24))
    clearing = clear(p001.world(members), Pool(ir="paper"))
    assert clearing.trades
    assert not any(trade.price_per_kwh.any() for trade in clearing.trades)
