"""Games of sizes: who plays, who bears what, how they come to rest, what groups pay."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.coordination import Split
from mmgsim.scenario import load_scenario
from mmgsim.sizing import (
    Best,
    Problem,
    Sharing,
    Terms,
    YearSimulator,
    appraise,
    bases_of,
    sizing_case,
)
from mmgsim.sizing.games import (
    MOST_PLAYERS,
    Game,
    Players,
    Share,
    SizingGroups,
    best_deviation,
    descend,
    groups_of_microgrids,
    groups_of_technologies,
    play,
    settle,
    singletons,
    structures,
)

WEEK = 7 * 24


@pytest.fixture(scope="module")
def towns():
    loaded = load_scenario("towns3")
    case = sizing_case(loaded).between(0, WEEK)
    return SimpleNamespace(case=case, terms=Terms.of(case, loaded.scenario.sizing))


@pytest.fixture(scope="module")
def drawn(towns):
    return np.random.default_rng(0).uniform(towns.case.low, towns.case.high, (6, 3, 3))


def game(towns, players="technologies", share="full", sharing="peers"):
    simulator = YearSimulator(towns.case, Sharing(sharing))
    return Game(simulator, towns.terms, getattr(Players, players)(towns.case), Share(share))


# ------------------------------------------------------------------------------ some microgrids
def test_a_microgrid_on_its_own_does_what_it_does_beside_others_without_peers(towns, drawn):
    together = YearSimulator(towns.case, Sharing.GRID)
    own = together.only([2, 0]).totals(drawn[:, [2, 0]])
    np.testing.assert_allclose(own.values, together.totals(drawn).values[:, [2, 0]], rtol=1e-12)
    assert together.case.only([2, 0]).names == ("Wahroonga", "Laverton")


def test_a_pair_trades_as_if_nobody_traded_with_the_third(towns, drawn):
    distance_km = towns.case.distance_km.copy()
    distance_km[2], distance_km[:, 2] = np.inf, np.inf
    apart = YearSimulator(replace(towns.case, distance_km=distance_km), Sharing.PEERS)
    pair = YearSimulator(towns.case, Sharing.PEERS).only([0, 1]).totals(drawn[:, :2])
    assert pair.of("sold_kwh").any(axis=1).all()
    np.testing.assert_allclose(pair.values, apart.totals(drawn).values[:, :2], rtol=1e-12)


@pytest.mark.parametrize("rows", [[], [1, 1]])
def test_nobody_and_the_same_one_twice_are_no_case(towns, rows):
    with pytest.raises(ValueError, match="at least one, and each of them once"):
        towns.case.only(rows)


# ---------------------------------------------------------------------------------- who plays
@pytest.mark.parametrize(("players", "bell"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 52)])
def test_structures_are_as_many_as_bell_numbers_and_hold_everybody_once(players, bell):
    found = list(structures(players))
    assert len(set(found)) == len(found) == bell
    for blocks in found:
        assert sorted(player for block in blocks for player in block) == list(range(players))
    assert len(found[0]) == 1
    assert found[-1] == singletons(players)


@pytest.mark.parametrize("players", [0, MOST_PLAYERS + 1])
def test_structures_of_none_or_too_many_players_are_refused(players):
    with pytest.raises(ValueError, match=f"{players} players"):
        list(structures(players))


@pytest.mark.parametrize("players", ["technologies", "microgrids"])
def test_every_size_that_costs_anything_has_one_owner(towns, players):
    owns = getattr(Players, players)(towns.case).owns
    assert (owns.sum(axis=0) == 1).all()


# ------------------------------------------------------------------------------ who bears what
@pytest.mark.parametrize("is_counted", [False, True])
@pytest.mark.parametrize("sharing", list(Sharing))
def test_bills_and_capital_add_up_to_the_annual_cost(towns, drawn, sharing, is_counted):
    terms = Terms(towns.terms.bases, is_export_counted=is_counted)
    simulator = YearSimulator(towns.case, sharing)
    one = Game(simulator, terms, Players.technologies(towns.case), Share.FULL)
    expected = appraise(simulator, drawn, terms).annual_cost
    np.testing.assert_allclose(one.annual_cost(drawn), expected, rtol=1e-12)


def test_equal_parts_and_own_bills_add_up_to_the_annual_cost(towns, drawn):
    for share in ("equal", "own"):
        one = game(towns, "microgrids", share)
        borne = one.payoffs(drawn, singletons(3)).sum(axis=1)
        np.testing.assert_allclose(borne, one.annual_cost(drawn), rtol=1e-12)


def test_peers_that_sell_have_lower_own_bills(towns):
    sizes = np.zeros((1, 3, 3))
    sizes[0, 0, 0] = 1500.0
    one = game(towns, "microgrids", "own")
    seller = one.payoffs(sizes, singletons(3))[0, 0] - one.capital(sizes)[0, 0]
    alone = game(towns, "microgrids", "own", "grid")
    assert seller < alone.payoffs(sizes, singletons(3))[0, 0] - alone.capital(sizes)[0, 0]


@pytest.mark.parametrize("players", ["technologies", "microgrids"])
def test_with_full_shares_a_move_changes_payoff_and_annual_cost_alike(towns, drawn, players):
    one = game(towns, players)
    before, after = drawn[:1], drawn[1:2]
    for player, owned in enumerate(one.players.owns):
        moved = np.where(owned, after, before)
        change = [
            (of(moved) - of(before)).item()
            for of in (one.annual_cost, lambda s, p=player: one.payoffs(s, ((p,),)))
        ]
        np.testing.assert_allclose(change[0], change[1], rtol=1e-9)


@pytest.mark.parametrize(
    ("players", "sharing"), [("technologies", "peers"), ("microgrids", "pool")]
)
def test_own_bills_of_who_has_none_are_refused(towns, players, sharing):
    with pytest.raises(ValueError, match="no pool have own bills"):
        game(towns, players, "own", sharing)


# ---------------------------------------------------------------------------------- minimiser
class Bowl:
    """A quadratic cost that is least where it is told, with valleys askew."""

    def __init__(self, least, low, high):
        self.least, self.low, self.high = (np.array(x, dtype=float) for x in (least, low, high))
        self.is_free = np.ones(len(least), dtype=bool)
        self.at = self.high

    def costs(self, vectors):
        away = vectors - self.least
        return (away**2).sum(axis=1) + 0.9 * away.sum(axis=1) ** 2


def test_descent_ends_at_the_least_cost():
    bowl = Bowl([812.3, 10.7, 450.1, 999.0], [0.0] * 4, [1500.0] * 4)
    np.testing.assert_allclose(descend(bowl, 3).vector, bowl.least, rtol=0.0, atol=0.05)


def test_descent_ends_at_a_limit_where_less_is_beyond():
    # Along x = 0 the cost is (y - 500)^2 + 0.9 (y - 400)^2, least at 860 / 1.9.
    bowl = Bowl([-100.0, 500.0], [0.0, 0.0], [1500.0, 1500.0])
    found = descend(bowl).vector
    assert found[0] == 0.0
    assert found[1] == pytest.approx((500.0 + 0.9 * 400.0) / 1.9, abs=0.05)


def test_descent_without_free_sizes_judges_what_is_there(towns):
    one = game(towns)
    fixed = Problem.of(one.simulator, one.terms, "annual-cost").restricted(
        np.zeros((3, 3), dtype=bool), towns.case.present
    )
    assert len(descend(fixed).vector) == 0


# ----------------------------------------------------------------------------- best responses
class Chase:
    """One wants to be where the other is, who wants to be as far from 1000 as the first is from 0.

    In turns they go in circles: ``x, y -> y, 1000 - y``.
    """

    def annual_cost(self, sizes):
        return np.abs(sizes[:, 0, 0] - sizes[:, 0, 1])

    def problem(self, block, at):
        (player,) = block
        wanted = at[0, 1] if player == 0 else 1000.0 - at[0, 0]
        is_free = np.zeros(at.shape, dtype=bool)
        is_free[0, player] = True

        def sizes(vectors):
            found = np.tile(at, (len(vectors), 1, 1))
            found[:, is_free] = vectors
            return found

        return SimpleNamespace(
            is_free=is_free, wanted=wanted, sizes=sizes, costs=lambda v: np.abs(v[:, 0] - wanted)
        )


def test_who_goes_in_circles_makes_half_moves_and_comes_to_rest():
    start = np.array([[0.0, 900.0, 0.0]])
    rest = settle(
        Chase(), ((0,), (1,)), start, minimise=lambda p, _: Best(np.array([p.wanted]), 0.0)
    )
    assert rest.is_settled
    assert rest.step < 1.0
    np.testing.assert_allclose(rest.sizes[0, :2], 500.0, atol=0.1)


def test_who_does_not_come_to_rest_says_so():
    start = np.array([[0.0, 900.0, 0.0]])
    rest = settle(
        Chase(),
        ((0,), (1,)),
        start,
        minimise=lambda p, _: Best(np.array([p.wanted]), 0.0),
        most_rounds=2,
    )
    assert not rest.is_settled
    assert (rest.rounds, len(rest.annual_costs)) == (2, 3)


def test_a_deviation_gains_what_it_says(towns):
    one = game(towns, "microgrids", "own")
    sizes = np.zeros((3, 3))
    found = best_deviation(one, singletons(3), sizes, draws=50, grid=20)
    assert found.gain > 0.0
    pair = np.stack([sizes, found.sizes])
    borne = one.payoffs(pair, ((found.block,),))[:, 0]
    assert borne[0] - borne[1] == pytest.approx(found.gain)
    others = np.delete(found.sizes, found.block, axis=0)
    assert not others.any()


# --------------------------------------------------------------------------------- structures
@pytest.fixture(scope="module")
def played(towns):
    return play(game(towns, "technologies", "equal", "grid"), starts=1)


def test_tables_have_a_row_for_whoever_they_are_about(played):
    assert list(played.structures.structure) == [
        "{wind, pv, battery}",
        "{wind, pv} {battery}",
        "{wind, battery} {pv}",
        "{wind} {pv, battery}",
        "{wind} {pv} {battery}",
    ]
    assert (len(played.payoffs), len(played.sizes)) == (15, 15)
    sums = played.payoffs.groupby("structure").payoff.sum()
    for _, row in played.structures.iterrows():
        assert sums[row.structure] == pytest.approx(row.annual_cost)
        assert row.annual_cost == pytest.approx(row.capital + row.reliability)


def test_all_together_begin_at_what_is_known_too(towns, played):
    one = game(towns, "technologies", "full", "grid")
    again = play(one, starts=1, known=[played.cooperative.sizes])
    assert again.cooperative.annual_cost <= played.cooperative.annual_cost


# ------------------------------------------------------------------------------------- groups
@pytest.fixture(scope="module")
def microgrids(towns):
    return groups_of_microgrids(YearSimulator(towns.case, Sharing.PEERS), towns.terms)


def test_without_peers_groups_pay_what_their_members_do(towns):
    groups = groups_of_microgrids(YearSimulator(towns.case, Sharing.GRID), towns.terms)
    masks = np.arange(8)
    alone = (masks[:, None] >> np.arange(3) & 1) @ groups.alone
    np.testing.assert_allclose(groups.costs, alone, rtol=1e-6)


def test_no_group_of_peers_pays_more_than_its_parts(microgrids):
    for mask in range(8):
        for part in range(mask):
            if part & mask == part:
                apart = microgrids.costs[part] + microgrids.costs[mask ^ part]
                assert microgrids.costs[mask] <= apart * (1.0 + 1e-12)
    assert microgrids.total < microgrids.alone.sum()


def test_groups_pay_for_the_sizes_that_are_told(towns, microgrids):
    one = game(towns, "microgrids")
    cost = one.annual_cost(microgrids.sizes[-1:]).item()
    assert microgrids.total == pytest.approx(cost)
    assert not microgrids.sizes[0b001, 1:].any()


def test_shapley_and_nucleolus_leave_no_microgrid_worse_off(microgrids):
    assert microgrids.violations.budget.eq(0.0).all()
    assert microgrids.violations.rationality.eq(0.0).all()
    sums = microgrids.divisions.groupby("rule").bill.sum()
    np.testing.assert_allclose(sums, microgrids.total)


def test_without_technologies_everybody_pays_its_bill(towns):
    groups = groups_of_technologies(YearSimulator(towns.case, Sharing.GRID), towns.terms)
    assert groups.nobody == pytest.approx(bases_of(towns.case).reliability)
    assert (np.diff(groups.costs[[0b000, 0b001, 0b011, 0b111]]) <= 0.0).all()
    # A battery with nothing to store is not built.
    assert groups.costs[0b100] == pytest.approx(groups.nobody)
    sums = groups.divisions.groupby("rule").bill.sum()
    np.testing.assert_allclose(sums, groups.costs[-1] - groups.nobody)


def test_technologies_that_replace_each_other_have_no_core():
    # Either saves 60 of 100 on its own, both together 70: whoever divides 70 takes from one.
    sizes = np.zeros((4, 1, 3))
    groups = SizingGroups(("wind", "pv"), np.array([100.0, 40.0, 40.0, 30.0]), sizes)
    np.testing.assert_allclose(groups.bills(Split.NUCLEOLUS), [-35.0, -35.0])
    worst = groups.violations.loc["nucleolus"]
    assert (worst.budget, worst.rationality, worst.core) == (0.0, 25.0, 25.0)
    assert worst.loser == worst.group == "wind"
