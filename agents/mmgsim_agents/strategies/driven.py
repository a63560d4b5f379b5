"""Do what somebody outside wants, as far as it can be done: the door for learners and people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mmgsim.contracts import (
    Award,
    Battery,
    FloatArray,
    Grant,
    Instruction,
    Message,
    OrderQuery,
    Orders,
    RequestQuery,
    Side,
    View,
)
from mmgsim.errors import ContractError, near_miss
from mmgsim.subproblems import MicrogridInputs, MicrogridPlan, Terms, disclosure_of
from mmgsim_agents.strategies.base import OptimisingStrategy
from mmgsim_agents.strategies.markup import marked_up

__all__ = ["Driven"]


class Driven(OptimisingStrategy):
    """Runs its storage in this step as it is told, and all else as cheaply as that allows.

    An `Instruction` that it received since the last step says what each battery should do and what
    orders are marked up by; the last one counts. The plan that leaves it is the feasible one whose
    first step is nearest to that, by the sum of absolute distances of the batteries; among these,
    the cheapest over the whole window, so that later steps are as cheap as can be. Levels, ramps
    and load are kept before what is wanted. Without an instruction it makes its cost small.

    It answers nothing that would fix its exchange for it: prices, disclosure.
    """

    answers: frozenset[type[Message]] = frozenset({Award, Grant, OrderQuery, RequestQuery})

    def plan(self, view: View, terms: Terms) -> MicrogridPlan:
        """Give the cheapest of the plans whose first step is nearest to what is wanted."""
        told = _instruction(view)
        wanted_kw = {} if told is None or terms.is_award else _wanted_kw(view, told)
        if not wanted_kw:
            return super().plan(view, terms)
        inputs = MicrogridInputs(disclosure_of(view), terms)
        return self.projection(view).project(inputs, view.window.first_step, wanted_kw)

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Order what the wanted operation leaves open, at its true value and the markup.

        Who asks and bids in one step, as with diesel, gives away no more than what lies between
        its two true values: it would trade with itself otherwise.
        """
        told = _instruction(view)
        true = super().order(view, query)
        return _uncrossed(true, marked_up(true, 0.0 if told is None else told.markup))


def _uncrossed(true: Orders, wanted: Orders) -> Orders:
    """Keep own asks at or above the middle between true asks and bids of a step, bids below it.

    Without effect on prices that are no worse than the true ones, and where there is one side only.
    """
    least_ask, most_bid = _best(true, Side.SELL, min), _best(true, Side.BUY, max)
    middle = {k: (least_ask[k] + most_bid[k]) / 2 for k in least_ask.keys() & most_bid.keys()}
    keep: dict[Side, Callable[[float, float], float]] = {Side.SELL: max, Side.BUY: min}
    return Orders(
        orders=tuple(
            replace(
                order,
                price_per_kwh=keep[order.side](
                    order.price_per_kwh, middle.get(order.offset, order.price_per_kwh)
                ),
            )
            for order in wanted.orders
        )
    )


def _best(orders: Orders, side: Side, better: Callable[[float, float], float]) -> dict[int, float]:
    """Give the best price of a side by step, which is the one that meets others first."""
    best: dict[int, float] = {}
    for order in orders.orders:
        if order.side is side:
            price = order.price_per_kwh
            best[order.offset] = better(best.get(order.offset, price), price)
    return best


def _instruction(view: View) -> Instruction | None:
    """Give the last instruction since the last step."""
    told = [message for message in view.messages if isinstance(message, Instruction)]
    return told[-1] if told else None


def _wanted_kw(view: View, told: Instruction) -> dict[str, FloatArray]:
    """Give what is wanted of each battery: in the first step alone, NaN elsewhere. [kW]"""
    batteries = [device.name for device in view.devices if isinstance(device, Battery)]
    strangers = sorted(told.net_kw.keys() - set(batteries))
    if strangers:
        raise ContractError(
            view.name,
            [f"is told about {x!r}, no battery; {near_miss(x, batteries)}" for x in strangers],
        )
    wanted_kw = {}
    for name in batteries if told.net_kw else ():
        wanted_kw[name] = np.full(view.window.steps, np.nan)
        wanted_kw[name][0] = told.net_kw.get(name, np.nan)
    return wanted_kw
