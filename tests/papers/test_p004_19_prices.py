"""Property 19 of paper 004: what is dearer is not cheaper to size for."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.scenario import load_scenario
from mmgsim.sizing import (
    Objective,
    Problem,
    Sharing,
    Terms,
    YearSimulator,
    sensitivity_table,
    sizing_case,
)
from mmgsim.sizing.games import descend

SEARCH = 1e-3  # what the search leaves of an optimum, relative to it


@pytest.fixture(scope="module")
def table():
    """Give the weighted objective of ten days at other prices and rates, sizes found anew."""
    loaded = load_scenario("towns3")
    case = sizing_case(loaded).between(4000, 4240)
    terms = Terms.of(case, loaded.scenario.sizing)
    problem = Problem.of(YearSimulator(case, Sharing.PEERS), terms, Objective.WEIGHTED)
    best = descend(replace(problem, at=case.present))
    sizes = problem.sizes(best.vector[None])[0]
    return sensitivity_table(problem, sizes, lambda other: descend(replace(other, at=sizes)))


@pytest.mark.parametrize(("what", "least"), [("price", 0.92), ("discount_rate", 0.11)])
def test_the_best_objective_does_not_fall_with_prices_or_the_rate(table, what, least):
    rows = table[table.what == what]
    assert rows.value.iloc[0] == pytest.approx(least)
    assert len(rows) == 5
    assert rows.value.is_monotonic_increasing
    found = rows.found_anew.to_numpy()
    assert np.diff(found).min() >= -SEARCH * found.max()
    assert found[-1] > found[0]


@pytest.mark.parametrize("what", ["price", "discount_rate"])
def test_at_sizes_that_are_kept_every_step_is_a_rise(table, what):
    """No search is in it: sizes cost what they cost."""
    rows = table[table.what == what]
    assert np.diff(rows.kept.to_numpy()).min() > 0.0
    assert (rows.found_anew <= rows.kept).all()


def test_prices_change_the_index_alone_and_the_rate_levelised_cost_alone(table):
    price = table[table.what == "price"]
    assert np.ptp(price.lcoe_per_kwh_kept) == 0.0
    scale = price.reliability_kept.to_numpy() / price.value.to_numpy()
    assert scale == pytest.approx(scale[0], rel=1e-12)
    rate = table[table.what == "discount_rate"]
    assert np.ptp(rate.reliability_kept) == 0.0
    assert np.diff(rate.lcoe_per_kwh_kept).min() > 0.0
