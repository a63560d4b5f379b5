"""A price and a pull: both QP solvers give the same, and it is what the equation says."""

from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.contracts import ProximalQuery, frozen
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import (
    CompiledClarabel,
    CompiledHighs,
    OfferProblem,
    ProximalProblem,
    compile_curved,
    disclosure_of,
    has_clarabel,
)
from mmgsim.subproblems import proximal as module
from mmgsim.testing import sample_view

needs_clarabel = pytest.mark.skipif(not has_clarabel(), reason="clarabel is not installed")
SOLVERS = [pytest.param(CompiledClarabel, marks=needs_clarabel), CompiledHighs]


def draw_query(view, rng, penalty=None):
    steps = view.window.steps
    return ProximalQuery(
        window=view.window,
        price_per_kwh=frozen(rng.uniform(0.05, 0.4, steps)),
        target_kw=frozen(rng.normal(0.0, 30.0, steps)),
        penalty_per_kwh_kw=float(10.0 ** rng.uniform(-3, -1)) if penalty is None else penalty,
    )


def value_of(offer, query):
    """Give what the answer minimises."""
    away_kw = offer.exchange_kw - query.target_kw
    gained = query.price_per_kwh * offer.exchange_kw - query.penalty_per_kwh_kw / 2 * away_kw**2
    return offer.private_cost - query.window.step_h * gained.sum()


def ask(view, query, make_solver=compile_curved):
    problem = ProximalProblem(view.name, view.devices, view.window, make_solver=make_solver)
    return problem.answer(disclosure_of(view), view.envelope, query)


# ------------------------------------------------------------------------------ the solvers
def toy(curvature_from=0.0):
    """Give ``min a x - y`` over ``x + y == 10``, ``x <= 8``, ``y - x >= -6``."""
    model = pyo.ConcreteModel()
    model.a = pyo.Param(mutable=True, initialize=curvature_from)
    model.x, model.y = pyo.Var(bounds=(0.0, 8.0)), pyo.Var(domain=pyo.NonNegativeReals)
    model.sum = pyo.Constraint(expr=model.x + model.y == 10.0)
    model.apart = pyo.Constraint(expr=model.y - model.x >= -6.0)
    model.total = pyo.Objective(expr=model.a * model.x - model.y + 3.0)
    return model


@pytest.mark.parametrize("make", SOLVERS)
def test_a_curved_toy_has_the_optimum_of_a_pencil(make):
    # a x + x**2 - (10 - x) + 3: flat at x = -(a + 1) / 2, cut to [0, 8] with 2 x <= 16.
    model = toy()
    solver = make(model)
    for a, x in ((-7.0, 3.0), (-5.0, 2.0), (9.0, 0.0), (-30.0, 8.0)):
        solver.set(model.a, a)
        solver.curve(solver.columns(model.x), 2.0)
        outcome = solver.solve(agent="toy", step=0)
        assert solver.get(model.x) == pytest.approx([x], abs=1e-6)
        assert outcome.objective == pytest.approx(a * x + x**2 - (10.0 - x) + 3.0, abs=1e-6)
        assert outcome.bound <= outcome.objective


@pytest.mark.parametrize("make", SOLVERS)
def test_duals_of_a_curved_problem_are_the_slopes_of_its_optimum(make):
    # y costs -1 and x its own slope, 2 x + a; with x free inside, one more of the sum goes to y.
    model = toy(-7.0)
    solver = make(model)
    solver.curve(solver.columns(model.x), 2.0)
    solver.solve(agent="toy", step=0)
    assert solver.duals([model.sum, model.apart]) == pytest.approx([-1.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("make", SOLVERS)
def test_a_curved_problem_without_a_solution_is_told_so(make):
    model = toy()
    model.never = pyo.Constraint(expr=model.x + model.y >= 11.0)
    solver = make(model)
    solver.curve(solver.columns(model.x), 2.0)
    with pytest.raises(SubproblemError, match="toy"):
        solver.solve(agent="toy", step=0)


@needs_clarabel
def test_clarabel_refuses_what_is_maximised():
    model = toy()
    model.total.sense = pyo.maximize
    with pytest.raises(ValueError, match="minimised"):
        CompiledClarabel(model)


@pytest.mark.parametrize("make", SOLVERS)
def test_a_solver_after_its_reset_is_as_new(make):
    model = toy()
    used, new = make(model), make(model)
    used.set(model.a, 2.0)
    used.curve(used.columns(model.x), 4.0)
    used.solve(agent="toy", step=0)
    used.reset()
    for solver in (used, new):
        solver.set(model.a, -5.0)
        solver.curve(solver.columns(model.x), 2.0)
        solver.solve(agent="toy", step=0)
    assert np.array_equal(used.solution, new.solution)


def test_without_clarabel_highs_takes_its_place(monkeypatch):
    monkeypatch.setattr(module, "has_clarabel", lambda: False)
    assert isinstance(compile_curved(toy()), CompiledHighs)


# ------------------------------------------------------------------------------- microgrids
@needs_clarabel
@pytest.mark.parametrize("seed", [0, 1, 2, 5])
def test_both_solvers_give_the_same_answer(seed):
    view, rng = sample_view(seed), np.random.default_rng(seed)
    for _ in range(2):
        query = draw_query(view, rng)
        one, other = (ask(view, query, make) for make in (CompiledClarabel, CompiledHighs))
        scale = 1.0 + abs(one.private_cost) + abs(value_of(one, query))
        apart = value_of(one, query) - value_of(other, query)
        assert abs(apart) <= 1e-6 * scale
        # Values that are so near have exchanges within the root of it over the curvature.
        curvature = view.window.step_h * query.penalty_per_kwh_kw
        most_kw = np.sqrt(2.0 * 1e-6 * scale / curvature)
        assert np.abs(one.exchange_kw - other.exchange_kw).max() <= most_kw


@pytest.mark.parametrize("seed", [1, 3])
def test_an_answer_is_also_the_best_at_the_price_less_the_pull(seed):
    view, rng = sample_view(seed), np.random.default_rng(seed)
    query = draw_query(view, rng)
    offer = ask(view, query)
    own = query.price_per_kwh - query.penalty_per_kwh_kw * (offer.exchange_kw - query.target_kw)
    offers = OfferProblem(view.name, view.devices, view.window)
    (best,) = offers.at_prices(disclosure_of(view), own[None], view.envelope, 0)
    cost = offer.private_cost - view.window.step_h * float((own * offer.exchange_kw).sum())
    scale = 1.0 + abs(offer.private_cost)
    assert cost == pytest.approx(best.lower_bound, abs=1e-6 * scale)


@pytest.mark.parametrize("seed", [1, 3])
def test_answers_are_no_further_apart_than_the_points_they_are_asked_near(seed):
    view, rng = sample_view(seed), np.random.default_rng(seed)
    one = draw_query(view, rng, penalty=0.01)
    other = replace(one, target_kw=frozen(one.target_kw + rng.normal(0.0, 5.0, view.window.steps)))
    found = [ask(view, query).exchange_kw for query in (one, other)]
    apart_kw = np.linalg.norm(found[0] - found[1])
    assert apart_kw <= np.linalg.norm(one.target_kw - other.target_kw) + 1e-3


def test_a_strong_pull_inside_what_is_possible_is_followed():
    view, rng = sample_view(1), np.random.default_rng(1)
    near = ask(view, draw_query(view, rng, penalty=0.01)).exchange_kw
    query = replace(draw_query(view, rng, penalty=1e3), target_kw=near)
    # Leaving the point by a kW costs 500, what it could gain less than 1 a kWh.
    assert np.abs(ask(view, query).exchange_kw - near).max() <= 2e-3


def test_an_envelope_is_kept():
    view, rng = sample_view(1), np.random.default_rng(2)
    steps = view.window.steps
    narrow = replace(
        view.envelope,
        import_limit_kw=frozen(np.full(steps, 5.0)),
        export_limit_kw=frozen(np.full(steps, 2.0)),
    )
    offer = ask(replace(view, envelope=narrow), draw_query(view, rng))
    assert (offer.exchange_kw >= -5.0).all()
    assert (offer.exchange_kw <= 2.0).all()


def test_units_on_or_off_are_relaxed_and_said_to_be():
    rng = np.random.default_rng(3)
    for seed, is_relaxed in ((2, True), (1, False)):
        view = sample_view(seed)
        assert bool(view.state.diesel) == is_relaxed
        assert ask(view, draw_query(view, rng)).is_relaxed == is_relaxed
