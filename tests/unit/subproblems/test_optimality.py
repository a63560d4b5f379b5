"""Reduced programs have the same optima, and conditions of optimality leave nothing else."""

import highspy
import numpy as np
import pyomo.environ as pyo
import pytest
from scipy import sparse
from scipy.optimize import linprog

from mmgsim.subproblems import CompiledHighs, LinearProgram, declare_feasible, declare_optimal
from mmgsim.subproblems.linear_program import activity_limits, propagated

INF = highspy.kHighsInf
SEEDS = range(12)


def random_program(seed, *, given=0):
    """Give a bounded, feasible LP with rows of all kinds, a fixed column and an idle one."""
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(3, 7)), int(rng.integers(4, 8))
    matrix = np.where(rng.random((rows, columns)) < 0.5, rng.normal(size=(rows, columns)), 0.0)
    matrix[0] = 0.0
    matrix[0, 0] = -2.0  # a row about one column
    matrix[:, columns - 1] = 0.0  # a column in no row
    low, high = np.zeros(columns), rng.uniform(0.5, 2.0, columns)
    high[1] = low[1] = 0.3
    inside = low + rng.random(columns) * (high - low)
    at = matrix @ inside
    row_low, row_high = at - rng.uniform(0.0, 1.0, rows), at + rng.uniform(0.0, 1.0, rows)
    kind = rng.integers(0, 4, rows)
    row_low[kind == 1], row_high[kind == 2] = -INF, INF
    row_low[kind == 3] = row_high[kind == 3] = at[kind == 3]
    return LinearProgram.of(
        rng.normal(size=columns),
        1.5,
        sparse.csr_array(matrix),
        rows=(row_low, row_high),
        columns=(low, high),
        given=np.arange(columns) >= columns - 1 - given if given else np.zeros(columns, bool),
    )


def solved(program):
    """Solve a program by scipy's own way to HiGHS."""
    a = program.matrix.toarray()
    above, below = np.isfinite(program.row_high), np.isfinite(program.row_low)
    found = linprog(
        program.costs,
        A_ub=np.vstack([a[above], -a[below]]),
        b_ub=np.concatenate([program.row_high[above], -program.row_low[below]]),
        bounds=list(zip(program.low, program.high, strict=True)),
    )
    assert found.status == 0
    return found.fun + program.offset


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reduced_program_has_the_same_optimum(seed):
    program = random_program(seed)
    reduced = program.reduced()
    assert reduced.matrix.shape[0] < program.matrix.shape[0]
    assert solved(reduced) == pytest.approx(solved(program), abs=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
def test_limits_that_are_marked_as_idle_change_no_optimum(seed):
    reduced = random_program(seed).reduced()
    low = np.where(reduced.binds_low | reduced.is_fixed, reduced.low, -1e3)
    high = np.where(reduced.binds_high | reduced.is_fixed, reduced.high, 1e3)
    freed = LinearProgram.of(
        reduced.costs,
        reduced.offset,
        reduced.matrix,
        rows=(reduced.row_low, reduced.row_high),
        columns=(low, high),
        given=reduced.is_given,
    )
    assert solved(freed) == pytest.approx(solved(reduced), abs=1e-8)


@pytest.mark.parametrize("worst", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_else_is_wanted_only_optima_meet_the_conditions(seed, worst):
    program = random_program(seed)
    reduced = program.reduced()
    model = pyo.ConcreteModel()
    model.lower = pyo.Block()
    ranges = (reduced.low, reduced.high)
    declare_feasible(model.lower, reduced, ranges)
    conditions = declare_optimal(model.lower, reduced, ranges, most_dual=1e3)
    sense = pyo.maximize if worst else pyo.minimize
    model.goal = pyo.Objective(expr=model.lower.cost, sense=sense)
    solver = CompiledHighs(model, presolves=False)
    assert solver.solve(agent="lower", step=0).objective == pytest.approx(solved(program), abs=1e-6)
    assert conditions.reach(solver) < 0.99


def test_a_multiplier_that_its_bound_holds_back_is_seen():
    # min x with 0.001 x >= 1: its multiplier is 1000.
    program = LinearProgram.of(
        np.array([1.0, 0.0]),
        0.0,
        sparse.csr_array(np.array([[0.001, 1.0]])),
        rows=(np.array([1.0]), np.array([INF])),
        columns=(np.zeros(2), np.array([5000.0, 0.5])),
        given=np.zeros(2, bool),
    ).reduced()
    model = pyo.ConcreteModel()
    model.lower = pyo.Block()
    declare_feasible(model.lower, program, (program.low, program.high))
    conditions = declare_optimal(
        model.lower, program, (program.low, program.high), most_dual=1000.0
    )
    model.goal = pyo.Objective(expr=model.lower.cost)
    solver = CompiledHighs(model, presolves=False)
    assert solver.solve(agent="lower", step=0).objective == pytest.approx(500.0)
    assert conditions.reach(solver) >= 0.99


def test_given_columns_have_limits_and_no_say():
    # min -y, y <= g: y follows g, which only the other objective moves.
    program = LinearProgram.of(
        np.array([-1.0, 0.0]),
        0.0,
        sparse.csr_array(np.array([[1.0, -1.0]])),
        rows=(np.array([-INF]), np.array([0.0])),
        columns=(np.zeros(2), np.array([10.0, 4.0])),
        given=np.array([False, True]),
    ).reduced()
    model = pyo.ConcreteModel()
    model.lower = pyo.Block()
    declare_feasible(model.lower, program, (program.low, program.high))
    declare_optimal(model.lower, program, (program.low, program.high), most_dual=10.0)
    model.goal = pyo.Objective(expr=model.lower.x[0] - 0.1 * model.lower.x[1])
    solver = CompiledHighs(model, presolves=False)
    assert solver.solve(agent="leader", step=0).objective == pytest.approx(0.0)
    assert solver.get(model.lower.x) == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize("seed", SEEDS)
def test_propagated_limits_hold_at_every_feasible_point(seed):
    program = random_program(seed)
    rng = np.random.default_rng(seed)
    rows = (program.row_low, program.row_high)
    low, high = propagated(program.matrix, rows, (program.low, program.high))
    assert (low >= program.low).all()
    assert (high <= program.high).all()
    least, most = activity_limits(program.matrix, program.low, program.high)
    for _ in range(20):
        wish = LinearProgram.of(
            rng.normal(size=len(low)),
            0.0,
            program.matrix,
            rows=rows,
            columns=(program.low, program.high),
            given=program.is_given,
        )
        a = wish.matrix.toarray()
        up, down = np.isfinite(rows[1]), np.isfinite(rows[0])
        point = linprog(
            wish.costs,
            A_ub=np.vstack([a[up], -a[down]]),
            b_ub=np.concatenate([rows[1][up], -rows[0][down]]),
            bounds=list(zip(wish.low, wish.high, strict=True)),
        ).x
        assert (point >= low - 1e-7).all()
        assert (point <= high + 1e-7).all()
        assert (a @ point >= least - 1e-7).all()
        assert (a @ point <= most + 1e-7).all()
