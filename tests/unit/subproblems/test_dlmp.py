"""Prices are what one more kWh costs, and their parts add up."""

from dataclasses import fields, replace

import numpy as np
import pytest

from mmgsim.network import read_tree
from mmgsim.subproblems import AcTolerance, StepStatus
from tests.support import dno, mv

MOVED_KW = 20.0
TIGHT = AcTolerance(current_share=1e-4, voltage_pu=1e-5, slack_kw=0.02)


@pytest.fixture(scope="module", params=["A", "B", "cigre"])
def solved(request):
    if request.param == "cigre":
        case = mv.cigre()
        tree = read_tree(case.feeder)
        problem, window = case.problem(tree, tolerance=TIGHT), case.window(tree)
    else:
        tree = read_tree(dno.feeder_of(dno.RATINGS[request.param]))
        problem = dno.problem_of(tree, tolerance=TIGHT)
        window = dno.window_of(tree, dno.day())
    plan = problem.solve(window)
    assert set(plan.status) == {StepStatus.EXACT}
    return problem, window, plan


@pytest.mark.slow
def test_differences_of_the_optimal_cost_bracket_the_price(solved):
    problem, window, plan = solved
    rng = np.random.default_rng(3)
    buses = len(problem.tree.buses)
    for bus, step in zip(rng.integers(0, buses, 20), rng.integers(0, 24, 20), strict=True):
        cost = {}
        for sign in (-1.0, 0.0, 1.0):
            demand_kw = window.demand_kw.copy()
            demand_kw[bus, step] += sign * MOVED_KW
            moved = problem.solve(replace(window, demand_kw=demand_kw))
            cost[sign] = moved.schedule.outcome.objective
        left, right = (sign * (cost[sign] - cost[0.0]) / MOVED_KW for sign in (-1.0, 1.0))
        # The objective is convex and its cuts lie below it, by the tolerance at the substation.
        slip = 2.0 * TIGHT.slack_kw * window.buy_per_kwh[step] / MOVED_KW
        price = plan.prices.price[bus, step]
        assert left - slip <= price <= right + slip, (bus, step)


def test_parts_add_up_to_the_price(solved):
    prices = solved[2].prices
    parts = [getattr(prices, f.name) for f in fields(prices) if f.name != "price"]
    np.testing.assert_allclose(sum(parts), prices.price, rtol=0, atol=1e-12)


def test_what_is_left_of_the_price_is_one_percent_of_the_energy_at_most(solved):
    prices = solved[2].prices
    assert np.abs(prices.residual).mean() <= 0.01 * prices.energy.mean()


def test_energy_is_the_price_at_the_substation(solved):
    problem, window, plan = solved
    energy = plan.prices.energy
    np.testing.assert_allclose(energy, np.broadcast_to(energy[problem.tree.root], energy.shape))
    assert (energy[0] <= window.buy_per_kwh + 1e-9).all()
    assert (energy[0] >= window.sell_per_kwh - 1e-9).all()


def test_congestion_is_there_exactly_where_a_rating_binds(solved):
    _, _, plan = solved
    congested = np.abs(plan.prices.congestion).max(axis=0) > 1e-6
    full = plan.loading.max(axis=1) > 1.0 - 1e-4
    assert congested.any()
    assert not (congested & ~full).any()
