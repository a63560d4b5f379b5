"""Microgrids without Mesa, and a gate run over the bus with everything that is said kept."""

from dataclasses import replace
from types import SimpleNamespace

from mmgsim.contracts import MarketView, Member, Objective
from mmgsim.engine import MessageBus
from mmgsim.testing import sample_view
from mmgsim_agents.strategies import CostMinimiser


class Correspondent:
    """A microgrid without Mesa: a view and a strategy."""

    role = "microgrid"

    def __init__(self, name, seed, tariff):
        view = sample_view(seed)
        self.name = name
        self.view = replace(
            view, name=name, tariff=tariff, envelope=replace(view.envelope, microgrid=name)
        )
        self.strategy = CostMinimiser()

    def may_answer_in_thread(self, message):
        return type(message) in self.strategy.answers_in_threads

    def receive(self, message):
        return self.strategy.answer(self.view, message)


def make_world(members, seed=0, *, objective=Objective.MEMBERS, workers=1, diesel=False):
    """Give a market of microgrids without diesel (odd seeds of sample views), or all with it."""
    tariff = sample_view(1001 + 2 * seed).tariff
    names = [f"M{k}" for k in range(members)]
    stride, first = (4, 2) if diesel else (2, 1)
    seeds = [first + stride * (50 * seed + k) for k in range(members)]
    agents = {
        name: Correspondent(name, number, tariff) for name, number in zip(names, seeds, strict=True)
    }
    bus = MessageBus(workers=workers, keeps_payloads=True)
    for agent in [*agents.values(), SimpleNamespace(name="market", role="market")]:
        bus.register(agent)
    view = MarketView(
        window=tariff.window,
        members=tuple(Member(name, 1e3, 1e3) for name in names),
        tariff=tariff,
        envelopes={agent.name: agent.view.envelope for agent in agents.values()},
        objective=objective,
    )
    return SimpleNamespace(bus=bus, view=view, agents=agents, said=[])


def clear(world, mechanism, memory=None):
    """Run one gate and keep what was said in `world.said`."""
    mechanism.start(world.view, memory or {})
    clearing = None
    world.bus.take_payloads()
    while clearing is None:
        clearing = mechanism.tell(world.bus.exchange("market", mechanism.ask()))
    world.said = world.bus.take_payloads()
    return clearing
