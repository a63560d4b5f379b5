"""Properties 11, 13 and 16 of paper 004: what single objectives ask for, and how they add up."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.sizing import BATTERY, Objective, Problem, Sharing, YearSimulator, appraise, search_of
from tests.support.sizing import limited, random_case, random_sizes, terms_of, twice


def appraised(case, sizes, sharing=Sharing.GRID, **terms):
    return appraise(YearSimulator(case, sharing, engine="numpy"), sizes, terms_of(case, **terms))


def searched(case, objective, sharing=Sharing.GRID, **terms):
    simulator = YearSimulator(case, sharing, engine="numpy")
    problem = Problem.of(simulator, terms_of(case, **terms), objective)
    search = search_of("swarm", problem, 3, rounds=40, population=40)
    while not search.is_done:
        search.advance()
    return problem, search.best


# ------------------------------------------------------------------------------------------ 11
@pytest.mark.parametrize("seed", range(5))
def test_alone_larger_sizes_never_raise_the_reliability_index(seed):
    case = random_case(seed, steps=120)
    sizes, falls = random_sizes(case, 1, seed), 0
    for place in np.ndindex(3, 3):
        along = np.repeat(sizes, 6, axis=0)
        along[:, *place] = np.linspace(0.0, case.high[place], 6)
        index = appraised(case, along).reliability
        assert np.diff(index).max() <= 1e-6
        falls += index[-1] < index[0]
    assert falls >= 5  # of nine; a town that serves all its load gains nothing by more


def test_the_reliability_index_alone_asks_for_the_largest_sizes():
    case = random_case(1, steps=96, high=np.tile([300.0, 200.0, 400.0], (3, 1)))
    problem, best = searched(case, Objective.RELIABILITY)
    generators = problem.sizes(best.vector[None])[0, :, :BATTERY]
    np.testing.assert_allclose(generators, case.high[:, :BATTERY], rtol=1e-9)
    # Of batteries there may be more than is ever filled.
    assert best.cost == pytest.approx(problem.costs(problem.high[None])[0], rel=1e-12)


# ------------------------------------------------------------------------------------------ 13
def test_what_a_connection_does_not_carry_is_not_served():
    case = random_case(2, steps=120)
    narrow, sizes = limited(case, 2), random_sizes(case, 4, 2)
    unlimited = YearSimulator(case, Sharing.GRID, engine="numpy")
    assert not unlimited.totals(sizes).of("unserved_kwh").any()
    bare = np.zeros((1, 3, 3))
    found = YearSimulator(narrow, Sharing.GRID, engine="numpy").totals(bare)
    over_kw = np.maximum(case.load_kw - narrow.import_limit_kw[:, None], 0.0)
    np.testing.assert_allclose(found.of("unserved_kwh")[0], over_kw.sum(axis=1), rtol=1e-12)
    wide = replace(case, import_limit_kw=case.load_kw.max(axis=1))
    assert not YearSimulator(wide, engine="numpy").totals(sizes).of("unserved_kwh").any()


# ------------------------------------------------------------------------------------------ 16
def test_twice_the_bases_halve_the_weighted_objective():
    case = random_case(3, steps=120)
    sizes = random_sizes(case, 5)
    once = terms_of(case)
    halved = appraised(case, sizes, bases=twice(once.bases)).weighted
    np.testing.assert_allclose(halved, appraised(case, sizes).weighted / 2.0, rtol=1e-12)


@pytest.mark.parametrize("sharing", Sharing)
def test_all_weight_on_one_half_is_that_half(sharing):
    case = random_case(4, steps=120)
    sizes, bases = random_sizes(case, 5), terms_of(case).bases
    all_lcoe = appraised(case, sizes, sharing, lcoe_weight=1.0)
    none = appraised(case, sizes, sharing, lcoe_weight=0.0)
    half = appraised(case, sizes, sharing, lcoe_weight=0.5)
    np.testing.assert_allclose(
        all_lcoe.weighted, all_lcoe.lcoe_per_kwh / bases.lcoe_per_kwh, rtol=1e-12
    )
    np.testing.assert_allclose(none.weighted, none.reliability / bases.reliability, rtol=1e-12)
    np.testing.assert_allclose(half.weighted, (all_lcoe.weighted + none.weighted) / 2, rtol=1e-12)


def test_a_search_with_all_weight_on_one_half_finds_what_that_half_asks_for():
    case = random_case(5, steps=72)
    for weight, objective in ((1.0, Objective.LCOE), (0.0, Objective.RELIABILITY)):
        terms = {"lcoe_weight": weight, "least_own_share": 0.2}
        _, weighted = searched(case, Objective.WEIGHTED, **terms)
        single, alone = searched(case, objective, **terms)
        assert single.costs(weighted.vector[None])[0] == pytest.approx(alone.cost, rel=1e-3)
