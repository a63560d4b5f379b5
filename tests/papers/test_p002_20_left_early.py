"""Property 20: whatever is left early, by gap, rounds or time, still bounds the optimum."""

import numpy as np
import pytest

from mmgsim.coordination import AdaptiveRobust
from tests.oracle.all_vertices import robust_cost
from tests.support import p001
from tests.support.gates import clear
from tests.support.p002 import BATTERY, LOST, MISS, system

STEPS = 4


@pytest.fixture(scope="module")
def case():
    return system(1, steps=STEPS)


@pytest.fixture(scope="module")
def least(case):
    """Give the true optimum, from one MILP over all vertices."""
    return robust_cost(case, 1, lost=LOST, battery=BATTERY, miss=MISS)


def assert_between(optimum, least):
    assert np.isfinite([optimum.lower, optimum.upper]).all()
    assert optimum.lower <= least + 1e-6
    assert optimum.upper >= least - 1e-6


def test_a_first_stage_that_is_left_early_still_bounds_the_optimum(case, least):
    problem = case.problem(1)
    hasty = problem.first_stage(is_strong=False, mip_gap=0.9)
    for unknown in problem.unknowns.vertices():
        hasty.add(unknown)
    trial = hasty.solve()
    assert trial.bound < trial.cost - 0.01 * abs(trial.cost)  # it was left early
    assert trial.bound <= least + 1e-6


def test_one_round_bounds_the_optimum(case, least):
    optimum = case.problem(1).solve(tolerance=1e-9, max_rounds=1)
    assert len(optimum.rounds) == 1
    assert_between(optimum, least)


def test_no_time_at_all_leaves_a_decision_that_needs_no_search(case, least):
    problem = case.problem(1)
    optimum = problem.solve(tolerance=1e-9, time_limit_s=1e-9)
    assert optimum.flags == ("out_of_time", "fallback")
    assert_between(optimum, least)
    operation = problem.operate(optimum.first, optimum.rounds[-1].unknown)
    assert operation.cost <= optimum.upper + 1e-6
    assert operation.unserved_kwh < 1e-6
    assert all(abs(kw).max() == 0.0 for kw in operation.trade_kw.values())


def test_what_devices_commit_is_decided_in_no_time_as_well(case):
    problem = case.problem(1, commits_storage=True)
    optimum = problem.solve(time_limit_s=1e-9)
    assert optimum.flags == ("out_of_time", "fallback")
    assert problem.operate(optimum.first, optimum.rounds[-1].unknown).cost <= optimum.upper + 1e-6


@pytest.mark.parametrize("topology", ["pool", "links"])
def test_what_is_held_is_kept_in_no_time_and_the_rest_needs_no_search(case, topology):
    problem = case.problem(1, commits_storage=True, topology=topology)
    decided = problem.solve().first
    held = decided.copy()
    held[[step >= STEPS // 2 for _, step in problem.labels]] = np.nan
    hurried = problem.complete(held, time_limit_s=1e-9)
    assert hurried.is_fallback
    is_held = ~np.isnan(held)
    assert hurried.first[is_held] == pytest.approx(held[is_held])
    free = [k for k, door in enumerate(problem.doors) if not is_held[k] and door.is_local]
    assert free
    assert not hurried.first[free].any()
    # The same rules accept it as they accept any decision, and it costs no less than the best.
    again, best = problem.complete(hurried.first), problem.complete(held)
    assert again.first == pytest.approx(hurried.first)
    assert not best.is_fallback
    at_hand, at_best = (problem.operate(one.first).cost for one in (hurried, best))
    assert at_best <= at_hand + 1e-6


def test_what_is_held_altogether_is_no_fallback(case):
    problem = case.problem(1)
    decided = problem.solve().first
    hurried = problem.complete(decided, time_limit_s=1e-9)
    assert not hurried.is_fallback
    assert hurried.first == pytest.approx(decided)


def test_a_gate_without_time_is_cleared_and_says_so():
    rng = np.random.default_rng([20, 0])
    members = p001.random_members(rng, 2, p001.random_prices(rng, STEPS))
    hurried = AdaptiveRobust(deviation=0.5, budget=1, time_limit_s=1e-9)
    clearing = clear(p001.world(members), hurried)
    assert {"robust_out_of_time", "robust_fallback"} <= set(clearing.flags)
    assert {f"alone_unproven:{one.name}" for one in members} <= set(clearing.flags)
    assert not clearing.trades
    assert clearing.lower <= clearing.upper
    assert clearing.residual_kw < 1e-6
