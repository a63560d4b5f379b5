"""Prices found by column generation: decentralised, exactly balanced, with a certificate.

The market asks every microgrid what it would exchange at several prices at once. Each answer is a
feasible column of the market's own problem and, with its bound, a cut of the Lagrangian: what the
columns cost together is an upper bound, what the prices prove a lower one. No microgrid shows more
than its answers.

References
----------
.. [1] Dantzig, Wolfe, "Decomposition principle for linear programs", Operations Research 8 (1960),
   doi:10.1287/opre.8.1.101.
.. [2] du Merle, Villeneuve, Desrosiers, Hansen, "Stabilized column generation", Discrete
   Mathematics 194 (1999), doi:10.1016/S0012-365X(98)00213-1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    MarketView,
    Message,
    Offer,
    Plan,
    PriceQuery,
    Round,
    Trade,
    frozen,
)
from mmgsim.coordination.bound import least_public_cost
from mmgsim.coordination.pool import local_price, match_pool, plan_costs, pool_trades
from mmgsim.coordination.price_search import PriceSearch
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.subproblems import (
    Combination,
    Master,
    OfferStack,
    public_cost_terms,
    public_prices,
)

__all__ = ["Offers", "Prices"]

Offers = Literal["device", "agent"]

# Of the gain of trading that is left on the table at most, whatever the tolerance.
GAIN_LEFT = 0.02

# Of gross cost: gaps below are the rounding of solvers.
FLOOR = 1e-6


class Prices:
    """Asks for offers at prices until upper and lower bound meet, then awards the exchanges.

    Parameters
    ----------
    tolerance : float
        Largest gap between the bounds, over gross cost.
    max_rounds : int
        Queries to every microgrid at most; the gap is then reported as it is.
    offers : str
        ``device``: microgrids offer part by part, which takes few rounds; ``agent``: as a whole,
        which shows least.
    """

    asks: frozenset[type[Message]] = frozenset({PriceQuery, Award})

    def __init__(
        self, *, tolerance: float = 1e-3, max_rounds: int = 60, offers: Offers = "device"
    ) -> None:
        if not tolerance > 0.0:
            raise ValueError(f"tolerance is above 0, not {tolerance}")
        if max_rounds < 1:
            raise ValueError(f"max_rounds is at least 1, not {max_rounds}")
        if offers not in get_args(Offers):
            raise ValueError(f"offers is one of {', '.join(get_args(Offers))}, not {offers!r}")
        self.tolerance = tolerance
        self.max_rounds = max_rounds
        self.offers = offers
        self._master: Master | None = None

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate, near the prices of the last one where there are any."""
        self._view = view
        self._names = [member.name for member in view.members]
        self._prices = public_prices(view.tariff, view.objective)
        self._import_limit_kw, self._export_limit_kw = _limits(view)
        count = len(self._names)
        if self._master is None or not self._master.fits(count, view.window):
            self._master = Master(count, view.window)
        self._master.start(self._prices, self._import_limit_kw, self._export_limit_kw)
        self._search = PriceSearch(view.window, count, self._prices, memory)
        self._rounds: list[Round] = []
        self._zero_trade_cost = np.inf
        self._combination: Combination | None = None
        self._is_done = False

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask for offers; once the bounds meet, award exchanges and trades."""
        return self._awards() if self._is_done else self._queries()

    def _queries(self) -> list[Message]:
        is_first = not self._rounds
        return [
            PriceQuery(
                to=name,
                window=self._view.window,
                prices_per_kwh=frozen(self._search.queries_per_kwh[:, position]),
                in_parts=self.offers == "device",
                alone=is_first,
                again=is_first and self._search.is_warm,
            )
            for position, name in enumerate(self._names)
        ]

    def _awards(self) -> list[Message]:
        return [
            Award(
                to=name,
                window=self._view.window,
                trades=tuple(t for t in self._trades if name in (t.seller, t.buyer)),
                exchange_kw=self._exchange_kw[name],
            )
            for name in self._names
        ]

    # ----------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Take offers until the bounds meet; clear once everything is planned."""
        if self._is_done:
            return self._clear(plans_by_name(replies))
        offers = replies_by_name(replies, Offer)
        self._take([offers[name] for name in self._names])
        return None

    def _take(self, offers: list[Offer]) -> None:
        """Add offers to the master, move both bounds, and decide whether to go on."""
        master, search = self._the_master, self._search
        stack = OfferStack.of(offers)
        queries = len(search.queries_per_kwh)
        if not self._rounds:
            self._zero_trade_cost = self._alone_cost(stack, queries)
        new = master.add(stack)
        before = search.lower
        search.learn(self._lower_bounds(offers))
        combination = master.combine(self._view.window.first_step)
        self._combination = combination
        self._rounds.append(Round(combination.cost, search.lower, 0.0))
        is_stuck = new == 0 and search.lower <= before
        if is_stuck or len(self._rounds) >= self.max_rounds or self._is_close(combination):
            self._decide(combination)
        else:
            search.look(master, combination)

    def _lower_bounds(self, offers: list[Offer]) -> FloatArray:
        public = least_public_cost(
            self._search.queries_per_kwh,
            self._prices,
            self._import_limit_kw,
            self._export_limit_kw,
            self._view.window.step_h,
        )
        lower: FloatArray = public + sum(offer.lower_bound for offer in offers)
        return lower

    def _alone_cost(self, stack: OfferStack, position: int) -> float:
        """Give the cost of the offers made without local trade. [currency]"""
        exchange_kw = stack.exchange_kw(position)
        terms = public_cost_terms(
            exchange_kw, np.zeros_like(exchange_kw), self._prices, self._view.window.step_h
        )
        return stack.private_cost(position) + float(terms.sum())

    def _is_close(self, combination: Combination) -> bool:
        lower = self._search.lower
        gross = self._gross_cost(combination)
        wanted = min(self.tolerance * gross, GAIN_LEFT * (self._zero_trade_cost - lower))
        return combination.cost - lower <= max(wanted, FLOOR * gross)

    def _gross_cost(self, combination: Combination) -> float:
        """Give the sum of the absolute cost terms. [currency]"""
        exchange_kw = dict(zip(self._names, combination.exchange_kw, strict=True))
        trade_kw = match_pool(exchange_kw, self._view.tariff)
        step_h = self._view.window.step_h
        terms = [
            public_cost_terms(exchange_kw[name], trade_kw[name], self._prices, step_h)
            for name in self._names
        ]
        private = combination.cost - float(np.sum(terms))
        return abs(private) + float(np.abs(terms).sum())

    # ------------------------------------------------------------------------------ deciding
    def _decide(self, combination: Combination) -> None:
        view = self._view
        self._is_done = True
        self._exchange_kw = {
            name: frozen(kw) for name, kw in zip(self._names, combination.exchange_kw, strict=True)
        }
        self._trade_kw = match_pool(self._exchange_kw, view.tariff)
        self._local_per_kwh = local_price(view.local_price, view.tariff, combination.given_per_kwh)
        self._trades: tuple[Trade, ...] = pool_trades(self._trade_kw, self._local_per_kwh)

    def _clear(self, plans: Mapping[str, Plan]) -> Clearing:
        view, lower = self._view, self._search.lower
        upper, gross = plan_costs(view, plans, self._trade_kw)
        residual_kw = float(np.abs(sum(self._trade_kw.values())).max())
        assert self._combination is not None
        return Clearing(
            window=view.window,
            plans=plans,
            trades=self._trades,
            prices_per_kwh=dict.fromkeys(plans, self._local_per_kwh),
            upper=upper,
            lower=lower,
            gross_cost=gross,
            rounds=(*self._rounds, Round(upper, lower, residual_kw)),
            residual_kw=residual_kw,
            memory=self._search.memory(self._combination),
        )

    @property
    def _the_master(self) -> Master:
        if self._master is None:
            raise RuntimeError("a mechanism is started before it is told anything")
        return self._master


def _limits(view: MarketView) -> tuple[FloatArray, FloatArray]:
    """Give the envelopes, (members, steps) arrays. [kW]"""
    envelopes = [view.envelopes[member.name] for member in view.members]
    return (
        np.stack([envelope.import_limit_kw for envelope in envelopes]),
        np.stack([envelope.export_limit_kw for envelope in envelopes]),
    )
