"""Do as those do who did best: copy prices from public news, as everybody else may.

Herding is what may come of it. Many who do the same from the same news move together: what one of
them tries, and gains by, is the next price of all. A. V. Banerjee, A simple model of herd behavior,
Quarterly Journal of Economics 107(3), 1992, doi 10.2307/2118364: who follows others stops to use
what it knows itself. F. Vega-Redondo, The evolution of Walrasian behavior, Econometrica 65(2),
1997, doi 10.2307/2171898: where firms copy whoever gained most and try something else now and then,
prices go to those of perfect competition, whatever the firms would rather have.

All that it knows of others is the `Bulletin` of the market, which names nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

import numpy as np

from mmgsim.contracts import (
    Bulletin,
    Dispatch,
    FloatArray,
    Order,
    OrderQuery,
    Orders,
    Realised,
    Side,
    View,
)
from mmgsim_agents.gates import draws_of, opens_gate
from mmgsim_agents.ordering import price_range
from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["Imitator", "best_level"]

NAN = float("nan")


def best_level(kw: FloatArray, gain_per_kwh: FloatArray, room_per_kwh: float) -> float:
    """Give how far those who gained most over the grid were from it, NaN where nobody traded.

    Parameters
    ----------
    kw, gain_per_kwh : (traders,) array
        What each one traded, and how much better than at the grid. [kW], [currency/kWh]
    room_per_kwh : float
        The most that can be gained: between the two alternatives at the grid. [currency/kWh]

    Returns
    -------
    float
        From 0, where all the gain is left to the other side, to 1. Of equal gains in all the one
        by the better price counts.
    """
    if len(kw) == 0 or room_per_kwh <= 0.0:
        return NAN
    gained = np.asarray(kw * gain_per_kwh)
    best = np.max(gain_per_kwh[gained >= gained.max() - 1e-12 * abs(gained.max())])
    return float(np.clip(best / room_per_kwh, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class _Habit:
    """What an imitator remembers.

    Parameters
    ----------
    ask, bid : float
        How much of the room between the two alternatives at the grid it wants as a seller and as a
        buyer, from 0 to 1.
    best_ask, best_bid : float
        The same of those who gained most in the last step with trades, NaN before any.
    floor_per_kwh, ceiling_per_kwh : float
        Of local prices in the step that the next news will be about. [currency/kWh]
    """

    ask: float = NAN
    bid: float = NAN
    best_ask: float = NAN
    best_bid: float = NAN
    floor_per_kwh: float = NAN
    ceiling_per_kwh: float = NAN

    def informed(self, news: Bulletin) -> _Habit:
        """Give what is known after the news of a step."""
        room = self.ceiling_per_kwh - self.floor_per_kwh
        sellers = best_level(news.sold_kw, news.sold_per_kwh - self.floor_per_kwh, room)
        buyers = best_level(news.bought_kw, self.ceiling_per_kwh - news.bought_per_kwh, room)
        return replace(
            self,
            best_ask=self.best_ask if np.isnan(sellers) else sellers,
            best_bid=self.best_bid if np.isnan(buyers) else buyers,
        )


class Imitator(OptimisingStrategy):
    """Orders at the prices of those who gained most by the last bulletin; it tries others at times.

    Sellers copy the seller and buyers the buyer with the largest gain over the grid. Prices are
    copied as their place between the two alternatives at the grid, and nobody orders at a loss: an
    ask is never below the own true value, a bid never above.

    Parameters
    ----------
    imitation : float
        How likely it copies at a gate; otherwise it keeps what it has.
    experimentation : float
        How likely it draws prices of its own at a gate instead, evenly between the alternatives.
    """

    reads = frozenset({Bulletin})

    def __init__(self, imitation: float = 1.0, experimentation: float = 0.1) -> None:
        super().__init__()
        for name, share in (("imitation", imitation), ("experimentation", experimentation)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"{name} is between 0 and 1, not {share:g}")
        self.imitation = imitation
        self.experimentation = experimentation

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Give the true orders at prices of this gate, where these are better for itself."""
        habit, true = self._at_gate(view), super().order(view, query).orders
        return Orders(orders=tuple(_priced(true, view, habit)))

    def dispatch(self, view: View, realised: Realised) -> Dispatch:
        """Hold the plan, and remember own prices and those of others."""
        habit = self._at_gate(view) if opens_gate(view) else self._so_far(view)
        floor, ceiling = (float(end[0]) for end in price_range(view))
        kept = replace(habit, floor_per_kwh=floor, ceiling_per_kwh=ceiling)
        return replace(super().dispatch(view, realised), memory=asdict(kept))

    def _so_far(self, view: View) -> _Habit:
        """Give what is remembered, with the news since."""
        habit = _Habit(**view.memory)
        for news in view.messages:
            if isinstance(news, Bulletin):
                habit = habit.informed(news)
        return habit

    def _at_gate(self, view: View) -> _Habit:
        """Give the same with the prices of this gate: tried, copied or kept.

        Always four numbers are drawn, so that runs which differ in the options have the same luck.
        """
        habit = self._so_far(view)
        tries, copies, ask, bid = draws_of(view).random(4).tolist()
        if np.isnan(habit.ask) or tries < self.experimentation:
            return replace(habit, ask=ask, bid=bid)
        if copies >= self.imitation:
            return habit
        return replace(
            habit,
            ask=habit.ask if np.isnan(habit.best_ask) else habit.best_ask,
            bid=habit.bid if np.isnan(habit.best_bid) else habit.best_bid,
        )


def _priced(orders: Iterable[Order], view: View, habit: _Habit) -> Iterable[Order]:
    floor, ceiling = price_range(view)
    for order in orders:
        low, high = float(floor[order.offset]), float(ceiling[order.offset])
        if order.side is Side.SELL:
            price = max(order.price_per_kwh, (1.0 - habit.ask) * low + habit.ask * high)
        else:
            price = min(order.price_per_kwh, habit.bid * low + (1.0 - habit.bid) * high)
        yield replace(order, price_per_kwh=price)
