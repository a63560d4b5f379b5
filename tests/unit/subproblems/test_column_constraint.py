"""Column-and-constraint generation against all vertices and plain LPs."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.subproblems.adversary import (
    BudgetedAdversary,
    BudgetSet,
    ListedAdversary,
    RecourseCost,
)
from mmgsim.subproblems.column_constraint import Trial, robust_optimum
from mmgsim.subproblems.listed_stage import ListedFirstStage
from mmgsim.subproblems.recourse import Recourse

UNITS, HOURS = 2, 3
LACK = 10.0


def shop(seed):
    """Give a recourse in which units that are on serve what sun leaves over, and what lacks costs.

    Of every unit and hour the sun may be less; a unit more of it saves between 0 and `LACK`.
    """
    rng = np.random.default_rng([71, seed])
    load, sun = rng.uniform(2.0, 8.0, (UNITS, HOURS)), rng.uniform(1.0, 5.0, (UNITS, HOURS))
    price = rng.uniform(0.5, 3.0, HOURS)
    cells = [(i, t) for i in range(UNITS) for t in range(HOURS)]
    model = pyo.ConcreteModel()
    model.cell = pyo.RangeSet(0, len(cells) - 1)
    model.on = pyo.Param(model.cell, mutable=True, initialize=0.0)
    model.sun = pyo.Param(model.cell, mutable=True, initialize=0.0)
    model.bought = pyo.Var(model.cell, within=pyo.NonNegativeReals)
    model.used = pyo.Var(model.cell, bounds=lambda m, k: (0.0, m.sun[k]))
    model.lacking = pyo.Var(model.cell, within=pyo.NonNegativeReals)
    model.sent = pyo.Var(pyo.RangeSet(0, HOURS - 1), bounds=(-1.5, 1.5))
    model.enough = pyo.Constraint(
        model.cell,
        rule=lambda m, k: (
            m.bought[k]
            + m.used[k]
            + m.lacking[k]
            + (1 if cells[k][0] else -1) * m.sent[cells[k][1]]
            == float(load[cells[k]])
        ),
    )
    model.allowed = pyo.Constraint(model.cell, rule=lambda m, k: m.bought[k] <= 4.0 * m.on[k])
    model.cost = pyo.Objective(
        expr=sum(
            float(price[cells[k][1]]) * model.bought[k] + LACK * model.lacking[k]
            for k in model.cell
        )
    )
    recourse = Recourse.of(model, first=model.on, unknown=model.sun)
    group = np.repeat(np.arange(UNITS), HOURS)
    spread = -rng.uniform(0.3, 1.0, (UNITS, HOURS)) * sun
    return recourse, sun.ravel(), spread.ravel(), group, rng


def unknowns_of(seed, budget):
    recourse, centre, spread, group, _ = shop(seed)
    return recourse, BudgetSet(centre, spread, group, np.full(UNITS, float(budget)))


def first_stage_of(recourse, seed):
    rng = np.random.default_rng([72, seed])
    count = UNITS * HOURS
    start = rng.uniform(1.0, 12.0, count).tolist()
    model = pyo.ConcreteModel()
    model.first = pyo.Var(pyo.RangeSet(0, count - 1), domain=pyo.Binary)
    model.later = pyo.Var()
    model.cost = pyo.Objective(
        expr=sum(start[k] * model.first[k] for k in range(count)) + model.later
    )
    return ListedFirstStage(
        model, first=model.first, later=model.later, recourse=recourse, mip_gap=1e-9
    )


def worth_of(unknowns):
    zero = np.zeros(len(unknowns.centre))
    return zero - LACK, zero


def solved(seed, budget):
    recourse, unknowns = unknowns_of(seed, budget)
    adversary = BudgetedAdversary(recourse, unknowns, worth_of(unknowns), mip_gap=1e-9)
    first_stage = first_stage_of(recourse, seed)
    return robust_optimum(first_stage, adversary, start=unknowns.at(np.zeros(6)), tolerance=1e-7)


BUDGETS = (0, 1, 1.5, 2, 3, 7)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("seed", range(5))
def test_the_optimum_is_that_against_all_vertices_at_once(seed, budget):
    recourse, unknowns = unknowns_of(seed, budget)
    everything = first_stage_of(recourse, seed)
    for unknown in unknowns.vertices():
        everything.add(unknown)
    optimum = solved(seed, budget)
    assert optimum.upper == pytest.approx(everything.solve().bound, rel=1e-6)
    assert optimum.gap <= 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_bounds_only_ever_close_and_never_cross(seed):
    optimum = solved(seed, 2)
    lower = [one.lower for one in optimum.rounds]
    upper = [one.upper for one in optimum.rounds]
    assert (np.diff(lower) >= -1e-9).all()
    assert (np.diff(upper) <= 1e-9).all()
    assert (np.array(lower) <= np.array(upper) + 1e-9).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_larger_budget_never_costs_less_and_none_is_the_forecast(seed):
    costs = [solved(seed, budget).upper for budget in BUDGETS]
    assert (np.diff(costs) >= -1e-6).all()
    recourse, unknowns = unknowns_of(seed, 0)
    forecast = first_stage_of(recourse, seed)
    forecast.add(unknowns.centre)
    assert costs[0] == pytest.approx(forecast.solve().bound, rel=1e-7)
    assert costs[-1] == pytest.approx(solved(seed, HOURS).upper, rel=1e-7)  # more than there are


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_adversary_finds_what_trying_everything_finds(budget):
    rng = np.random.default_rng(73)
    recourse, unknowns = unknowns_of(3, budget)
    adversary = BudgetedAdversary(recourse, unknowns, worth_of(unknowns), mip_gap=1e-9)
    oracle = ListedAdversary(recourse, list(unknowns.vertices()))
    cost = RecourseCost(recourse)
    for _ in range(10):
        first = rng.integers(0, 2, UNITS * HOURS).astype(float)
        found, tried = adversary.worst(first), oracle.worst(first)
        assert found.bound == pytest.approx(tried.bound, rel=1e-7)
        assert cost.at(first, found.unknown) == pytest.approx(tried.bound, rel=1e-7)
        # Nothing between the vertices is worse.
        inside = rng.uniform(0.0, 1.0, (20, UNITS * HOURS))
        for one in range(UNITS):
            part = inside[:, unknowns.group == one]
            over = np.maximum(part.sum(axis=1, keepdims=True) / max(budget, 1e-12), 1.0)
            inside[:, unknowns.group == one] = part / over
        assert max(cost.at(first, unknowns.at(g)) for g in inside) <= found.bound * (1.0 + 1e-9)


def test_a_worth_that_is_ten_times_as_wide_finds_the_same():
    recourse, unknowns = unknowns_of(1, 1.5)
    wide = tuple(10.0 * side for side in worth_of(unknowns))
    first = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    bounds = [
        BudgetedAdversary(recourse, unknowns, worth, mip_gap=1e-9).worst(first).bound
        for worth in (worth_of(unknowns), wide)
    ]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-7)


def test_a_search_that_ends_early_says_so_and_its_bounds_hold():
    recourse, unknowns = unknowns_of(0, 2)
    whole = solved(0, 2)
    assert len(whole.rounds) > 1
    adversary = BudgetedAdversary(recourse, unknowns, worth_of(unknowns))
    for limit, flag in (
        ({"max_rounds": 1}, "out_of_rounds"),
        ({"time_limit_s": 0.0}, "out_of_time"),
    ):
        first_stage = first_stage_of(recourse, 0)
        start = unknowns.at(np.zeros(6))
        cut = robust_optimum(first_stage, adversary, start=start, tolerance=1e-7, **limit)
        assert cut.flags == (flag,)
        assert cut.lower <= whole.upper + 1e-9
        assert cut.upper >= whole.lower - 1e-9


class LeftEarly:
    """A first stage whose solver stops at its best decision, and proves half of its cost."""

    def __init__(self, stage):
        self._stage, self.add = stage, stage.add

    def solve(self):
        found = self._stage.solve()
        return Trial(found.first, found.first_cost, bound=0.5 * found.bound, cost=found.cost)


def test_a_worst_case_that_is_known_does_not_hide_an_open_gap():
    recourse, unknowns = unknowns_of(0, 2)
    adversary = BudgetedAdversary(recourse, unknowns, worth_of(unknowns))
    start = unknowns.at(np.zeros(6))
    cut = robust_optimum(LeftEarly(first_stage_of(recourse, 0)), adversary, start=start)
    assert cut.gap > 0.1
    assert cut.flags == ("gap_left",)
    assert solved(0, 2).flags == ()


# -------------------------------------------------------------------------------- reading
def test_a_recourse_costs_what_its_model_costs():
    rng = np.random.default_rng(74)
    for seed in range(5):
        recourse, centre, spread, _, _ = shop(seed)
        first = rng.integers(0, 2, 6).astype(float)
        unknown = centre + rng.uniform(0.0, 1.0, 6) * spread
        cost = RecourseCost(recourse)
        value = cost.at(first, unknown)
        y, sides = cost.recourse(), recourse.right_hand_side(first, unknown)
        over = recourse.matrix @ y - sides
        assert over.min() >= -1e-7
        assert abs(over[recourse.is_equation]).max() <= 1e-7
        assert value == pytest.approx(recourse.costs @ y + recourse.offset)
        assert value == pytest.approx(cost.multipliers() @ sides + recourse.offset)


def test_decisions_beside_variables_are_refused():
    model = pyo.ConcreteModel()
    model.first = pyo.Param(mutable=True, initialize=1.0)
    model.unknown = pyo.Param(mutable=True, initialize=1.0)
    model.y = pyo.Var(within=pyo.NonNegativeReals)
    model.row = pyo.Constraint(expr=model.first * model.y >= model.unknown)
    model.cost = pyo.Objective(expr=model.y)
    with pytest.raises(ValueError, match="stand on right-hand sides"):
        Recourse.of(model, first=model.first, unknown=model.unknown)


def test_integers_have_no_place_in_a_recourse():
    model = pyo.ConcreteModel()
    model.first = pyo.Param(mutable=True, initialize=1.0)
    model.y = pyo.Var(domain=pyo.Binary)
    model.row = pyo.Constraint(expr=model.y >= model.first)
    model.cost = pyo.Objective(expr=model.y)
    with pytest.raises(ValueError, match="without integers"):
        Recourse.of(model, first=model.first, unknown=model.first)


@pytest.mark.parametrize("budget", [-1.0, np.inf, np.nan])
def test_budgets_that_are_none_are_refused(budget):
    with pytest.raises(ValueError, match="finite and from 0"):
        BudgetSet(np.zeros(2), np.ones(2), np.zeros(2, dtype=np.intp), np.array([budget]))
