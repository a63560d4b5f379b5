"""Limits of the network as rows, and the least cut that keeps them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from mmgsim.contracts import LinearisedStep
from mmgsim.subproblems import LimitRows, least_cut, limit_rows


def two_bus(exchange=0.0, voltage=0.97, current=0.06, slope=-0.0003, current_max=0.1):
    """One microgrid behind one branch, importing at the AC point: exchange lifts the voltage."""
    return LinearisedStep(
        exchange_kw=np.array([exchange]),
        voltage_pu=np.array([1.0, voltage]),
        voltage_per_kw=np.array([[0.0], [0.0001]]),
        voltage_min_pu=0.95,
        voltage_max_pu=1.05,
        current_ka=np.array([current]),
        current_per_kw=np.array([[slope]]),
        current_max_ka=np.array([current_max]),
        loss_kw=1.0,
        loss_per_kw=np.array([-0.01]),
    )


def broken(point, exchange):
    """Give the limits that an exchange breaks, straight from the linearised voltages."""
    change = np.atleast_1d(exchange) - point.exchange_kw
    voltage = point.voltage_pu + point.voltage_per_kw @ change
    current = point.current_ka + point.current_per_kw @ change
    return {
        "high voltage": bool((voltage > point.voltage_max_pu + 1e-12).any()),
        "low voltage": bool((voltage < point.voltage_min_pu - 1e-12).any()),
        "current": bool((np.abs(current) > point.current_max_ka + 1e-12).any()),
    }


@pytest.mark.parametrize("around", [0.0, -150.0, 60.0])
def test_rows_are_broken_exactly_where_a_limit_is(around):
    point = two_bus(exchange=around)
    rows = limit_rows(point)
    seen = set()
    for exchange in np.arange(-1000.0, 1500.0, 7.3):
        here = np.array([exchange])
        expected = broken(point, exchange)
        assert (rows.worst(here, here) > 1e-12).any() == any(expected.values())
        seen |= {name for name, is_broken in expected.items() if is_broken}
    assert seen == {"high voltage", "low voltage", "current"}


@pytest.mark.parametrize(
    ("exchange", "row"), [(801.0, "high voltage"), (-201.0, "low voltage"), (-134.0, "current")]
)
def test_first_exchange_that_breaks_a_limit_is_the_one_by_hand(exchange, row):
    # 0.97 + 0.0001 p = 1.05, 0.95; 0.06 - 0.0003 p = 0.1.
    inside = exchange - np.sign(exchange)
    assert broken(two_bus(), exchange)[row]
    assert not broken(two_bus(), inside)[row]


def test_branches_without_a_rating_and_dead_buses_have_no_rows():
    point = two_bus(current_max=np.inf, voltage=np.nan)
    assert len(limit_rows(point).room) == 2


def random_rows(rng, members, rows=6):
    coefficient = rng.uniform(-1.0, 1.0, (rows, members)) * 1e-3
    return LimitRows(coefficient=coefficient, room=rng.uniform(0.0, 0.3, rows))


def corners(low, high):
    return np.array(list(product(*zip(low, high, strict=True))))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_no_corner_of_the_box_breaks_a_row_after_the_cut(seed, members):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng, members)
    low, high = -rng.uniform(0.0, 500.0, members), rng.uniform(0.0, 500.0, members)
    new_low, new_high = least_cut(rows, low, high, least_share=0.0, step=0)
    excess = corners(new_low, new_high) @ rows.coefficient.T - rows.room
    assert excess.max() <= 1e-6
    assert (new_low >= low).all()
    assert (new_low <= 0.0).all()
    assert (new_high <= high).all()
    assert (new_high >= 0.0).all()


def test_worst_of_a_row_is_its_worst_corner():
    rng = np.random.default_rng(3)
    rows = random_rows(rng, 4)
    low, high = -rng.uniform(0.0, 500.0, 4), rng.uniform(0.0, 500.0, 4)
    by_corner = (corners(low, high) @ rows.coefficient.T - rows.room).max(axis=0)
    assert rows.worst(low, high) == pytest.approx(by_corner)


def test_nothing_is_cut_when_nothing_is_broken():
    rows = LimitRows(coefficient=np.array([[1e-3, 1e-3]]), room=np.array([0.5]))
    low, high = np.array([-100.0, -100.0]), np.array([200.0, 300.0])
    new_low, new_high = least_cut(rows, low, high, least_share=0.0, step=0)
    assert (new_low == low).all()
    assert (new_high == high).all()


def cut_by_scipy(rows, low, high, least_share):
    members = len(low)
    up, down = np.maximum(rows.coefficient, 0.0), np.minimum(rows.coefficient, 0.0)
    answer = linprog(
        np.ones(2 * members),
        A_ub=np.hstack([down, -up]),
        b_ub=rows.room - up @ high - down @ low,
        bounds=[(0.0, (1.0 - least_share) * limit) for limit in (*-low, *high)],
    )
    return answer.fun if answer.status == 0 else None


@pytest.mark.parametrize("seed", range(15))
def test_total_cut_is_the_least(seed):
    rng = np.random.default_rng(seed)
    members = int(rng.integers(1, 6))
    rows = random_rows(rng, members)
    low, high = -rng.uniform(0.0, 500.0, members), rng.uniform(0.0, 500.0, members)
    new_low, new_high = least_cut(rows, low, high, least_share=0.1, step=0)
    least = cut_by_scipy(rows, low, high, 0.1)
    if least is None:
        assert rows.worst(new_low, new_high).max() > 0.0
    else:
        total = (new_low - low).sum() + (high - new_high).sum()
        assert total == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_more_room_never_means_more_cut(seed):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng, 3)
    low, high = -rng.uniform(0.0, 500.0, 3), rng.uniform(0.0, 500.0, 3)
    totals = []
    for factor in (0.0, 0.5, 1.0, 2.0, 1e6):
        wider = LimitRows(rows.coefficient, rows.room * factor)
        new_low, new_high = least_cut(wider, low, high, least_share=0.0, step=0)
        totals.append((new_low - low).sum() + (high - new_high).sum())
    assert (np.diff(totals) <= 1e-6).all()
    assert totals[-1] == 0.0


def test_limit_that_the_background_breaks_alone_cuts_down_to_the_least_share():
    point = two_bus(voltage=0.94)
    low, high = np.array([-100.0]), np.array([100.0])
    new_low, new_high = least_cut(limit_rows(point), low, high, least_share=0.4, step=0)
    assert new_low == pytest.approx([-40.0])
    assert new_high == pytest.approx([100.0])


def test_least_share_of_one_cuts_nothing():
    point = two_bus(voltage=0.94)
    low, high = np.array([-100.0]), np.array([100.0])
    new_low, new_high = least_cut(limit_rows(point), low, high, least_share=1.0, step=0)
    assert new_low == pytest.approx(low)
    assert new_high == pytest.approx(high)
