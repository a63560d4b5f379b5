"""Properties 8, 9, 10 and 15 of paper 004: the rule, searches, and the exact linear program."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.scenario import load_scenario
from mmgsim.sizing import (
    Objective,
    Problem,
    Sharing,
    YearSimulator,
    appraise,
    has_numba,
    least_annual_cost,
    search_of,
    sizing_case,
)
from tests.support.sizing import alike, limited, random_case, random_sizes, terms_of

ALONE_OR_ONE = [Sharing.GRID, Sharing.POOL]
needs_numba = pytest.mark.skipif(not has_numba(), reason="takes minutes without numba")


def annual_cost(case, sharing, sizes, **terms):
    simulator = YearSimulator(case, sharing, engine="numpy")
    return float(appraise(simulator, sizes[None], terms_of(case, **terms)).annual_cost[0])


@pytest.mark.parametrize("sharing", ALONE_OR_ONE)
@pytest.mark.parametrize(
    "stores",
    [alike(3), alike(3, power=0.1), alike(3, power=5.0, floor=0.0, start=0.7), alike(3, wear=0.05)],
    ids=["plain", "weak", "strong", "worn"],
)
def test_at_flat_prices_the_rule_is_the_cheapest_dispatch(sharing, stores):
    case = random_case(2, steps=240, stores=stores)
    for sizes in random_sizes(case, 3, seed=6):
        best = least_annual_cost(case, sharing, terms_of(case), at=sizes)
        assert np.array_equal(best.sizes, sizes) or sharing is Sharing.POOL
        assert annual_cost(case, sharing, sizes) == pytest.approx(best.cost, rel=1e-6)
        assert best.bound == pytest.approx(best.cost, rel=1e-6)


@pytest.mark.parametrize("is_export_counted", [False, True])
def test_without_batteries_there_is_nothing_to_dispatch_whatever_prices_and_limits(
    is_export_counted,
):
    rng = np.random.default_rng(0)
    case = limited(random_case(3, steps=200, step_h=0.5))
    case = replace(
        case,
        buy_per_kwh=rng.uniform(0.2, 0.4, 200),
        sell_per_kwh=rng.uniform(0.0, 0.1, 200),
    )
    sizes = random_sizes(case, 1)[0]
    sizes[:, 2] = 0.0
    for sharing in ALONE_OR_ONE:
        terms = terms_of(case, is_export_counted=is_export_counted)
        best = least_annual_cost(case, sharing, terms, at=sizes)
        found = annual_cost(case, sharing, sizes, is_export_counted=is_export_counted)
        assert found == pytest.approx(best.cost, rel=1e-7)


@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("is_export_counted", [False, True])
def test_where_prices_and_limits_vary_the_program_is_a_lower_bound(sharing, is_export_counted):
    rng = np.random.default_rng(1)
    case = limited(random_case(4, steps=240))
    case = replace(
        case,
        buy_per_kwh=rng.uniform(0.15, 0.4, 240),
        sell_per_kwh=rng.uniform(0.0, 0.12, 240),
        unserved_per_kwh=np.array([0.42, 0.6, 0.9]),
        local_charge_per_kwh=np.full(240, 0.01),
    )
    terms = {"is_export_counted": is_export_counted}
    free = least_annual_cost(case, sharing, terms_of(case, **terms))
    for sizes in random_sizes(case, 3):
        held = least_annual_cost(case, sharing, terms_of(case, **terms), at=sizes)
        found = annual_cost(case, sharing, sizes, **terms)
        assert free.bound <= held.bound + 1e-6 * held.cost
        assert held.bound <= held.cost * (1.0 + 1e-9)
        assert held.cost < found  # it looks ahead, the rule does not


@pytest.fixture(scope="module")
def weeks():
    """Give towns3 over two weeks."""
    return sizing_case(load_scenario("towns3")).between(4000, 4336)


@pytest.fixture(scope="module")
def exact(weeks):
    return {s: least_annual_cost(weeks, s, terms_of(weeks)) for s in Sharing}


@needs_numba
@pytest.mark.parametrize("sharing", ALONE_OR_ONE)
def test_both_searches_find_what_the_program_proves(weeks, exact, sharing):
    problem = Problem.of(YearSimulator(weeks, sharing), terms_of(weeks), Objective.ANNUAL_COST)
    best = exact[sharing]
    assert problem.case.low.shape == best.sizes.shape
    found = annual_cost(weeks, sharing, best.sizes)
    assert found == pytest.approx(best.cost, rel=1e-7)
    for method in ("swarm", "evolution"):
        search = search_of(method, problem, 1)
        while not search.is_done:
            search.advance()
        assert search.best.cost >= best.bound - 1e-6
        assert search.best.cost == pytest.approx(best.cost, rel=1e-4), method


@needs_numba
def test_peers_who_use_their_own_first_are_no_cheaper_than_their_pool(weeks, exact):
    simulator = YearSimulator(weeks, Sharing.PEERS)
    search = search_of("swarm", Problem.of(simulator, terms_of(weeks), Objective.ANNUAL_COST), 1)
    while not search.is_done:
        search.advance()
    pooled, alone = exact[Sharing.PEERS], exact[Sharing.GRID]
    assert pooled.cost == pytest.approx(exact[Sharing.POOL].cost, rel=1e-7)
    assert pooled.bound <= search.best.cost <= alone.cost * (1.0 + 1e-6)
    # They charge what a peer lacks: what is lost by that is no rounding.
    assert search.best.cost > 1.001 * pooled.cost
