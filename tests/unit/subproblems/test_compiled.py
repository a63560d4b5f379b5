"""The compiled solver gives what Pyomo's own interface to HiGHS gives."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.contracts import Battery, DieselState, Load, Renewable, RenewableKind, Session
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import (
    CompiledHighs,
    JointProblem,
    MicrogridInputs,
    MicrogridProblem,
    PyomoHighs,
    Terms,
    disclosure_of,
    public_prices,
)
from mmgsim.subproblems.affine import AffineNumbers, ParamTable
from mmgsim.subproblems.devices import KINDS, DeviceInputs, Horizon
from mmgsim.testing import sample_view
from tests.support.sessions import disclosed, flexible, vehicle, window


def user_model():
    """A model of somebody's own: bilinear Params, a maximum, a bound, an integer variable."""
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, 3)
    model.price = pyo.Param(model.time, mutable=True, initialize=1.0)
    model.rate = pyo.Param(mutable=True, initialize=2.0)
    model.need = pyo.Param(mutable=True, initialize=3.0)
    model.most = pyo.Param(mutable=True, initialize=5.0)
    model.x = pyo.Var(model.time, domain=pyo.NonNegativeReals)
    model.unit = pyo.Var(model.time, domain=pyo.Binary)
    model.cap = pyo.Constraint(model.time, rule=lambda m, t: m.x[t] <= m.most * m.rate * m.unit[t])
    model.total = pyo.Constraint(
        expr=sum(model.x[t] for t in model.time) + 1.0 >= model.need * model.rate
    )
    model.cost = pyo.Expression(
        expr=sum(model.price[t] * model.x[t] + 0.5 * model.unit[t] for t in model.time) + model.need
    )
    model.goal = pyo.Objective(expr=model.cost)
    return model


@pytest.mark.parametrize("seed", range(20))
def test_a_users_model_with_bilinear_params_and_integers_is_solved_alike(seed):
    rng = np.random.default_rng(seed)
    model = user_model()
    compiled, reference = CompiledHighs(model), PyomoHighs(model)
    for _ in range(3):
        numbers = (
            (model.price, rng.uniform(0.1, 2.0, 4)),
            (model.rate, rng.uniform(0.5, 3.0)),
            (model.need, rng.uniform(1.0, 6.0)),
            (model.most, rng.uniform(4.0, 9.0)),
        )
        for param, values in numbers:
            compiled.set(param, values)
            reference.set(param, values)
        ours, theirs = (s.solve(agent="mine", step=0) for s in (compiled, reference))
        assert ours.objective == pytest.approx(theirs.objective, rel=1e-7)
        assert compiled.get(model.cost)[0] == pytest.approx(ours.objective, rel=1e-7)
        # The number of units may tie between steps; what they cost may not.
        assert compiled.duals([model.total])[0] >= 0.0


@pytest.mark.parametrize("seed", range(40))
def test_every_microgrid_costs_the_same_hot_and_by_pyomo(seed):
    view = sample_view(seed)
    declared = disclosure_of(view)
    compiled, reference = (
        MicrogridProblem(view.name, view.devices, view.window, make_solver=make)
        for make in (CompiledHighs, PyomoHighs)
    )
    rng = np.random.default_rng(seed)
    worlds = [Terms.of(view), *(Terms.at_price(view, rng.uniform(0.02, 0.5, 24)) for _ in range(4))]
    for terms in worlds:
        ours, theirs = (p.solve(MicrogridInputs(declared, terms), 0) for p in (compiled, reference))
        assert ours.lower_bound == pytest.approx(theirs.lower_bound, rel=1e-7, abs=1e-7)
        assert ours.flags == theirs.flags


def test_negative_prices_switch_to_binaries_hot_as_well():
    view = sample_view(7)
    price = np.full(24, -0.3)
    terms = Terms.at_price(view, price)
    plans = [
        MicrogridProblem(view.name, view.devices, view.window, make_solver=make).solve(
            MicrogridInputs(disclosure_of(view), terms), 0
        )
        for make in (CompiledHighs, PyomoHighs)
    ]
    assert plans[0].flags == plans[1].flags
    assert plans[0].lower_bound == pytest.approx(plans[1].lower_bound, rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_joint_cost_and_price_are_alike(seed):
    views = {f"MG{k}": sample_view(10 * seed + k) for k in range(4)}
    declared = {name: disclosure_of(view) for name, view in views.items()}
    tariff = views["MG0"].tariff
    outcomes = [
        JointProblem(
            {n: v.devices for n, v in views.items()}, views["MG0"].window, make_solver=make
        ).solve(declared, {n: v.envelope for n, v in views.items()}, public_prices(tariff), 0)
        for make in (CompiledHighs, PyomoHighs)
    ]
    assert outcomes[0].cost == pytest.approx(outcomes[1].cost, rel=1e-8)


def test_duals_of_a_mixed_integer_model_hold_the_integers():
    model = user_model()
    compiled, reference = CompiledHighs(model), PyomoHighs(model)
    for solver in (compiled, reference):
        solver.set(model.price, [0.3, 0.7, 1.1, 1.9])
        solver.set(model.need, 7.0)
        solver.solve(agent="mine", step=0)
    ours, theirs = (s.duals([model.total]) for s in (compiled, reference))
    assert ours == pytest.approx(theirs)
    # And the instance is mixed-integer again afterwards.
    again = compiled.solve(agent="mine", step=0)
    assert again.objective == pytest.approx(reference.solve(agent="mine", step=0).objective)


def test_infeasibility_names_the_constraints_that_cannot_hold_together():
    model = user_model()
    solver = CompiledHighs(model)
    solver.set(model.most, 0.1)
    with pytest.raises(SubproblemError, match="cannot hold together") as caught:
        solver.solve(agent="MG7", step=42)
    assert "total" in caught.value.conflict
    assert (caught.value.agent, caught.value.step) == ("MG7", 42)


def test_a_model_that_is_not_linear_is_refused_by_name():
    model = pyo.ConcreteModel()
    model.x = pyo.Var(bounds=(0, 1))
    model.square = pyo.Constraint(expr=model.x**2 <= 0.5)
    model.goal = pyo.Objective(expr=model.x)
    with pytest.raises(ValueError, match="square is not linear"):
        CompiledHighs(model)


def test_a_param_that_occurs_nowhere_is_harmless():
    model = user_model()
    model.idle = pyo.Param(model.time, mutable=True, initialize=0.0)
    solver = CompiledHighs(model)
    before = solver.solve(agent="mine", step=0)
    solver.set(model.idle, 5.0)
    assert solver.solve(agent="mine", step=0) == before


def test_maximising_is_understood():
    model = pyo.ConcreteModel()
    model.most = pyo.Param(mutable=True, initialize=2.0)
    model.x = pyo.Var(bounds=(0.0, model.most))
    model.goal = pyo.Objective(expr=3.0 * model.x + 1.0, sense=pyo.maximize)
    solver = CompiledHighs(model)
    assert solver.solve(agent="mine", step=0).objective == pytest.approx(7.0)
    solver.set(model.most, 4.0)
    assert solver.solve(agent="mine", step=0).objective == pytest.approx(13.0)


@pytest.mark.parametrize("make", [CompiledHighs, PyomoHighs])
def test_bound_of_a_maximised_integer_model_is_not_below_its_objective(make):
    model = user_model()
    model.goal.deactivate()
    model.profit = pyo.Objective(expr=20.0 - model.cost, sense=pyo.maximize)
    outcome = make(model).solve(agent="mine", step=0)
    assert outcome.bound >= outcome.objective == pytest.approx(11.5)


def test_duals_that_no_lp_gives_are_an_error_and_not_a_number():
    model = user_model()
    solver = CompiledHighs(model)
    before = solver.solve(agent="MG7", step=42)
    solver.solution[:] = 0.0  # no unit on: nothing meets the need
    with pytest.raises(SubproblemError, match="duals with integers held") as caught:
        solver.duals([model.total])
    assert (caught.value.agent, caught.value.step) == ("MG7", 42)
    # The instance is what it was.
    assert solver.solve(agent="MG7", step=42).objective == pytest.approx(before.objective)


@pytest.mark.parametrize("make", [CompiledHighs, PyomoHighs])
def test_a_wider_gap_never_claims_more_than_it_has_found(make):
    model = user_model()
    model.goal.deactivate()
    model.profit = pyo.Objective(expr=20.0 - model.cost, sense=pyo.maximize)
    exact, loose = (make(model, mip_gap=gap).solve(agent="mine", step=0) for gap in (0.0, 0.9))
    assert exact.bound == pytest.approx(exact.objective)
    assert loose.objective <= exact.objective + 1e-9 <= loose.bound + 2e-9


STEPS = 5


def draw_load(rng, unit):
    return DeviceInputs(forecast_kw=rng.uniform(0.0, 40.0, STEPS))


def draw_renewable(rng, unit):
    return DeviceInputs(forecast_kw=rng.uniform(0.0, unit.rating_kw, STEPS))


def draw_battery(toy):
    def draw(rng, unit):
        levels = {STEPS - 1: float(rng.uniform(unit.energy_min_kwh, unit.energy_kwh))}
        rule = toy.rule(unit, STEPS, levels, value=float(rng.uniform(0.0, 0.3)))
        return DeviceInputs(energy_start_kwh=float(rng.uniform(0.0, unit.energy_kwh)), rule=rule)

    return draw


def draw_diesel(rng, unit):
    power_kw = float(rng.uniform(unit.power_min_kw, unit.power_max_kw) * rng.integers(0, 2))
    return DeviceInputs(diesel=DieselState(power_kw > 0.0, power_kw))


def draw_sessions(rng, unit):
    """Draw two stays of a store, the first of which may be on, the second go on beyond."""
    stops = np.sort(rng.choice(np.arange(1, STEPS + 3), 2, replace=False))
    stays = (
        Session(-1, int(stops[0]), 5.0, float(rng.uniform(0.0, unit.energy_kwh))),
        Session(int(stops[0]), int(stops[1]), 0.0, float(rng.uniform(0.0, unit.energy_kwh))),
    )
    now_kwh = {unit.name: float(rng.uniform(5.0, unit.energy_kwh))}
    told = disclosed((unit,), {unit.name: stays}, window(STEPS), now_kwh=now_kwh)
    return DeviceInputs(sessions=told.sessions[unit.name])


@pytest.fixture
def every_kind(toy):
    """Give units of every kind, and how their state is drawn."""
    return {
        "load": (Load("shop", 0.35), draw_load),
        "load-critical": (Load("shop", 0.2, 0.4, 0.5), draw_load),
        "renewable": (Renewable("roof", RenewableKind.PV, 50.0), draw_renewable),
        "battery": (Battery("bess", 20.0, 2.0, 8.0, 0.9, 0.03), draw_battery(toy)),
        "diesel": (
            toy.genset(cost_per_kwh_kw=1e-3, cost_per_h=2.0, start_up_cost=9.0, ramp_kw_per_h=25.0),
            draw_diesel,
        ),
        "vehicle": (vehicle(discharge_kw=5.0, wear_per_kwh=0.02, efficiency=0.9), draw_sessions),
        "flexible": (flexible(missing_per_kwh=0.2), draw_sessions),
    }


@pytest.mark.parametrize("is_exclusive", [False, True])
@pytest.mark.parametrize(
    "kind",
    ["load", "load-critical", "renewable", "battery", "diesel", "vehicle", "flexible"],
)
def test_every_device_costs_the_same_hot_and_by_pyomo_from_any_state(
    every_kind, kind, is_exclusive
):
    unit, draw = every_kind[kind]
    assert {type(unit) for unit, _ in every_kind.values()} == set(KINDS)
    model = pyo.ConcreteModel()
    model.unit = pyo.Block()
    KINDS[type(unit)].declare(model.unit, unit, Horizon(STEPS, 1.0, is_exclusive))
    model.price = pyo.Param(model.unit.time, mutable=True, initialize=0.0)
    cost = model.unit.cost + getattr(model.unit, "miss_cost", 0.0)
    net = {t: model.unit.out_kw[t] - model.unit.in_kw[t] for t in model.unit.time}
    model.total = pyo.Objective(expr=cost - sum(model.price[t] * net[t] for t in model.unit.time))
    compiled, reference = CompiledHighs(model), PyomoHighs(model)
    rng = np.random.default_rng(7)
    for _ in range(100):
        inputs, price = draw(rng, unit), rng.uniform(0.0, 0.7, STEPS)
        outcomes = []
        for solver in (compiled, reference):
            KINDS[type(unit)].update(solver, model.unit, unit, inputs)
            solver.set(model.price, price)
            outcomes.append(solver.solve(agent=kind, step=0))
        assert outcomes[0].objective == pytest.approx(outcomes[1].objective, rel=1e-7, abs=1e-6)
        assert outcomes[0].bound == pytest.approx(outcomes[1].bound, rel=1e-7, abs=1e-6)


# --------------------------------------------------------------------- growing and holding
def test_rows_and_columns_are_added_and_dropped_again():
    model = user_model()
    solver = CompiledHighs(model)
    before = solver.solve(agent="mine", step=0).objective
    row = solver.add_rows(2.0, np.inf)
    entries = np.zeros((len(list(model.component_data_objects(pyo.Constraint))) + 1, 1))
    entries[row[0], 0] = 1.0
    column = solver.add_columns(np.array([3.0]), entries)
    grown = solver.solve(agent="mine", step=0)
    assert grown.objective == pytest.approx(before + 6.0)
    assert solver.solution[column[0]] == pytest.approx(2.0)
    assert len(solver.get(model.x)) == 4
    solver.limit_columns(column, 2.5, 2.5)
    assert solver.solve(agent="mine", step=0).objective == pytest.approx(before + 7.5)
    solver.drop_added()
    assert solver.solve(agent="mine", step=0).objective == pytest.approx(before)


def test_held_integers_make_an_lp_that_is_no_better():
    model = user_model()
    solver = CompiledHighs(model)
    free = solver.solve(agent="mine", step=0)
    taken = solver.solution[solver.integers]
    with solver.integers_held(np.ones(len(taken))):
        held = solver.solve(agent="mine", step=0)
        assert held.bound == held.objective >= free.objective - 1e-9
        assert solver.get(model.unit) == pytest.approx(np.ones(4))
        # Other numbers may come meanwhile, limits of variables too.
        solver.set(model.need, 2.0)
        solver.solve(agent="mine", step=0)
        assert solver.get(model.unit) == pytest.approx(np.ones(4))
        solver.set(model.need, 3.0)
    assert solver.solve(agent="mine", step=0).objective == pytest.approx(free.objective)


@pytest.mark.parametrize("is_set_first", [True, False])
def test_a_param_that_is_only_read_follows_what_is_set(is_set_first):
    model = user_model()
    model.scale = pyo.Param(model.time, mutable=True, initialize=1.0)
    model.scaled = pyo.Expression(model.time, rule=lambda m, t: m.scale[t] * m.x[t] + m.scale[t])
    solver = CompiledHighs(model)
    if not is_set_first:
        solver.get(model.scaled)
    solver.set(model.scale, [1.0, 2.0, 3.0, 4.0])
    solver.solve(agent="mine", step=0)
    expected = np.array([1.0, 2.0, 3.0, 4.0]) * (solver.get(model.x) + 1.0)
    assert solver.get(model.scaled) == pytest.approx(expected)


@pytest.mark.parametrize("component", ["limit", "level"])
def test_numbers_that_are_none_are_refused_and_do_not_leave_the_old_ones(component):
    model = pyo.ConcreteModel()
    model.limit, model.level = (pyo.Param(mutable=True, initialize=one) for one in (1.0, 2.0))
    model.x = pyo.Var(bounds=(0.0, model.limit))
    model.row = pyo.Constraint(expr=model.x <= model.level)
    model.total = pyo.Objective(expr=-model.x)
    solver = CompiledHighs(model)
    solver.solve(agent="MG1", step=0)
    solver.set(getattr(model, component), np.nan)
    with pytest.raises(ValueError, match="HiGHS refuses numbers"):
        solver.solve(agent="MG1", step=1)


def knapsack(items=60, rows=30):
    """A MILP that HiGHS does not prove within a second."""
    rng = np.random.default_rng(0)
    model = pyo.ConcreteModel()
    model.things = pyo.RangeSet(0, items - 1)
    model.take = pyo.Var(model.things, domain=pyo.Binary)
    weight = rng.integers(5, 60, (rows, items)).tolist()
    model.rows = pyo.Constraint(
        range(rows),
        rule=lambda m, r: sum(weight[r][i] * m.take[i] for i in m.things) <= 12 * items,
    )
    worth = rng.integers(10, 100, items).tolist()
    model.total = pyo.Objective(expr=-sum(worth[i] * model.take[i] for i in model.things))
    return model


def test_a_mixed_integer_model_that_runs_out_of_time_keeps_what_it_has_and_its_bound():
    model = knapsack()
    solver = CompiledHighs(model, time_limit_s=0.5)
    outcome = solver.solve(agent="MG1", step=0)
    taken = solver.get(model.take).round()
    for item, value in enumerate(taken.tolist()):
        model.take[item].set_value(value)
    assert all(pyo.value(row.body) <= pyo.value(row.upper) for row in model.rows.values())
    assert outcome.objective == pytest.approx(pyo.value(model.total))
    assert outcome.bound < outcome.objective - 1e-6


def test_the_time_limit_is_each_solves_own():
    """HiGHS counts the time of an instance over all of its solves."""
    model = knapsack()
    solver = CompiledHighs(model, time_limit_s=0.2)
    for step in range(3):
        outcome = solver.solve(agent="MG1", step=step)
        assert not outcome.is_proven
        assert np.isfinite(solver.duals(model.rows.values())).all()
        with solver.integers_held(solver.solution[solver.integers]):
            assert solver.solve(agent="MG1", step=step).is_proven


def test_a_model_that_has_nothing_when_its_time_is_up_is_an_error():
    solver = CompiledHighs(knapsack(), time_limit_s=0.0)
    with pytest.raises(SubproblemError, match="Time limit"):
        solver.solve(agent="MG1", step=0)


def test_a_solution_to_begin_with_is_what_is_left_when_there_is_no_time():
    begin = np.zeros(60)
    begin[:5] = 1.0
    solver = CompiledHighs(knapsack(), time_limit_s=0.0)
    solver.start_from(begin)
    outcome = solver.solve(agent="MG1", step=0)
    assert solver.solution == pytest.approx(begin)
    assert outcome.bound <= outcome.objective
    with pytest.raises(SubproblemError) as caught:
        CompiledHighs(knapsack(), time_limit_s=0.0).solve(agent="MG1", step=0)
    assert caught.value.is_out_of_time


# ------------------------------------------------------------------------------- rows that come
def plane():
    """Two variables below 4 that are worth 2 and 1, and a row that does not bind."""
    model = pyo.ConcreteModel()
    model.x = pyo.Var([0, 1], bounds=(0.0, 4.0))
    model.row = pyo.Constraint(expr=model.x[0] + model.x[1] <= 100.0)
    model.total = pyo.Objective(expr=-2.0 * model.x[0] - model.x[1])
    return model


def test_rows_with_entries_bind_until_they_are_dropped():
    model = plane()
    solver = CompiledHighs(model)
    assert solver.solve(agent="MG1", step=0).objective == pytest.approx(-12.0)
    entries = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    rows = solver.add_rows(-np.inf, np.array([5.0, 3.0, 50.0]), entries)
    assert solver.solve(agent="MG1", step=1).objective == pytest.approx(-8.0)
    solver.drop_rows(rows[1:2])
    assert solver.solve(agent="MG1", step=2).objective == pytest.approx(-9.0)
    solver.drop_rows(rows[:1])  # what was behind the dropped row has moved up
    assert solver.solve(agent="MG1", step=3).objective == pytest.approx(-12.0)


def test_marginals_are_changes_of_the_objective_per_unit_of_each_limit():
    model = plane()
    solver = CompiledHighs(model)
    (row,) = solver.add_rows(-np.inf, 5.0, np.array([[1.0, 1.0]]))
    solver.solve(agent="MG1", step=0)
    duals, reduced = solver.marginals()
    assert duals[row] == pytest.approx(-1.0)
    columns = solver.columns(model.x)
    np.testing.assert_allclose(reduced[columns], [-1.0, 0.0], atol=1e-9)


def test_relaxed_integers_give_the_lp_and_are_whole_again_afterwards():
    model = pyo.ConcreteModel()
    model.take = pyo.Var([0, 1], domain=pyo.Binary)
    model.room = pyo.Constraint(expr=3.0 * model.take[0] + 2.0 * model.take[1] <= 4.0)
    model.total = pyo.Objective(expr=-3.0 * model.take[0] - 1.9 * model.take[1])
    solver = CompiledHighs(model)
    with solver.integers_relaxed():
        relaxed = solver.solve(agent="MG1", step=0)
        duals, _ = solver.marginals()
        assert duals[solver.rows([model.room])[0]] == pytest.approx(-0.95)
    assert relaxed.objective == pytest.approx(-3.0 - 0.95)
    assert relaxed.is_proven
    assert solver.solve(agent="MG1", step=0).objective == pytest.approx(-3.0)


# ------------------------------------------------------------------------------ numbers of Params
@pytest.mark.parametrize(
    "written",
    [
        lambda p, q: -p / 4.0,
        lambda p, q: 3.0 * (p - 2.0 * q) + 5.0,
        lambda p, q: (p + p) * 2.0 - (q - 7.0) / 8.0,
        lambda p, q: p * q + 1.0,  # not affine
        lambda p, q: 1.0 / p + 2.0 * q,
    ],
)
def test_numbers_of_params_are_those_of_pyomo(written):
    model = pyo.ConcreteModel()
    model.p = pyo.Param(mutable=True, initialize=3.0)
    model.q = pyo.Param(mutable=True, initialize=-1.5)
    table, expression = ParamTable(), written(model.p, model.q)
    numbers = AffineNumbers([expression], table)
    for p, q in ((3.0, -1.5), (0.7, 11.0)):
        model.p, model.q = p, q
        table.pull()
        assert numbers.values()[0] == pytest.approx(pyo.value(expression), rel=1e-14)
