"""Holding a strategy against its contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Bulletin,
    Disclose,
    Disclosure,
    Dispatch,
    Grant,
    Item,
    LedgerLine,
    Message,
    Offer,
    OrderQuery,
    Orders,
    Party,
    Plan,
    PriceQuery,
    ProximalOffer,
    ProximalQuery,
    Realised,
    Request,
    RequestQuery,
    Statement,
    Strategy,
    View,
    frozen,
)
from mmgsim.coordination.pool import pool_trades
from mmgsim.engine import packed
from mmgsim.subproblems import (
    dispatch_faults,
    offer_faults,
    orders_faults,
    plan_faults,
    reply_faults,
)
from mmgsim.testing.samples import sample_view
from mmgsim.testing.wording import content, in_world, memory_faults, raise_if_any

__all__ = ["check_strategy", "strategy_faults"]

TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class _Case:
    """A strategy in one sample world."""

    strategy: Strategy
    view: View

    def ask(self, message: Message) -> Any:
        return self.strategy.answer(self.view, replace(message, to=self.view.name))


def check_strategy(make: Callable[[], Strategy], *, seeds: int = 5) -> None:
    """Hold a strategy against its contract in several random worlds.

    Checked: it answers each kind of message with the right kind, shape and finite numbers; plans
    meet the envelope, the devices and the levels at the end of the window, and balance; awards are
    followed, and firm trades alone are planned with; dispatch is possible with what really
    happened; two new strategies give the same answers and the same dispatch to the same view, and
    so does an old one, after `reset` where it has that; the memory of a dispatch can be written and
    comes back; views stay as they were.

    Not checked, because nobody outside can tell: whether private costs and disclosures are true,
    and whether the decisions that a `PriceQuery` holds are the ones that were taken.

    Parameters
    ----------
    make : callable
        Gives a new strategy; usually its class.
    seeds : int
        How many worlds.

    Raises
    ------
    ContractError
        Naming every broken promise.
    """
    faults = [fault for seed in range(seeds) for fault in strategy_faults(make, seed)]
    raise_if_any(make, faults, "strategy_faults(make, N), with sample_view(N)")


def strategy_faults(make: Callable[[], Strategy], seed: int = 0) -> list[str]:
    """Give every broken promise of a strategy in one random world."""
    strategy = make()
    if not isinstance(strategy, Strategy):
        return ["is no Strategy: it needs `answers`, `answer` and `dispatch`"]
    case = _Case(strategy, sample_view(seed))
    before = packed(replace(case.view, rng=None))
    faults: list[str] = []
    for kind, check in _CHECKS.items():
        if kind in strategy.answers:
            faults += in_world(seed, kind.__name__, partial(check, case))
    faults += in_world(seed, "dispatch", partial(_dispatch_faults, case))
    faults += in_world(seed, "memory", partial(_memory_faults, case))
    if packed(replace(case.view, rng=None)) != before:
        faults.append(
            f"world {seed}: it changes its view; keep things in Dispatch.memory, which comes back"
        )
    faults += in_world(seed, "sameness", partial(_sameness_faults, make, strategy, seed))
    return faults


def _questions(view: View) -> dict[type[Message], Message]:
    """Give a question of each kind that every microgrid can be asked at once."""
    prices = frozen([view.tariff.buy_per_kwh, view.tariff.export_per_kwh])
    questions = (
        Award(window=view.window),
        Disclose(window=view.window),
        OrderQuery(window=view.window, offsets=(0, 1)),
        PriceQuery(window=view.window, prices_per_kwh=prices, alone=True),
        _proximal_query(view),
        RequestQuery(window=view.window),
    )
    return {type(question): question for question in questions}


def _answers(strategy: Strategy, seed: int) -> dict[str, str]:
    """Give what a strategy answers in a world, by kind of question, and what it then does."""
    case = _Case(strategy, sample_view(seed))
    said = {
        kind.__name__: content(case.ask(question))
        for kind, question in _questions(case.view).items()
        if kind in strategy.answers
    }
    view = _planned(case)
    dispatch = strategy.dispatch(view, _realised(view, 1.3))
    # Objects in a memory are written by address; the plain values of the rest are not.
    said["dispatch"] = content((dispatch.operations, dispatch.flags))
    return said


def _sameness_faults(make: Callable[[], Strategy], used: Strategy, seed: int) -> Iterator[str]:
    """Tell where strategies answer the same view differently that should not."""
    new = _answers(make(), seed)
    for kind, answer in _answers(make(), seed).items():
        if answer != new[kind]:
            yield (
                f"two new ones answer {kind} differently: the same view gives two different "
                "answers; draw from view.rng, and share nothing between instances"
            )
    reset = getattr(used, "reset", None)
    when, cure = "once used", "keep nothing, or drop it in a reset()"
    if reset is not None:
        reset()
        when, cure = "after reset()", "reset() has to drop all that it remembers"
    for kind, answer in _answers(used, seed).items():
        if answer != new[kind]:
            yield f"{when} it answers {kind} otherwise than a new one; {cure}"


def _memory_faults(case: _Case) -> Iterator[str]:
    """Tell whether what a dispatch wants to keep can be kept, and be given back."""
    view = _planned(case)
    realised = _realised(view, 1.0)
    first = case.strategy.dispatch(view, realised)
    if not isinstance(first, Dispatch):
        return
    faults = list(memory_faults(first.memory))
    yield from faults
    if faults:
        return
    kept = dict(first.memory)
    before = packed(kept)
    later = _Case(case.strategy, replace(view, memory=kept, messages=_news(view)))
    again = case.strategy.dispatch(_planned(later), realised)
    if isinstance(again, Dispatch):
        yield from memory_faults(again.memory)
    if packed(kept) != before:
        yield "it changes view.memory; give a new dict in Dispatch.memory"


def _news(view: View) -> tuple[Message, ...]:
    """Give what the market tells of a step in which 1 kWh was sold at 0.2."""
    sale = LedgerLine(str(Party.MARKET), view.name, Item.LOCAL_TRADE, 1.0, 0.2)
    one, price = frozen([1.0]), frozen([0.2])
    told = Bulletin(sold_kw=one, sold_per_kwh=price, bought_kw=one, bought_per_kwh=price)
    return Statement(to=view.name, lines=(sale,)), replace(told, to=view.name)


def _check_award(case: _Case) -> Iterator[str]:
    view = case.view
    first = case.ask(Award(window=view.window))
    yield from plan_faults(first, view)
    if not isinstance(first, Plan):
        return
    half_kw, price = {view.name: first.exchange_kw * 0.5}, np.full(view.window.steps, 1.0)
    award = Award(window=view.window, trades=pool_trades(half_kw, price))
    yield from plan_faults(case.ask(award), view)
    followed = case.ask(replace(award, exchange_kw=first.exchange_kw))
    yield from plan_faults(followed, view)
    if isinstance(followed, Plan):
        apart_kw = np.abs(followed.exchange_kw - first.exchange_kw).max()
        if apart_kw > TOLERANCE:
            yield f"an awarded exchange that it had planned itself is missed by {apart_kw:g} kW"


def _check_disclose(case: _Case) -> Iterator[str]:
    message = Disclose(window=case.view.window)
    reply = case.ask(message)
    if not isinstance(reply, Disclosure):
        yield f"gives {type(reply).__name__}, not Disclosure"
        return
    yield from reply_faults(reply, case.view, message)


def _check_price_query(case: _Case) -> Iterator[str]:
    view = case.view
    prices = frozen([view.tariff.buy_per_kwh, view.tariff.export_per_kwh])
    for in_parts in (False, True):
        query = PriceQuery(
            window=view.window, prices_per_kwh=prices, in_parts=in_parts, alone=True, again=True
        )
        reply = case.ask(query)
        faults = list(_reply_faults(reply, query, view))
        yield from faults
        if faults:
            return
        if any(reply.indivisible):
            held = tuple(0 if is_whole else -1 for is_whole in reply.indivisible)
            later = replace(query, alone=False, again=False, held=held)
            faults = list(_reply_faults(case.ask(later), later, view))
            yield from (f"with decisions held: {fault}" for fault in faults)


def _reply_faults(reply: Any, query: PriceQuery, view: View) -> Iterator[str]:
    """Tell what is wrong with the reply to a query of prices."""
    if not isinstance(reply, Offer):
        yield f"gives {type(reply).__name__}, not Offer"
        return
    faults = list(offer_faults(reply, query))
    yield from faults
    if faults:
        return
    exchange_kw = reply.exchange_kw.sum(1)
    if reply.hourly_kw is not None:
        exchange_kw = exchange_kw + reply.hourly_kw
    # In parts the market keeps the envelope, but for the offer without local trade.
    queries = len(query.prices_per_kwh)
    bound = exchange_kw[queries if query.in_parts else 0 : queries + query.alone]
    over_kw = np.maximum(
        bound - view.envelope.export_limit_kw, -view.envelope.import_limit_kw - bound
    )
    if (over_kw > TOLERANCE).any():
        yield f"an offer leaves the envelope by {over_kw.max():g} kW"


def _proximal_query(view: View) -> ProximalQuery:
    """Give a query near an exchange of nothing, with a pull of a tenth of the price a kW."""
    price = view.tariff.buy_per_kwh
    return ProximalQuery(
        window=view.window,
        price_per_kwh=price,
        target_kw=frozen(np.zeros(view.window.steps)),
        penalty_per_kwh_kw=0.1 * max(float(np.abs(price).mean()), 1e-3),
    )


def _check_proximal_query(case: _Case) -> Iterator[str]:
    query = _proximal_query(case.view)
    reply = case.ask(query)
    if not isinstance(reply, ProximalOffer):
        yield f"gives {type(reply).__name__}, not ProximalOffer"
        return
    yield from reply_faults(reply, case.view, query)


def _check_request(case: _Case) -> Iterator[str]:
    reply = case.ask(RequestQuery(window=case.view.window))
    if not isinstance(reply, Request):
        yield f"gives {type(reply).__name__}, not Request"
        return
    if reply.lack_kw.min() < 0.0 or reply.surplus_kw.min() < 0.0:
        yield "lack and surplus are not both >= 0"
    if np.minimum(reply.lack_kw, reply.surplus_kw).max() > TOLERANCE:
        yield "lacks and has left over in the same step"
    grant = Grant(window=case.view.window, lack_kw=reply.lack_kw, surplus_kw=reply.surplus_kw)
    if Grant in case.strategy.answers:
        yield from plan_faults(case.ask(grant), case.view)


def _check_orders(case: _Case) -> Iterator[str]:
    query = OrderQuery(window=case.view.window, offsets=(0, 1))
    reply = case.ask(query)
    if not isinstance(reply, Orders):
        yield f"gives {type(reply).__name__}, not Orders"
        return
    faults = list(orders_faults(reply, query))
    yield from faults
    if not faults and any(order.kw == 0.0 for order in reply.orders):
        yield "an order is empty; leave it out"


def _dispatch_faults(case: _Case) -> Iterator[str]:
    view = _planned(case)
    for factor in (1.0, 0.0, 1.3):
        realised = _realised(view, factor)
        dispatch = case.strategy.dispatch(view, realised)
        yield from dispatch_faults(view, realised, dispatch)


def _planned(case: _Case) -> View:
    """Give the view after a gate: with a plan, where the strategy makes one."""
    if Award not in case.strategy.answers:
        return case.view
    plan = case.ask(Award(window=case.view.window))
    return replace(case.view, plan=plan if isinstance(plan, Plan) else None)


def _realised(view: View, factor: float) -> Realised:
    """Give a first step that is so many times what was forecast."""
    return Realised(0, {name: factor * float(kw[0]) for name, kw in view.forecast_kw.items()})


_CHECKS: dict[type[Message], Callable[[_Case], Iterator[str]]] = {
    Award: _check_award,
    Disclose: _check_disclose,
    OrderQuery: _check_orders,
    PriceQuery: _check_price_query,
    ProximalQuery: _check_proximal_query,
    RequestQuery: _check_request,
}
