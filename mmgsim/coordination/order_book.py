"""The orders of one step, and what comes of them: who buys and sells how much, between what prices.

Orders are filled by price; of equal prices, those of the microgrid whose name comes first are. The
last one may be filled in part. When an order came plays no role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from mmgsim.contracts import Order, Side

__all__ = ["BookResult", "Fill", "clear_book"]


@dataclass(frozen=True, slots=True)
class Fill:
    """The filled part of an order.

    Parameters
    ----------
    name : str
        Whose order it is.
    side : Side
        Of the order.
    kw : float
        What of it is filled, above zero. [kW]
    price_per_kwh : float
        Of the order. [currency/kWh]
    """

    name: str
    side: Side
    kw: float
    price_per_kwh: float


@dataclass(frozen=True, slots=True)
class BookResult:
    """What comes of the orders of one step.

    Parameters
    ----------
    fills : tuple of Fill
        Best prices first, sells before buys. What is sold is what is bought.
    low_per_kwh, high_per_kwh : float
        The crossing: at any price between them, just what is filled would be. NaN where nothing
        is. [currency/kWh]
    """

    fills: tuple[Fill, ...] = ()
    low_per_kwh: float = np.nan
    high_per_kwh: float = np.nan

    @property
    def middle_per_kwh(self) -> float:
        """The middle of the crossing. [currency/kWh]"""
        return (self.low_per_kwh + self.high_per_kwh) / 2.0

    @property
    def volume_kw(self) -> float:
        """How much is traded. [kW]"""
        return sum(fill.kw for fill in self.fills if fill.side is Side.SELL)

    @property
    def surplus_per_h(self) -> float:
        """What buyers would pay at most less what sellers would take at least. [currency/h]"""
        return sum(-_sign(fill.side) * fill.kw * fill.price_per_kwh for fill in self.fills)

    def of(self, name: str) -> tuple[Fill, ...]:
        """Give the fills of one microgrid, which are all of one side."""
        return tuple(fill for fill in self.fills if fill.name == name)


def clear_book(orders: Mapping[str, Iterable[Order]]) -> BookResult:
    """Fill the orders of one step so that the surplus is as large as it can be.

    The longest prefix of asks in rising and bids in falling order is filled in which no ask is
    above the bid that it meets; orders that meet at one price are. The crossing lies between the
    last filled ask and the first bid left over, whichever is higher, and the last filled bid and
    the first ask left over, whichever is lower.

    What somebody would buy from itself, which both sides want at one price only, is left out.

    Parameters
    ----------
    orders : mapping
        By name of microgrid, all about the same step; nobody bids above an ask of its own.
    """
    asks, bids = (_sorted_side(orders, side) for side in (Side.SELL, Side.BUY))
    volume_kw = _volume_kw(asks, bids)
    if volume_kw == 0.0:
        return BookResult()
    sold, first_ask = _filled(asks, volume_kw)
    bought, first_bid = _filled(bids, volume_kw)
    low = max([sold[-1].price_per_kwh, *(bid.price_per_kwh for bid in first_bid)])
    high = min([bought[-1].price_per_kwh, *(ask.price_per_kwh for ask in first_ask)])
    fills = _without_own_trade(sold, bought)
    return BookResult(fills, low, high) if fills else BookResult()


def _sign(side: Side) -> float:
    return 1.0 if side is Side.SELL else -1.0


def _sorted_side(orders: Mapping[str, Iterable[Order]], side: Side) -> list[Fill]:
    """Give the whole orders of a side, best price first, then by name."""
    quotes = [
        Fill(name, side, order.kw, order.price_per_kwh)
        for name, own in orders.items()
        for order in own
        if order.side is side and order.kw > 0.0
    ]
    return sorted(quotes, key=lambda quote: (_sign(side) * quote.price_per_kwh, quote.name))


def _volume_kw(asks: Sequence[Fill], bids: Sequence[Fill]) -> float:
    """Give how much is offered and wanted at prices that meet. [kW]"""
    offered_kw, wanted_kw = (list(accumulate(q.kw for q in side)) for side in (asks, bids))
    volume_kw, at, to = 0.0, 0, 0
    while at < len(asks) and to < len(bids):
        if asks[at].price_per_kwh > bids[to].price_per_kwh:
            break
        volume_kw = min(offered_kw[at], wanted_kw[to])
        is_sold, is_bought = offered_kw[at] <= volume_kw, wanted_kw[to] <= volume_kw
        at, to = at + is_sold, to + is_bought
    return volume_kw


def _filled(quotes: Sequence[Fill], volume_kw: float) -> tuple[list[Fill], list[Fill]]:
    """Give the fills of one side, and the first quote that is left over, wholly or in part."""
    fills: list[Fill] = []
    before_kw = 0.0
    for quote in quotes:
        if before_kw < volume_kw:
            fills.append(replace(quote, kw=min(quote.kw, volume_kw - before_kw)))
        before_kw += quote.kw
        if before_kw > volume_kw:
            return fills, [quote]
    return fills, []


def _without_own_trade(sold: list[Fill], bought: list[Fill]) -> tuple[Fill, ...]:
    """Give the fills without what somebody both sells and buys."""
    for name in {fill.name for fill in sold} & {fill.name for fill in bought}:
        own_kw = min(sum(f.kw for f in side if f.name == name) for side in (sold, bought))
        sold, bought = (_cut(side, name, own_kw) for side in (sold, bought))
    return (*sold, *bought)


def _cut(fills: Sequence[Fill], name: str, by_kw: float) -> list[Fill]:
    """Take so much off somebody's fills, the last ones first."""
    left: list[Fill] = []
    for fill in reversed(fills):
        off_kw = min(by_kw, fill.kw) if fill.name == name else 0.0
        by_kw -= off_kw
        if fill.kw > off_kw:
            left.append(replace(fill, kw=fill.kw - off_kw))
    return left[::-1]
