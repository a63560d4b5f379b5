"""Which limits of the network had a price in a step, and which: the elements by pandapower's names.

A price is what a whole further limit of that size would save, in currency per hour: one percent
more of the limit saves a hundredth of it, as far as prices hold.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from mmgsim.contracts import LimitKind, ShadowPrices
from mmgsim.network import Feeder

__all__ = ["LimitPrice", "limit_prices"]


@dataclass(frozen=True, slots=True)
class LimitPrice:
    """What a limit was worth in one step.

    Parameters
    ----------
    limit : LimitKind
        Kind of the limit.
    element : str
        bus, line or trafo.
    index : int
        In its table of the pandapower net.
    price_per_h : float
        [currency/h]
    """

    limit: LimitKind
    element: str
    index: int
    price_per_h: float


def limit_prices(feeder: Feeder, shadow: ShadowPrices, offset: int) -> tuple[LimitPrice, ...]:
    """Give the limits of one step that had a price, the dearest first.

    Parameters
    ----------
    feeder : Feeder
        Whose elements these are.
    shadow : ShadowPrices
        What its limits were worth; rows about the same limit are added up.
    offset : int
        Position of the step in the window of `shadow`.
    """
    worth: defaultdict[tuple[LimitKind, str, int], float] = defaultdict(float)
    for number, at in enumerate(shadow.offset):
        if at == offset:
            kind = shadow.limit_kind[number]
            place = _place(feeder, kind, shadow.element[number])
            worth[(kind, *place)] += shadow.worth_per_h[number]
    found = (LimitPrice(*limit, float(price)) for limit, price in worth.items() if price > 0.0)
    return tuple(sorted(found, key=lambda one: (-one.price_per_h, one.limit, one.index)))


def _place(feeder: Feeder, kind: LimitKind, position: int) -> tuple[str, int]:
    """Give table and label of a position: among the buses, or the lines and then transformers."""
    if kind is not LimitKind.CURRENT:
        return "bus", feeder.buses[position]
    lines = len(feeder.lines)
    if position < lines:
        return "line", feeder.lines[position]
    return "trafo", feeder.trafos[position - lines]
