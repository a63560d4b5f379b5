"""One gate of every coordination family, written against the contracts alone.

The toys are as small as they can be; they show that the messages carry what each family needs, on
the real message bus and with the real strategies.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.contracts import (
    Award,
    Clearing,
    Disclose,
    Disclosure,
    Grant,
    GrantQuery,
    Grants,
    MarketView,
    Mechanism,
    Member,
    Objective,
    Offer,
    OrderQuery,
    Orders,
    Party,
    Plan,
    PriceQuery,
    Request,
    RequestQuery,
    Round,
    Side,
    Trade,
    frozen,
)
from mmgsim.coordination import Central, Isolated
from mmgsim.coordination.pool import match_pool, plan_costs, pool_trades
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.engine import MessageBus
from mmgsim.subproblems import dispatch_faults
from mmgsim.testing import sample_view
from tests.support.gates import Correspondent

NAMES = ("A", "B", "C")


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


class Toy:
    """What the toys share: start, and a clearing from plans and trades."""

    def start(self, view, memory):
        self.view, self.memory, self.phase = view, memory, 0
        self.trade_kw = {member.name: np.zeros(view.window.steps) for member in view.members}
        self.lower = None

    def clear(self, plans, price):
        upper, gross = plan_costs(self.view, plans, self.trade_kw)
        return Clearing(
            window=self.view.window,
            plans=plans,
            trades=pool_trades(self.trade_kw, price),
            prices_per_kwh=dict.fromkeys(plans, frozen(price)),
            upper=upper,
            lower=self.lower,
            gross_cost=gross,
            rounds=(Round(upper, self.lower, 0.0),),
            residual_kw=float(np.abs(sum(self.trade_kw.values())).max()),
            memory={"price": price},
        )

    def awards(self, price, exchange_kw):
        trades = pool_trades(self.trade_kw, price)
        return [
            Award(
                to=name,
                window=self.view.window,
                trades=tuple(t for t in trades if name in (t.seller, t.buyer)),
                exchange_kw=exchange_kw.get(name),
            )
            for name in NAMES
        ]


class PriceToy(Toy):
    """Dual ascent on one price vector, then exchanges fixed; the bound from the offers alone."""

    asks = frozenset({PriceQuery, Award})
    rounds = 8

    def start(self, view, memory):
        super().start(view, memory)
        tariff = view.tariff
        self.floor, self.ceiling = tariff.export_per_kwh, tariff.buy_per_kwh
        self.price = (self.floor + self.ceiling) / 2
        self.exchange_kw = {}

    def ask(self):
        if self.phase < self.rounds:
            query = frozen(self.price[None, :])
            return [
                PriceQuery(to=name, window=self.view.window, prices_per_kwh=query) for name in NAMES
            ]
        return self.awards(self.price, self.exchange_kw)

    def tell(self, replies):
        if self.phase < self.rounds:
            offers = replies_by_name(replies, Offer)
            net_kw = sum(offer.exchange_kw[0].sum(0) for offer in offers.values())
            # Between selling and buying prices the grid's own part of the Lagrangian is zero.
            bound = sum(float(offer.lower_bound[0].sum()) for offer in offers.values())
            self.lower = max(bound, self.lower if self.lower is not None else -np.inf)
            self.exchange_kw = {n: frozen(o.exchange_kw[0].sum(0)) for n, o in offers.items()}
            step = 0.02 / (1 + self.phase)
            self.price = np.clip(self.price - step * np.sign(net_kw), self.floor, self.ceiling)
            self.phase += 1
            if self.phase == self.rounds:
                self.trade_kw = match_pool(self.exchange_kw, self.view.tariff)
            return None
        return self.clear(plans_by_name(replies), self.price)


class AuctionToy(Toy):
    """Pay-as-clear, hour by hour, at the middle of the crossing."""

    asks = frozenset({OrderQuery, Award})

    def ask(self):
        steps = self.view.window.steps
        if self.phase == 0:
            offsets = tuple(range(steps))
            return [OrderQuery(to=n, window=self.view.window, offsets=offsets) for n in NAMES]
        return self.awards(self.price, {})

    def tell(self, replies):
        if self.phase == 0:
            self.phase = 1
            orders = {n: reply.orders for n, reply in replies_by_name(replies, Orders).items()}
            self.price = np.zeros(self.view.window.steps)
            for offset in range(self.view.window.steps):
                self._cross(offset, orders)
            return None
        return self.clear(plans_by_name(replies), self.price)

    def _cross(self, offset, orders):
        book = {
            side: sorted(
                (o.price_per_kwh if side is Side.SELL else -o.price_per_kwh, name, o.kw)
                for name, own in orders.items()
                for o in own
                if o.offset == offset and o.side is side
            )
            for side in Side
        }
        sells, buys = book[Side.SELL], book[Side.BUY]
        volume = min(sum(kw for *_, kw in sells), sum(kw for *_, kw in buys))
        if not volume or sells[0][0] > -buys[0][0]:
            return
        self.price[offset] = (sells[-1][0] - buys[-1][0]) / 2
        for side, sign in ((sells, 1.0), (buys, -1.0)):
            left = volume
            for _, name, kw in side:
                self.trade_kw[name][offset] += sign * min(kw, left)
                left -= min(kw, left)


class HierarchicalToy(Toy):
    """Request, grant under the DNO's limits, plan within the grant."""

    asks = frozenset({RequestQuery, Grant})

    def ask(self):
        window = self.view.window
        if self.phase == 0:
            return [RequestQuery(to=name, window=window) for name in NAMES]
        if self.phase == 1:
            return [GrantQuery(to="dno", window=window, requests=self.requests)]
        return [
            Grant(to=n, window=window, lack_kw=g.lack_kw, surplus_kw=g.surplus_kw)
            for n, g in self.grants.items()
        ]

    def tell(self, replies):
        self.phase += 1
        if self.phase == 1:
            self.requests = replies_by_name(replies, Request)
            return None
        if self.phase == 2:
            self.grants = replies_by_name(replies, Grants)["dno"].grants
            return None
        return self.clear(plans_by_name(replies), np.zeros(self.view.window.steps))


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


@pytest.mark.parametrize("make", [Isolated, Central, PriceToy, AuctionToy, HierarchicalToy])
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
    if make in (PriceToy, AuctionToy):
        assert any(trade.buyer == Party.MARKET for trade in clearing.trades)


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
