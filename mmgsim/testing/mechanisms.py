"""Holding a mechanism against its contract, in markets of a few microgrids without Mesa."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    GrantQuery,
    Grants,
    MarketView,
    Mechanism,
    Message,
    NetworkQuery,
    Order,
    OrderQuery,
    Orders,
    Plan,
    Side,
    Strategy,
    Trade,
    View,
    moved_ahead,
)
from mmgsim.coordination import Central
from mmgsim.coordination.pool import charges_apart, plan_costs
from mmgsim.engine import packed
from mmgsim.engine.checkpoint import unpacked
from mmgsim.errors import near_miss
from mmgsim.profiles import stream
from mmgsim.scenario import Kind, create
from mmgsim.subproblems import clearing_faults, storage_rules
from mmgsim.testing.orders import order_faults
from mmgsim.testing.samples import END_OF_WINDOW, sample_market
from mmgsim.testing.wording import content, in_world, memory_faults, raise_if_any

__all__ = ["check_mechanism", "mechanism_faults"]

# Of one gate; the slowest mechanisms that come with mmgsim take some eighty.
MOST_EXCHANGES = 300

# Of gross cost: larger than the rounding of solvers, smaller than anything that matters.
TOLERANCE = 1e-6

_DNO = "dno"


def check_mechanism(make: Callable[[], Mechanism], *, seeds: int = 4) -> None:
    """Hold a mechanism against its contract in several random markets of two to five microgrids.

    Checked: it asks only what stands in `asks`, and only members (or the DNO, for grants and
    about its network); a gate ends; the clearing holds together, its plans are the last ones
    that were given, its upper bound is what they cost, its lower one is above nothing that is
    possible; trades are what was awarded; where it asks for nothing but orders, nobody trades
    more than it ordered, sells below its asks or buys above its bids, which differ from member
    to member; the memory can be written, and is not changed by the gate that it is given to;
    two new ones give the same; a gate after a gate costs what a new one with the same memory
    makes it cost; `reset`, where it has that, makes it as new.

    Parameters
    ----------
    make : callable
        Gives a new mechanism; usually its class.
    seeds : int
        How many markets.

    Raises
    ------
    ContractError
        Naming every broken promise.
    """
    faults = [fault for seed in range(seeds) for fault in mechanism_faults(make, seed)]
    raise_if_any(make, faults, "mechanism_faults(make, N), with sample_market(N)")


def mechanism_faults(make: Callable[[], Mechanism], seed: int = 0) -> list[str]:
    """Give every broken promise of a mechanism in one random market."""
    mechanism = make()
    if not isinstance(mechanism, Mechanism):
        return ["is no Mechanism: it needs `asks`, `start`, `ask` and `tell`"]
    market = _Market(*sample_market(seed), seed)
    faults = list(in_world(seed, "gate", partial(_gate_faults, mechanism, market)))
    if not faults:  # a gate that does not clear says nothing about the next one
        faults += in_world(seed, "two gates", partial(_sequel_faults, make, mechanism, market))
        faults += in_world(seed, "sameness", partial(_sameness_faults, make, mechanism, market))
    return faults


# ----------------------------------------------------------------------------------- the market
class _Market:
    """A market with its microgrids, each answered by a strategy that tells the truth.

    Only in orders each wants a gain of its own, so that there are many prices.
    """

    def __init__(self, view: MarketView, members: Mapping[str, View], seed: int) -> None:
        self.view = view
        self._seed = seed
        self._members = members
        self._strategies: dict[str, Strategy] = {
            name: create(Kind.STRATEGY, "cost-minimiser", {}) for name in members
        }

    def reset(self) -> None:
        """Have everybody answer like new, so that only the mechanism may remember."""
        for strategy in self._strategies.values():
            getattr(strategy, "reset")()  # noqa: B009  not in the contract, but this one has it

    def answer(self, question: Message) -> Message:
        """Give the reply of the addressee, as the bus would deliver it."""
        if isinstance(question, GrantQuery):
            reply: Message = Grants(grants=question.requests)
        else:
            name = question.to
            reply = self._strategies[name].answer(self._members[name], question)
            if isinstance(reply, Plan):
                reply = reply.public()
            elif isinstance(reply, Orders):
                reply = self._with_gain(reply, name)
        return replace(reply, sender=question.to, to="market")

    def _with_gain(self, reply: Orders, name: str) -> Orders:
        """Ask for more and bid less than the grid would, by shares of each member's own."""
        rng = stream(self._seed, "testing", "orders", name)
        scale = {Side.SELL: rng.uniform(1.0, 2.0), Side.BUY: rng.uniform(0.5, 1.0)}
        orders = [
            replace(order, price_per_kwh=float(order.price_per_kwh * scale[order.side]))
            for order in reply.orders
        ]
        return replace(reply, orders=tuple(orders))

    def ahead(self) -> _Market:
        """Give the same market one step later, as far as anybody knows."""
        members = {name: _ahead(view) for name, view in self._members.items()}
        first = next(iter(members.values()))
        envelopes = {name: view.envelope for name, view in members.items()}
        view = replace(self.view, window=first.window, tariff=first.tariff, envelopes=envelopes)
        return _Market(view, members, self._seed)


def _ahead(view: View) -> View:
    """Give a microgrid's view one step later: what comes new repeats what was a day before."""
    window = replace(
        view.window, first_step=view.window.first_step + 1, start=view.window.times()[1]
    )
    tariff, envelope = (_series_ahead(part) for part in (view.tariff, view.envelope))
    ends = (window.steps - 1,)
    return replace(
        view,
        window=window,
        forecast_kw={name: _moved(kw) for name, kw in view.forecast_kw.items()},
        storage=storage_rules(END_OF_WINDOW, view.devices, view.state, window, ends),
        tariff=replace(tariff, window=window),
        envelope=replace(envelope, window=window),
    )


def _series_ahead(message: Any) -> Any:
    names = [name for name in message.__slots__ if isinstance(getattr(message, name), np.ndarray)]
    return replace(message, **{name: _moved(getattr(message, name)) for name in names})


def _moved(values: FloatArray) -> FloatArray:
    return moved_ahead(values, 1, len(values))


# -------------------------------------------------------------------------------------- a gate
@dataclass(frozen=True, slots=True, eq=False)
class _Gate:
    """What came of a gate: clearing, awards, plans, what was wrong, and orders of an auction."""

    clearing: Any
    awarded: Mapping[str, tuple[Trade, ...]]
    plans: Mapping[str, Plan]
    faults: tuple[str, ...] = ()
    orders: Mapping[str, Sequence[Order]] = field(default_factory=dict)


def _run(mechanism: Mechanism, market: _Market, memory: Mapping[str, Any]) -> _Gate:
    """Run one gate."""
    market.reset()
    mechanism.start(market.view, memory)
    awarded: dict[str, tuple[Trade, ...]] = {}
    plans: dict[str, Plan] = {}
    orders: dict[str, list[Order]] = {member.name: [] for member in market.view.members}
    asked: set[type] = set()
    for _ in range(MOST_EXCHANGES):
        questions = mechanism.ask()
        faults = tuple(_question_faults(mechanism, questions, market.view))
        if faults:
            return _Gate(None, awarded, plans, faults)
        replies = [market.answer(question) for question in questions]
        awarded |= {x.to: x.trades for x in questions if isinstance(x, Award)}
        plans |= {reply.sender: reply for reply in replies if isinstance(reply, Plan)}
        for reply in replies:
            if isinstance(reply, Orders):
                orders[reply.sender] += reply.orders
        asked |= {type(question) for question in questions}
        clearing = mechanism.tell(replies)
        if clearing is not None:
            # Whoever asks for more than orders may know of better terms than these.
            is_auction = OrderQuery in asked and asked <= {OrderQuery, Award}
            return _Gate(clearing, awarded, plans, orders=orders if is_auction else {})
    what = (
        f"does not clear after {MOST_EXCHANGES} exchanges; "
        "tell() has to give a Clearing at some time, with the gap that is left then"
    )
    return _Gate(None, awarded, plans, (what,))


def _question_faults(
    mechanism: Mechanism, questions: list[Message], view: MarketView
) -> Iterator[str]:
    names = [member.name for member in view.members]
    for question in questions:
        kind = type(question).__name__
        if not isinstance(question, Message):
            yield f"asks {kind}, which is no Message"
        elif question.to == _DNO and isinstance(question, GrantQuery | NetworkQuery):
            continue
        elif question.to not in names:
            near = near_miss(question.to, names)
            yield f"asks {kind} of {question.to!r}, who is no member; {near}"
        elif type(question) not in mechanism.asks:
            yield (
                f"asks {kind}, which is not in its `asks`; "
                "add it, so that strategies that do not answer it are refused beforehand"
            )


def _gate_faults(mechanism: Mechanism, market: _Market) -> Iterator[str]:
    """Tell what is wrong with the first gate of a mechanism."""
    gate = _run(mechanism, market, {})
    yield from gate.faults
    if gate.faults:
        return
    found = clearing_faults(gate.clearing, market.view, gate.awarded, gate.plans)
    yield from found
    if found:
        return
    yield from order_faults(gate.clearing.trades, gate.orders, market.view.window.steps)
    yield from _bound_faults(gate, market)
    yield from memory_faults(gate.clearing.memory)


def _bound_faults(gate: _Gate, market: _Market) -> Iterator[str]:
    """Tell where the plans are not those that were given, or do not cost what is said."""
    clearing: Clearing = gate.clearing
    cost, gross = plan_costs(market.view, clearing.plans, _trade_kw(clearing))
    cost += charges_apart(market.view, clearing.trades)[0]
    slack = TOLERANCE * gross
    if abs(clearing.upper - cost) > slack:
        yield (
            f"upper is {clearing.upper:g}, but its plans cost {cost:g}; "
            "upper is the objective cost of the plans, see coordination.pool.plan_costs"
        )
    if clearing.lower is None:
        return
    if clearing.lower > clearing.upper + slack:
        yield f"lower is {clearing.lower:g}, above upper, {clearing.upper:g}; give None if unproven"
        return
    best = _run(Central(), market, {}).clearing
    if clearing.lower > best.upper + slack:
        yield (
            f"lower is {clearing.lower:g}, but plans that cost {best.upper:g} exist; "
            "a lower bound holds for all plans, give None if unproven"
        )


def _trade_kw(clearing: Clearing) -> dict[str, FloatArray]:
    """Give sold minus bought by name of microgrid. [kW]"""
    trade_kw = {name: np.zeros(clearing.window.steps) for name in clearing.plans}
    for trade in clearing.trades:
        for party, kw in ((trade.seller, trade.kw), (trade.buyer, -trade.kw)):
            if party in trade_kw:
                trade_kw[party] = trade_kw[party] + kw
    return trade_kw


# --------------------------------------------------------------------------------- several gates
def _sequel_faults(
    make: Callable[[], Mechanism], used: Mechanism, market: _Market
) -> Iterator[str]:
    """Tell whether a gate after a gate depends on more than the memory that it is given."""
    memory = _run(used, market, {}).clearing.memory
    before = packed(dict(memory))
    later = market.ahead()
    second = _run(used, later, memory)
    faults = list(second.faults)
    faults += clearing_faults(second.clearing, later.view, second.awarded, second.plans)
    yield from (f"the gate after a gate: {fault}; start() begins anew" for fault in faults)
    if packed(dict(memory)) != before:
        yield "changes the memory that it is given; give a new dict in Clearing.memory"
    if faults:
        return
    alike = _run(make(), later, unpacked(before)).clearing
    apart = abs(second.clearing.upper - alike.upper)
    if apart > _slack(second.clearing) + _slack(alike):
        yield (
            f"a second gate costs {second.clearing.upper:g}, with a new one {alike.upper:g}; "
            "what start() is to know of the last gate goes into Clearing.memory"
        )


def _slack(clearing: Clearing) -> float:
    """Give how far a clearing may be from another one that is as good. [currency]"""
    gap = 0.0 if clearing.lower is None else max(clearing.upper - clearing.lower, 0.0)
    return gap + TOLERANCE * clearing.gross_cost


def _sameness_faults(
    make: Callable[[], Mechanism], used: Mechanism, market: _Market
) -> Iterator[str]:
    """Tell where mechanisms clear the same gate differently that should not."""
    one, other = (content(_run(make(), market, {}).clearing) for _ in range(2))
    if one != other:
        yield (
            "two new ones clear the same gate differently; "
            "draw nothing at random, and share nothing between instances"
        )
        return
    reset = getattr(used, "reset", None)
    if reset is None:
        return
    reset()
    if content(_run(used, market, {}).clearing) != one:
        yield (
            "after reset() it clears a gate otherwise than a new one; "
            "reset() has to drop all that it remembers"
        )
