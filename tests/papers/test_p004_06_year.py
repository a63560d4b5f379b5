"""Properties 6 and 7 of paper 004 over simulated years: what peers change at the same sizes."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.sizing import Sharing, YearSimulator, appraise, by_step
from mmgsim.sizing.rule import rule_inputs
from tests.support.sizing import BUY, PEER, SELL, limited, random_case, random_sizes, terms_of

STEPS = 72


def judged(case, sizes, **terms):
    """Judge sizes alone at the grid and among peers."""
    return (
        appraise(YearSimulator(case, sharing, engine="numpy"), sizes, terms_of(case, **terms))
        for sharing in (Sharing.GRID, Sharing.PEERS)
    )


def towns(seed):
    case = random_case(seed, steps=STEPS, members=2 + seed % 3)
    return limited(case, seed) if seed % 2 else case


def test_net_of_payments_the_reliability_index_is_never_higher_among_peers():
    falls = []
    for seed in range(50):
        case = towns(seed)
        alone, together = judged(case, random_sizes(case, 4, seed))
        assert (together.reliability <= alone.reliability + 1e-6).all(), seed
        falls.append(1.0 - together.reliability / alone.reliability)
        # A peer is cheaper than the grid here, so that it is so with what peers are paid as well.
        assert (together.reliability_with_payments <= alone.reliability + 1e-6).all(), seed
    assert np.mean(falls) > 0.05


def test_at_the_prices_printed_for_purchases_buyers_would_be_better_off_without_peers():
    # Paper 004 prices purchases at E = 0.12 and peers at 0.15, and lost load at 1.5 E.
    dearer, traded_kwh = [], []
    for seed in range(10):
        printed = replace(
            random_case(seed, steps=STEPS),
            buy_per_kwh=np.full(STEPS, 0.12),
            unserved_per_kwh=np.full(3, 0.18),
        )
        alone, together = judged(printed, random_sizes(printed, 4, seed))
        assert (together.reliability <= alone.reliability + 1e-6).all()
        dearer.append(together.reliability_with_payments - alone.reliability)
        traded_kwh.append(together.peer_payments / PEER)
    # By just what a peer is dearer than the grid, of all that is bought from peers.
    np.testing.assert_allclose(dearer, (PEER - 0.12) * np.array(traded_kwh), rtol=1e-9, atol=1e-6)
    assert np.median(dearer) > 1000.0  # USD a year


@pytest.mark.parametrize("price", [SELL, PEER, BUY])
@pytest.mark.parametrize("seed", range(4))
def test_hour_by_hour_buyers_pay_no_more_and_sellers_earn_no_less(seed, price):
    case = towns(seed)
    case = replace(case, peer_per_kwh=np.full_like(case.peer_per_kwh, price))
    sizes = random_sizes(case, 4, seed)
    alone, together = (
        by_step(rule_inputs(case, sharing), sizes) for sharing in (Sharing.GRID, Sharing.PEERS)
    )
    assert together["bought_kw"].any()
    np.testing.assert_array_equal(alone["stored_kwh"], together["stored_kwh"])
    paid, before = (
        BUY * flows["imported_kw"] + 0.42 * flows["unserved_kw"] + flows["peer_payments_per_h"]
        for flows in (together, alone)
    )
    assert (paid - before).max() <= 1e-9
    earned, before = (
        SELL * flows["exported_kw"] + price * flows["sold_kw"] for flows in (together, alone)
    )
    assert (earned - before).min() >= -1e-9


def test_one_town_and_identical_towns_have_nothing_to_trade():
    one = random_case(0, steps=STEPS, members=1)
    three = random_case(0, steps=STEPS)
    same = replace(
        three,
        load_kw=np.repeat(three.load_kw[:1], 3, axis=0),
        yield_pu=np.repeat(three.yield_pu[:1], 3, axis=0),
    )
    for case, sizes in (
        (one, random_sizes(one, 4)),
        (same, np.repeat(random_sizes(three, 4)[:, :1], 3, axis=1)),
    ):
        alone, together = judged(case, sizes)
        assert not together.peer_payments.any()
        np.testing.assert_array_equal(together.reliability, alone.reliability)
