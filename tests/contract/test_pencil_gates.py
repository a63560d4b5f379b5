"""One gate of every coordination family, written against the contracts alone.

The toys are as small as they can be; they show that the messages carry what each family needs, on
the real message bus and with the real strategies.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.contracts import (
    Award,
    Disclose,
    Disclosure,
    GrantQuery,
    Grants,
    MarketView,
    Mechanism,
    Member,
    Objective,
    Party,
    Plan,
    Request,
    Trade,
    frozen,
)
from mmgsim.coordination import (
    Admm,
    Auction,
    Bilateral,
    Bilevel,
    Central,
    Hierarchical,
    Isolated,
    PeerToPeer,
)
from mmgsim.engine import MessageBus
from mmgsim.subproblems import dispatch_faults
from mmgsim.testing import sample_view
from tests.support.gates import Correspondent
from tests.support.toys import AuctionToy, HierarchicalToy, PriceToy

NAMES = ("A", "B", "C")


def _aggregated():
    return Hierarchical(controller="aggregated", split="nucleolus")


class Network:
    """A DNO that grants nine tenths of everything."""

    name = "dno"
    role = "dno"

    def may_answer_in_thread(self, message):
        return False

    def receive(self, message):
        assert isinstance(message, GrantQuery)
        grants = {
            name: Request(lack_kw=0.9 * r.lack_kw, surplus_kw=0.9 * r.surplus_kw)
            for name, r in message.requests.items()
        }
        return Grants(grants=grants)


@pytest.fixture(scope="module")
def world():
    tariff = sample_view(1).tariff
    agents = [Correspondent(name, seed, tariff) for seed, name in enumerate(NAMES, 1)]
    bus = MessageBus()
    for agent in [*agents, Network(), SimpleNamespace(name="market", role="market")]:
        bus.register(agent)
    view = MarketView(
        window=agents[0].view.window,
        members=tuple(Member(name, 1e3, 1e3) for name in NAMES),
        tariff=tariff,
        envelopes={agent.name: agent.view.envelope for agent in agents},
        objective=Objective.MEMBERS,
    )
    return SimpleNamespace(bus=bus, view=view, agents={a.name: a for a in agents})


def clear(world, mechanism):
    mechanism.start(world.view, {})
    clearing = None
    while clearing is None:
        clearing = mechanism.tell(world.bus.exchange("market", mechanism.ask()))
    return clearing


@pytest.mark.parametrize(
    "make",
    [
        *(Isolated, Central, Admm, Auction, Bilateral, Bilevel, Hierarchical, PeerToPeer),
        _aggregated,
        *(PriceToy, AuctionToy, HierarchicalToy),
    ],
)
def test_one_gate_of_every_family_ends_in_balanced_feasible_plans(world, make):
    mechanism = make()
    assert isinstance(mechanism, Mechanism)
    clearing = clear(world, mechanism)
    best = clear(world, Central())
    assert set(clearing.plans) == set(NAMES)
    assert clearing.residual_kw < 1e-9
    for name, plan in clearing.plans.items():
        envelope = world.agents[name].view.envelope
        assert (plan.exchange_kw >= -envelope.import_limit_kw - 1e-6).all()
        assert (plan.exchange_kw <= envelope.export_limit_kw + 1e-6).all()
    assert clearing.upper >= best.lower - 1e-6 * best.gross_cost
    if clearing.lower is not None:
        assert clearing.lower <= best.upper + 1e-6 * best.gross_cost
    if make in (Auction, PriceToy, AuctionToy):
        assert any(trade.buyer == Party.MARKET for trade in clearing.trades)
    if make in (Bilateral, Bilevel, PeerToPeer):
        assert clearing.trades
        assert {party for t in clearing.trades for party in (t.seller, t.buyer)} <= set(NAMES)


def test_one_dispatch_follows_what_really_happened(world):
    from dataclasses import replace

    from mmgsim.contracts import Realised

    agent = world.agents["B"]
    plan = agent.strategy.answer(agent.view, Award(to="B", window=agent.view.window))
    assert isinstance(plan, Plan)
    view = replace(agent.view, plan=plan)
    realised = Realised(0, {name: 1.1 * kw[0] for name, kw in view.forecast_kw.items()})
    dispatch = agent.strategy.dispatch(view, realised)
    assert dispatch_faults(view, realised, dispatch) == []
    exchange_kw = sum(operation.net_kw for operation in dispatch.operations.values())
    assert exchange_kw != pytest.approx(plan.exchange_kw[0])


def test_nobody_can_speak_for_another(world):
    reply = world.bus.exchange("market", [Disclose(to="A", window=world.view.window)])[0]
    assert isinstance(reply, Disclosure)
    assert reply.sender == "A"


def test_a_plan_keeps_its_device_schedule_at_home():
    plan = Plan(
        window=sample_view().window,
        exchange_kw=frozen([0.0]),
        q_kvar=frozen([0.0]),
        private_cost=0.0,
        schedule={},
    )
    assert plan.public().schedule is None


def test_trade_of_an_award_is_sold_minus_bought():
    window = sample_view().window
    ones = frozen(np.ones(window.steps))
    trades = (Trade("A", "market", 3 * ones, ones), Trade("market", "A", ones, ones))
    assert Award(to="A", window=window, trades=trades).trade_kw() == pytest.approx(2 * ones)
