"""Half squares by tangents: optima of a pencil, however often and far the costs move."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.errors import SubproblemError
from mmgsim.subproblems import CompiledHighs
from mmgsim.subproblems.tangents import MOST_TANGENTS, NEAR, NEAR_SHARE, Tangents


def make_toy(size=1.0):
    """Give ``min a x + w h - y`` over ``x + y == 10``, ``x <= 8``, both not negative, times a size.

    With ``h`` at half the square of x that is flat at ``x = -(a + 1) / w``.
    """
    model = pyo.ConcreteModel()
    model.a, model.w = pyo.Param(mutable=True, initialize=0.0), pyo.Param(mutable=True)
    model.w.set_value(1.0)
    model.x = pyo.Var(bounds=(0.0, 8.0 * size))
    model.y, model.h = (pyo.Var(domain=pyo.NonNegativeReals) for _ in range(2))
    model.sum = pyo.Constraint(expr=model.x + model.y == 10.0 * size)
    model.total = pyo.Objective(expr=model.a * model.x - model.y + model.w * model.h)
    solver = CompiledHighs(model)
    return model, solver, Tangents(solver, solver.columns(model.x), solver.columns(model.h))


def solve(toy, a, w=1.0, near=0.0):
    model, solver, tangents = toy
    solver.set(model.a, a)
    solver.set(model.w, w)
    tangents.solve(np.array([near]), agent="toy", step=0)
    return float(solver.get(model.x)[0])


def test_optima_are_those_of_a_pencil_one_after_the_other():
    toy = make_toy()
    for a, w, x in (
        *((-4.0, 1.0, 3.0), (-3.0, 1.0, 2.0), (9.0, 1.0, 0.0), (-30.0, 1.0, 8.0)),
        *((-4.0, 2.0, 1.5), (-1.0001, 1e-3, 0.1), (-4.0, 1e3, 0.003)),
    ):
        assert solve(toy, a, w) == pytest.approx(x, abs=NEAR)


@pytest.mark.parametrize("size", [1e3, 1e5])
def test_large_numbers_are_found_to_a_share_of_them(size):
    toy, rng = make_toy(size), np.random.default_rng(0)
    for x in 8.0 * size * rng.random(50):
        assert solve(toy, -1.0 - x) == pytest.approx(x, abs=max(NEAR, NEAR_SHARE * x))


def test_tangents_do_not_grow_without_end():
    toy, rng = make_toy(1e3), np.random.default_rng(1)
    solver = toy[1]
    own = solver.shape[0]
    for x in 8e3 * rng.random(50):
        solve(toy, -1.0 - x)
        assert solver.shape[0] - own <= MOST_TANGENTS


def test_a_start_at_the_optimum_takes_one_lp(monkeypatch):
    toy, count = make_toy(), []
    run = toy[1].solve
    monkeypatch.setattr(toy[1], "solve", lambda **given: count.append(1) or run(**given))
    assert solve(toy, -9.0, near=8.0) == pytest.approx(8.0, abs=1e-9)
    assert len(count) == 1


def test_where_lps_tell_nothing_apart_it_ends_all_the_same_and_says_so(monkeypatch, caplog):
    caplog.set_level("WARNING", logger="mmgsim")  # the command line may have raised it
    monkeypatch.setattr("mmgsim.subproblems.tangents.MOST_SOLVES", 2)
    x = solve(make_toy(), -1.0 - np.pi)
    assert 0.0 <= x <= 8.0
    assert "toy at step 0" in caplog.text


def test_what_has_no_solution_is_said():
    toy = make_toy()
    toy[1].add_rows(11.0, np.inf, [[*(1.0 if k < 2 else 0.0 for k in range(3))]])
    with pytest.raises(SubproblemError, match="toy"):
        solve(toy, -4.0)


def test_after_a_reset_values_are_those_of_a_new_one():
    used, new = make_toy(), make_toy()
    solve(used, 2.0)
    used[1].reset()
    used[2].forget()
    assert solve(used, -1.0 - np.e) == solve(new, -1.0 - np.e)
