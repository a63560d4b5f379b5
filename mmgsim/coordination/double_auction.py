"""How much of what can be gained traders without intelligence gain, in two kinds of market.

The study of D. K. Gode and S. Sunder, Journal of Political Economy 101(1), 1993, doi
10.1086/261868, with budget-constrained traders (ZI-C): a buyer bids evenly between the lowest price
and what the unit is worth to it, a seller asks evenly between its cost and the highest price. The
95 to 99 % that the literature reports are those of the continuous double auction, in which traders
quote again and again; the call market, which asks everybody once, is what `Auction` does with
one round.

Everybody trades one unit, here 1 kW for one hour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmgsim.contracts import FloatArray, Order, Side, frozen
from mmgsim.coordination.order_book import clear_book
from mmgsim.interval import mean_interval
from mmgsim.profiles import stream

__all__ = [
    "STANDARD_BOOK",
    "Efficiency",
    "InducedBook",
    "call_market_efficiency",
    "double_auction_efficiency",
    "zero_intelligence_study",
]


@dataclass(frozen=True, slots=True, eq=False)
class InducedBook:
    """What a unit is worth to each buyer and costs each seller, and between what prices they quote.

    Parameters
    ----------
    value_per_kwh : (buyers,) array
        [currency/kWh]
    cost_per_kwh : (sellers,) array
        [currency/kWh]
    lowest_per_kwh, highest_per_kwh : float
        Of all bids and asks. [currency/kWh]
    """

    value_per_kwh: FloatArray
    cost_per_kwh: FloatArray
    lowest_per_kwh: float
    highest_per_kwh: float

    @property
    def most_surplus(self) -> float:
        """What can be gained at most: the best buyers meet the best sellers. [currency]"""
        count = min(len(self.value_per_kwh), len(self.cost_per_kwh))
        values, costs = np.sort(self.value_per_kwh)[::-1], np.sort(self.cost_per_kwh)
        return float(np.maximum(values[:count] - costs[:count], 0.0).sum())


STANDARD_BOOK = InducedBook(
    value_per_kwh=frozen(np.linspace(3.25, 0.75, 11)),
    cost_per_kwh=frozen(np.linspace(0.75, 3.25, 11)),
    lowest_per_kwh=0.0,
    highest_per_kwh=4.0,
)
"""The symmetric book of V. L. Smith's first experiment: 11 buyers and sellers, equilibrium 2.00.

V. L. Smith, An experimental study of competitive market behavior, Journal of Political Economy
70(2), 1962, doi 10.1086/258609, chart 1. The range of quotes is ours: symmetric around 2.00."""


@dataclass(frozen=True, slots=True, eq=False)
class Efficiency:
    """Surplus gained over surplus possible, by seed, with the mean and its 95 % interval.

    Parameters
    ----------
    by_seed : (seeds,) array
        From 0 to 1.
    mean : float
        Of them.
    low, high : float
        The interval of the mean, by Student's t.
    """

    by_seed: FloatArray
    mean: float
    low: float
    high: float


# A quote is its price and what the unit is worth to whoever quotes. [currency/kWh]
_NO_BID, _NO_ASK = (-np.inf, np.nan), (np.inf, np.nan)


def double_auction_efficiency(book: InducedBook, rng: np.random.Generator) -> float:
    """Give the efficiency of one continuous double auction.

    Traders take turns at random; a quote stands until a better one comes. Who meets the standing
    quote of the other side trades at it, both leave, and all quotes are dropped, as in Gode and
    Sunder. It ends when nobody left could gain from anybody left.
    """
    buyers, sellers = book.value_per_kwh.tolist(), book.cost_per_kwh.tolist()
    surplus, best_bid, best_ask = 0.0, _NO_BID, _NO_ASK
    while buyers and sellers and max(buyers) > min(sellers):
        turn = int(rng.integers(len(buyers) + len(sellers)))
        if turn < len(buyers):
            value = buyers[turn]
            quote = (float(rng.uniform(book.lowest_per_kwh, value)), value)
            best_bid = max(best_bid, quote)
        else:
            cost = sellers[turn - len(buyers)]
            quote = (float(rng.uniform(cost, book.highest_per_kwh)), cost)
            best_ask = min(best_ask, quote)
        if best_bid[0] >= best_ask[0]:
            surplus += best_bid[1] - best_ask[1]
            buyers.remove(best_bid[1])
            sellers.remove(best_ask[1])
            best_bid, best_ask = _NO_BID, _NO_ASK
    return surplus / book.most_surplus


def call_market_efficiency(book: InducedBook, rng: np.random.Generator) -> float:
    """Give the efficiency of one call: everybody orders once, and the book is cleared."""
    bids = rng.uniform(book.lowest_per_kwh, book.value_per_kwh)
    asks = rng.uniform(book.cost_per_kwh, book.highest_per_kwh)
    orders = {f"b{k}": [Order(0, Side.BUY, 1.0, float(p))] for k, p in enumerate(bids)}
    orders |= {f"s{k}": [Order(0, Side.SELL, 1.0, float(p))] for k, p in enumerate(asks)}
    surplus = 0.0
    for fill in clear_book(orders).fills:
        worth = book.cost_per_kwh if fill.side is Side.SELL else book.value_per_kwh
        sign = -1.0 if fill.side is Side.SELL else 1.0
        surplus += sign * fill.kw * float(worth[int(fill.name[1:])])
    return surplus / book.most_surplus


_MARKETS: dict[str, Callable[[InducedBook, np.random.Generator], float]] = {
    "continuous": double_auction_efficiency,
    "call": call_market_efficiency,
}


def zero_intelligence_study(
    book: InducedBook = STANDARD_BOOK,
    market: Literal["continuous", "call"] = "continuous",
    *,
    seeds: Sequence[int] = range(100),
) -> Efficiency:
    """Give the efficiency of a market over several seeds.

    Parameters
    ----------
    book : InducedBook
        Who is worth what.
    market : str
        ``continuous``: the double auction; ``call``: everybody orders once.
    seeds : sequence of int
        At least two; each is one market.
    """
    rngs = [stream(seed, "zero-intelligence", market) for seed in seeds]
    by_seed = np.array([_MARKETS[market](book, rng) for rng in rngs])
    found = mean_interval(by_seed)
    return Efficiency(frozen(by_seed), found.mean, found.low, found.high)
