"""Property 6: robust costs rise with both budgets; P transposed, not P; every sample is below.

And what paper 000 says of the selected-vertex scenario, with where it fails.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from mmgsim.contracts import Renewable, frozen
from mmgsim.subproblems import (
    Courses,
    Ellipsoid,
    MicrogridInputs,
    PriceRisk,
    RobustMicrogridProblem,
    Terms,
    TwoStageInputs,
    TwoStageProblem,
    budgeted_courses,
    disclosure_of,
)
from mmgsim.testing import sample_view

STEPS = 8
SEEDS = (1, 3, 5, 8)


def draw_shape(seed, quantities, directions):
    return np.random.default_rng(seed).normal(size=(quantities, directions))


def robust_stage(view, budget, spread=0.4):
    declared = disclosure_of(view)
    low = {name: (1.0 - spread) * kw for name, kw in view.forecast_kw.items()}
    high = {name: (1.0 + spread) * kw for name, kw in view.forecast_kw.items()}
    return TwoStageInputs(
        {view.name: MicrogridInputs(declared, Terms.of(view))},
        {view.name: view.envelope},
        budgeted_courses(view.name, declared, low, high, budget),
    )


def price_risk(view, radius, seed=0):
    shape = 0.1 * draw_shape(seed, view.window.steps, 3)
    tariff = view.tariff
    return PriceRisk(Ellipsoid(shape, radius), tariff.import_per_kwh, tariff.export_per_kwh)


# ------------------------------------------------------------------------------- closed form
@pytest.mark.parametrize(("quantities", "directions"), [(6, 6), (6, 3), (3, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_the_closed_form_is_no_less_than_any_sample(seed, quantities, directions):
    rng = np.random.default_rng(seed)
    ellipsoid = Ellipsoid(draw_shape(seed, quantities, directions), 1.5)
    x = rng.normal(size=quantities)
    zeta = rng.normal(size=(20000, directions))
    zeta *= ellipsoid.radius / np.linalg.norm(zeta, axis=1, keepdims=True)
    sampled = (zeta @ ellipsoid.shape.T @ x).max()
    worst = ellipsoid.radius * ellipsoid.norm(x)
    assert sampled <= worst + 1e-9
    if directions <= 3:
        assert sampled >= 0.995 * worst


def test_the_worst_prices_reach_the_closed_form():
    ellipsoid = Ellipsoid(draw_shape(4, 6, 6), 0.7)
    x = np.random.default_rng(4).normal(size=6)
    assert ellipsoid.worst(x) @ x == pytest.approx(0.7 * ellipsoid.norm(x), rel=1e-12)


def test_the_printed_norm_protects_too_little():
    """||P x|| as printed against ||P^T x||: samples of a P that is not symmetric pass the first."""
    rng = np.random.default_rng(0)
    shape = rng.normal(size=(6, 6))
    x = rng.normal(size=6)
    printed, sound = np.linalg.norm(shape @ x), Ellipsoid(shape, 1.0).norm(x)
    if printed > sound:
        shape = shape.T  # whichever way round, one of the two protects too little
        printed, sound = sound, printed
    reached = Ellipsoid(shape, 1.0).worst(x) @ x
    assert reached == pytest.approx(sound, rel=1e-12)
    assert reached > 1.01 * printed


def test_the_printed_norm_is_none_where_directions_are_fewer():
    shape, x = draw_shape(0, 6, 3), np.ones(6)
    assert Ellipsoid(shape, 1.0).norm(x) > 0.0
    with pytest.raises(ValueError, match="mismatch"):
        shape @ x


def test_samples_give_the_ellipsoid_of_their_covariance():
    samples = np.random.default_rng(1).normal(size=(30, 4))
    x = np.array([1.0, -2.0, 0.5, 3.0])
    assert Ellipsoid.of_samples(samples, 1.0).norm(x) == pytest.approx((samples @ x).std())


@pytest.mark.parametrize("radius", [-1.0, np.nan, np.inf])
def test_what_is_no_radius_is_refused(radius):
    with pytest.raises(ValueError, match="radius"):
        Ellipsoid(np.eye(2), radius)


# ------------------------------------------------------------------------------------ plans
@pytest.mark.parametrize("seed", [*SEEDS, 2])
def test_costs_rise_with_the_radius_and_begin_at_those_of_certain_prices(seed):
    view = sample_view(seed, steps=STEPS)
    stage = robust_stage(view, 0.5)
    problem = RobustMicrogridProblem(view.name, view.devices, view.window)
    certain = problem.solve_robust(stage).objective
    costs = [problem.solve_robust(stage, price_risk(view, r)).objective for r in (0.0, 0.5, 1, 2)]
    assert costs[0] == pytest.approx(certain, rel=1e-7, abs=1e-7)
    assert np.diff(costs).min() >= -1e-6 * (1.0 + abs(certain))
    assert costs[-1] > certain + 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_costs_rise_with_the_load_budget(seed):
    view = sample_view(seed, steps=STEPS)
    problem = RobustMicrogridProblem(view.name, view.devices, view.window)
    costs = [problem.solve_robust(robust_stage(view, a)).objective for a in (0, 0.3, 0.7, 1)]
    assert np.diff(costs).min() >= -1e-6 * (1.0 + abs(costs[0]))
    assert costs[-1] > costs[0] + 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_robust_cost_is_no_less_than_that_of_any_price(seed):
    """The plan that was made, paid for at sampled prices."""
    view = sample_view(seed, steps=STEPS)
    stage, risk = robust_stage(view, 1.0), price_risk(view, 1.0)
    problem = RobustMicrogridProblem(view.name, view.devices, view.window)
    worst = problem.solve_robust(stage, risk)
    rng = np.random.default_rng(seed)
    zeta = rng.normal(size=(20, 3))
    zeta /= np.linalg.norm(zeta, axis=1, keepdims=True)
    kept = TwoStageProblem({view.name: view.devices}, view.window, 1)
    for deviation in zeta @ risk.ellipsoid.shape.T:
        courses = replace(
            stage.courses.alone(0),
            buy_more_per_kwh=frozen([deviation * risk.import_rate]),
            sell_more_per_kwh=frozen([deviation * risk.export_rate]),
        )
        paid = kept.solve(replace(stage, courses=courses), held=worst.first_stage)
        assert paid.objective <= worst.objective + 1e-5 * (1.0 + abs(worst.objective))


def test_the_opposite_end_has_to_stay_inside_the_envelope():
    """A plan for little sun alone would send out what much sun leaves no room for."""
    view = sample_view(1, steps=STEPS)
    stage = robust_stage(view, 1.0)
    alone = replace(stage, courses=replace(stage.courses, weight=frozen([1.0, 0.0])))
    problem = RobustMicrogridProblem(view.name, view.devices, view.window)
    both, one = problem.solve_robust(stage).objective, problem.solve_robust(alone).objective
    assert both >= one - 1e-7 * abs(one)


# ----------------------------------------------------------------------------------- vertices
def vertex_costs(view, spread=0.4):
    """Give the least cost at every vertex of the box of net load, and at the dearest one."""
    stage = robust_stage(view, 1.0, spread)
    single = TwoStageProblem({view.name: view.devices}, view.window, 1)
    dear = {name: kw[0] for name, kw in stage.courses.kw[view.name].items()}
    low = {name: kw[1] for name, kw in stage.courses.kw[view.name].items()}
    costs = []
    for corner in product([True, False], repeat=view.window.steps):
        kw = {name: frozen([np.where(corner, dear[name], low[name])]) for name in dear}
        courses = Courses(frozen([1.0]), {view.name: kw})
        costs.append(single.solve(replace(stage, courses=courses)).objective)
    return costs


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_most_demand_with_least_sun_is_the_worst_vertex(seed):
    costs = vertex_costs(sample_view(seed, steps=3))
    assert costs[0] >= max(costs) - 1e-7 * (1.0 + abs(costs[0]))
    assert costs[0] > min(costs) + 1e-3


def test_at_a_negative_price_of_buying_it_is_not():
    """Who is paid for demand loses where there is less: the documented counter-example."""
    view = sample_view(1, steps=3)
    tariff = replace(
        view.tariff,
        import_per_kwh=frozen(np.full(3, -0.3)),
        export_per_kwh=frozen(np.full(3, -0.3)),
    )
    costs = vertex_costs(replace(view, tariff=tariff))
    assert costs[0] < max(costs) - 1e-3


def test_bounds_on_one_side_of_the_forecast_make_nothing_cheaper_than_it():
    view = sample_view(1, steps=STEPS)
    declared = disclosure_of(view)
    by_weather = {one.name for one in view.devices if isinstance(one, Renewable)}
    for share in (0.8, 1.2):  # as of narrow bounds about the median, which is not the mean
        bounds = {name: share * kw for name, kw in view.forecast_kw.items()}
        courses = budgeted_courses(view.name, declared, bounds, bounds, 1.0).kw[view.name]
        for name, kw in courses.items():
            less_kw, more_kw = kw if name in by_weather else kw[::-1]
            assert (less_kw <= view.forecast_kw[name] + 1e-12).all()
            assert (more_kw >= view.forecast_kw[name] - 1e-12).all()


@pytest.mark.parametrize("budget", [-0.1, 1.1])
def test_what_is_no_budget_is_refused(budget):
    with pytest.raises(ValueError, match="load_budget"):
        robust_stage(sample_view(1, steps=3), budget)
