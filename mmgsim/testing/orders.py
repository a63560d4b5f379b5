"""Whether an auction kept to the orders that it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmgsim.contracts import FloatArray, Order, Side, Trade

__all__ = ["order_faults"]

# Of kW and of currency/h: larger than the rounding of solvers, smaller than anything that matters.
_TOLERANCE = 1e-6

_WORDS = {Side.SELL: ("sells", "gets", "asked"), Side.BUY: ("buys", "pays", "bid")}


def order_faults(
    trades: Sequence[Trade], orders: Mapping[str, Sequence[Order]], steps: int
) -> Iterator[str]:
    """Tell who trades more than it ordered, sells below its asks or buys above its bids.

    Whoever ordered several times in a gate is held to all of that together.

    Parameters
    ----------
    trades : sequence of Trade
        What came of the gate.
    orders : mapping
        All orders of each microgrid, by its name.
    steps : int
        Of the window.
    """
    for name, own in orders.items():
        for side in Side:
            kw, money_per_h = _traded(trades, name, side, steps)
            for offset in np.flatnonzero(kw > _TOLERANCE):
                book = [order for order in own if order.side is side and order.offset == offset]
                fault = _fault(side, float(kw[offset]), float(money_per_h[offset]), book)
                if fault:
                    yield f"{name} {fault} at offset {offset}"
                    break  # the others are probably the same


def _traded(
    trades: Sequence[Trade], name: str, side: Side, steps: int
) -> tuple[FloatArray, FloatArray]:
    """Give what a microgrid sells, or buys, and for how much. [kW], [currency/h]"""
    kw, money_per_h = np.zeros(steps), np.zeros(steps)
    for trade in trades:
        if name == (trade.seller if side is Side.SELL else trade.buyer):
            kw += trade.kw
            money_per_h += trade.kw * trade.price_per_kwh
    return kw, money_per_h


def _fault(side: Side, kw: float, money_per_h: float, book: Sequence[Order]) -> str:
    """Say what is wrong with a trade of a step, if anything, seen from the orders of its side."""
    trades, settles, ordered = _WORDS[side]
    most_kw = sum(order.kw for order in book)
    if kw > most_kw + _TOLERANCE * (1.0 + most_kw):
        return f"{trades} {kw:g} kW, but ordered {most_kw:g} kW on that side"
    sign, left_kw, worth_per_h = (1.0 if side is Side.SELL else -1.0), kw, 0.0
    for order in sorted(book, key=lambda order: sign * order.price_per_kwh):
        worth_per_h += min(order.kw, left_kw) * order.price_per_kwh
        left_kw -= min(order.kw, left_kw)
    if sign * (worth_per_h - money_per_h) <= _TOLERANCE * (1.0 + abs(worth_per_h)):
        return ""
    return (
        f"{trades} {kw:g} kW and {settles} {money_per_h / kw:g} per kWh, "
        f"but {ordered} {worth_per_h / kw:g}"
    )
