"""The leader's problem: bounds of multipliers that are too small, and followers as numbers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from mmgsim.contracts import LimitKind, Objective
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import NetworkLimits, leader
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
    monkeypatch.setattr(leader, "NEAR", 0.0)
    monkeypatch.setattr(leader, "DOUBLINGS", 3)
    with pytest.raises(SubproblemError, match="multipliers reach every bound"):
        leader_of(small, followers_of(small)).optimistic()


def test_bounds_that_leave_no_solution_are_another_error(monkeypatch):
    small = small_market(2, steps=2, objective=Objective.SYSTEM)
    monkeypatch.setattr(leader, "FIRST_DUAL", leader.FIRST_DUAL / 64.0)
    monkeypatch.setattr(leader, "DOUBLINGS", 1)
    with pytest.raises(SubproblemError, match="infeasible at every bound of multipliers'"):
        leader_of(small, followers_of(small)).optimistic()


def test_rows_that_no_responses_keep_are_named_after_three_looks(monkeypatch):
    small = small_market(1, steps=2, objective=Objective.SYSTEM)
    followers = followers_of(small)
    alone_kw = np.stack([one.alone.exchange_kw for one in followers])
    limits = NetworkLimits(
        loss_per_kwh=np.zeros(2),
        offset=np.array([0, 1]),
        key=((LimitKind.CURRENT, 0),) * 2,
        coefficient=np.ones((2, 2)),
        limit=alone_kw.sum(axis=0) - 8.0,
        share_per_kw=np.ones(2),
    )
    looks, within = [], leader.LeaderProblem._within

    def counted(self, most_dual, *rest):
        looks.append(most_dual)
        return within(self, most_dual, *rest)

    monkeypatch.setattr(leader.LeaderProblem, "_within", counted)
    with pytest.raises(SubproblemError, match="keep the rows of the network"):
        leader_of(small, followers, limits=limits).optimistic()
    doublings = (0, leader.DOUBLINGS // 2, leader.DOUBLINGS - 1)
    assert looks == [looks[0] * 2.0**doubling for doubling in doublings]


def test_what_one_way_to_solve_calls_the_optimum_is_held_against_others():
    """HiGHS 1.15.1 without presolve proves 84.861; trades on a grid of 41 by 41 cost 83.828."""
    small = small_market(365, members=2, steps=2, objective=Objective.SYSTEM)
    found = leader_of(small, followers_of(small)).optimistic()
    assert found.cost == pytest.approx(83.827675, abs=1e-5)
    assert found.is_proven


@pytest.mark.parametrize("agrees", [True, False])
def test_without_two_ways_that_agree_nothing_is_proven(monkeypatch, agrees):
    """Of three ways the last two find the same, or nobody finds what another one does."""
    small = small_market(365, members=2, steps=2, objective=Objective.SYSTEM)
    within, costs = leader.LeaderProblem._within, iter((90.0, 84.9, 84.9 if agrees else 84.5))

    def other(self, *rest):
        found = within(self, *rest)
        if found is None or found.dual_share >= leader.NEAR:
            return found
        cost = next(costs)
        return replace(found, cost=cost, bound=cost)

    monkeypatch.setattr(leader.LeaderProblem, "_within", other)
    monkeypatch.setattr(leader.LeaderProblem, "_check_feasible", lambda *_: None)
    found = leader_of(small, followers_of(small)).optimistic()
    assert found.cost == (84.9 if agrees else 84.5)
    assert found.is_proven is agrees


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
