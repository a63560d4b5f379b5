"""Trades that follow from plans, plans that follow from trades, again and again.

No point of it is claimed to be an optimum: it may rest anywhere, or never. What is kept is the
cheapest point on the way, the one without any trade among them.

References
----------
.. [1] Paper 000, section 3.6, variant D.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import FloatArray, MarketView, Plan
from mmgsim.coordination.pair_trades import bills, net_trade_kw, shared_out
from mmgsim.coordination.pool import plan_costs

__all__ = ["BestResponse", "Rules"]

# A share below this moves too little to break a cycle.
LEAST_SHARE = 0.05

# Two exchanges are the same point of a cycle if they agree to this. [kW]
SAME_KW = 1e-4

# Of gross cost: the rounding of solvers.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Rules:
    """When to stop, and how to get out of a cycle.

    Parameters
    ----------
    tolerance : float
        Largest change of a trade that counts as rest. [kW]
    max_rounds : int
        Rounds of plans at most.
    damping : float
        What the share of new trades is multiplied by whenever the same trades come again.
    is_rational : bool
        True where nobody may be worse off than without trade.
    """

    tolerance: float = 1e-3
    max_rounds: int = 30
    damping: float = 0.5
    is_rational: bool = False


class BestResponse:
    """The search of one gate: `traded_kw` is to be awarded, `take` gets the plans that follow.

    Attributes
    ----------
    traded_kw : (sellers, buyers, steps) array
        What to award next; the best there was once the search is over. [kW]
    cost : float
        Objective cost of the last plans. [currency]
    is_resting : bool
        True once trades and the plans that follow from them agree; where the search is over and
        this is not so, it went in circles or ran out of rounds.

    Parameters
    ----------
    view : MarketView
        Of the gate.
    price_per_kwh : (sellers, steps) array
        Of trades. [currency/kWh]
    rules : Rules
        As above.
    """

    def __init__(self, view: MarketView, price_per_kwh: FloatArray, rules: Rules) -> None:
        self._view, self._price, self._rules = view, price_per_kwh, rules
        members = len(view.members)
        self.traded_kw: FloatArray = np.zeros((members, members, view.window.steps))
        self.is_resting = self._is_over = self._is_stuck = False
        self.cost = self._best_cost = np.inf
        self._best_kw = self.traded_kw
        self._share, self._rounds = 1.0, 0
        self._seen: set[bytes] = {_mark(self.traded_kw)}

    def take(self, plans: Mapping[str, Plan]) -> bool:
        """Take the plans that follow from the last trades; tell whether the search is over."""
        if self._is_over:  # these are the plans of the best trades, once more
            return True
        self._rounds += 1
        names = [member.name for member in self._view.members]
        trade_kw = dict(zip(names, net_trade_kw(self.traded_kw), strict=True))
        self.cost, gross = plan_costs(self._view, plans, trade_kw)
        own = bills(self._view, plans, self.traded_kw, self._price)
        if self._rounds == 1:
            self._bills_alone = own
        slack = ROUNDING * gross
        is_eligible = not self._rules.is_rational or bool((own <= self._bills_alone + slack).all())
        if is_eligible and self.cost < self._best_cost - slack:
            self._best_cost, self._best_kw = self.cost, self.traded_kw
        following_kw = self._following(plans)
        step_kw = np.abs(following_kw - self.traded_kw).max(initial=0.0)
        self.is_resting = bool(step_kw <= self._rules.tolerance)
        if self.is_resting or self._is_stuck or self._rounds >= self._rules.max_rounds:
            self._is_over = True
            is_last_best = self.traded_kw is self._best_kw
            self.traded_kw = self._best_kw
            return is_last_best
        self.traded_kw = following_kw
        return False

    def _following(self, plans: Mapping[str, Plan]) -> FloatArray:
        """Give the next trades: a share of those that match the plans, the rest as they were."""
        apart_kw = self._matched(plans) - self.traded_kw
        following_kw: FloatArray = self.traded_kw + self._share * apart_kw
        if (
            _mark(following_kw) in self._seen
            and np.abs(apart_kw).max(initial=0.0) > self._rules.tolerance
        ):
            self._share *= self._rules.damping
            self._seen.clear()
            self._is_stuck = self._share < LEAST_SHARE
            following_kw = self.traded_kw + self._share * apart_kw
        self._seen.add(_mark(following_kw))
        return following_kw

    def _matched(self, plans: Mapping[str, Plan]) -> FloatArray:
        """Match what plans have left over with what they lack, wherever that saves money.

        Under rationality only at prices between what the seller gets and the buyer pays elsewhere.
        """
        tariff = self._view.tariff
        ceiling = tariff.buy_per_kwh - tariff.local_charge_per_kwh
        kw = np.stack([plans[member.name].exchange_kw for member in self._view.members])
        is_sold = np.broadcast_to(tariff.export_per_kwh < ceiling, kw.shape)
        if self._rules.is_rational:
            is_fair = (self._price >= tariff.export_per_kwh) & (self._price <= ceiling)
            is_sold = is_sold & is_fair
        wanted_kw = np.where(tariff.export_per_kwh < ceiling, np.maximum(-kw, 0.0), 0.0)
        return shared_out(np.where(is_sold, np.maximum(kw, 0.0), 0.0), wanted_kw)


def _mark(traded_kw: FloatArray) -> bytes:
    """Give what trades that are the same point of a cycle have in common."""
    return np.round(traded_kw / SAME_KW).astype(np.int64).tobytes()
