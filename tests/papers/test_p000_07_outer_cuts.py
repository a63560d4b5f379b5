"""Property 7: the optimum by tangents is that of a solver with cones."""

import numpy as np
import pytest
from scipy import sparse

from mmgsim.subproblems import RobustMicrogridProblem
from mmgsim.testing import sample_view
from tests.papers.test_p000_06_robust import STEPS, price_risk, robust_stage


def solve_by_clarabel(solver, model, risk):
    """Give the optimal value of the LP as it was handed to HiGHS, with ``q >= ||L^T x||``."""
    clarabel = pytest.importorskip("clarabel", reason="clarabel, the oracle, is not installed")
    (norm,), exposed = solver.columns(model.norm), solver.columns(model.exposed)
    count = len(solver.costs)
    rows = sparse.vstack([solver.entries(), sparse.eye_array(count)]).tocsr()
    low, high = (
        np.concatenate(sides)
        for sides in zip(solver.row_limits, solver.column_limits(), strict=True)
    )
    is_equal = low == high
    below, above = (np.isfinite(side) & ~is_equal for side in (high, low))
    shape = risk.ellipsoid.shape
    cone = sparse.lil_array((1 + shape.shape[1], count))
    cone[0, norm] = -1.0
    cone[1:, exposed] = -shape.T
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    oracle = clarabel.DefaultSolver(
        sparse.csc_matrix((count, count)),
        solver.costs,
        sparse.csc_matrix(sparse.vstack([rows[is_equal], rows[below], -rows[above], cone])),
        np.concatenate([high[is_equal], high[below], -low[above], np.zeros(1 + shape.shape[1])]),
        [
            clarabel.ZeroConeT(int(is_equal.sum())),
            clarabel.NonnegativeConeT(int(below.sum() + above.sum())),
            clarabel.SecondOrderConeT(1 + shape.shape[1]),
        ],
        settings,
    )
    found = oracle.solve()
    assert str(found.status) == "Solved"
    return found.obj_val


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seed", [1, 3, 5, 8])
def test_tangents_end_where_cones_do(seed, radius, monkeypatch):
    view = sample_view(seed, steps=STEPS)
    problem = RobustMicrogridProblem(view.name, view.devices, view.window)
    risk = price_risk(view, radius, seed)
    # The LP of the first of the two solves: nothing is held in it yet.
    monkeypatch.setattr(problem, "_hold", lambda *given: None)
    monkeypatch.setattr(problem, "_price_forecast", lambda *given: None)
    planned = problem.solve_robust(robust_stage(view, 0.5), risk)
    model, solver = problem._problem.pair(is_exclusive=False)
    oracle = solve_by_clarabel(solver, model, risk)
    assert planned.objective == pytest.approx(oracle, rel=1e-5, abs=1e-5)
