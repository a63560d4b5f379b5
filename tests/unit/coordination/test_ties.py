"""Tie lines in joint plans: what they save, what they lose, and what both ends are held to."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mmgsim.contracts import (
    CarriedState,
    Disclosure,
    Envelope,
    Load,
    Renewable,
    RenewableKind,
    TieLine,
    Window,
    frozen,
    net_tie_kw,
)
from mmgsim.coordination import Central, Hierarchical
from mmgsim.coordination.ties import ties_among
from mmgsim.subproblems import JointProblem, PublicPrices, clearing_faults, plan_faults
from mmgsim.subproblems.promises import reply_faults
from tests.support.gates import clear, make_world
from tests.unit.coordination.test_hierarchical import member_costs, world_with

HOUR = Window(first_step=0, steps=1, step_h=1.0, start=datetime(2021, 1, 1, tzinfo=UTC))
ROOF = Renewable("roof", RenewableKind.PV, 10.0)
SHOP = Load("shop", 10.0)


def tied(world, *ties):
    world.view = replace(world.view, ties=ties)
    return world


def line(limit_kw=1e3, loss_share=0.05, *, ends=("M0", "M1"), name="T1"):
    return TieLine(name, ends, limit_kw, loss_share)


# ------------------------------------------------------------------------------- by hand
def solved(*ties, buy=0.5, sell=0.05, charge=0.2):
    """One hour: 10 kW of sun at M0, 5 kW of demand at M1."""
    declared = {
        name: Disclosure(
            window=HOUR,
            devices=(device,),
            state=CarriedState({}, {}),
            forecast_kw={device.name: frozen([kw])},
            storage={},
        )
        for name, device, kw in (("M0", ROOF, 10.0), ("M1", SHOP, 5.0))
    }
    envelopes = {
        name: Envelope(
            microgrid=name,
            window=HOUR,
            import_limit_kw=frozen([100.0]),
            export_limit_kw=frozen([100.0]),
        )
        for name in declared
    }
    prices = PublicPrices(frozen([buy]), frozen([sell]), frozen([charge]))
    members = {name: one.devices for name, one in declared.items()}
    return JointProblem(members, HOUR, ties=ties).solve(declared, envelopes, prices, 0)


def test_a_tie_saves_the_network_charge_and_costs_what_is_lost():
    # Alone: 5 kWh sold with a charge of 0.2, 5 exported at 0.05. Tied: 6.25 sent for 5, the rest
    # exported.
    assert solved().cost == pytest.approx(5 * 0.2 - 5 * 0.05)
    tied_up = solved(line(loss_share=0.2))
    assert tied_up.cost == pytest.approx(-(10 - 6.25) * 0.05)
    assert tied_up.sent_kw["T1"][0] == pytest.approx([6.25])
    assert tied_up.sent_kw["T1"][1] == pytest.approx([0.0])
    assert tied_up.exchange_kw["M0"] == pytest.approx([3.75])
    assert tied_up.exchange_kw["M1"] == pytest.approx([0.0])


def test_what_a_tie_cannot_carry_is_traded_through_the_feeder():
    # 4 sent, 3.2 received, 1.8 traded with the charge, 4.2 exported.
    assert solved(line(4.0, 0.2)).cost == pytest.approx(1.8 * 0.2 - 4.2 * 0.05)


def test_a_line_that_points_the_other_way_does_the_same():
    there, back = solved(line(4.0, 0.2)), solved(line(4.0, 0.2, ends=("M1", "M0")))
    assert there.cost == pytest.approx(back.cost)
    assert there.sent_kw["T1"][0] == pytest.approx(back.sent_kw["T1"][1])


@pytest.mark.parametrize("useless", [line(0.0), line(loss_share=1.0)], ids=["no room", "all lost"])
def test_a_useless_tie_changes_nothing(useless):
    assert solved(useless).cost == pytest.approx(solved().cost, abs=1e-9)


def test_negative_prices_do_not_send_both_ways_to_burn_energy():
    sent = solved(line(100.0, 0.2), buy=-0.5, sell=-0.5, charge=0.0).sent_kw["T1"]
    assert np.minimum(*sent).max() <= 1e-6


# --------------------------------------------------------------------------------- gates
@pytest.mark.parametrize("seed", range(3))
def test_ties_never_cost_more_and_both_ends_agree(seed):
    ties = (line(5.0), line(5.0, 0.1, ends=("M1", "M2"), name="T2"))
    world = make_world(3, seed)
    free = clear(world, Central())
    clearing = clear(tied(world, *ties), Central())
    scale = clearing.gross_cost
    assert clearing.upper <= free.upper + 2e-6 * scale
    assert clearing.upper == pytest.approx(clearing.lower, abs=2e-6 * scale)
    by_name = {tie.name: tie for tie in ties}
    for flow in clearing.ties:
        tie = by_name[flow.tie]
        assert flow.sent_kw.max() <= tie.limit_kw + 1e-6
        assert (flow.received_kw == (1.0 - tie.loss_share) * flow.sent_kw).all()
    steps = world.view.window.steps
    for name, plan in clearing.plans.items():
        held = np.zeros(steps) if plan.tie_kw is None else plan.tie_kw
        assert (held == net_tie_kw(clearing.ties, name, steps)).all()
    assert clearing.ties


def test_a_tie_without_room_reproduces_a_gate_without_ties():
    world = make_world(2)
    free = clear(world, Central())
    none = clear(tied(world, line(0.0)), Central())
    assert none.upper == pytest.approx(free.upper, abs=1e-6 * free.gross_cost)
    assert none.ties == ()
    assert all(plan.tie_kw is None for plan in none.plans.values())


def cleared_with_tie():
    world = tied(make_world(2), line(5.0))
    clearing = clear(world, Central())
    awarded = {
        name: tuple(t for t in clearing.trades if name in (t.seller, t.buyer))
        for name in clearing.plans
    }
    return world, clearing, awarded


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda f: replace(f, sent_kw=2 * f.sent_kw), "loses"),
        (
            lambda f: replace(f, sent_kw=2 * f.sent_kw, received_kw=2 * f.received_kw),
            "its limit is 5",
        ),
        (
            lambda f: replace(f, sent_kw=f.sent_kw / 2, received_kw=f.received_kw / 2),
            "off those that it was awarded",
        ),
        (lambda f: replace(f, sender=f.receiver, receiver=f.sender), "awarded"),
        (lambda f: replace(f, tie="T9"), "there is no such line"),
        (lambda f: replace(f, sent_kw=np.nan * f.sent_kw), "finite numbers"),
    ],
)
def test_a_clearing_whose_ties_do_not_hold_together_is_refused(spoil, fault):
    world, clearing, awarded = cleared_with_tie()
    assert clearing_faults(clearing, world.view, awarded, clearing.plans) == []
    ties = (spoil(clearing.ties[0]), *clearing.ties[1:])
    faults = clearing_faults(replace(clearing, ties=ties), world.view, awarded, clearing.plans)
    assert any(fault in one for one in faults)


def test_a_clearing_that_keeps_quiet_of_awarded_flows_is_refused():
    world, clearing, awarded = cleared_with_tie()
    faults = clearing_faults(replace(clearing, ties=()), world.view, awarded, clearing.plans)
    assert len([one for one in faults if "off those that it was awarded" in one]) == 2


def test_a_plan_that_drops_its_tie_flow_is_refused():
    world, clearing, _ = cleared_with_tie()
    agent = world.agents["M0"]
    award = next(m for m in awards_of_central(world) if m.to == "M0")
    plan = agent.strategy.answer(agent.view, award)
    assert list(reply_faults(plan, agent.view, award)) == []
    assert list(plan_faults(plan, agent.view)) == []
    dropped = replace(plan, tie_kw=None)
    assert "tie_kw of the plan" in next(iter(reply_faults(dropped, agent.view, award)))
    assert any("do not add up" in one for one in plan_faults(dropped, agent.view))
    assert clearing.plans["M0"].tie_kw is not None


def awards_of_central(world):
    """What `central` awards in this world."""
    mechanism = Central()
    mechanism.start(world.view, {})
    mechanism.tell(world.bus.exchange("market", mechanism.ask()))
    return mechanism.ask()


# ----------------------------------------------------------------------- one controller
@pytest.mark.parametrize("split", ["equal", "shapley"])
def test_a_controller_with_ties_plans_as_central_and_nobody_pays_more_than_alone(split):
    chain = (line(5.0), line(5.0, ends=("M1", "M2"), name="T2"))
    world = tied(world_with(), *chain)
    best = clear(world, Central())
    joint = clear(world, Hierarchical(controller="aggregated", split=split))
    assert joint.upper == pytest.approx(best.upper, abs=2e-6 * best.gross_cost)
    assert world.dno.asked[-1].ties == chain
    alone = clear(world, Hierarchical())
    costs, before = member_costs(world, joint), member_costs(world, alone)
    for flow in joint.ties:
        paid = world.view.window.step_h * float(flow.received_kw @ flow.price_per_kwh)
        costs[flow.receiver] += paid
        costs[flow.sender] -= paid
    assert sum(costs.values()) == pytest.approx(joint.upper, abs=1e-6 * joint.gross_cost)
    for name, cost in costs.items():
        assert cost <= before[name] + 2e-6 * joint.gross_cost


def test_a_second_pass_asks_for_what_is_planned_at_each_connection():
    chain = (line(5.0), line(5.0, ends=("M1", "M2"), name="T2"))
    world = tied(world_with(0.5), *chain)
    clear(world, Hierarchical(controller="aggregated", rounds=2))
    assert [one.ties for one in world.dno.asked] == [chain, ()]


def test_a_controller_requests_what_devices_lack_and_have_left_over_whichever_way_it_goes():
    """What ties carry in the joint plan is in the request: the DNO may lead it another way."""
    world = tied(world_with(), line(5.0))
    joint = clear(world, Hierarchical(controller="aggregated"))
    assert joint.ties
    for name, request in world.dno.asked[0].requests.items():
        tie_kw = net_tie_kw(joint.ties, name, world.view.window.steps)
        leaving_kw = joint.plans[name].exchange_kw + tie_kw
        assert request.surplus_kw - request.lack_kw == pytest.approx(leaving_kw, abs=1e-6)


def test_a_coalition_has_the_lines_between_its_members():
    assert ties_among((line(), line(ends=("M1", "M2"))), ("M0", "M1")) == (line(),)
