"""Diesel: commitment by trying every pattern, ramps, start-ups, tangents, state."""

from itertools import product

import numpy as np
import pyomo.environ as pyo
import pytest
from scipy.optimize import minimize

import mmgsim
from mmgsim.contracts import CarriedState, DieselState, Operation
from mmgsim.subproblems import (
    JointProblem,
    MicrogridInputs,
    MicrogridProblem,
    PyomoHighs,
    plan_faults,
    public_cost,
)
from mmgsim.subproblems.devices import KINDS, DeviceInputs, Horizon, diesel
from tests.support.diesel import diesel_scenario

INF = np.inf


def true_cost(plan, on_terms, step_h=1.0):
    trade = np.zeros(len(plan.exchange_kw))
    return plan.private_cost + public_cost(plan.exchange_kw, trade, on_terms.prices, step_h)


def plan_alone(toy, unit, prices, *, ran_at=0.0, **limits):
    """Sell or buy at one price per step; nothing but the unit."""
    declared = toy.declare(unit, diesel=toy.ran_at(ran_at))
    return toy.solve(declared, toy.terms(prices, **limits))


# --------------------------------------------------------------------------------- by hand
def test_unit_runs_at_full_power_where_the_price_is_above_its_cost(toy):
    plan = plan_alone(toy, toy.genset(cost=0.3), [0.29, 0.31])
    assert plan.exchange_kw == pytest.approx([0.0, 100.0])
    assert plan.private_cost == pytest.approx(30.0)
    assert plan.lower_bound == pytest.approx(-1.0)


@pytest.mark.parametrize("price", [0.30, 0.34, 0.38, 0.45, 0.55])
def test_power_follows_the_price_between_the_limits(toy, price):
    unit = toy.genset(cost=0.3, cost_per_kwh_kw=1e-3)
    plan = plan_alone(toy, unit, [price], ran_at=50.0)
    best = np.clip((price - 0.3) / 2e-3, 20.0, 100.0)
    best = best if price * best > unit.fuel_per_h(best) else 0.0
    assert plan.exchange_kw == pytest.approx([best], abs=2.0 + 1e-6)  # half a spacing


@pytest.mark.parametrize(("profit", "runs"), [(9.9, False), (10.1, True)])
def test_unit_starts_only_where_it_earns_its_start(toy, profit, runs):
    unit = toy.genset(start_up_cost=10.0)
    plan = plan_alone(toy, unit, [0.3 + profit / 100.0])
    assert (plan.exchange_kw[0] > 0.0) == runs


@pytest.mark.parametrize(("no_load", "stays"), [(4.9, True), (5.1, False)])
def test_unit_stays_on_between_two_peaks_where_that_is_cheaper_than_a_start(toy, no_load, stays):
    unit = toy.genset(cost=0.3, cost_per_h=no_load, start_up_cost=5.0)
    plan = plan_alone(toy, unit, [1.0, 0.3, 1.0], ran_at=100.0)
    assert (plan.exchange_kw[1] > 0.0) == stays
    assert plan.private_cost == pytest.approx(60.0 + 2 * no_load + min(no_load, 5.0) + 6.0 * stays)


def test_no_load_cost_counts_hours_and_starts_count_once(toy):
    unit = toy.genset(cost=0.3, cost_per_h=2.0, start_up_cost=5.0)
    declared = toy.declare(unit, diesel=toy.ran_at(0.0))
    plan = toy.solve(declared, toy.terms([1.0, 1.0]), step_h=0.5)
    assert plan.private_cost == pytest.approx(0.5 * 2 * (30.0 + 2.0) + 5.0)


def test_unit_climbs_by_its_ramp_from_the_most_that_a_start_allows(toy):
    plan = plan_alone(toy, toy.genset(ramp_kw_per_h=30.0), [1.0] * 4)
    assert plan.exchange_kw == pytest.approx([30.0, 60.0, 90.0, 100.0])


def test_unit_whose_least_power_is_above_its_ramp_can_start_and_stop(toy):
    unit = toy.genset(least=20.0, ramp_kw_per_h=8.0)
    plan = plan_alone(toy, unit, [1.0, 1.0, 1.0, -1.0])
    assert plan.exchange_kw == pytest.approx([20.0, 28.0, 20.0, 0.0])


def test_hot_unit_comes_down_before_it_stops(toy):
    plan = plan_alone(toy, toy.genset(ramp_kw_per_h=30.0), [-1.0] * 5, ran_at=100.0)
    assert plan.exchange_kw == pytest.approx([70.0, 40.0, 20.0, 0.0, 0.0])
    assert plan.flags == ()


def test_half_an_hour_ramps_by_half(toy):
    declared = toy.declare(toy.genset(ramp_kw_per_h=60.0), diesel=toy.ran_at(40.0))
    plan = toy.solve(declared, toy.terms([1.0, 1.0]), step_h=0.5)
    assert plan.exchange_kw == pytest.approx([70.0, 100.0])


def test_hot_unit_loses_its_load_only_where_nothing_else_is_possible(toy):
    unit = toy.genset(ramp_kw_per_h=30.0)
    free = plan_alone(toy, unit, [-1.0, -1.0], ran_at=90.0)
    tight = plan_alone(toy, unit, [-1.0, -1.0], ran_at=90.0, high=25.0)
    assert (free.flags, tight.flags) == ((), ("missed",))
    assert tight.exchange_kw == pytest.approx([25.0, 0.0])
    # 35 kW faster than the ramp, at the price of missing, and the fuel of 25 kWh.
    assert tight.private_cost == pytest.approx(35.0 * 1e3 + 25.0 * 0.3)


def test_islanded_microgrid_is_served_by_its_diesel(toy):
    demand = [50.0, 10.0, 120.0]
    declared = toy.declare(
        toy.genset(), toy.load(10.0), forecast={"shop": demand}, diesel=toy.ran_at(0.0)
    )
    plan = toy.solve(declared, toy.terms([0.3] * 3, low=0.0, high=0.0))
    # 10 kW is less than its least power, and the load is all there is.
    assert plan.schedule["genset"].out_kw == pytest.approx([50.0, 0.0, 100.0])
    assert plan.schedule["shop"].in_kw == pytest.approx([50.0, 0.0, 100.0])


def test_problem_without_diesel_is_an_lp_and_with_diesel_a_milp(toy):
    unit = toy.genset()
    for devices, is_integer in (((toy.load(),), False), ((toy.load(), unit), True)):
        problem = MicrogridProblem("MG", devices, toy.window(2))
        declared = toy.declare(
            *devices, forecast={"shop": [1.0, 1.0]}, diesel=toy.ran_at(0.0) if is_integer else None
        )
        plan = problem.solve(MicrogridInputs(declared, toy.terms([0.2, 0.2])), 0)
        solver = problem._problem._models[False][1]
        assert bool(len(solver.integers)) == is_integer
        assert plan.flags == ()


def test_unit_without_a_state_is_refused_by_name(toy):
    with pytest.raises(ValueError, match="diesel genset has no state"):
        toy.solve(toy.declare(toy.genset()), toy.terms([0.3]))
    with pytest.raises(ValueError, match="no state"):
        KINDS[type(toy.genset())].update(None, None, toy.genset(), DeviceInputs())


# ------------------------------------------------------------------------ by trying everything
def cheapest_pattern(unit, demand, buy, sell, *, state, imports, shed_price):
    """Solve a smooth convex problem for each pattern of on and off; give the smallest cost."""
    steps = len(demand)
    best = INF
    for pattern in product((0, 1), repeat=steps):
        starts = sum(
            on and not before for before, on in zip((state.is_on, *pattern), pattern, strict=False)
        )
        fixed = unit.start_up_cost * starts + unit.cost_per_h * sum(pattern)
        best = min(
            best,
            fixed + _best_powers(unit, pattern, demand, (buy, sell), state, imports, shed_price),
        )
    return best


def _best_powers(unit, pattern, demand, prices, state, imports, shed_price):
    """Give the least cost of power, import, export and shedding with on and off given."""
    steps, (buy, sell) = len(demand), prices
    ramp, switch = unit.ramp_kw(1.0), unit.switch_kw(1.0)
    bounds = [(on * unit.power_min_kw, on * unit.power_max_kw) for on in pattern]
    rows, limits = [], []  # rows @ x <= limits
    for t, on in enumerate(pattern):
        before_on = pattern[t - 1] if t else int(state.is_on)
        step = np.zeros(4 * steps)
        step[t] = 1.0
        step[t - 1] -= 1.0 if t else 0.0
        given = 0.0 if t else state.power_kw
        if on or before_on:
            rows += [step, -step]
            limits += [
                (ramp if before_on else switch) + given if on else INF,
                (ramp if on else switch) - given if before_on else INF,
            ]
    bounds += [(0.0, imports)] * steps + [(0.0, 1e3)] * steps
    bounds += [(0.0, kw) for kw in demand]
    eye = np.eye(steps)
    balance = np.hstack([eye, eye, -eye, eye])
    linear = np.concatenate(
        [np.full(steps, unit.cost_per_kwh), buy, -sell, np.full(steps, shed_price)]
    )

    def cost(x):
        return linear @ x + unit.cost_per_kwh_kw * (x[:steps] ** 2).sum()

    def slope(x):
        return linear + np.concatenate([2 * unit.cost_per_kwh_kw * x[:steps], np.zeros(3 * steps)])

    kept = [(row, limit) for row, limit in zip(rows, limits, strict=True) if np.isfinite(limit)]
    constraints = [{"type": "eq", "fun": lambda x: balance @ x - demand, "jac": lambda x: balance}]
    if kept:
        matrix, most = np.array([row for row, _ in kept]), np.array([limit for _, limit in kept])
        constraints.append(
            {"type": "ineq", "fun": lambda x: most - matrix @ x, "jac": lambda x: -matrix}
        )
    start = np.array([(low + high) / 2 for low, high in bounds])
    answer = minimize(
        cost,
        start,
        jac=slope,
        bounds=bounds,
        constraints=constraints,
        options={"ftol": 1e-11, "maxiter": 500},
        method="SLSQP",
    )
    return answer.fun if answer.success else INF


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("quadratic", [0.0, 1.5e-3])
def test_commitment_costs_what_trying_every_pattern_finds(toy, seed, quadratic):
    rng = np.random.default_rng(seed)
    unit = toy.genset(
        cost=float(rng.uniform(0.2, 0.4)),
        cost_per_kwh_kw=quadratic,
        cost_per_h=float(rng.uniform(0.0, 3.0)),
        start_up_cost=float(rng.uniform(0.0, 10.0)),
        ramp_kw_per_h=float(rng.choice([12.0, 35.0, INF])),
    )
    steps = 3
    demand, buy = rng.uniform(0.0, 120.0, steps), rng.uniform(0.1, 0.9, steps)
    sell = buy - rng.uniform(0.05, 0.1, steps)
    start_kw = float(rng.choice([0.0, rng.uniform(20.0, 100.0)]))
    declared = toy.declare(
        unit, toy.load(2.0), forecast={"shop": demand}, diesel=toy.ran_at(start_kw)
    )
    on_terms = toy.terms(buy, sell, low=-60.0, high=1e3)
    plan = toy.solve(declared, on_terms)
    best = cheapest_pattern(
        unit,
        demand,
        buy,
        sell,
        state=DieselState(start_kw > 0.0, start_kw),
        imports=60.0,
        shed_price=2.0,
    )
    error = steps * quadratic * 2.0**2  # spacing of 4 kW
    assert plan.flags == ()
    assert plan.lower_bound <= best + 1e-5
    assert best <= true_cost(plan, on_terms) + 1e-5
    assert true_cost(plan, on_terms) - plan.lower_bound <= error + 1e-5


@pytest.mark.parametrize("seed", range(6))
def test_state_carries_a_rolling_run_along_the_optimum(toy, seed):
    """What is best from the state after a step is the rest of what was best before it."""
    rng = np.random.default_rng(seed)
    unit = toy.genset(
        cost_per_h=1.0, start_up_cost=float(rng.uniform(0.0, 20.0)), ramp_kw_per_h=25.0
    )
    prices = rng.uniform(0.0, 0.7, 6)
    state = CarriedState({}, toy.ran_at(float(rng.choice([0.0, 60.0]))))
    whole, spent = None, 0.0
    for first in range(6):
        declared = toy.declare(unit, diesel=state.diesel)
        on_terms = toy.terms(prices[first:])
        plan = toy.solve(declared, on_terms)
        whole = plan.lower_bound if whole is None else whole
        assert spent + plan.lower_bound == pytest.approx(whole, abs=1e-6)
        operation = plan.schedule["genset"].at(0)
        before, state = state, state.after((unit,), {"genset": operation}, 1.0)
        started = state.diesel["genset"].is_on and not before.diesel["genset"].is_on
        spent += float(unit.fuel_per_h(operation.out_kw)) + unit.start_up_cost * started
        spent -= prices[first] * operation.out_kw


# -------------------------------------------------------------------------------- tangents
def test_tangents_are_below_the_true_cost_by_no_more_than_they_say(toy):
    unit = toy.genset(cost_per_kwh_kw=1e-3)
    points = diesel.tangent_points_kw(unit)
    powers = np.linspace(20.0, 100.0, 2001)
    curve = (2 * points * powers[:, None] - points**2).max(axis=1) * 1e-3
    below = 1e-3 * powers**2 - curve
    spacing = 80.0 / (diesel.TANGENTS - 1)
    assert below.min() >= -1e-12
    assert below.max() == pytest.approx(1e-3 * (spacing / 2) ** 2, rel=1e-6)


def test_tangents_miss_less_than_half_of_a_ten_thousandth_of_the_cost_at_full_power():
    # The cheapest units of the test scenario: 0.25 per kWh, and 0.04 more at full power.
    size = 100.0
    spacing = 0.7 * size / (diesel.TANGENTS - 1)
    full = 0.25 * size + 0.04 * size + 0.02 * size
    assert 0.04 / size * (spacing / 2) ** 2 == pytest.approx(4e-5 * full, rel=0.05)


@pytest.mark.parametrize("power", [20.0, 33.3, 71.9, 100.0])
def test_planned_cost_is_the_true_cost_and_the_bound_lies_below_it(toy, power):
    unit = toy.genset(cost=0.3, cost_per_kwh_kw=1e-3, cost_per_h=2.0)
    declared = toy.declare(unit, diesel=toy.ran_at(50.0))
    on_terms = toy.terms([0.0], low=power, high=power)
    plan = toy.solve(declared, on_terms)
    true = 0.3 * power + 1e-3 * power**2 + 2.0
    assert plan.private_cost == pytest.approx(true)
    assert true - 1e-3 * 2.0**2 - 1e-6 <= plan.lower_bound <= true + 1e-6


def test_more_tangents_never_lower_the_bound(toy, monkeypatch):
    unit = toy.genset(cost=0.3, cost_per_kwh_kw=1e-3, ramp_kw_per_h=30.0)
    bounds = []
    for tangents in (6, 11, 21, 41):
        monkeypatch.setattr(diesel, "TANGENTS", tangents)
        bounds.append(plan_alone(toy, unit, [0.35, 0.4, 0.45, 0.3]).lower_bound)
    assert np.diff(bounds).min() >= -1e-9


def test_linear_cost_needs_no_tangents(toy):
    model = pyo.ConcreteModel()
    model.unit = pyo.Block()
    diesel.declare_diesel(model.unit, toy.genset(), Horizon(2, 1.0))
    assert len(model.unit.tangent) == len(model.unit.curve_per_h) == 0


# ----------------------------------------------------------------------------- plan and fact
@pytest.mark.parametrize(
    ("state_kw", "power", "after"),
    [
        (0.0, 20.0, DieselState(True, 20.0)),
        (0.0, 1e-7, DieselState()),
        (60.0, 100.0 + 1e-8, DieselState(True, 100.0)),
        (60.0, 20.0 - 1e-8, DieselState(True, 20.0)),
        (60.0, 0.0, DieselState()),
    ],
)
def test_state_after_a_step_is_free_of_rounding(toy, state_kw, power, after):
    unit, state = toy.genset(), CarriedState({}, toy.ran_at(state_kw))
    assert state.after((unit,), {"genset": Operation(power)}, 1.0).diesel == {"genset": after}


def test_private_cost_of_a_joint_plan_is_true_to_its_bound(toy, tmp_path):
    """One gate of three microgrids: the certificate holds the true cost of the plans."""
    model = mmgsim.build(diesel_scenario(tmp_path / "scenario"), coordination="central")
    model.step()
    gate = model.table("gates").iloc[0]
    assert 0.0 <= gate.upper - gate.lower <= 2e-5 * gate.gross
    for agent in model.microgrids:
        assert list(plan_faults(agent.plan, agent.view)) == []


def test_joint_problem_with_diesel_equals_the_reference(toy):
    unit = toy.genset(cost=0.2, cost_per_h=3.0, start_up_cost=8.0, ramp_kw_per_h=40.0)
    declared = {
        "A": toy.declare(unit, diesel=toy.ran_at(0.0)),
        "B": toy.declare(toy.load(), forecast={"shop": [80.0, 30.0, 90.0]}),
    }
    members = {name: d.devices for name, d in declared.items()}
    envelopes = {name: toy.envelope(name, 3) for name in declared}
    prices = toy.terms([0.5, 0.2, 0.4], 0.05, local=0.02).prices
    ours, theirs = (
        JointProblem(members, toy.window(3), **options).solve(declared, envelopes, prices, 0)
        for options in ({}, {"make_solver": PyomoHighs})
    )
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-8)
    assert ours.price_per_kwh == pytest.approx(theirs.price_per_kwh, abs=1e-6)
