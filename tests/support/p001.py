"""Small worlds of paper 001: microgrids with a load, sun and perhaps a battery, and two prices."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType, SimpleNamespace

import numpy as np

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Load,
    MarketView,
    Member,
    Objective,
    Renewable,
    RenewableKind,
    Tariff,
    Window,
    frozen,
)
from mmgsim.division import GameDay
from mmgsim.engine import MessageBus
from mmgsim.subproblems import storage_rules
from mmgsim.subproblems.terms import disclosure_of
from mmgsim.testing import sample_view
from mmgsim.testing.samples import END_OF_WINDOW
from mmgsim_agents.strategies import CostMinimiser

LIMIT_KW = 500.0


def tariff(buy, sell, local=0.0):
    """Prices over as many hours as there are; the charge on local energy is part of no import."""
    buy, sell = np.asarray(buy, float), np.asarray(sell, float)
    window = Window(0, len(buy), 1.0, datetime(2021, 6, 1, tzinfo=UTC))
    return Tariff(
        window=window,
        import_per_kwh=frozen(buy),
        export_per_kwh=frozen(sell),
        network_charge_per_kwh=frozen(np.zeros(len(buy))),
        local_charge_per_kwh=frozen(np.full(len(buy), float(local))),
        upstream_per_kwh=frozen(0.7 * buy),
        imbalance_per_kwh=0.0,
        fixed_per_day=0.0,
    )


def member(name, prices, *, load_kw=0.0, sun_kw=0.0, battery_kwh=0.0, shed_per_kwh=20.0):
    """Give the view of a microgrid."""
    window, ones = prices.window, np.ones(prices.window.steps)
    devices = (
        Load("load", shed_per_kwh),
        Renewable("sun", RenewableKind.PV, LIMIT_KW),
        Battery("bess", battery_kwh, 0.1 * battery_kwh, 0.25 * battery_kwh, 0.95, 0.0),
    )[: 3 if battery_kwh else 2]
    state = CarriedState(
        MappingProxyType({"bess": 0.5 * battery_kwh} if battery_kwh else {}), MappingProxyType({})
    )
    base = sample_view(1, steps=window.steps)
    return replace(
        base,
        name=name,
        window=window,
        devices=devices,
        state=state,
        forecast_kw={"load": frozen(load_kw * ones), "sun": frozen(sun_kw * ones)},
        storage=storage_rules(END_OF_WINDOW, devices, state, window, (window.steps - 1,)),
        tariff=prices,
        envelope=replace(
            base.envelope,
            microgrid=name,
            window=window,
            import_limit_kw=frozen(LIMIT_KW * ones),
            export_limit_kw=frozen(LIMIT_KW * ones),
        ),
    )


def random_prices(rng, steps):
    buy = rng.uniform(0.08, 0.30, steps)
    return tariff(buy, buy * rng.uniform(0.2, 0.9, steps), local=0.01)


def random_members(rng, count, prices, *, has_storage=True):
    """Microgrids that lack in some hours and have power left in others; the same devices."""
    steps = prices.window.steps
    return [
        member(
            f"M{k}",
            prices,
            load_kw=rng.uniform(0.0, 30.0, steps),
            sun_kw=rng.uniform(0.0, 30.0, steps),
            battery_kwh=20.0 * (k % 2 == 0) * has_storage,
        )
        for k in range(count)
    ]


def game_day(members, *, seed=0):
    """Give the day of a game among microgrids."""
    return GameDay(
        scenario="toy",
        currency="USD",
        day=date(2021, 6, 1),
        seed=seed,
        declared={one.name: disclosure_of(one) for one in members},
        envelopes={one.name: one.envelope for one in members},
        tariff=members[0].tariff,
        ties=(),
    )


class _Agent:
    role = "microgrid"

    def __init__(self, view):
        self.name, self.view, self.strategy = view.name, view, CostMinimiser()

    def may_answer_in_thread(self, message):
        return False

    def receive(self, message):
        return self.strategy.answer(self.view, message)


def world(members, *, local_price="marginal", objective=Objective.MEMBERS):
    """Give a market of microgrids whose gates `tests.support.gates.clear` runs."""
    agents = {one.name: _Agent(one) for one in members}
    bus = MessageBus(workers=1, keeps_payloads=True)
    for agent in [*agents.values(), SimpleNamespace(name="market", role="market")]:
        bus.register(agent)
    prices = members[0].tariff
    view = MarketView(
        window=prices.window,
        members=tuple(Member(name, LIMIT_KW, LIMIT_KW) for name in agents),
        tariff=prices,
        envelopes={one.name: one.envelope for one in members},
        objective=objective,
        local_price=local_price,
    )
    return SimpleNamespace(bus=bus, view=view, agents=agents, said=[])


def bills(clearing, prices):
    """What each pays by its plan, trades and transfers. [currency]"""
    found = {}
    for name, plan in clearing.plans.items():
        own = [t for t in clearing.trades if name in (t.seller, t.buyer)]
        sign = [1.0 if t.seller == name else -1.0 for t in own]
        trade_kw = sum(
            (s * t.kw for s, t in zip(sign, own, strict=True)), np.zeros(len(plan.exchange_kw))
        )
        grid_kw = plan.exchange_kw - trade_kw
        paid = prices.buy_per_kwh @ np.maximum(-grid_kw, 0.0)
        paid -= prices.export_per_kwh @ np.maximum(grid_kw, 0.0)
        paid += prices.local_charge_per_kwh @ np.maximum(-trade_kw, 0.0)
        paid -= sum(s * float(t.kw @ t.price_per_kwh) for s, t in zip(sign, own, strict=True))
        found[name] = plan.private_cost + float(paid)
        found[name] += float(clearing.transfers[name].sum()) if clearing.transfers else 0.0
    return found
