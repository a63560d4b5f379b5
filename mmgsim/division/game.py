"""The game of a day: what groups pay together, looked up or solved when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mmgsim.contracts import FloatArray, TieFlow, frozen
from mmgsim.coordination import Coalitions
from mmgsim.coordination.coalitions import groups_between
from mmgsim.coordination.pool import local_price, match_pool
from mmgsim.coordination.saving import earned_per_h
from mmgsim.coordination.ties import tie_flows
from mmgsim.division.day import GameDay
from mmgsim.subproblems import public_cost, public_prices

__all__ = ["EXACT_MEMBERS", "DayGame", "Progress"]

EXACT_MEMBERS = 12
"""Up to so many members every group is solved: 4095 problems. Beyond, groups are sampled."""

Progress = Callable[[int, int], None]


class DayGame:
    """The groups of a day's members, and what the cheapest plan of all does.

    Parameters
    ----------
    day : GameDay
        What it is played with.
    coalitions : Coalitions or None
        That of another day of the same microgrids, so that no problem is built anew.

    Attributes
    ----------
    names : tuple of str
        Members, in the order that groups name them by.
    alone : (n,) array
        What each pays on its own. [currency]
    total : float
        What all pay together. [currency]
    price_per_kwh : (steps,) array
        Dual of the local balance; of several the one nearest to midway between what a seller gets
        and a buyer saves at the grid. [currency/kWh]
    has_integers : bool
        True where units are on or off: prices are then those with them held.
    """

    def __init__(self, day: GameDay, coalitions: Coalitions | None = None) -> None:
        self.day, self.names = day, tuple(day.declared)
        self._coalitions = Coalitions() if coalitions is None else coalitions
        self._coalitions.start(day.declared, day.envelopes, day.tariff, ties=day.ties)
        self._best = self._coalitions.together()
        self.alone = self._coalitions.alone
        self.total = self._best.cost
        midpoint = local_price("midpoint", day.tariff, np.zeros(day.tariff.window.steps))
        self.midpoint_per_kwh = frozen(midpoint)
        self.price_per_kwh = self._coalitions.price_nearest_to(midpoint)
        self.has_integers = self._coalitions.has_integers
        everybody = (1 << len(self.names)) - 1
        self._costs = {0: 0.0, everybody: self.total}
        self._costs |= {1 << i: float(cost) for i, cost in enumerate(self.alone)}
        self._trade_kw = match_pool(self._best.exchange_kw, day.tariff)

    @property
    def is_exact(self) -> bool:
        """True where every group is looked at."""
        return len(self.names) <= EXACT_MEMBERS

    @property
    def known(self) -> Mapping[int, float]:
        """What the groups that were looked at pay, by the bits of their members. [currency]"""
        return self._costs

    def cost(self, mask: int) -> float:
        """Give what a group pays. [currency]"""
        if mask not in self._costs:
            self._costs[mask] = self._coalitions.cost(mask)
        return self._costs[mask]

    def costs(self, progress: Progress | None = None) -> FloatArray:
        """Give what every group pays: (2^n,) array. [currency]"""
        count = 1 << len(self.names)
        for mask in groups_between(len(self.names)):
            self.cost(mask)
            if progress is not None:
                progress(len(self._costs), count)
        return frozen(np.array([self._costs[mask] for mask in range(count)]))

    def bills(self, price_per_kwh: FloatArray) -> FloatArray:
        """Give what each pays where local energy has a price: (n,) array. [currency]

        In the cheapest plan of all; trades are those that a pool makes of its exchanges.
        """
        step_h = self.day.tariff.window.step_h
        prices = public_prices(self.day.tariff)
        flows: tuple[TieFlow, ...] = tie_flows(self.day.ties, self._best.sent_kw, price_per_kwh)
        bills = []
        for name in self.names:
            exchange_kw = self._best.exchange_kw[name]
            solved, matched = (
                public_cost(exchange_kw, kw[name], prices, step_h)
                for kw in (self._best.trade_kw, self._trade_kw)
            )
            earned = float(price_per_kwh @ self._trade_kw[name]) + earned_per_h(flows, name)
            bills.append(self._best.member_cost[name] - solved + matched - step_h * earned)
        return frozen(np.array(bills))
