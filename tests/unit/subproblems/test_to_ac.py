"""The network as a block of somebody else's problem."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.network import read_tree
from mmgsim.subproblems import (
    AcLoop,
    CompiledHighs,
    Injection,
    NetworkInputs,
    StepStatus,
    declare_microgrid,
    declare_network,
    to_ac,
    update_microgrid,
    update_network,
)
from mmgsim.subproblems.devices import Horizon
from tests.support import dno

STEPS = 4


def attached(tree, *, is_exclusive=False):
    """Give a model of a microgrid with a battery at bus 32, and the network around it."""
    horizon = Horizon(STEPS, 1.0, is_exclusive)
    model = pyo.ConcreteModel()
    model.own, model.network = pyo.Block(), pyo.Block()
    declare_microgrid(model.own, (dno.BESS,), horizon)
    injection = Injection(tree.buses.index(32), model.own.exchange_kw)
    declare_network(model.network, tree, Horizon(STEPS, 1.0), [injection])
    model.total = pyo.Objective(
        expr=model.own.private_cost
        + model.own.miss_cost
        + model.network.cost
        + model.network.loss_penalty
    )
    return model


def solved(tree, model):
    solver = CompiledHighs(model)
    of = dno.day(STEPS)
    price = np.array([0.05, 0.06, 0.3, 0.25])
    demand_kw, demand_kvar = tree.background_kw(of.share)
    update_microgrid(solver, model.own, dno.declared(STEPS))
    inputs = NetworkInputs(
        demand_kw=demand_kw,
        demand_kvar=demand_kvar,
        shed_limit_kw=demand_kw,
        spill_limit_kw=np.zeros((1, STEPS)),
        buy_per_kwh=price,
        sell_per_kwh=price,
        shed_price_per_kwh=1.5,
        spill_price_per_kwh=0.0,
        reach_kw=np.full(STEPS, 400.0),
    )
    update_network(solver, model.network, inputs)
    schedule = AcLoop(tree, model.network, solver).solve(agent="MG32", step=0)
    return solver, schedule


@pytest.fixture(scope="module")
def tree():
    return read_tree(dno.feeder_of({}, limits=(0.9, 1.1)))


def test_a_microgrids_problem_sees_the_losses_that_it_saves(tree):
    model = attached(tree)
    solver, schedule = solved(tree, model)
    assert schedule.status == (StepStatus.EXACT,) * STEPS
    exchange_kw = solver.get(model.own.exchange_kw)
    assert exchange_kw[:2].min() < -50.0
    assert exchange_kw[2:].max() > 100.0
    np.testing.assert_allclose(schedule.slack_kw, schedule.planned_slack_kw, atol=1.0)


def test_binaries_of_the_problem_are_relaxed_first_and_whole_in_the_end(tree):
    model = attached(tree, is_exclusive=True)
    solver, schedule = solved(tree, model)
    assert schedule.status == (StepStatus.EXACT,) * STEPS
    unit = model.own.device["bess"]
    whole = solver.get(unit.is_charging)
    np.testing.assert_allclose(whole, np.round(whole), atol=1e-9)
    both_kw = np.minimum(solver.get(unit.in_kw), solver.get(unit.out_kw))
    assert both_kw.max() < 1e-6
    # A battery that has no reason to cheat costs the same without binaries.
    linear = solved(tree, attached(tree))[1]
    assert schedule.outcome.objective == pytest.approx(linear.outcome.objective, rel=1e-4)
    assert (schedule.multipliers.balance > 0.0).all()


def test_duals_of_the_rest_can_be_read_after_the_loop(tree):
    model = attached(tree)
    solver, schedule = solved(tree, model)
    duals = solver.duals(model.network.balance_p.values()).reshape(-1, STEPS)
    np.testing.assert_allclose(duals, schedule.multipliers.balance)


def test_a_loop_that_is_cut_short_says_that_limits_are_broken(monkeypatch):
    for name in ("CUT_ROUNDS", "LATE_ROUNDS"):
        monkeypatch.setattr(to_ac, name, 0)
    monkeypatch.setattr(to_ac, "HELD_ROUNDS", 1)
    tree = read_tree(dno.feeder_of({(0, 1): 100.0}, limits=(0.9, 1.1)))
    schedule = solved(tree, attached(tree))[1]
    assert schedule.rounds == 1
    assert schedule.current_excess.max() > 1e-3
    gap_kw = np.abs(schedule.slack_kw - schedule.planned_slack_kw)
    off = (schedule.current_excess > 1e-3) | (gap_kw > 1.0)
    assert [status is StepStatus.VIOLATED for status in schedule.status] == off.tolist()


def test_a_plan_without_a_power_flow_is_cut_until_it_has_one():
    """The first plan is beyond what any voltage carries to bus 17."""
    one = dno.only(import_kw=np.array([[30e3]]), import_per_kwh=np.array([[0.5]]))
    plan = dno.solve_one(17, one, share=1.0, limits=(0.65, 1.1))
    assert plan.status == (StepStatus.EXACT,)
    assert plan.vm_pu.min() == pytest.approx(0.65, abs=1e-3)
    assert 0.0 < plan.accepted_import_kw["M"][0, 0] < 30e3
