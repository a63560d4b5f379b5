"""Vehicles and flexible loads in a microgrid's own problem."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgsim.contracts import CarriedState, Operation, Session
from mmgsim.subproblems import MicrogridInputs, MicrogridProblem, PublicPrices, Terms
from tests.support.sessions import MISS_PRICE, disclosed, flexible, solved, vehicle, window

TOLERANCE_KWH = 1e-6


def test_a_vehicle_charges_in_the_cheapest_steps_that_are_enough():
    told = disclosed((vehicle(),), {"car": (Session(0, 4, 5.0, 15.0),)}, window(4))
    plan = solved(told, [0.4, 0.1, 0.3, 0.2], 0.0)
    assert plan.schedule["car"].in_kw == pytest.approx([0.0, 7.0, 0.0, 3.0])
    assert plan.schedule["car"].energy_kwh == pytest.approx([5.0, 12.0, 12.0, 15.0])
    assert plan.flags == ()


def test_a_vehicle_sells_what_it_does_not_need_and_pays_for_wear():
    car = vehicle(discharge_kw=7.0, wear_per_kwh=0.05)
    told = disclosed((car,), {"car": (Session(0, 2, 20.0, 20.0),)}, window(2))
    plan = solved(told, [0.5, 0.1], [0.4, 0.05])
    assert plan.schedule["car"].out_kw == pytest.approx([7.0, 0.0])
    assert plan.private_cost == pytest.approx(0.05 * 7.0)
    # 0.4 - 0.1 = 0.3 is what a kWh earns; with wear of 0.31 it stays.
    dear = vehicle(discharge_kw=7.0, wear_per_kwh=0.31)
    told = disclosed((dear,), {"car": (Session(0, 2, 20.0, 20.0),)}, window(2))
    assert solved(told, [0.5, 0.1], [0.4, 0.05]).exchange_kw == pytest.approx([0.0, 0.0])


def test_without_v2g_a_vehicle_gives_nothing_out():
    told = disclosed((vehicle(),), {"car": (Session(0, 2, 20.0, 10.0),)}, window(2))
    plan = solved(told, 0.5, 0.4)
    assert plan.exchange_kw == pytest.approx([0.0, 0.0])


def test_energy_of_one_session_does_not_get_into_the_next():
    car = vehicle(discharge_kw=7.0)
    sessions = (Session(0, 1, 30.0, 10.0), Session(1, 3, 5.0, 5.0))
    told = disclosed((car,), {"car": sessions}, window(3))
    # Of the 20 kWh that it could do without, 7 are sold while it is there, for little; in the
    # second session it has nothing to spare, whatever is paid.
    plan = solved(told, 9.0, [0.1, 5.0, 5.0])
    assert plan.exchange_kw == pytest.approx([7.0, 0.0, 0.0])
    assert plan.schedule["car"].energy_kwh == pytest.approx([23.0, 5.0, 5.0])


def test_a_window_keeps_the_rest_of_a_long_session_in_reach():
    told = disclosed((vehicle(),), {"car": (Session(0, 6, 0.0, 35.0),)}, window(4))
    plan = solved(told, [0.1, 0.2, 0.3, 0.4], 0.0)
    # 35 kWh less two full steps beyond the window: 21 kWh, in the three cheapest hours.
    assert plan.schedule["car"].energy_kwh[-1] == pytest.approx(21.0)
    assert plan.schedule["car"].in_kw == pytest.approx([7.0, 7.0, 7.0, 0.0])


def test_what_is_out_of_reach_is_no_decision_and_has_no_price_in_the_plan():
    told = disclosed((vehicle(),), {"car": (Session(0, 2, 0.0, 30.0),)}, window(2))
    plan = solved(told, 0.3, 0.0)
    assert plan.schedule["car"].in_kw == pytest.approx([7.0, 7.0])
    assert plan.private_cost == pytest.approx(0.0)
    assert plan.flags == ()


def test_what_the_connection_cannot_carry_is_missed_at_the_price_of_a_level():
    told = disclosed((vehicle(),), {"car": (Session(0, 2, 0.0, 12.0),)}, window(2))
    plan = solved(told, 0.3, 0.0, low=-5.0)
    assert plan.schedule["car"].in_kw == pytest.approx([5.0, 5.0])
    assert plan.private_cost == pytest.approx(2.0 * MISS_PRICE)
    assert plan.flags == ("missed",)


@pytest.mark.parametrize(("price", "served_kwh"), [(0.31, 12.0), (0.29, 0.0)])
def test_a_flexible_load_is_served_where_that_is_cheaper_than_leaving_it(price, served_kwh):
    pump = flexible(missing_per_kwh=price)
    told = disclosed((pump,), {"pump": (Session(0, 4, 0.0, 12.0),)}, window(4))
    plan = solved(told, 0.3, 0.0)
    assert plan.schedule["pump"].in_kw.sum() == pytest.approx(served_kwh)
    assert plan.private_cost == pytest.approx((12.0 - served_kwh) * price)
    assert plan.flags == ()


def test_a_flexible_load_moves_to_the_cheap_steps_of_its_window():
    told = disclosed((flexible(),), {"pump": (Session(1, 5, 0.0, 10.0),)}, window(6))
    plan = solved(told, [0.0, 0.4, 0.2, 0.3, 0.1, 0.0], 0.0)
    assert plan.schedule["pump"].in_kw == pytest.approx([0.0, 0.0, 4.0, 2.0, 4.0, 0.0])


def test_charging_and_discharging_at_once_is_forbidden_where_it_would_pay():
    car = vehicle(discharge_kw=7.0, efficiency=0.8)
    told = disclosed((car,), {"car": (Session(0, 2, 40.0, 40.0),)}, window(2))
    plan = solved(told, -1.0, -1.0)
    entry = plan.schedule["car"]
    assert "exclusive" in plan.flags
    assert np.minimum(entry.in_kw, entry.out_kw).max() < 1e-6


def cheapest_on_a_grid(car, session, buy, sell):
    """Try every whole charge in kW of a store without losses; give the smallest cost."""
    charges = np.arange(-car.discharge_kw, car.charge_kw + 1.0)
    best = np.inf
    for net_kw in product(charges, repeat=session.stop_step - session.first_step):
        energy_kwh = session.arrives_kwh + np.cumsum(net_kw)
        if energy_kwh.min() < car.energy_min_kwh or energy_kwh.max() > car.energy_kwh:
            continue
        missing_kwh = max(session.wanted_kwh - energy_kwh[-1], 0.0)
        steps = slice(session.first_step, session.stop_step)
        drawn = np.array(net_kw)
        cost = np.where(drawn > 0, buy[steps] * drawn, sell[steps] * drawn).sum()
        wear = -car.wear_per_kwh * drawn[drawn < 0].sum()
        best = min(best, cost + wear + MISS_PRICE * missing_kwh)
    return best


@pytest.mark.parametrize("seed", range(10))
def test_a_vehicle_costs_what_trying_everything_finds(seed):
    # Whole limits and no losses: an optimal vertex is whole too.
    rng = np.random.default_rng(seed)
    car = vehicle(
        energy_kwh=9.0, energy_min_kwh=1.0, charge_kw=3.0, discharge_kw=2.0, wear_per_kwh=0.02
    )
    session = Session(1, 6, float(rng.integers(1, 9)), float(rng.integers(1, 10)))
    buy = rng.uniform(0.05, 0.5, 7)
    sell = buy * rng.uniform(0.2, 1.0, 7)
    told = disclosed((car,), {"car": (session,)}, window(7))
    plan = solved(told, buy, sell)
    assert plan.lower_bound == pytest.approx(cheapest_on_a_grid(car, session, buy, sell), abs=1e-6)


class Rolling:
    """A microgrid that plans a window every hour and does the first step of each plan."""

    def __init__(self, devices, sessions, steps, prices):
        self.devices, self.sessions, self.prices = devices, sessions, prices
        self.problem = MicrogridProblem("MG", devices, window(steps))
        self.steps, self.state = steps, CarriedState({}, session_kwh={d.name: 0.0 for d in devices})
        self.missing_kwh = {device.name: [] for device in devices}
        self.cost = 0.0

    def step(self, now):
        told = disclosed(
            self.devices,
            self.sessions,
            window(self.steps, first=now),
            now_kwh=dict(self.state.session_kwh),
        )
        buy, zero = self.prices[now : now + self.steps], np.zeros(self.steps)
        terms = Terms(PublicPrices(buy, 0.8 * buy, zero), zero - 1e3, zero + 1e3, zero)
        plan = self.problem.solve(MicrogridInputs(told, terms), now)
        operations = {name: entry.at(0) for name, entry in plan.schedule.items()}
        self.state = self.state.after(self.devices, operations, 1.0, told.sessions)
        for device in self.devices:
            rule = told.sessions[device.name]
            if rule.is_leaving[0]:
                lacking = rule.missing_kwh(self.state.session_kwh[device.name])
                self.missing_kwh[device.name].append(float(lacking[0]))
        drawn_kw = -plan.exchange_kw[0]
        self.cost += float(drawn_kw * (buy[0] if drawn_kw > 0.0 else 0.8 * buy[0]))


@st.composite
def fleets(draw):
    """Give a vehicle with or without V2G, and sessions of it one after the other."""
    has_v2g = draw(st.booleans())
    car = vehicle(
        energy_min_kwh=draw(st.sampled_from([0.0, 8.0])),
        discharge_kw=draw(st.floats(1.0, 9.0)) if has_v2g else 0.0,
        efficiency=draw(st.floats(0.8, 1.0)),
    )
    sessions, at = [], draw(st.integers(0, 3))
    while at < 30:
        stop = at + draw(st.integers(1, 12))
        arrives = draw(st.floats(0.0, 40.0))
        sessions.append(Session(at, stop, arrives, draw(st.floats(0.0, 40.0))))
        at = stop + draw(st.integers(0, 4))
    return car, tuple(sessions)


@settings(max_examples=40, deadline=None)
@given(fleet=fleets(), steps=st.integers(1, 8), seed=st.integers(0, 1000))
def test_rolling_gates_leave_nobody_with_less_than_could_be_reached(fleet, steps, seed):
    car, sessions = fleet
    prices = np.random.default_rng(seed).uniform(0.05, 0.5, 60)
    rolling = Rolling((car,), {"car": sessions}, steps, prices)
    ended = [one for one in sessions if one.stop_step <= 36]
    for now in range(36):
        rolling.step(now)
    short_kwh = [one.short_kwh(car.charged_kwh(1, 1.0)) for one in ended]
    assert rolling.missing_kwh["car"] == pytest.approx(short_kwh, abs=TOLERANCE_KWH)


def test_rolling_gates_cost_no_less_than_one_look_at_everything():
    car = vehicle(discharge_kw=7.0, efficiency=0.95)
    sessions = (Session(1, 9, 8.0, 34.0), Session(11, 20, 10.0, 30.0))
    prices = np.random.default_rng(4).uniform(0.05, 0.5, 48)
    whole = disclosed((car,), {"car": sessions}, window(24))
    once = solved(whole, prices[:24], 0.8 * prices[:24]).lower_bound
    costs = []
    for steps in (4, 24):
        rolling = Rolling((car,), {"car": sessions}, steps, prices)
        for now in range(24):
            rolling.step(now)
        costs.append(rolling.cost)
    assert costs[0] >= once - 1e-6
    assert costs[1] == pytest.approx(once, abs=1e-6)


def test_two_sessions_that_touch_are_two_sessions():
    pump = flexible()
    sessions = {"pump": (Session(0, 3, 0.0, 9.0), Session(3, 6, 0.0, 9.0))}
    told = disclosed((pump,), sessions, window(6))
    plan = solved(told, [0.1, 0.1, 0.1, 0.4, 0.4, 0.4], 0.0)
    assert plan.schedule["pump"].in_kw[:3].sum() == pytest.approx(9.0)
    assert plan.schedule["pump"].in_kw[3:].sum() == pytest.approx(9.0)


def test_a_state_without_sessions_is_what_it_was():
    state = CarriedState({"bess": 3.0})
    assert state.after((), {}, 1.0) == CarriedState({})
    assert Operation(in_kw=1.0).net_kw == -1.0
