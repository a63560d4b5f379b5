"""Property 18: who trades what hangs neither on names nor on the order of the towns."""

import numpy as np
import pytest

from mmgsim.coordination import PeerToPeer
from tests.support.gates import clear
from tests.support.peers import paid, peers, small_battery

STEPS = 12
NOISE_KW = 1e-6


def town(seed, k):
    rng = np.random.default_rng([seed, k])
    return rng.normal(0.0, 40.0, STEPS), small_battery(rng.uniform(10.0, 80.0))


def cleared(seed, names, order, km):
    """Clear a market of four towns, listed in an order, under names of their own."""
    drawn = {names[k]: town(seed, k) for k in order}
    world = peers(
        {name: kw for name, (kw, _) in drawn.items()},
        batteries={name: battery for name, (_, battery) in drawn.items()},
        distance_km=km[np.ix_(order, order)],
    )
    clearing = clear(world, PeerToPeer(price_per_kwh=0.15))
    sold = {
        (names.index(t.seller), names.index(t.buyer)): np.asarray(t.kw) for t in clearing.trades
    }
    bills = [paid(world, clearing, name).sum() for name in names]
    return sold, np.array(bills), clearing.upper


@pytest.mark.parametrize("km", [np.ones((4, 4)), np.add.outer(np.arange(4.0), np.arange(4.0))])
@pytest.mark.parametrize("seed", range(3))
def test_other_names_in_another_order_trade_the_same(seed, km):
    before = cleared(seed, ["A", "B", "C", "D"], [0, 1, 2, 3], km)
    after = cleared(seed, ["Zeta", "Beta", "Aalen", "Mu"], [2, 0, 3, 1], km)
    assert before[0]
    assert before[0].keys() == after[0].keys()
    for pair, kw in before[0].items():
        np.testing.assert_allclose(after[0][pair], kw, rtol=0.0, atol=NOISE_KW)
    np.testing.assert_allclose(after[1], before[1], rtol=0.0, atol=STEPS * NOISE_KW)
    assert after[2] == pytest.approx(before[2], abs=4 * STEPS * NOISE_KW)
