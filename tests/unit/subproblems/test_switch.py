"""Binaries stand in where an LP would cheat, and nowhere else."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.subproblems import (
    JointProblem,
    MicrogridInputs,
    MicrogridProblem,
    PublicPrices,
    PyomoHighs,
    Terms,
    disclosure_of,
    public_cost,
)
from mmgsim.subproblems.block import is_cheating
from mmgsim.testing import sample_view


def simultaneous_kw(plan, name="bess"):
    return np.minimum(plan.schedule[name].in_kw, plan.schedule[name].out_kw).max()


def negative_world(toy, power=5.0):
    unit = toy.battery(efficiency=0.8, power=power, energy=2 * power)
    levels = {2: power}
    return toy.declare(unit, start={"bess": power}, rules={"bess": toy.rule(unit, 3, levels)})


def relaxed(toy, declared, terms):
    """Give the LP alone: its solver and model, and its cost."""
    problem = MicrogridProblem("MG", declared.devices, toy.window(len(terms.low_kw)))
    problem._problem._is_cheating = lambda solver, model: False
    plan = problem.solve(MicrogridInputs(declared, terms), 0)
    model, solver = problem._problem._models[False]
    return solver, model, plan.lower_bound


def test_at_negative_import_price_the_lp_charges_and_discharges_at_once(toy):
    declared = negative_world(toy)
    solver, model, _ = relaxed(toy, declared, toy.terms([-0.3, -0.3, -0.3]))
    assert is_cheating(solver, model.own, declared.devices)


@pytest.mark.parametrize("power", [5.0, 9000.0])
def test_at_negative_import_price_the_plan_is_honest_and_says_so(toy, power):
    declared = negative_world(toy, power)
    plan = toy.solve(declared, toy.terms([-0.3, -0.3, -0.3], low=-1e5, high=1e5))
    assert simultaneous_kw(plan) <= 1e-6
    assert plan.flags == ("exclusive",)


def test_honesty_costs_no_less_than_the_lp(toy):
    declared = negative_world(toy)
    terms = toy.terms([-0.3, -0.2, -0.3])
    *_, bound = relaxed(toy, declared, terms)
    assert toy.solve(declared, terms).lower_bound >= bound + 1e-3


@pytest.mark.parametrize("seed", range(8))
def test_binaries_are_not_used_at_usual_prices(seed):
    view = sample_view(seed)
    problem = MicrogridProblem(view.name, view.devices, view.window)
    plan = problem.solve(MicrogridInputs(disclosure_of(view), Terms.of(view)), 0)
    assert plan.flags == ()
    assert list(problem._problem._models) == [False]


def test_sell_above_buy_does_not_import_and_export_at_once(toy):
    declared = toy.declare(toy.load(), forecast={"shop": [2.0, 2.0]})
    on_terms = toy.terms([0.1, 0.1], 0.3, low=-20.0, high=20.0)
    plan = toy.solve(declared, on_terms)
    assert plan.lower_bound == pytest.approx(2 * 2.0 * 0.1)
    assert plan.flags == ("exclusive",)


def test_sell_above_buy_resells_a_firm_purchase_only(toy):
    declared = toy.declare(toy.load(), forecast={"shop": [2.0]})
    plan = toy.solve(declared, toy.terms([0.1], 0.3, low=-20.0, high=20.0, trade=-5.0))
    # 5 kW bought firmly, 2 kW used, 3 kW sold on: what the exchange and the trade leave over.
    assert plan.exchange_kw == pytest.approx([-2.0])
    assert plan.lower_bound == pytest.approx(-3.0 * 0.3)


def joint_world(toy, buy, sell, local=0.0):
    declared = {
        "A": negative_world(toy),
        "B": toy.declare(toy.load(), forecast={"shop": [2.0, 3.0, 1.0]}),
    }
    problem = JointProblem(
        {n: d.devices for n, d in declared.items()}, toy.window(3), make_solver=PyomoHighs
    )
    envelopes = {name: toy.envelope(name, 3, -30.0, 30.0) for name in declared}
    zero = np.zeros(3)
    prices = PublicPrices(zero + buy, zero + sell, zero + local)
    return problem, problem.solve(declared, envelopes, prices, 0)


def test_joint_plan_at_negative_price_is_honest(toy):
    problem, outcome = joint_world(toy, -0.3, -0.35)
    model = problem._problem._models[True][0]
    unit = model.member["A"].own.device["bess"]
    both = [min(pyo.value(unit.in_kw[t]), pyo.value(unit.out_kw[t])) for t in range(3)]
    assert max(both) <= 1e-6
    assert outcome.lower_bound <= outcome.cost


def test_joint_price_after_the_switch_is_finite(toy):
    for buy, sell in ((-0.3, -0.35), (0.1, 0.3)):
        _, outcome = joint_world(toy, buy, sell)
        assert np.isfinite(outcome.price_per_kwh).all()


def test_joint_problem_passes_no_power_on_when_selling_is_above_buying(toy):
    """Importing in one microgrid to export from another would earn without end."""
    _, outcome = joint_world(toy, 0.1, 0.3)
    prices = PublicPrices(np.full(3, 0.1), np.full(3, 0.3), np.zeros(3))
    alone = sum(public_cost(kw, np.zeros(3), prices, 1.0) for kw in outcome.exchange_kw.values())
    assert outcome.cost == pytest.approx(alone, abs=1e-6)


def test_joint_problem_uses_no_binaries_at_usual_prices(toy):
    problem, _ = joint_world(toy, 0.3, 0.1, 0.02)
    assert list(problem._problem._models) == [False]
