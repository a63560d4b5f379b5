"""The DNO's day against a second-order cone programme, and against pandapower."""

import numpy as np
import pytest

from mmgsim.network import read_tree
from mmgsim.subproblems import StepStatus
from tests.oracle.socp import solve_day
from tests.support import dno

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
