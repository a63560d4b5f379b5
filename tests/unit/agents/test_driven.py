"""What a driven microgrid makes of instructions: the nearest that can be done, and cheap after."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import (
    Award,
    Battery,
    Diesel,
    Grant,
    Instruction,
    Order,
    OrderQuery,
    Orders,
    RequestQuery,
    Side,
    frozen,
)
from mmgsim.errors import ContractError
from mmgsim.subproblems import MicrogridInputs, MicrogridProblem, Terms, disclosure_of, public_cost
from mmgsim.testing import sample_view
from mmgsim_agents.strategies import CostMinimiser, Driven, OptimisingStrategy
from tests.support.pencil import pencil_tariff, pencil_view

# Cheap now, dear in two hours: who decides for itself charges at once and discharges at the end.
TARIFF = pencil_tariff([0.1, 0.2, 0.5], [0.0, 0.0, 0.0])
LOAD_KW = [4.0, 4.0, 4.0]


def told(view, net_kw, markup=0.0):
    return replace(view, messages=(Instruction(net_kw=net_kw, markup=markup),))


def net_kw(plan, name):
    return plan.schedule[name].out_kw - plan.schedule[name].in_kw


def planned(view, strategy=None):
    strategy = Driven() if strategy is None else strategy
    return strategy.answer(view, Award(to=view.name, window=view.window))


def cost(view, plan):
    terms = Terms.of(view)
    bill = public_cost(plan.exchange_kw, terms.trade_kw, terms.prices, view.window.step_h)
    return plan.private_cost + bill


@pytest.mark.parametrize(
    ("wanted_kw", "done_kw"),
    [
        (1.0, 1.0),
        (-2.0, -2.0),
        (0.0, 0.0),
        (9.0, 4.5),  # 5 kWh are stored and give 4.5
        (-99.0, -5.0 / 0.9),  # 5 kWh more fit in
    ],
)
def test_the_first_step_is_what_is_wanted_as_far_as_the_battery_can(wanted_kw, done_kw):
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    plan = planned(told(view, {"store": wanted_kw}))
    assert net_kw(plan, "store")[0] == pytest.approx(done_kw, abs=1e-6)


def test_later_steps_are_as_cheap_as_can_be():
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    plan = planned(told(view, {"store": 0.0}))
    # Of 5 kWh 4.5 come out, and 4 of them save the 0.5 of the last hour; the rest saves 0.2.
    assert net_kw(plan, "store") == pytest.approx([0.0, 0.5, 4.0], abs=1e-6)


def test_levels_are_kept_before_what_is_wanted():
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 1.0))
    level = frozen([0.0, 0.0, 4.0])
    kept = replace(view.storage["store"], low_kwh=level)
    no_import = replace(view.envelope, import_limit_kw=frozen([9.0, 4.0, 4.0]))
    view = replace(view, storage={"store": kept}, envelope=no_import)
    # Nothing can be charged later, so that 1 kWh is all there is to spend.
    plan = planned(told(view, {"store": 3.0}))
    assert net_kw(plan, "store")[0] == pytest.approx(1.0, abs=1e-6)
    assert "missed" not in plan.flags


def test_load_is_served_before_what_is_wanted():
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 1.0))
    island = replace(view.envelope, import_limit_kw=frozen([4.0, 0.0, 3.0]))
    # Of 5 kWh 4 are needed in the second hour and 1 in the third.
    plan = planned(told(replace(view, envelope=island), {"store": 4.0}))
    assert plan.schedule["load"].in_kw == pytest.approx(LOAD_KW, abs=1e-6)
    assert net_kw(plan, "store")[0] == pytest.approx(0.0, abs=1e-6)


def batteries(view):
    return [device.name for device in view.devices if isinstance(device, Battery)]


def has_diesel(view):
    return any(isinstance(device, Diesel) for device in view.devices)


WORLDS = [
    seed for seed in range(24) if batteries(sample_view(seed)) and not has_diesel(sample_view(seed))
]


@pytest.mark.parametrize("seed", WORLDS[:8])
def test_to_want_what_is_cheapest_costs_nothing(seed):
    view = sample_view(seed)
    own = planned(view, CostMinimiser())
    wanted = {name: float(net_kw(own, name)[0]) for name in batteries(view)}
    gross = np.abs(own.exchange_kw) @ view.tariff.buy_per_kwh + abs(own.private_cost)
    apart = cost(view, planned(told(view, wanted))) - cost(view, own)
    assert abs(apart) <= 1e-6 * gross


@pytest.mark.parametrize("seed", WORLDS[:8])
def test_no_feasible_first_step_is_nearer_and_none_as_near_is_cheaper(seed):
    """Against a projection with every step wanted as planned: it is feasible, so it costs as much.

    Then the same with the first step moved on towards what is wanted: it cannot be followed.
    """
    view = sample_view(seed)
    rng = np.random.default_rng(seed)
    most = {d.name: d.power_kw for d in view.devices if isinstance(d, Battery)}
    wanted = {name: float(rng.uniform(-1.2, 1.2) * kw) for name, kw in most.items()}
    plan = planned(told(view, wanted))
    off_kw = {name: kw - net_kw(plan, name)[0] for name, kw in wanted.items()}
    problem = MicrogridProblem(view.name, view.devices, view.window, wanted=True)

    def projected(share):
        aims = {name: net_kw(plan, name).copy() for name in wanted}
        for name, kw in off_kw.items():
            aims[name][0] += share * kw
            aims[name][1:] = np.nan
        inputs = MicrogridInputs(disclosure_of(view), Terms.of(view))
        return problem.project(inputs, 0, aims)

    same = projected(0.0)
    gross = np.abs(plan.exchange_kw) @ view.tariff.buy_per_kwh + abs(plan.private_cost) + 1.0
    assert cost(view, plan) <= cost(view, same) + 1e-6 * gross
    distance_kw = sum(abs(kw) for kw in off_kw.values())
    moved = projected(0.5)
    moved_off_kw = sum(abs(wanted[name] - net_kw(moved, name)[0]) for name in wanted)
    assert moved_off_kw >= distance_kw - 1e-5


def test_without_an_instruction_it_makes_its_cost_small():
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    assert planned(view).exchange_kw == pytest.approx(planned(view, CostMinimiser()).exchange_kw)


def test_the_last_instruction_counts():
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    both = tuple(Instruction(net_kw={"store": kw}) for kw in (3.0, -1.0))
    assert net_kw(planned(replace(view, messages=both)), "store")[0] == pytest.approx(-1.0)


def test_what_is_wanted_stands_in_orders_and_the_markup_in_their_prices():
    # Charging 2 kW is wanted: 6 kW are bid for at what the grid takes, 0.1 less a tenth of it.
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    query = OrderQuery(window=view.window, offsets=(0,))
    (order,) = Driven().order(told(view, {"store": -2.0}, markup=0.1), query).orders
    assert (order.side, order.kw) == (Side.BUY, pytest.approx(6.0))
    assert order.price_per_kwh == pytest.approx(0.9 * 0.1)
    (eager,) = Driven().order(told(view, {"store": -2.0}, markup=-0.1), query).orders
    assert eager.price_per_kwh == pytest.approx(1.1 * 0.1)


def test_own_asks_and_bids_meet_in_the_middle_at_most(monkeypatch):
    """An ask of 0.2 halved and a bid of 0.1 raised by as much, 0.1 and 0.15, would cross."""
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    true = (
        Order(0, Side.SELL, 3.0, 0.2),
        Order(0, Side.BUY, 2.0, 0.1),
        Order(1, Side.BUY, 2.0, 0.1),
    )
    monkeypatch.setattr(OptimisingStrategy, "order", lambda *of: Orders(orders=true))
    query = OrderQuery(window=view.window, offsets=(0, 1))
    for markup, expected in (
        (-0.5, [0.15, 0.15, 0.15]),
        (-0.1, [0.18, 0.11, 0.11]),
        (0.5, [0.3, 0.05, 0.05]),
    ):
        orders = Driven().order(told(view, {}, markup=markup), query).orders
        assert [order.price_per_kwh for order in orders] == pytest.approx(expected)


def test_requests_and_grants_follow_what_is_wanted():
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    wanting = told(view, {"store": -2.0})
    request = Driven().answer(wanting, RequestQuery(window=view.window))
    assert request.lack_kw[0] == pytest.approx(6.0)
    half = Grant(
        window=view.window,
        lack_kw=frozen([5.0, 9.0, 9.0]),
        surplus_kw=frozen(np.zeros(3)),
    )
    assert net_kw(Driven().answer(wanting, half), "store")[0] == pytest.approx(-1.0)


def test_a_battery_of_nobody_is_refused_by_name():
    view = pencil_view("A", TARIFF, load_kw=LOAD_KW, battery=(10.0, 5.0, 0.9))
    with pytest.raises(ContractError, match="did you mean 'store'"):
        planned(told(view, {"stor": 1.0}))
