"""Microgrids whose lack and surplus are written down, and paper 004's rule as plain loops."""

from dataclasses import replace
from itertools import combinations
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
    frozen,
)
from mmgsim.engine import MessageBus
from mmgsim.scenario import EndOfWindowConfig
from mmgsim.subproblems import storage_rules
from mmgsim.testing import sample_view
from mmgsim_agents.strategies import SelfConsumer
from tests.support.gates import Correspondent

BUY, SELL, PEER = 0.28, 0.10, 0.15
"""Epg, Esg and Ep of paper 004. [USD/kWh]"""


def peers(net_kw, *, buy=BUY, sell=SELL, local=0.0, batteries=None, distance_km=None):
    """Give a market of microgrids with this generation less demand, and batteries where named.

    Parameters
    ----------
    net_kw : dict of sequences
        By name of microgrid, all of one length. [kW]
    batteries : dict of Battery
        By name of microgrid; empty at the start of the window.
    """
    steps = len(next(iter(net_kw.values())))
    sample = sample_view(1, steps=steps)
    tariff = Tariff(
        window=sample.window,
        import_per_kwh=frozen(np.broadcast_to(buy, steps)),
        export_per_kwh=frozen(np.broadcast_to(sell, steps)),
        network_charge_per_kwh=frozen(np.zeros(steps)),
        local_charge_per_kwh=frozen(np.broadcast_to(local, steps)),
        upstream_per_kwh=frozen(np.full(steps, 0.12)),
        imbalance_per_kwh=0.0,
        fixed_per_day=0.0,
    )
    agents = {}
    for name, kw in net_kw.items():
        agents[name] = Correspondent(name, 1, tariff)
        battery = (batteries or {}).get(name)
        agents[name].view = _view(agents[name].view, np.asarray(kw, float), battery, tariff)
        agents[name].strategy = SelfConsumer()
    bus = MessageBus(keeps_payloads=True)
    for agent in [*agents.values(), SimpleNamespace(name="market", role="market")]:
        bus.register(agent)
    view = MarketView(
        window=tariff.window,
        members=tuple(Member(name, 1e4, 1e4) for name in agents),
        tariff=tariff,
        envelopes={name: agent.view.envelope for name, agent in agents.items()},
        objective=Objective.MEMBERS,
        distance_km=None if distance_km is None else frozen(distance_km),
    )
    return SimpleNamespace(bus=bus, view=view, agents=agents, said=[])


def _view(view, net_kw, battery, tariff):
    devices = (Load("load", 1.0), Renewable("sun", RenewableKind.PV, 1e4))
    energy_kwh = {}
    if battery is not None:
        devices, energy_kwh = (*devices, battery), {battery.name: battery.energy_min_kwh}
    state = CarriedState(MappingProxyType(energy_kwh), MappingProxyType({}))
    limit_kw = frozen(np.full(len(net_kw), 1e4))
    return replace(
        view,
        window=tariff.window,
        devices=devices,
        state=state,
        forecast_kw={
            "load": frozen(np.maximum(-net_kw, 0.0)),
            "sun": frozen(np.maximum(net_kw, 0.0)),
        },
        storage=storage_rules(EndOfWindowConfig(kind="free"), devices, state, tariff.window, ()),
        tariff=tariff,
        envelope=replace(
            view.envelope,
            window=tariff.window,
            import_limit_kw=limit_kw,
            export_limit_kw=limit_kw,
        ),
        power_factor=1.0,
    )


def small_battery(energy_kwh=30.0, efficiency=0.95):
    return Battery("battery", energy_kwh, 0.2 * energy_kwh, energy_kwh, efficiency, 0.0)


def traded(clearing):
    """Give the trades by seller and buyer: kW of every step."""
    return {(trade.seller, trade.buyer): trade.kw.tolist() for trade in clearing.trades}


def grid_kw(clearing, name):
    """Give what passes between a microgrid and the grid, positive when it leaves. [kW]"""
    kw = np.array(clearing.plans[name].exchange_kw)
    for trade in clearing.trades:
        kw += (trade.buyer == name) * trade.kw - (trade.seller == name) * trade.kw
    return kw


def paid(world, clearing, name):
    """Give what a microgrid pays in every step: grid, peers, local charge. [currency/h]"""
    tariff, kw = world.view.tariff, grid_kw(clearing, name)
    bill = tariff.buy_per_kwh * np.maximum(-kw, 0.0) - tariff.export_per_kwh * np.maximum(kw, 0.0)
    for trade in clearing.trades:
        bill = bill - (trade.seller == name) * trade.kw * trade.price_per_kwh
        due = trade.price_per_kwh + tariff.local_charge_per_kwh
        bill = bill + (trade.buyer == name) * trade.kw * due
    return bill


def nearest_first(net_kw, km):
    """Match one hour by the paper's rule, pair by pair; distances differ. Returns kW by pair."""
    left, matched = dict(net_kw), {}
    for one, other in sorted(combinations(net_kw, 2), key=lambda pair: km[frozenset(pair)]):
        seller, buyer = (one, other) if left[one] > left[other] else (other, one)
        kw = min(left[seller], -left[buyer])
        if kw > 0.0:
            matched[seller, buyer] = kw
            left[seller] -= kw
            left[buyer] += kw
    return matched
