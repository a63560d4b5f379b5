"""Markets small enough for a pencil: a few steps, a few microgrids, round numbers."""

from datetime import UTC, datetime
from types import MappingProxyType, SimpleNamespace

import numpy as np

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Envelope,
    Load,
    MarketView,
    Member,
    Objective,
    Renewable,
    RenewableKind,
    StorageRule,
    Tariff,
    View,
    Window,
    frozen,
)
from mmgsim.engine import MessageBus
from mmgsim.profiles import stream
from mmgsim_agents.strategies import CostMinimiser

LIMIT_KW = 100.0


def pencil_tariff(buy, sell, *, charge=0.0, local=0.0):
    """Give a tariff of as many steps as `buy` has, which is without the network charge."""
    steps = len(buy)
    return Tariff(
        window=Window(0, steps, 1.0, datetime(2021, 1, 11, tzinfo=UTC)),
        import_per_kwh=frozen(buy),
        export_per_kwh=frozen(sell),
        network_charge_per_kwh=frozen(np.full(steps, charge)),
        local_charge_per_kwh=frozen(np.full(steps, local)),
        upstream_per_kwh=frozen(buy),
        imbalance_per_kwh=0.0,
        fixed_per_day=0.0,
    )


def pencil_view(name, tariff, *, load_kw=None, sun_kw=None, battery=None, limit_kw=LIMIT_KW):
    """Give a microgrid with demand, sun and (energy, level at the start, efficiency) of storage.

    The level at the end of the window is free and worth nothing.
    """
    steps = tariff.window.steps
    devices, forecast_kw, energy_kwh = [], {}, {}
    if load_kw is not None:
        devices.append(Load("load", 10.0))
        forecast_kw["load"] = frozen(load_kw)
    if sun_kw is not None:
        devices.append(Renewable("sun", RenewableKind.PV, float(np.max(sun_kw))))
        forecast_kw["sun"] = frozen(sun_kw)
    if battery is not None:
        most_kwh, energy_kwh["store"], efficiency = battery
        devices.append(Battery("store", most_kwh, 0.0, LIMIT_KW, efficiency, 0.0))
    limits_kw = frozen(np.full(steps, limit_kw))
    any_level = StorageRule(frozen(np.zeros(steps)), frozen(np.full(steps, LIMIT_KW)))
    return View(
        name=name,
        window=tariff.window,
        devices=tuple(devices),
        state=CarriedState(MappingProxyType(energy_kwh)),
        forecast_kw=MappingProxyType(forecast_kw),
        storage=MappingProxyType(dict.fromkeys(energy_kwh, any_level)),
        tariff=tariff,
        envelope=Envelope(
            microgrid=name,
            window=tariff.window,
            import_limit_kw=limits_kw,
            export_limit_kw=limits_kw,
        ),
        rng=stream(0, "pencil", name),
    )


class Pencil:
    """A microgrid without Mesa."""

    role = "microgrid"

    def __init__(self, view, strategy=None):
        self.name, self.view = view.name, view
        self.strategy = CostMinimiser() if strategy is None else strategy

    def may_answer_in_thread(self, message):
        return False

    def receive(self, message):
        return self.strategy.answer(self.view, message)


def pencil_world(views, *, strategies=None, steps_to_gate=None):
    """Give what `tests.support.gates.clear` runs a gate of."""
    agents = {v.name: Pencil(v, (strategies or {}).get(v.name)) for v in views}
    bus = MessageBus(workers=1, keeps_payloads=True)
    for agent in [*agents.values(), SimpleNamespace(name="market", role="market")]:
        bus.register(agent)
    view = MarketView(
        window=views[0].window,
        members=tuple(Member(v.name, LIMIT_KW, LIMIT_KW) for v in views),
        tariff=views[0].tariff,
        envelopes={v.name: v.envelope for v in views},
        objective=Objective.MEMBERS,
        steps_to_gate=steps_to_gate,
    )
    return SimpleNamespace(bus=bus, view=view, agents=agents, said=[])
