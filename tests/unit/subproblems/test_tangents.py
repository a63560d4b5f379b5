"""Half squares by tangents: optima of a pencil, however often and far the costs move."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.errors import SubproblemError
from mmgsim.subproblems import CompiledHighs
from mmgsim.subproblems.tangents import (
    MOST_TANGENTS,
    MOST_UNITS,
    NEAR,
    NEAR_SHARE,
    Tangents,
    unit_of,
)


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


def solve(toy, a, w=1.0, near=0.0, unit=1.0):
    model, solver, tangents = toy
    solver.set(model.a, a)
    solver.set(model.w, w * unit**2)
    tangents.solve(np.array([near]), agent="toy", step=0, unit=unit)
    return float(solver.get(model.x)[0])


def test_optima_are_those_of_a_pencil_one_after_the_other():
    toy = make_toy()
    for a, w, x in (
        *((-4.0, 1.0, 3.0), (-3.0, 1.0, 2.0), (9.0, 1.0, 0.0), (-30.0, 1.0, 8.0)),
        *((-4.0, 2.0, 1.5), (-1.0001, 1e-3, 0.1), (-4.0, 1e3, 0.003)),
    ):
        assert solve(toy, a, w) == pytest.approx(x, abs=NEAR)


@pytest.mark.parametrize("size", [1e3, 1e5, 1e8])
def test_large_numbers_are_found_to_a_share_of_them(size):
    toy, rng = make_toy(size), np.random.default_rng(0)
    unit = unit_of(8.0 * size)
    for x in 8.0 * size * rng.random(50):
        # In proportion to the size, so that y is worth as little beside the squares.
        found = solve(toy, -1.0 - x / size, 1.0 / size, unit=unit)
        assert found == pytest.approx(x, abs=max(NEAR * unit, NEAR_SHARE * x))


def test_units_leave_squares_their_digits():
    sizes = (0.0, 1e-6, MOST_UNITS, 1.01 * MOST_UNITS, 1e6, 3e7)
    assert [unit_of(size) for size in sizes] == [1.0, 1.0, 1.0, 10.0, 1e3, 1e5]
    # What an answer may be off is never more than a share of the size, or the 1e-3 of small ones.
    assert all(NEAR * unit_of(size) <= max(NEAR, NEAR_SHARE * size) for size in sizes)


def test_another_unit_forgets_what_was_learnt_in_the_last_one():
    toy = make_toy(1e3)
    own = toy[1].shape[0]
    for unit in (1.0, 100.0, 10.0):
        near = max(NEAR * unit, NEAR_SHARE * 500.0)
        assert solve(toy, -1.5, 1e-3, unit=unit) == pytest.approx(500.0, abs=near)
    assert toy[1].shape[0] - own <= MOST_TANGENTS


def test_an_lp_that_fails_is_solved_again_without_what_was_learnt(monkeypatch):
    toy, left = make_toy(), []
    run = toy[1].solve
    solve(toy, -4.0)

    def fails_once(**given):
        left.append(toy[1].shape[0])
        if len(left) == 1:
            raise SubproblemError("toy", 0, "Unknown")
        return run(**given)

    monkeypatch.setattr(toy[1], "solve", fails_once)
    assert solve(toy, -3.0) == pytest.approx(2.0, abs=NEAR)
    assert left[1] == 2  # the sum, and one tangent to begin with


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
    model, solver, _ = make_toy()
    solver.add_rows(11.0, np.inf, [[*(1.0 if k < 2 else 0.0 for k in range(3))]])
    toy = model, solver, Tangents(solver, solver.columns(model.x), solver.columns(model.h))
    with pytest.raises(SubproblemError, match="toy"):
        solve(toy, -4.0)


def test_after_a_reset_values_are_those_of_a_new_one():
    used, new = make_toy(), make_toy()
    solve(used, 2.0)
    used[1].reset()
    used[2].forget()
    assert solve(used, -1.0 - np.e) == solve(new, -1.0 - np.e)
