"""Property 15 of paper 004 on its own objective: both searches find what programs prove."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.sizing import (
    Objective,
    Problem,
    Sharing,
    YearSimulator,
    appraise,
    has_numba,
    least_weighted,
    search_of,
)
from tests.support.sizing import alike, limited, random_case, random_sizes, terms_of

HOURS = 168


def weighted(case, sharing, sizes, terms):
    return appraise(YearSimulator(case, sharing, engine="numpy"), sizes, terms).weighted


@pytest.mark.parametrize("sharing", [Sharing.GRID, Sharing.POOL])
@pytest.mark.parametrize("weight", [0.2, 0.5, 0.8])
def test_sizes_come_to_what_is_proven_to_be_least(sharing, weight):
    case = random_case(1, steps=HOURS, members=2)
    terms = terms_of(case, lcoe_weight=weight)
    found = least_weighted(case, sharing, terms)
    assert found.bound <= found.cost * (1.0 + 1e-9)
    assert found.bound == pytest.approx(found.cost, rel=1e-6)
    assert weighted(case, sharing, found.sizes[None], terms)[0] == pytest.approx(
        found.cost, rel=1e-6
    )
    drawn = random_sizes(case, 60, seed=3)
    drawn[30:] = np.clip(found.sizes + np.linspace(-90, 90, 30)[:, None, None], 0.0, case.high)
    assert (weighted(case, sharing, drawn, terms) >= found.bound * (1.0 - 1e-9)).all()


@pytest.mark.skipif(not has_numba(), reason="takes minutes without numba")
@pytest.mark.parametrize("method", ["swarm", "evolution"])
def test_searches_come_within_a_thousandth_of_it(method):
    case = random_case(6, steps=HOURS, members=2)
    terms = terms_of(case)
    found = least_weighted(case, Sharing.GRID, terms)
    problem = Problem.of(YearSimulator(case, Sharing.GRID), terms, Objective.WEIGHTED)
    search = search_of(method, problem, 2)
    while not search.is_done:
        search.advance()
    assert search.best.cost >= found.bound * (1.0 - 1e-9)
    assert search.best.cost == pytest.approx(found.cost, rel=1e-3)


def test_wear_and_income_are_no_part_of_it():
    case = random_case(2, steps=72, members=2)
    worn = replace(case, stores=alike(2, wear=0.1), sell_per_kwh=np.full(72, 0.2))
    plain, other = (
        least_weighted(c, Sharing.GRID, terms_of(c, is_export_counted=counted)).cost
        for c, counted in ((case, False), (worn, True))
    )
    assert other == pytest.approx(plain, rel=1e-6)


def test_a_least_share_that_decides_leaves_a_bound():
    case = random_case(3, steps=72, members=2)
    terms = terms_of(case, lcoe_weight=1.0, least_own_share=0.4)
    found = least_weighted(case, Sharing.GRID, terms)
    drawn = random_sizes(case, 200, seed=1)
    judged = appraise(YearSimulator(case, Sharing.GRID, engine="numpy"), drawn, terms)
    assert judged.is_enough.any()
    assert (judged.objective(Objective.WEIGHTED) >= found.bound).all()


def test_what_keeps_it_from_being_exact_is_named_all_at_once():
    case = limited(random_case(0, steps=24))
    case = replace(case, buy_per_kwh=np.linspace(0.1, 0.2, 24))
    terms = terms_of(case, energy="load", lcoe_weight=0.0)
    with pytest.raises(ValueError, match="no exact weighted objective") as caught:
        least_weighted(case, Sharing.PEERS, terms)
    for fault in ("peers", "from step to step", "less than the peak", "kWh of load", "no weight"):
        assert fault in str(caught.value)
