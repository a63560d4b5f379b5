"""Paper 000, properties 2, 4 and 5: what the bi-level optimum lies between, and its audit.

Fifty random markets of two or three microgrids and two or three hours, objectives in turn. Costs
are compared to 1e-6 of gross cost, as everywhere.
"""

from functools import cache

import numpy as np
import pytest

from mmgsim.contracts import Objective
from mmgsim.coordination import Bilevel, Central, Isolated
from mmgsim.subproblems import MicrogridInputs, MicrogridProblem, PyomoHighs, Terms, disclosure_of
from tests.support.bilevel import PATIENCE_S, clear, followers_of, leader_of, small_market

CASES = range(50)
AUDITED = range(0, 50, 10)


@cache
def small(case):
    objective = Objective.SYSTEM if case % 2 else Objective.MEMBERS
    return small_market(
        case, members=3 if case % 5 == 0 else 2, steps=2 + case % 3 // 2, objective=objective
    )


@cache
def optimum(case):
    return leader_of(small(case), followers_of(small(case))).optimistic()


@pytest.mark.parametrize("case", CASES)
def test_the_bilevel_optimum_is_between_central_and_isolated_and_below_best_responses(case):
    market = small(case)
    best, alone, responses = (
        clear(market, mechanism) for mechanism in (Central(), Isolated(), Bilevel())
    )
    cost, slack = optimum(case).cost, 1e-6 * alone.gross_cost
    assert best.lower - slack <= cost <= alone.upper + slack
    assert cost <= responses.upper + slack
    assert responses.upper <= alone.upper + slack
    # Nobody is a point of its own in the other's list: what each claims is what it costs.
    assert responses.lower == pytest.approx(best.lower, abs=slack)


@pytest.mark.parametrize("case", AUDITED)
def test_the_coordination_ends_in_the_bilevel_optimum(case):
    clearing = clear(small(case), Bilevel(variant="kkt", time_limit_s=PATIENCE_S))
    slack = 1e-6 * clearing.gross_cost
    assert clearing.upper == pytest.approx(optimum(case).cost, abs=2.0 * slack)
    assert clearing.flags == ()
    assert clearing.memory["reply_apart_kw"] < 1e-3
    assert clearing.lower <= clearing.upper + slack


@pytest.mark.parametrize("case", AUDITED)
def test_followers_solved_again_by_another_solver_cost_the_same_at_the_leaders_optimum(case):
    market, found = small(case), optimum(case)
    assert found.dual_share < 0.99
    for view, trade_kw in zip(market.members.values(), found.trade_kw, strict=True):
        problem = MicrogridProblem(view.name, view.devices, view.window, make_solver=PyomoHighs)
        terms = Terms.of(view, trade_kw=trade_kw)
        plan = problem.solve(MicrogridInputs(disclosure_of(view), terms), 0)
        assert plan.lower_bound == pytest.approx(found.follower_cost[view.name], abs=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_what_is_sold_is_bought_and_nobody_trades_with_itself_or_both_ways(case):
    traded_kw = optimum(case).traded_kw
    assert (traded_kw >= 0.0).all()
    assert optimum(case).trade_kw.sum(axis=0) == pytest.approx(0.0, abs=1e-9)
    assert not np.einsum("iit->it", traded_kw).any()
    assert not np.minimum(traded_kw, traded_kw.swapaxes(0, 1)).any()


@pytest.mark.parametrize("case", [case for case in CASES if case % 2 == 0])
def test_without_a_network_the_members_own_objective_leaves_no_gap_to_central(case):
    best = clear(small(case), Central())
    assert optimum(case).cost == pytest.approx(best.upper, abs=1e-6 * best.gross_cost)


def test_with_the_systems_objective_some_followers_do_not_do_what_central_would():
    gaps = [optimum(case).cost - clear(small(case), Central()).lower for case in CASES if case % 2]
    assert min(gaps) > -1e-6
    assert max(gaps) > 1e-3
