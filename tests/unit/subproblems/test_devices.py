"""Optima that fit on the back of an envelope, and optima found by trying everything."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog


def test_battery_buys_low_and_sells_high_when_efficiency_and_wear_leave_a_margin(toy):
    unit = toy.battery(efficiency=0.9, wear=0.02)
    declared = toy.declare(unit, start={"bess": 0.0}, rules={"bess": toy.rule(unit, 2)})
    plan = toy.solve(declared, toy.terms([0.1, 0.4]))
    # 5 kW in stores 4.5 kWh, which deliver 4.05 kWh.
    assert plan.exchange_kw == pytest.approx([-5.0, 4.05])
    assert plan.private_cost == pytest.approx(0.02 * 4.05)
    assert plan.lower_bound == pytest.approx(0.5 - 0.4 * 4.05 + 0.02 * 4.05)


def test_battery_rests_when_the_margin_is_below_its_losses_and_wear(toy):
    unit = toy.battery(efficiency=0.9, wear=0.02)
    declared = toy.declare(unit, start={"bess": 0.0}, rules={"bess": toy.rule(unit, 2)})
    # Break even: 0.1 / 0.81 + 0.02 = 0.1435.
    plan = toy.solve(declared, toy.terms([0.1, 0.143]))
    assert plan.exchange_kw == pytest.approx([0.0, 0.0])


def test_half_an_hour_moves_half_the_energy(toy):
    unit = toy.battery(efficiency=1.0)
    declared = toy.declare(unit, start={"bess": 0.0}, rules={"bess": toy.rule(unit, 2)})
    plan = toy.solve(declared, toy.terms([0.1, 0.4]), step_h=0.5)
    assert plan.schedule["bess"].energy_kwh == pytest.approx([2.5, 0.0])
    assert plan.lower_bound == pytest.approx(-0.5 * 5.0 * 0.3)


@pytest.mark.parametrize(("buy", "served"), [(0.99, 4.0), (1.01, 0.0)])
def test_load_is_shed_where_the_price_is_above_its_value(toy, buy, served):
    declared = toy.declare(toy.load(1.0), forecast={"shop": [4.0]})
    plan = toy.solve(declared, toy.terms([buy], 0.0))
    assert plan.schedule["shop"].in_kw == pytest.approx([served])
    assert plan.private_cost == pytest.approx(4.0 - served)


def test_load_is_shed_where_the_envelope_binds(toy):
    declared = toy.declare(toy.load(10.0), forecast={"shop": [4.0]})
    plan = toy.solve(declared, toy.terms([0.2], 0.0, low=-3.0))
    assert plan.exchange_kw == pytest.approx([-3.0])
    assert plan.private_cost == pytest.approx(10.0)
    assert plan.flags == ()


@pytest.mark.parametrize(("sell", "out"), [(-0.01, 1.0), (0.01, 6.0)])
def test_sun_beyond_the_own_demand_is_spilled_where_the_export_price_is_negative(toy, sell, out):
    declared = toy.declare(toy.load(), toy.sun(), forecast={"shop": [1.0], "roof": [6.0]})
    plan = toy.solve(declared, toy.terms([0.2], sell))
    assert plan.schedule["roof"].out_kw == pytest.approx([out])


def test_sun_is_spilled_where_the_envelope_binds(toy):
    declared = toy.declare(toy.sun(), forecast={"roof": [6.0]})
    plan = toy.solve(declared, toy.terms([0.2], 0.1, high=2.0))
    assert plan.schedule["roof"].out_kw == pytest.approx([2.0])


def cheapest_by_dynamic_programming(toy_unit, net_kw, buy, sell, *, start, end, grid):
    """Try every path over a grid of levels; give the cost of the cheapest. One step is 1 h."""
    levels = np.linspace(0.0, toy_unit.energy_kwh, grid)
    change = levels[None, :] - levels[:, None]
    out_kw = np.maximum(-change, 0.0) * toy_unit.efficiency
    in_kw = np.maximum(change, 0.0) / toy_unit.efficiency
    possible = (out_kw <= toy_unit.power_kw + 1e-9) & (in_kw <= toy_unit.power_kw + 1e-9)
    ahead = np.where(np.isclose(levels, end), 0.0, np.inf)
    for step in reversed(range(len(net_kw))):
        exchange = net_kw[step] + out_kw - in_kw
        cost = np.where(exchange < 0.0, -buy[step] * exchange, -sell[step] * exchange)
        cost = np.where(possible, cost + toy_unit.wear_per_kwh * out_kw, np.inf)
        ahead = (cost + ahead[None, :]).min(axis=1)
    return ahead[np.argmin(np.abs(levels - start))]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("lowest_price", [0.1, -0.4])
def test_battery_plan_costs_what_dynamic_programming_finds(toy, seed, lowest_price):
    rng = np.random.default_rng(seed)
    unit = toy.battery(efficiency=float(rng.uniform(0.8, 1.0)), wear=0.01)
    demand = rng.uniform(0.0, 6.0, 4)
    buy = rng.uniform(lowest_price, 0.5, 4)
    sell = buy - rng.uniform(0.0, 0.2, 4)
    declared = toy.declare(
        unit,
        toy.load(1e2),
        forecast={"shop": demand},
        start={"bess": 5.0},
        rules={"bess": toy.rule(unit, 4, {3: 5.0})},
    )
    plan = toy.solve(declared, toy.terms(buy, sell))
    grid = 801
    best = cheapest_by_dynamic_programming(unit, -demand, buy, sell, start=5.0, end=5.0, grid=grid)
    error = 4 * np.abs(buy).max() * unit.energy_kwh / (grid - 1) / unit.efficiency
    assert plan.lower_bound <= best + 1e-6
    assert plan.lower_bound >= best - error


def cheapest_by_enumeration(unit, demand, buy, sell, *, start, end, limit=50.0):
    """Solve one LP for each pattern of charging and importing; give the smallest cost."""
    steps = len(demand)
    up, down = np.tril(np.ones((steps, steps))), 1.0 / unit.efficiency
    best = np.inf
    # Variables: in, out, import, export.
    balance = np.hstack([-np.eye(steps), np.eye(steps), np.eye(steps), -np.eye(steps)])
    energy = np.hstack([up * unit.efficiency, -up * down, np.zeros((steps, 2 * steps))])
    cost = np.concatenate([np.zeros(steps), np.full(steps, unit.wear_per_kwh), buy, -sell])
    for pattern in product((0, 1), repeat=2 * steps):
        charging, importing = np.array(pattern[:steps]), np.array(pattern[steps:])
        most = [unit.power_kw * charging, unit.power_kw * (1 - charging)]
        most += [limit * importing, limit * (1 - importing)]
        answer = linprog(
            cost,
            A_ub=np.vstack([energy, -energy]),
            b_ub=np.concatenate([np.full(steps, unit.energy_kwh - start), np.full(steps, start)]),
            A_eq=np.vstack([balance, energy[-1]]),
            b_eq=np.append(demand, end - start),
            bounds=[(0.0, kw) for kw in np.concatenate(most)],
        )
        if answer.status == 0:
            best = min(best, answer.fun)
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["negative prices", "sell above buy"])
def test_binaries_find_what_trying_every_pattern_finds(toy, seed, kind):
    rng = np.random.default_rng(seed)
    steps = 2 if kind == "sell above buy" else 3
    unit = toy.battery(efficiency=0.8, wear=0.01)
    demand = rng.uniform(0.0, 4.0, steps)
    buy = rng.uniform(-0.6, 0.1, steps)
    sell = buy + (0.2 if kind == "sell above buy" else -0.05)
    declared = toy.declare(
        unit,
        toy.load(1e2),
        forecast={"shop": demand},
        start={"bess": 6.0},
        rules={"bess": toy.rule(unit, steps, {steps - 1: 6.0})},
    )
    plan = toy.solve(declared, toy.terms(buy, sell, low=-50.0, high=50.0))
    best = cheapest_by_enumeration(unit, demand, buy, sell, start=6.0, end=6.0)
    assert plan.lower_bound == pytest.approx(best, abs=1e-6)
