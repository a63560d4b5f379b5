"""The cut of a review keeps what it promises, and cuts nobody who does no harm."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgsim.subproblems import LimitRows, halfway_limits, loading_rows, repaired_limits
from mmgsim.subproblems.repair import OVERCUT, WEAK_HOLD


def random_case(seed, members):
    """Rows that some plan within its limits breaks, some of them by the background alone."""
    rng = np.random.default_rng(seed)
    low, high = -rng.uniform(0.0, 500.0, members), rng.uniform(0.0, 500.0, members)
    plan = rng.uniform(low, high) * (rng.random(members) < 0.9)
    # Not below 1e-6 of a limit per kW, for which no cut is made.
    size = rng.uniform(0.1, 1.0, (6, members)) * rng.choice([2e-5, 1e-3], (6, members))
    coefficient = size * rng.choice([-1.0, 1.0], (6, members))
    return LimitRows(coefficient, rng.uniform(-0.02, 0.2, 6)), (low, high), plan


def nothing(members):
    return np.zeros(members), np.zeros(members)


def repaired(rows, limits, plan, share=0.0):
    least = (share * limits[0], share * limits[1])
    return repaired_limits(rows, limits, plan, least=least, step=0)


def corners(low, high):
    return np.array(list(product(*zip(low, high, strict=True))))


cases = given(st.integers(0, 100_000), st.integers(1, 4))


@settings(max_examples=40, deadline=None)
@cases
def test_limits_only_shrink_and_contain_zero(seed, members):
    rows, (low, high), plan = random_case(seed, members)
    new_low, new_high = repaired(rows, (low, high), plan)
    assert (low <= new_low).all()
    assert (new_low <= 0.0).all()
    assert (new_high >= 0.0).all()
    assert (new_high <= high).all()


@settings(max_examples=40, deadline=None)
@cases
def test_rows_hold_wherever_those_who_load_them_go(seed, members):
    rows, limits, plan = random_case(seed, members)
    new_low, new_high = repaired(rows, limits, plan)
    excess = rows.coefficient @ plan - rows.room
    for row in np.flatnonzero(excess > 1e-9):
        slope = rows.coefficient[row]
        strong = np.abs(slope) >= WEAK_HOLD * np.abs(slope).max()
        loads = (slope * plan >= 0.0) & strong
        others = (slope * plan)[~loads].sum()
        if others > rows.room[row]:
            continue  # standing still would not be enough
        free = corners(np.where(loads, new_low, plan), np.where(loads, new_high, plan))
        left = rows.room[row] - free @ slope
        margin = min(OVERCUT * excess[row], rows.room[row] - others)
        assert left.min() >= margin - 1e-6


@settings(max_examples=40, deadline=None)
@cases
def test_only_the_loaded_side_of_who_loads_a_row_is_cut(seed, members):
    rows, (low, high), plan = random_case(seed, members)
    loading = loading_rows(rows, plan)
    new_low, new_high = repaired(rows, (low, high), plan)
    may_fall, may_rise = ((s * loading.coefficient > 0.0).any(axis=0) for s in (1.0, -1.0))
    assert np.array_equal(new_high[~may_fall], high[~may_fall])
    assert np.array_equal(new_low[~may_rise], low[~may_rise])


@settings(max_examples=40, deadline=None)
@cases
def test_what_must_not_be_cut_is_not(seed, members):
    rows, (low, high), plan = random_case(seed, members)
    new_low, new_high = repaired(rows, (low, high), plan, share=0.3)
    assert (new_low <= 0.3 * low + 1e-9).all()
    assert (new_high >= 0.3 * high - 1e-9).all()


def test_a_plan_that_breaks_nothing_is_left_alone():
    rows, limits, _ = random_case(5, 3)
    rows = LimitRows(rows.coefficient, np.abs(rows.room))
    assert repaired(rows, limits, np.zeros(3)) == limits


def test_the_background_s_own_row_cuts_nobody():
    rows = LimitRows(np.array([[-1e-3, -1e-3]]), np.array([-0.01]))
    limits = (np.array([-100.0, -100.0]), np.array([50.0, 50.0]))
    assert repaired(rows, limits, np.array([-40.0, -20.0])) == limits


def test_relief_as_planned_counts_and_its_giver_is_free():
    # Two import 100 kW in all, a third relieves by 30: 100 - 30 > 60, so 10.5 kW go (5 % more).
    rows = LimitRows(np.array([[-1e-3, -1e-3, -1e-3]]), np.array([0.06]))
    limits = (np.full(3, -500.0), np.full(3, 500.0))
    low, high = repaired(rows, limits, np.array([-60.0, -40.0, 30.0]))
    assert low[:2].sum() == pytest.approx(-89.5)
    assert low[2] == -500.0
    assert (high == 500.0).all()


def test_a_weak_hold_is_left_alone():
    rows = LimitRows(np.array([[-1e-3, -1e-5]]), np.array([0.05]))
    limits = (np.full(2, -500.0), np.full(2, 500.0))
    low, _ = repaired(rows, limits, np.array([-60.0, -60.0]))
    assert low[1] == -500.0
    # 0.0606 is broken by 0.0106; the weak one's 0.0006 stays.
    assert low[0] == pytest.approx(-(50.0 - 0.6 - 0.05 * 10.6))


def test_limits_without_a_power_flow_go_half_way():
    limits = (np.full(3, -80.0), np.full(3, 10.0))
    plan = np.array([-80.0, 4.0, 0.0])
    low, high = halfway_limits(limits, plan, least=nothing(3))
    assert low == pytest.approx([-40.0, 0.0, 0.0])
    assert high == pytest.approx([0.0, 2.0, 0.0])
    low, high = halfway_limits(limits, plan, least=(np.full(3, -20.0), np.full(3, 5.0)))
    assert low == pytest.approx([-40.0, -20.0, -20.0])
    assert high == pytest.approx([5.0, 5.0, 5.0])
