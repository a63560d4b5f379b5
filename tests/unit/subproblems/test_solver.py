from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.contracts import frozen
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import (
    JointProblem,
    MicrogridInputs,
    MicrogridProblem,
    PublicPrices,
    PyomoHighs,
    Terms,
    disclosure_of,
)
from mmgsim.testing import sample_view


def tiny(lowest, highest):
    """Give ``min x`` with ``lowest <= x <= highest`` as rows; both are Params."""
    model = pyo.ConcreteModel()
    model.lowest = pyo.Param(mutable=True, initialize=lowest)
    model.highest = pyo.Param(mutable=True, initialize=highest)
    model.x = pyo.Var()
    model.low = pyo.Constraint(expr=model.x >= model.lowest)
    model.high = pyo.Constraint(expr=model.x <= model.highest)
    model.total = pyo.Objective(expr=3.0 * model.x)
    return model


def test_infeasible_model_raises_with_agent_step_and_status():
    with pytest.raises(SubproblemError) as caught:
        PyomoHighs(tiny(2.0, 1.0)).solve(agent="MG7", step=42)
    assert (caught.value.agent, caught.value.step) == ("MG7", 42)
    assert "infeasible" in caught.value.status.lower()


def test_unbounded_model_raises_with_its_status():
    model = tiny(0.0, 1.0)
    model.low.deactivate()
    with pytest.raises(SubproblemError) as caught:
        PyomoHighs(model).solve(agent="MG7", step=42)
    assert "unbounded" in caught.value.status.lower()


def test_a_model_that_was_infeasible_is_solved_once_it_is_feasible():
    model = tiny(2.0, 1.0)
    solver = PyomoHighs(model)
    with pytest.raises(SubproblemError):
        solver.solve(agent="MG7", step=0)
    model.highest.set_value(5.0)
    assert solver.solve(agent="MG7", step=1).objective == pytest.approx(6.0)


def test_bound_of_an_lp_is_its_optimum():
    outcome = PyomoHighs(tiny(2.0, 9.0)).solve(agent="MG7", step=0)
    assert outcome.bound == outcome.objective == pytest.approx(6.0)


def test_dual_is_the_change_of_the_objective_per_unit_of_the_right_hand_side():
    model = tiny(2.0, 9.0)
    solver = PyomoHighs(model)
    solver.solve(agent="MG7", step=0)
    assert solver.duals([model.low, model.high]) == pytest.approx([3.0, 0.0])


def random_inputs(view, rng):
    """Give other forecasts, states, prices and limits for the devices of a view."""
    declared = disclosure_of(view)
    forecast_kw = {
        name: frozen(kw * rng.uniform(0.5, 1.2)) for name, kw in declared.forecast_kw.items()
    }
    declared = replace(declared, forecast_kw=forecast_kw)
    buy = rng.uniform(-0.1 if rng.random() < 0.3 else 0.05, 0.5, view.window.steps)
    sell = buy - rng.uniform(0.0, 0.1)
    prices = PublicPrices(buy, sell, 0.0 * buy)
    trade = rng.uniform(-5.0, 5.0, view.window.steps)
    limit = rng.uniform(30.0, 100.0)
    return MicrogridInputs(declared, Terms(prices, 0.0 * buy - limit, 0.0 * buy + limit, trade))


def test_fifty_solves_of_one_problem_cost_what_fifty_fresh_problems_cost():
    rng = np.random.default_rng(0)
    view = sample_view(5, steps=8)
    kept = MicrogridProblem(view.name, view.devices, view.window)
    for step in range(50):
        inputs = random_inputs(sample_view(5, steps=8), rng)
        fresh = MicrogridProblem(view.name, view.devices, view.window).solve(inputs, step)
        again = kept.solve(inputs, step)
        assert again.lower_bound == pytest.approx(fresh.lower_bound, rel=1e-7, abs=1e-7)
        assert again.flags == fresh.flags


def test_solves_of_one_joint_problem_cost_what_fresh_ones_cost():
    rng = np.random.default_rng(1)
    views = {name: sample_view(seed, steps=6) for name, seed in (("A", 5), ("B", 7))}
    devices = {name: view.devices for name, view in views.items()}
    window = views["A"].window
    kept = JointProblem(devices, window)
    for step in range(10):
        declared = {
            name: random_inputs(sample_view(seed, steps=6), rng).declared
            for name, seed in (("A", 5), ("B", 7))
        }
        envelopes = {name: view.envelope for name, view in views.items()}
        buy = rng.uniform(-0.1, 0.5, 6)
        prices = PublicPrices(buy, buy - 0.05, 0.0 * buy + 0.02)
        fresh = JointProblem(devices, window).solve(declared, envelopes, prices, step)
        again = kept.solve(declared, envelopes, prices, step)
        assert again.cost == pytest.approx(fresh.cost, rel=1e-7, abs=1e-7)
