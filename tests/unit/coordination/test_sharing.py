"""Dividing a gain: textbook games, and what every rule owes."""

from itertools import permutations

import numpy as np
import pytest

from mmgsim.coordination.sharing import (
    Split,
    divide,
    equal_shares,
    nucleolus,
    proportional_shares,
    savings,
    shapley_value,
)


def game(players, worth):
    """Give the array of a game from a function of who is in."""
    return np.array(
        [
            float(worth(tuple(i for i in range(players) if mask >> i & 1)))
            for mask in range(1 << players)
        ]
    )


def glove(who):
    """Players 0 and 1 have a left glove each, player 2 a right one; a pair is worth 1."""
    return min(len({0, 1} & set(who)), int(2 in who))


def bankruptcy(estate, claims):
    """What is left of an estate for a coalition once all others have got their claims."""
    return lambda who: max(0, estate - sum(c for i, c in enumerate(claims) if i not in who))


def random_game(seed, players=4):
    """A superadditive game: what a coalition adds grows with its size."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 2.0, players)
    return game(players, lambda who: 0.0 if len(who) < 2 else sum(weight[i] for i in who) ** 2)


# ------------------------------------------------------------------------------------ textbook
def test_shapley_value_of_the_glove_game():
    np.testing.assert_allclose(shapley_value(game(3, glove)), [1 / 6, 1 / 6, 2 / 3])


def test_nucleolus_of_the_glove_game_gives_all_to_the_rare_glove():
    np.testing.assert_allclose(nucleolus(game(3, glove)), [0, 0, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("estate", "shares"),
    [
        (100, [100 / 3, 100 / 3, 100 / 3]),
        (200, [50, 75, 75]),
        (300, [50, 100, 150]),
    ],
)
def test_nucleolus_of_the_bankruptcy_game_is_the_division_of_the_talmud(estate, shares):
    """Aumann and Maschler, J. Econ. Theory 36, 1985: claims of 100, 200 and 300."""
    found = nucleolus(game(3, bankruptcy(estate, (100, 200, 300))))
    np.testing.assert_allclose(found, shares, rtol=1e-7)


def test_nucleolus_of_the_airport_game():
    """Littlechild, Int. J. Game Theory 3, 1974: runways of 2, 4 and 10, the longest serves all.

    Payments ``min(2 / 2, 4 / 3, 10 / 3) = 1``, then ``min((4 - 1) / 2, (10 - 1) / 2) = 1.5``, and
    what is left.
    """
    cost = game(3, lambda who: max(((2, 4, 10)[i] for i in who), default=0))
    paid = np.array([2, 4, 10]) - nucleolus(savings(cost))
    np.testing.assert_allclose(paid, [1.0, 1.5, 7.5])


def test_nucleolus_of_a_majority_of_three_is_equal():
    np.testing.assert_allclose(nucleolus(game(3, lambda who: len(who) >= 2)), 1 / 3)


@pytest.mark.parametrize("seed", range(3))
def test_shapley_value_is_the_mean_over_all_orders(seed):
    worth = random_game(seed)
    added = np.zeros(4)
    orders = list(permutations(range(4)))
    for order in orders:
        mask = 0
        for player in order:
            added[player] += worth[mask | 1 << player] - worth[mask]
            mask |= 1 << player
    np.testing.assert_allclose(shapley_value(worth), added / len(orders))


def contents(worth, shares):
    """How content all coalitions are, least first."""
    players = len(shares)
    masks = np.arange(1, len(worth) - 1)
    paid = np.array([sum(shares[i] for i in range(players) if m >> i & 1) for m in masks])
    return np.sort(paid - worth[1:-1])


@pytest.mark.parametrize("seed", range(4))
def test_nothing_near_the_nucleolus_leaves_the_least_content_better(seed):
    """Contents in rising order: moving money between any two players lowers them in that order."""
    worth = random_game(seed)
    shares = nucleolus(worth)
    best = contents(worth, shares)
    for giver, taker in permutations(range(4), 2):
        moved = shares.copy()
        moved[giver] -= 1e-3
        moved[taker] += 1e-3
        other = contents(worth, moved)
        first = np.flatnonzero(np.abs(other - best) > 1e-7)[0]
        assert other[first] < best[first]


# ------------------------------------------------------------------------------ what rules owe
RULES = [Split.EQUAL, Split.SHAPLEY, Split.NUCLEOLUS, Split.PROPORTIONAL]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_shares_add_up_to_the_gain_and_leave_nobody_worse_off(rule, seed):
    worth = random_game(seed)
    shares = divide(rule, worth, np.array([1.0, 2.0, 3.0, 4.0]))
    assert shares.sum() == pytest.approx(worth[-1])
    assert (shares >= -1e-9).all()


@pytest.mark.parametrize("rule", [equal_shares, shapley_value, nucleolus])
def test_shares_do_not_hang_on_the_order_of_the_players(rule):
    worth, order = random_game(7), [2, 0, 3, 1]
    masks = [sum(1 << order[i] for i in range(4) if mask >> i & 1) for mask in range(16)]
    np.testing.assert_allclose(rule(worth[masks]), rule(worth)[order], atol=1e-8)


@pytest.mark.parametrize("rule", [equal_shares, shapley_value, nucleolus])
def test_shares_grow_with_the_unit_of_money(rule):
    worth = random_game(8)
    np.testing.assert_allclose(rule(1e6 * worth), 1e6 * rule(worth), rtol=1e-6)


def test_a_gain_of_nothing_is_shared_as_nothing():
    assert not nucleolus(np.zeros(8)).any()


def test_savings_are_costs_alone_less_costs_together():
    cost = np.array([0.0, 5.0, 3.0, 6.0])
    np.testing.assert_allclose(savings(cost), [0.0, 0.0, 0.0, 2.0])


def test_twelve_players_have_a_nucleolus():
    """Symmetric players get the same; 4094 coalitions."""
    found = nucleolus(game(12, lambda who: len(who) ** 2))
    np.testing.assert_allclose(found, 12.0, rtol=1e-6)


# --------------------------------------------------------------------------------- bad games
def test_proportional_shares_are_refused_where_a_cost_is_negative():
    with pytest.raises(ValueError, match=r"costs 2795, -834: .* negative; use equal"):
        proportional_shares(45.0, np.array([2795.0, -834.0]))


@pytest.mark.parametrize(
    ("worth", "fault"),
    [(np.zeros(3), "3 coalitions"), (np.zeros(1), "1 coalitions"), (np.ones(2), "not 0")],
)
def test_what_is_no_game_is_told_so(worth, fault):
    with pytest.raises(ValueError, match=fault):
        shapley_value(worth)
