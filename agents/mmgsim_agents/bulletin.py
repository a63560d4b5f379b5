"""What everybody may know of the trades of a step: how much, at what price, but not whose."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from mmgsim.contracts import Bulletin, FloatArray, Trade, frozen

__all__ = ["bulletin"]


def bulletin(trades: Iterable[Trade], names: Collection[str]) -> Bulletin:
    """Give the bulletin of a step.

    Parameters
    ----------
    trades : iterable of Trade
        Of the step: arrays of length one, with the market or among microgrids.
    names : collection of str
        The microgrids.
    """
    held = list(trades)
    sold_kw, sold_per_kwh = _side([(trade.seller, trade) for trade in held], names)
    bought_kw, bought_per_kwh = _side([(trade.buyer, trade) for trade in held], names)
    return Bulletin(
        sold_kw=sold_kw,
        sold_per_kwh=sold_per_kwh,
        bought_kw=bought_kw,
        bought_per_kwh=bought_per_kwh,
    )


def _side(
    trades: Iterable[tuple[str, Trade]], names: Collection[str]
) -> tuple[FloatArray, FloatArray]:
    """Give power and mean price of everybody on a side, by price and power."""
    kw, paid_per_h = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for name, trade in trades:
        if name in kw:
            kw[name] += float(trade.kw[0])
            paid_per_h[name] += float(trade.kw[0] * trade.price_per_kwh[0])
    entries = sorted((paid_per_h[name] / kw[name], kw[name]) for name in kw if kw[name] > 0.0)
    prices, powers = np.array(entries).reshape(-1, 2).T
    return frozen(powers), frozen(prices)
