"""A price and a pull: the answer is what the equation says, within what tangents promise."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from mmgsim.contracts import ProximalQuery, frozen
from mmgsim.subproblems import OfferProblem, ProximalProblem, disclosure_of
from mmgsim.subproblems.tangents import NEAR, NEAR_SHARE
from mmgsim.testing import sample_view


def draw_query(view, rng, penalty=None):
    steps = view.window.steps
    return ProximalQuery(
        window=view.window,
        price_per_kwh=frozen(rng.uniform(0.05, 0.4, steps)),
        target_kw=frozen(rng.normal(0.0, 30.0, steps)),
        penalty_per_kwh_kw=float(10.0 ** rng.uniform(-3, -1)) if penalty is None else penalty,
    )


def make_problem(view):
    return ProximalProblem(view.name, view.devices, view.window)


def ask(view, query):
    return make_problem(view).answer(disclosure_of(view), view.envelope, query)


def near_kw(offer):
    """Give how far an answer is from the optimum at most, in the root mean square."""
    return max(NEAR, NEAR_SHARE * np.abs(offer.exchange_kw).max())


def solve_by_clarabel(problem, query):
    """Give the exchange of the QP itself, from the LP as it was last handed to HiGHS."""
    clarabel = pytest.importorskip("clarabel", reason="clarabel, the oracle, is not installed")
    built, solver, _ = problem._compiled()
    leaving = solver.columns(built.leaving_kw)
    costs, curvature = solver.costs.copy(), np.zeros(len(solver.costs))
    costs[solver.columns(built.half_square)] = 0.0
    curvature[leaving] = query.window.step_h * query.penalty_per_kwh_kw
    rows = sparse.vstack([solver.entries(), sparse.eye_array(len(costs))]).tocsr()
    low, high = map(np.concatenate, zip(solver.row_limits, solver.column_limits(), strict=True))
    is_equal = low == high
    below, above = (np.isfinite(side) & ~is_equal for side in (high, low))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas"):
        setattr(settings, name, 1e-11)
    oracle = clarabel.DefaultSolver(
        sparse.diags_array(curvature, format="csc"),
        costs,
        sparse.csc_matrix(sparse.vstack([rows[is_equal], rows[below], -rows[above]])),
        np.concatenate([high[is_equal], high[below], -low[above]]),
        [
            clarabel.ZeroConeT(int(is_equal.sum())),
            clarabel.NonnegativeConeT(int(below.sum() + above.sum())),
        ],
        settings,
    )
    found = oracle.solve()
    assert str(found.status) in ("Solved", "AlmostSolved")
    return np.array(found.x)[leaving]


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 6, 9])
def test_answers_are_within_a_watt_of_those_of_a_qp_solver(seed):
    view, rng = sample_view(seed), np.random.default_rng(seed)
    problem, declared = make_problem(view), disclosure_of(view)
    for _ in range(4):  # of other prices, points and penalties, with all tangents so far
        query = draw_query(view, rng)
        offer = problem.answer(declared, view.envelope, query)
        apart_kw = offer.exchange_kw - solve_by_clarabel(problem, query)
        assert np.sqrt((apart_kw**2).mean()) <= 2.0 * near_kw(offer)  # both are inexact


@pytest.mark.parametrize("seed", [1, 3])
def test_an_answer_is_also_the_best_at_the_price_less_the_pull(seed):
    view, rng = sample_view(seed), np.random.default_rng(seed)
    query = draw_query(view, rng)
    offer = ask(view, query)
    own = query.price_per_kwh - query.penalty_per_kwh_kw * (offer.exchange_kw - query.target_kw)
    offers = OfferProblem(view.name, view.devices, view.window)
    (best,) = offers.at_prices(disclosure_of(view), own[None], view.envelope, 0)
    cost = offer.private_cost - view.window.step_h * float((own * offer.exchange_kw).sum())
    slack = 1e-6 * (1.0 + abs(offer.private_cost))
    assert cost >= best.lower_bound - slack
    # The answer is inexact by so much, its own price by so much times the penalty.
    away_kw = np.linalg.norm(best.parts.exchange_kw.sum(0) - offer.exchange_kw)
    off_per_kwh = query.penalty_per_kwh_kw * near_kw(offer) * np.sqrt(view.window.steps)
    assert cost - best.lower_bound <= view.window.step_h * off_per_kwh * away_kw + slack


@pytest.mark.parametrize("seed", [1, 3])
def test_answers_are_no_further_apart_than_the_points_they_are_asked_near(seed):
    view, rng = sample_view(seed), np.random.default_rng(seed)
    one = draw_query(view, rng, penalty=0.01)
    other = replace(one, target_kw=frozen(one.target_kw + rng.normal(0.0, 5.0, view.window.steps)))
    found = [ask(view, query) for query in (one, other)]
    apart_kw = np.linalg.norm(found[0].exchange_kw - found[1].exchange_kw)
    inexact_kw = sum(map(near_kw, found)) * np.sqrt(view.window.steps)
    assert apart_kw <= np.linalg.norm(one.target_kw - other.target_kw) + inexact_kw


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
