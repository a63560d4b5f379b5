"""Property 17: equilibria of sizes hold against every move of one, and cooperation costs least."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.scenario import load_scenario
from mmgsim.sizing import Best, Sharing, Terms, YearSimulator, sizing_case
from mmgsim.sizing.games import (
    Game,
    Players,
    Share,
    best_deviation,
    equilibrium,
    play,
    settle,
    singletons,
    structures,
)

WEEK = 7 * 24
EPSILON = 1e-4  # of the annual cost; what the game stops at
GAMES = [("technologies", "full"), ("technologies", "equal"), ("microgrids", "own")]


@pytest.fixture(scope="module")
def towns():
    loaded = load_scenario("towns3")
    case = sizing_case(loaded)
    return SimpleNamespace(case=case, terms=Terms.of(case, loaded.scenario.sizing))


def game(towns, players, share, case=None, sharing=Sharing.PEERS):
    case = towns.case.between(0, WEEK) if case is None else case
    simulator = YearSimulator(case, sharing)
    return Game(simulator, towns.terms, getattr(Players, players)(case), Share(share))


@pytest.fixture(scope="module")
def played(towns):
    """Give the games, all held against the same joint optimum."""
    found, known = {}, []
    for players, share in reversed(GAMES):
        one = play(game(towns, players, share), starts=1, known=known)
        found[players, share] = one
        known = [one.cooperative.sizes]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("which", GAMES)
def test_nobody_gains_by_moving_alone(played, which):
    one = played[which]
    for found in one.equilibria:
        assert found.is_settled
        # Other draws than those that it was found with.
        away = best_deviation(one.game, found.structure, found.sizes, draws=1000, grid=200, seed=9)
        assert away.gain <= EPSILON * found.annual_cost


@pytest.mark.slow
@pytest.mark.parametrize("which", GAMES)
def test_the_joint_optimum_costs_no_more_than_any_structure(played, which):
    costs = [one.annual_cost for one in played[which].equilibria]
    assert costs[0] == min(costs)


@pytest.mark.slow
def test_with_equal_shares_too_little_is_built(played):
    equal = played["technologies", "equal"]
    apart, together = equal.noncooperative, equal.cooperative
    assert apart.appraisal.capital[0] < together.appraisal.capital[0]
    assert apart.annual_cost > (1.0 + EPSILON) * together.annual_cost


@pytest.mark.slow
def test_with_equal_shares_all_together_buy_least_as_the_paper_reports(played):
    # Table IV: {WT, PP, SB} has the lowest reliability index of the four that it prints.
    rows = played["technologies", "equal"].structures
    assert rows.reliability.idxmin() == 0
    assert (rows.annual_cost[1:] > rows.annual_cost[0]).all()


@pytest.mark.parametrize("players", ["technologies", "microgrids"])
def test_with_full_shares_the_annual_cost_falls_with_every_round(towns, players):
    one = game(towns, players, "full")
    rest = settle(one, singletons(3), np.zeros((3, 3)))
    assert rest.is_settled
    assert rest.step == 1.0
    assert (np.diff(rest.annual_costs) <= 0.0).all()
    assert rest.annual_costs[-1] < rest.annual_costs[0]


# -------------------------------------------------------------------------------- brute force
LEVELS = (0.0, 250.0, 500.0, 750.0)


def on_the_grid(problem, _):
    """Find the best of all vectors of a few levels."""
    vectors = np.array(list(product(LEVELS, repeat=int(problem.is_free.sum()))))
    costs = problem.costs(vectors)
    return Best(vectors[costs.argmin()], float(costs.min()))


def all_equilibria(one, structure):
    """Give all sizes on the grid at which no block gains by another of its own."""
    sizes = np.array(list(product(LEVELS, repeat=3)))[:, None, :]
    borne = one.payoffs(sizes, structure)
    stays = np.ones(len(sizes), dtype=bool)
    for number, block in enumerate(structure):
        owned = one.players.owned_by(block)
        for k, own in enumerate(sizes):
            same = (sizes == own)[:, ~owned].all(axis=1)
            stays[k] &= borne[k, number] <= borne[same, number].min() * (1.0 + 1e-9)
    return sizes[stays]


@pytest.mark.parametrize("share", ["full", "equal"])
@pytest.mark.parametrize("structure", list(structures(3)))
def test_of_a_few_sizes_an_equilibrium_is_one_of_those_that_enumeration_finds(
    towns, share, structure
):
    town = towns.case.between(0, WEEK).only([0])
    one = game(towns, "technologies", share, town, Sharing.GRID)
    expected = all_equilibria(one, structure)
    for start in (np.zeros((1, 3)), np.full((1, 3), LEVELS[-1])):
        rest = settle(one, structure, start, minimise=on_the_grid)
        assert rest.is_settled
        assert (expected == rest.sizes).all(axis=(1, 2)).any()


# ------------------------------------------------------------------------------ the whole year
@pytest.mark.slow
def test_over_the_year_free_riding_costs_and_nobody_gains_by_moving_alone(towns):
    one = game(towns, "technologies", "equal", towns.case)
    apart = equilibrium(one, singletons(3), [np.clip(towns.case.present, 0.0, towns.case.high)])
    assert apart.is_settled
    assert apart.deviation.gain <= EPSILON * apart.annual_cost
    # The sizes that are there are no optimum, and cost less all the same.
    assert one.annual_cost(towns.case.present[None]).item() < apart.annual_cost
