"""Matching over the shortest distances first: by hand, by brute force, in proportion."""

from itertools import product

import numpy as np
import pytest

from mmgsim.coordination.nearest import matched_by_distance
from mmgsim.coordination.pair_trades import net_trade_kw, shared_out

INF = np.inf


def one_step(surplus, lack, distance_km):
    columns = (np.array(kw, dtype=float)[:, None] for kw in (surplus, lack))
    return matched_by_distance(*columns, np.array(distance_km, dtype=float))[..., 0]


def drawn(rng, members, steps=1, *, whole=False):
    """Give random surplus and lack; of everybody only one of them in a step."""
    kw = rng.integers(0, 5, (members, steps)).astype(float)
    kw = kw if whole else kw * rng.random((members, steps))
    is_seller = rng.random((members, steps)) < 0.5
    return np.where(is_seller, kw, 0.0), np.where(is_seller, 0.0, kw)


def distances(rng, members, *, levels):
    """Give symmetric distances; few levels make ties."""
    one_way = np.triu(rng.integers(1, levels + 1, (members, members)), 1).astype(float)
    return one_way + one_way.T


def test_the_nearest_is_served_first_and_the_rest_goes_on_to_the_next():
    # 0 sells 10; 1 lacks 4 and is 3 km away, 2 lacks 9 and is 5 km away.
    km = [[0, 3, 5], [3, 0, 7], [5, 7, 0]]
    assert one_step([10, 0, 0], [0, 4, 9], km).tolist() == [[0, 4, 6], [0, 0, 0], [0, 0, 0]]


def test_a_buyer_comes_to_its_nearest_seller_first():
    km = [[0, 3, 5], [3, 0, 7], [5, 7, 0]]
    assert one_step([0, 6, 9], [10, 0, 0], km).tolist() == [[0, 0, 0], [6, 0, 0], [4, 0, 0]]


def test_peers_at_one_distance_share_in_proportion_to_what_they_lack():
    km = [[0, 3, 3], [3, 0, 1], [3, 1, 0]]
    assert one_step([6, 0, 0], [0, 3, 9], km)[0].tolist() == [0, 1.5, 4.5]


def test_pairs_that_are_infinitely_far_apart_do_not_trade():
    km = [[0, INF, 5], [INF, 0, 7], [5, 7, 0]]
    assert one_step([10, 0, 0], [0, 4, 3], km)[0].tolist() == [0, 0, 3]


def test_lengths_that_differ_by_rounding_alone_are_the_same():
    km = [[0, 0.1 + 0.2, 0.3], [0.1 + 0.2, 0, 1], [0.3, 1, 0]]
    assert one_step([4, 0, 0], [0, 4, 4], km)[0] == pytest.approx([0, 2, 2], abs=1e-12)


def test_a_chain_of_equal_distances_is_shared_as_by_hand():
    # Sellers 0 and 1, buyers 2 and 3; 0 may trade with both, 1 with 3 alone; everybody has 1 kW.
    km = [[0, 9, 1, 1], [9, 0, INF, 1], [1, INF, 0, 9], [1, 1, 9, 0]]
    # 0 offers a half to each; 3 asks a half of each; then 0 and 3 have nothing left.
    expected = [[0, 0, 0.5, 0.5], [0, 0, 0, 0.5], [0] * 4, [0] * 4]
    assert one_step([1, 1, 0, 0], [0, 0, 1, 1], km).tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_with_all_at_one_distance_it_is_the_share_of_the_pool(seed):
    rng = np.random.default_rng(seed)
    surplus, lack = drawn(rng, 5, 4)
    found = matched_by_distance(surplus, lack, np.ones((5, 5)))
    np.testing.assert_allclose(found, shared_out(surplus, lack), rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("levels", [1, 2, 3, 30])
@pytest.mark.parametrize("seed", range(10))
def test_nobody_trades_more_than_it_has_and_the_shorter_side_has_nothing_left(seed, levels):
    rng = np.random.default_rng(seed)
    surplus, lack = drawn(rng, 6, 5)
    found = matched_by_distance(surplus, lack, distances(rng, 6, levels=levels))
    assert (found >= 0.0).all()
    assert (found.sum(axis=1) <= surplus + 1e-12).all()
    assert (found.sum(axis=0) <= lack + 1e-12).all()
    volume = np.minimum(surplus.sum(axis=0), lack.sum(axis=0))
    np.testing.assert_allclose(found.sum(axis=(0, 1)), volume, rtol=0.0, atol=1e-10)
    np.testing.assert_allclose(net_trade_kw(found).sum(axis=0), 0.0, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_at_any_set_of_equal_distances_nobody_is_left_who_could_still_trade(seed):
    rng = np.random.default_rng(seed)
    surplus, lack = drawn(rng, 6, 5)
    far = distances(rng, 6, levels=2)
    far[far == 2.0] = INF
    found = matched_by_distance(surplus, lack, far)
    left, unserved = surplus - found.sum(axis=1), lack - found.sum(axis=0)
    could = np.minimum(left[:, None], unserved[None, :])[np.isfinite(far) & ~np.eye(6, dtype=bool)]
    assert could.max() <= 1e-10


@pytest.mark.parametrize("seed", range(15))
def test_no_other_matching_carries_more_over_a_shorter_distance_first(seed):
    rng = np.random.default_rng(seed)
    surplus, lack = drawn(rng, 4, whole=True)
    far = np.triu(rng.permutation(16).reshape(4, 4) + 1.0, 1)
    far = far + far.T
    found = matched_by_distance(surplus, lack, far)[..., 0]
    sellers, buyers = np.flatnonzero(surplus[:, 0]), np.flatnonzero(lack[:, 0])
    pairs = sorted(product(sellers, buyers), key=lambda pair: far[pair])
    assert tuple(found[pair] for pair in pairs) == best_by_priority(surplus, lack, pairs)


def best_by_priority(surplus, lack, pairs):
    """Try every matching in whole kW; give the largest, the shortest pair counting most."""
    ranges_kw = (range(int(min(surplus[i, 0], lack[j, 0])) + 1) for i, j in pairs)

    def is_possible(kw):
        given = {k: 0 for pair in pairs for k in pair}
        for (i, j), part in zip(pairs, kw, strict=True):
            given[i] += part
            given[j] += part
        return all(given[k] <= surplus[k, 0] + lack[k, 0] for k in given)

    return max(filter(is_possible, product(*ranges_kw)))


@pytest.mark.parametrize("levels", [1, 2, 20])
@pytest.mark.parametrize("seed", range(5))
def test_another_order_of_the_members_changes_nothing(seed, levels):
    rng = np.random.default_rng(seed)
    surplus, lack = drawn(rng, 6, 3)
    far, order = distances(rng, 6, levels=levels), rng.permutation(6)
    found = matched_by_distance(surplus, lack, far)
    moved = matched_by_distance(surplus[order], lack[order], far[np.ix_(order, order)])
    np.testing.assert_allclose(moved, found[np.ix_(order, order)], rtol=0.0, atol=1e-12)


def test_what_it_is_given_stays_as_it_was():
    surplus, lack, far = np.array([[2.0], [0.0]]), np.array([[0.0], [1.0]]), np.ones((2, 2))
    for given in (surplus, lack, far):
        given.flags.writeable = False
    assert matched_by_distance(surplus, lack, far)[0, 1, 0] == 1.0


def test_forty_members_at_distances_of_their_own_use_up_the_shorter_side():
    rng = np.random.default_rng(0)
    surplus, lack = drawn(rng, 40, 24)
    far = distances(rng, 40, levels=10**6)
    found = matched_by_distance(surplus, lack, far)
    volume = np.minimum(surplus.sum(axis=0), lack.sum(axis=0))
    np.testing.assert_allclose(found.sum(axis=(0, 1)), volume, rtol=0.0, atol=1e-9)
