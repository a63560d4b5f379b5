"""Where to look for better prices: which queries open a gate, and which follow a round.

Column generation asks at the duals of the master and swings from end to end; inside small boxes
around the best prices so far it does not. Several of both fit into one message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, Window, frozen, moved_ahead
from mmgsim.subproblems import Combination, Master, PriceBox, PublicPrices

__all__ = ["PriceSearch"]

# Half widths of the price boxes, over the mean distance between buying and selling price.
BOXES = (0.3, 0.1, 0.03, 0.01, 0.003)

# Distance between buying and selling price at least, over the mean price: where both are one,
# prices still differ by what the network adds.
LEAST_SPREAD = 0.1

# Most gates need no more than one further round; in those that do, more is asked in each.
EASY_ROUNDS = 1

# Further queries on the way from the best prices so far to those of the master (0) and of the boxes
# (1, 2, ...), and how far on that way.
BETWEEN = ((0, 0.05), (0, 0.1), (0, 0.3), (0, 0.6), (1, 0.5), (2, 0.5), (3, 0.5), (4, 0.5))

# Where an answer takes a mixed-integer solve, fewer prices are asked for.
SPARING_BOXES = (0.02,)
SPARING_OLD_QUERIES = 2

# How many of the last gate's queries, besides the best, open the next one.
OLD_QUERIES = 6

# Half width of the widest box, over the same distance, and how much wider the next one is: it is
# for offers that the network does not carry, whatever is combined, until prices part them.
WIDE, WIDER = 10.0, 4.0

# First queries where nothing is known: so far from the selling to the buying price.
LEVELS = (0.2, 0.5, 0.8, 1.0)


class PriceSearch:
    """The prices asked for in one gate.

    Parameters
    ----------
    window : Window
        Of the gate.
    members : int
        Number of microgrids.
    prices : PublicPrices
        Of the window.
    memory : mapping
        What `memory` of the last gate gave, or nothing.
    rows : int
        Number of rows of the network.

    Attributes
    ----------
    queries_per_kwh : (queries, members, steps) array
        Of the next message. [currency/kWh]
    multipliers : (queries, rows) array
        At which rows of the network are priced beside each query. [currency/kW]
    lower : float
        The best lower bound so far. [currency]
    is_warm : bool
        True where the last gate told where to begin.
    is_sparing : bool
        True where answers are dear, so that few prices are asked for.
    """

    def __init__(
        self,
        window: Window,
        members: int,
        prices: PublicPrices,
        memory: Mapping[str, Any],
        *,
        rows: int = 0,
    ) -> None:
        self._window = window
        spread = np.abs(prices.buy_per_kwh - prices.sell_per_kwh).mean()
        least = LEAST_SPREAD * np.abs(prices.buy_per_kwh).mean()
        self._spread_per_kwh = float(max(spread, least, 1e-3))
        self._width = 1.0
        self.lower = -np.inf
        self._asked: list[FloatArray] = []
        remembered = _remembered(memory, window, members)
        self.is_warm = remembered is not None
        if remembered is None:
            self.queries_per_kwh = np.repeat(_opening(prices)[:, None, :], members, axis=1)
        else:
            self.queries_per_kwh = remembered
            moved = window.first_step - int(memory["first_step"])
            if moved and not memory.get("is_sparing", False):
                self.queries_per_kwh = _with_other_ends(remembered, prices, moved)
        self.multipliers = np.zeros((len(self.queries_per_kwh), rows))
        self._best = _Point(self.queries_per_kwh[0], self.multipliers[0])
        self._is_first = True
        self._looked = 0
        self.is_sparing = bool(memory.get("is_sparing", False))

    def learn(self, lower: FloatArray) -> None:
        """Take the lower bounds that the queries of the last message have proven.

        Parameters
        ----------
        lower : (queries,) array
            [currency]
        """
        self._asked.extend(self.queries_per_kwh)
        best = int(np.argmax(lower))
        is_better = bool(lower[best] > self.lower)
        if is_better:
            self.lower = float(lower[best])
            self._best = _Point(self.queries_per_kwh[best], self.multipliers[best])
        if not self._is_first:
            self._resize(best, is_better=is_better)
        self._is_first = False

    def _resize(self, best: int, *, is_better: bool) -> None:
        """Widen the boxes where the widest or none at all did best, narrow them if none did."""
        if not is_better:
            self._width /= 2.0
        elif best <= 1:
            self._width *= 2.0

    def restart(self, lower: float, multipliers: FloatArray) -> None:
        """Go on with other rows of the network, for which another bound is proven."""
        self.lower = lower
        self._best = _Point(self._best.per_kwh, multipliers)

    def wide_box(self, times: int) -> PriceBox:
        """Give a box around the best prices, wider from time to time."""
        half = WIDE * WIDER ** (times - 1) * self._spread_per_kwh
        return PriceBox(self._best.per_kwh - half, self._best.per_kwh + half)

    def look(self, master: Master, combination: Combination) -> None:
        """Choose the next queries: the master's prices, and those inside boxes around the best."""
        best, found = self._best, [combination]
        for share in SPARING_BOXES if self.is_sparing else BOXES:
            half = share * self._width * self._spread_per_kwh
            box = PriceBox(best.per_kwh - half, best.per_kwh + half)
            found.append(master.combine(self._window.first_step, box))
        ends = [_Point(one.prices_per_kwh, one.multipliers) for one in found]
        self._looked += 1
        if self._looked > EASY_ROUNDS and not self.is_sparing:
            ends += [best.towards(ends[end], part) for end, part in BETWEEN]
        ends = list({end.per_kwh.tobytes(): end for end in ends}.values())
        self.queries_per_kwh = np.stack([end.per_kwh for end in ends])
        self.multipliers = np.stack([end.multipliers for end in ends])

    def memory(self, combination: Combination) -> dict[str, Any]:
        """Give what the next gate may begin with: the best prices and those asked near them."""
        asked = np.stack(self._asked)
        distance = np.abs(asked - combination.prices_per_kwh).sum((1, 2))
        count = SPARING_OLD_QUERIES if self.is_sparing else OLD_QUERIES
        nearest = asked[np.argsort(distance, kind="stable")[:count]]
        return {
            "first_step": self._window.first_step,
            "is_sparing": self.is_sparing,
            "queries_per_kwh": frozen(_distinct([self._best.per_kwh, *nearest])),
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """Prices of the exchanges, and multipliers of the rows of the network beside them."""

    per_kwh: FloatArray
    multipliers: FloatArray

    def towards(self, other: _Point, part: float) -> _Point:
        """Give the point so far on the way to another one."""
        return _Point(
            self.per_kwh + part * (other.per_kwh - self.per_kwh),
            self.multipliers + part * (other.multipliers - self.multipliers),
        )


def _distinct(queries: Sequence[FloatArray]) -> FloatArray:
    """Give queries one behind the other, each once."""
    return np.stack(list({query.tobytes(): query for query in queries}.values()))


def _opening(prices: PublicPrices) -> FloatArray:
    """Give prices to begin with where nothing is known: between selling and buying price.

    With little storage prices follow the tariff, with much they are flat.
    """
    low, high = prices.sell_per_kwh, prices.buy_per_kwh
    like_tariff = [low + share * (high - low) for share in LEVELS]
    flat = [np.full_like(low, one.mean()) for one in like_tariff]
    return np.clip(np.stack([*like_tariff, *flat]), low, high)


def _with_other_ends(queries: FloatArray, prices: PublicPrices, moved: int) -> FloatArray:
    """Add the first query with other prices in the steps that the last gate did not see."""
    low, high = prices.sell_per_kwh[-moved:], prices.buy_per_kwh[-moved:]
    queries[..., -moved:] = np.clip(queries[..., -moved:], low, high)
    ends = []
    for end in (queries[0, :, -moved - 1 : -moved], low, high):
        other = queries[0].copy()
        other[:, -moved:] = end
        ends.append(other)
    return np.concatenate([queries, np.stack(ends)])


def _remembered(memory: Mapping[str, Any], window: Window, members: int) -> FloatArray | None:
    """Give the last gate's queries over the window of this one."""
    queries = memory.get("queries_per_kwh")
    if queries is None or np.shape(queries)[1:] != (members, window.steps):
        return None
    steps = window.first_step - memory["first_step"]
    if not 0 <= steps < window.steps:
        return None
    return moved_ahead(queries, steps, window.steps_per_day)
