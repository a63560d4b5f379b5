"""The leader's problem: bounds of multipliers that are too small, and followers as numbers."""

import numpy as np
import pytest
from scipy.optimize import linprog

from mmgsim.contracts import Objective
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import leader
from tests.support.bilevel import followers_of, leader_of, small_market


@pytest.mark.parametrize("objective", Objective)
def test_bounds_of_multipliers_that_are_too_small_are_doubled_until_they_are_not(
    objective, monkeypatch
):
    small = small_market(2, steps=2, objective=objective)
    followers = followers_of(small)
    found = leader_of(small, followers).optimistic()
    monkeypatch.setattr(leader, "FIRST_DUAL", leader.FIRST_DUAL / 64.0)
    again = leader_of(small, followers).optimistic()
    assert again.cost == pytest.approx(found.cost, abs=1e-5)
    assert again.dual_share < 0.99


def test_multipliers_at_every_bound_are_an_error_and_no_solution(monkeypatch):
    small = small_market(2, steps=2, objective=Objective.SYSTEM)
    monkeypatch.setattr(leader, "FIRST_DUAL", leader.FIRST_DUAL / 64.0)
    monkeypatch.setattr(leader, "DOUBLINGS", 1)
    with pytest.raises(SubproblemError, match="multipliers reach every bound"):
        leader_of(small, followers_of(small)).optimistic()


@pytest.mark.parametrize("seed", range(6))
def test_a_follower_as_numbers_costs_what_it_costs_as_a_problem(seed):
    for follower in followers_of(small_market(seed, steps=3)):
        program = follower.program()
        kw = 0.3 * (follower.most_traded_kw()[0] - follower.most_traded_kw()[1])
        assert lp_cost(program, kw) == pytest.approx(
            follower.cost(follower.respond(kw), kw), abs=1e-6
        )


def lp_cost(follower, trade_kw):
    """Solve a follower's numbers with scipy, within the ranges that responses lie between."""
    program, low, high = follower.program, follower.least.copy(), follower.most.copy()
    low[follower.trade_kw] = high[follower.trade_kw] = trade_kw
    a = program.matrix.toarray()
    up, down = np.isfinite(program.row_high), np.isfinite(program.row_low)
    found = linprog(
        program.costs,
        A_ub=np.vstack([a[up], -a[down]]),
        b_ub=np.concatenate([program.row_high[up], -program.row_low[down]]),
        bounds=list(zip(low, high, strict=True)),
    )
    assert found.status == 0
    return found.fun + program.offset
