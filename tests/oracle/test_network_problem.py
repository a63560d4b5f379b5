"""The DNO's day against a second-order cone programme, and against pandapower."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.network import read_tree
from mmgsim.profiles import has_simbench
from mmgsim.subproblems import StepStatus
from tests.oracle.socp import solve_day
from tests.support import dno, mv

pytestmark = pytest.mark.slow

LIMITS = (0.95, 1.05)
BESS = (32, 100.0, 1000.0, 400.0, 500.0, 500.0, 0.95, 0.005)


def planned(case):
    feeder = dno.feeder_of(dno.RATINGS[case], limits=LIMITS)
    tree = read_tree(feeder)
    window = dno.window_of(tree, dno.day())
    return feeder, window, dno.problem_of(tree).solve(window)


@pytest.fixture(scope="module", params=["A", "B"])
def day(request):
    return planned(request.param)


def test_the_cost_is_that_of_the_cone_programme(day):
    pytest.importorskip("clarabel", reason="clarabel, the solver of the oracle, is not installed")
    feeder, window, plan = day
    oracle = solve_day(
        feeder.net,
        dno.day(),
        {bus: window.offers[f"M{bus}"] for bus in dno.BUSES},
        demand=dict(enumerate(zip(window.demand_kw, window.demand_kvar, strict=True))),
        limits=LIMITS,
        shed_per_kwh=dno.SHED_PER_KWH,
        sell_share=0.97,
        storage=BESS,
    )
    assert oracle.fake_loss_kw < 0.01  # its relaxation is exact, so that it is the optimum
    assert plan.cost == pytest.approx(oracle.cost, rel=1e-3)


def test_pandapower_confirms_every_step(day):
    feeder, _, plan = day
    assert set(plan.status) == {StepStatus.EXACT}
    found = dno.confirm(feeder, plan)
    assert found.loading.max() <= 1.001
    assert found.vm_pu.min() >= LIMITS[0] - 1e-4
    assert found.vm_pu.max() <= LIMITS[1] + 1e-4
    np.testing.assert_allclose(found.slack_kw, plan.schedule.planned_slack_kw, rtol=0, atol=1.0)


def test_the_ratings_bind(day):
    assert day[2].loading.max() == pytest.approx(1.0, abs=1e-3)


# -------------------------------------------------------------- transformers, cables, open rings
GRIDS = [
    pytest.param(mv.cigre, id="cigre"),
    pytest.param(
        mv.rural,
        id="simbench",
        marks=pytest.mark.skipif(not has_simbench(), reason="simbench is not installed"),
    ),
]


@pytest.fixture(scope="module", params=GRIDS)
def grid(request):
    case = request.param()
    tree = read_tree(case.feeder)
    window = case.window(tree)
    return case, tree, window, case.problem(tree).solve(window)


def test_the_cost_on_grids_with_transformers_is_that_of_the_cone_programme(grid):
    pytest.importorskip("clarabel", reason="clarabel, the solver of the oracle, is not installed")
    case, tree, window, plan = grid
    demand = zip(tree.buses, zip(window.demand_kw, window.demand_kvar, strict=True), strict=True)
    oracle = solve_day(
        case.feeder.net,
        dno.day(),
        {bus: window.offers[f"M{bus}"] for bus in case.buses},
        demand=dict(demand),
        limits=mv.LIMITS,
        shed_per_kwh=dno.SHED_PER_KWH,
        sell_share=0.97,
        storage=(case.buses[-1], *BESS[1:]),
    )
    assert oracle.fake_loss_kw < 0.01
    assert plan.cost == pytest.approx(oracle.cost, rel=1e-3)


def test_pandapower_confirms_every_step_on_grids_with_transformers(grid):
    case, tree, _, plan = grid
    assert set(plan.status) == {StepStatus.EXACT}
    found = dno.confirm(case.feeder, plan)
    np.testing.assert_allclose(found.vm_pu, plan.vm_pu, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.slack_kw, plan.slack_kw, rtol=0, atol=1e-2)
    np.testing.assert_allclose(found.slack_kw, plan.schedule.planned_slack_kw, rtol=0, atol=1.0)
    np.testing.assert_allclose(found.loading, plan.loading, rtol=0, atol=1e-6)
    assert found.loading.max() <= 1.001
    limited = np.delete(found.vm_pu, tree.root, axis=1)
    assert limited.min() >= mv.LIMITS[0] - 1e-4
    assert limited.max() <= mv.LIMITS[1] + 1e-4


def test_ratings_bind_on_grids_with_transformers(grid):
    *_, plan = grid
    assert (plan.loading.max(axis=0) > 0.999).sum() >= 2
    assert np.abs(plan.prices.congestion).max() > 0.01


def test_what_is_left_of_prices_with_transformers_is_one_percent_at_most(grid):
    prices = grid[-1].prices
    assert np.abs(prices.residual).mean() <= 0.01 * np.abs(prices.energy).mean()


# --------------------------------------------------------------------------------- negative prices
def test_hours_of_negative_prices_are_flagged_and_pandapower_confirms_the_rest_of_it():
    feeder = dno.feeder_of({}, limits=LIMITS)
    tree, of = read_tree(feeder), dno.day()
    price = of.price_per_kwh.copy()
    price[10:14] = -0.06
    window = dno.window_of(tree, of, buy_per_kwh=price, sell_per_kwh=price)
    plan = dno.problem_of(tree).solve(window)
    flagged = [step for step, status in enumerate(plan.status) if status is StepStatus.INEXACT]
    assert flagged == [10, 11, 12, 13]
    assert StepStatus.VIOLATED not in plan.status
    found = dno.confirm(feeder, plan)
    assert found.vm_pu.min() >= LIMITS[0] - 1e-4
    assert found.vm_pu.max() <= LIMITS[1] + 1e-4
    np.testing.assert_allclose(found.slack_kw, plan.slack_kw, rtol=0, atol=0.01)


def test_hours_of_negative_prices_on_a_grid_with_transformers_keep_all_limits():
    """Losses are held there, and polygons stand for the ratings of ends with currents to earth."""
    case = mv.cigre()
    tree = read_tree(case.feeder)
    window = case.window(tree)
    price = window.buy_per_kwh.copy()
    price[10:14] = -0.06
    plan = case.problem(tree).solve(replace(window, buy_per_kwh=price, sell_per_kwh=price))
    flagged = [step for step, status in enumerate(plan.status) if status is StepStatus.INEXACT]
    assert flagged == [10, 11, 12, 13]
    assert StepStatus.VIOLATED not in plan.status
    found = dno.confirm(case.feeder, plan)
    limited = np.delete(found.vm_pu, tree.root, axis=1)
    assert limited.min() >= mv.LIMITS[0] - 1e-4
    assert limited.max() <= mv.LIMITS[1] + 1e-4
    assert found.loading.max() <= 1.001
    assert found.loading[10:14].max() > 0.9  # they hold something back
    np.testing.assert_allclose(found.slack_kw, plan.slack_kw, rtol=0, atol=0.01)
