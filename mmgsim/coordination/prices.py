"""Prices found by column generation: decentralised, exactly balanced, with a certificate.

The market asks every microgrid what it would exchange at several prices at once. Each answer is a
feasible column of the market's own problem and, with its bound, a cut of the Lagrangian: what the
columns cost together is an upper bound, what the prices prove a lower one. No microgrid shows more
than its answers.

Where units are on or off, columns cannot be mixed: the lower bound holds, and the upper one is that
of a second exchange in which such decisions are held. What lies between them is then partly a gap
of duality, which no price closes; it is stated like any other.

References
----------
.. [1] Dantzig, Wolfe, "Decomposition principle for linear programs", Operations Research 8 (1960),
   doi:10.1287/opre.8.1.101.
.. [2] du Merle, Villeneuve, Desrosiers, Hansen, "Stabilized column generation", Discrete
   Mathematics 194 (1999), doi:10.1016/S0012-365X(98)00213-1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    MarketView,
    Message,
    Objective,
    Offer,
    PriceQuery,
    Round,
    frozen,
)
from mmgsim.coordination.decisions import Holding
from mmgsim.coordination.network_talk import (
    NetworkSource,
    NetworkTalk,
    checked_source,
    questions_of,
)
from mmgsim.coordination.pool import (
    match_pool,
    pool_awards,
    pool_clearing,
    pool_trades,
)
from mmgsim.coordination.price_loop import PriceLoop
from mmgsim.coordination.price_search import PriceSearch
from mmgsim.coordination.public_side import PublicSide
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.subproblems import Combination, Master

__all__ = ["Offers", "Prices"]

Offers = Literal["device", "agent"]

# Of the gain of trading that is left on the table at most, whatever the tolerance.
GAIN_LEFT = 0.02

# Of gross cost: gaps below are the rounding of solvers.
FLOOR = 1e-6


class Prices:
    """Asks for offers at prices until upper and lower bound meet, then awards the exchanges.

    With units on or off, part of the gap is one of duality: in small communities it stays at
    several percent, a gate takes tens of rounds (at most `max_rounds` and 24 more), and a day
    takes minutes. A larger `tolerance` or a smaller `max_rounds` ends gates sooner; offers as a
    whole need not be worse.

    Parameters
    ----------
    tolerance : float
        Largest gap between the bounds, over gross cost.
    max_rounds : int
        Rounds of offers at most; the gap is then reported as it is. Where units are on or off,
        up to 24 further rounds hold such decisions.
    offers : str
        ``device``: microgrids offer part by part, which takes few rounds; ``agent``: as a whole,
        which shows least.
    network : str
        ``envelopes``: the limits that the DNO has published are all that is known of the network;
        ``rows``: the DNO is asked about the pattern that bounds meet at, the limits that it breaks
        are added, and prices differ from bus to bus; under the objective ``system`` losses count.
    """

    asks: frozenset[type[Message]] = frozenset({PriceQuery, Award})

    def __init__(
        self,
        *,
        tolerance: float = 1e-3,
        max_rounds: int = 60,
        offers: Offers = "device",
        network: NetworkSource = "envelopes",
    ) -> None:
        if not 0.0 < tolerance <= 1.0:
            raise ValueError(f"tolerance is a share above 0 and at most 1, not {tolerance:g}")
        if max_rounds < 1:
            raise ValueError(f"max_rounds is at least 1, not {max_rounds}")
        if offers not in get_args(Offers):
            raise ValueError(f"offers is one of {', '.join(get_args(Offers))}, not {offers!r}")
        self.tolerance = tolerance
        self.max_rounds = max_rounds
        self.offers = offers
        self.network = checked_source(network)
        self.asks_dno = questions_of(self.network)
        self._master: Master | None = None

    def reset(self) -> None:
        """Drop the master; the next gate builds another one."""
        self._master = None

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate, near the prices of the last one where there are any."""
        self._view = view
        self._network = NetworkTalk(view, memory, source=self.network)
        self._public = PublicSide.of(view, self._network.limits)
        self._pattern: Combination | None = None
        count = len(view.members)
        if self._master is None or not self._master.fits(count, view.window):
            self._master = Master(count, view.window)
        rows = self._public.rows
        search = PriceSearch(view.window, count, self._public.prices, memory, rows=rows)
        self._free = PriceLoop(self._public, self._master, search)
        self._holding: Holding | None = None
        self._memory: Mapping[str, Any] = {}
        self._rounds: list[Round] = []
        self._zero_trade_cost = np.inf
        self._is_decided = self._is_hurried = False

    def hurry(self) -> None:
        """Make do with the offers there are, where there are any."""
        self._is_hurried = True
        if not self._is_decided and self._free.combination is not None:
            self._pattern = None
            self._found(self._free.combination)

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask for offers, then about the network; at the end award exchanges and trades."""
        if self._is_decided:
            return self._awards()
        if self._pattern is not None:
            return [self._network.query(self._public.by_name(self._pattern.exchange_kw))]
        return self._queries()

    def _queries(self) -> list[Message]:
        loop = self._free if self._holding is None else self._holding.loop
        held = [None] * len(self._public.names) if self._holding is None else self._holding.held
        is_first = loop.stack is None
        self._asked = [
            PriceQuery(
                to=name,
                window=self._view.window,
                prices_per_kwh=frozen(loop.search.queries_per_kwh[:, position]),
                in_parts=self.offers == "device",
                alone=is_first,
                again=not self._rounds and loop.search.is_warm,
                held=held[position],
            )
            for position, name in enumerate(self._public.names)
        ]
        return list(self._asked)

    def _awards(self) -> list[Message]:
        fixed = {name: None if self._is_open else kw for name, kw in self._exchange_kw.items()}
        trades = pool_trades(self._trade_kw, self._local_per_kwh)
        binding = self._network.at_limits(self._exchange_kw)
        return pool_awards(self._view.window, fixed, trades, binding=binding)

    # ----------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Take offers until the bounds meet; clear once everything is planned."""
        if self._is_decided:
            return pool_clearing(
                self._view,
                plans_by_name(replies),
                self._trade_kw,
                self._local_per_kwh,
                lower=self._free.search.lower,
                rounds=tuple(self._rounds),
                memory=self._memory,
                loss_cost=self._network.loss_cost,
                shadow_prices=self._shadow_prices,
                flags=self._network.flags,
            )
        if self._pattern is not None:
            self._hear(self._pattern, replies)
            return None
        by_name = replies_by_name(replies, Offer)
        offers = [by_name[name] for name in self._public.names]
        if self._holding is None:
            self._take(offers)
        else:
            self._take_held(self._holding, offers)
        return None

    def _take(self, offers: list[Offer]) -> None:
        """Move both bounds; where they meet, decide, or hold what cannot be mixed."""
        loop = self._free
        queries = len(loop.search.queries_per_kwh)
        stack = loop.take(offers)
        if not self._rounds:
            self._alone = queries
            self._zero_trade_cost = self._public.cost_without_trade(stack, queries)
            loop.search.is_sparing = bool(loop.indivisible)
        is_mixed = bool(loop.indivisible)
        # Where selling earns more than buying costs, the master may pass power on: no upper bound.
        has_upper = not (is_mixed or self._public.prices.is_arbitrage)
        cost = loop.combination.cost if loop.combination is not None else np.inf
        upper = cost if has_upper and np.isfinite(cost) else None
        self._rounds.append(Round(upper, loop.search.lower, 0.0))
        is_late = len(self._rounds) >= self.max_rounds or self._is_hurried
        if not (loop.is_stuck or is_late or self._is_close(loop)):
            loop.look()
            return
        assert loop.combination is not None
        self._found(loop.combination)

    def _take_held(self, holding: Holding, offers: list[Offer]) -> None:
        """Find the best exchange with decisions held; then hold others, or decide."""
        holding.take(offers, self._is_close)
        self._rounds.append(Round(holding.best.cost, self._free.search.lower, 0.0))
        if holding.is_over:
            self._found(holding.best)

    def _found(self, combination: Combination) -> None:
        """Ask whether the network carries what was found, or take it as it is.

        Where no offers together keep the rows of the network, they are left to the DNO's review.
        """
        if not np.isfinite(combination.cost):
            self._network.give_up()
            self._public = replace(self._public, limits=None)
            self._free.restrict(self._public)
            assert self._free.combination is not None
            combination = self._free.combination
        if self._network.is_over or self._is_hurried:
            self._take_found(combination)
        else:
            self._pattern = combination

    def _hear(self, pattern: Combination, replies: Sequence[Message]) -> None:
        """Go on with what the DNO says of a pattern, or take the pattern."""
        self._pattern = None
        exchange_kw = self._public.by_name(pattern.exchange_kw)
        if not self._network.takes(replies, exchange_kw):
            self._take_found(pattern)
            return
        self._public = replace(self._public, limits=self._network.limits)
        self._free.restrict(self._public)
        if self._holding is None:
            self._free.look()
        else:
            self._begin_holding()

    def _take_found(self, combination: Combination) -> None:
        """Hold what cannot be mixed, or decide."""
        if self._is_hurried:
            self._memory = self._search_memory()
            self._decide(combination)
        elif self._free.indivisible and self._holding is None:
            self._begin_holding()
            self._network.reopen()  # other patterns come of it
        else:
            self._decide(combination)

    def _begin_holding(self) -> None:
        self._memory = self._search_memory()
        self._holding = Holding(self._free, self._alone, self._view.window.first_step, self._hold)

    def _search_memory(self) -> dict[str, Any]:
        assert self._free.combination is not None
        return self._free.search.memory(self._free.combination)

    def _hold(self) -> PriceLoop:
        """Begin another exchange, near the prices that the free one ended with."""
        assert self._master is not None
        memory = {**self._memory, "is_sparing": False}
        members = len(self._public.names)
        rows = self._public.rows
        search = PriceSearch(self._view.window, members, self._public.prices, memory, rows=rows)
        return PriceLoop(self._public, self._master, search)

    def _is_close(self, loop: PriceLoop) -> bool:
        assert loop.combination is not None
        if not np.isfinite(loop.combination.cost):
            return False
        gap = loop.combination.cost - loop.search.lower
        gross = self._public.gross_cost(loop.combination)
        if self._free.indivisible:  # a gap of duality is left in any case
            return gap <= self.tolerance * gross / 2.0
        gain = self._zero_trade_cost - loop.search.lower
        return gap <= max(min(self.tolerance * gross, GAIN_LEFT * gain), FLOOR * gross)

    # ------------------------------------------------------------------------------ deciding
    @property
    def _is_open(self) -> bool:
        """True where microgrids may better their plans around firm trades, units on or off too.

        What is best for a microgrid at the grid is then best for all: not under `system`.
        """
        is_bound = self._network.limits is not None  # exchanges have to keep the network
        return (
            bool(self._free.indivisible)
            and self._view.objective is Objective.MEMBERS
            and not is_bound
        )

    def _decide(self, combination: Combination) -> None:
        view = self._view
        self._is_decided = True
        self._exchange_kw = self._public.by_name(combination.exchange_kw)
        self._trade_kw = match_pool(self._exchange_kw, view.tariff)
        if self._is_open and combination.cost > self._zero_trade_cost:
            nothing = np.zeros(view.window.steps)
            self._trade_kw = dict.fromkeys(self._public.names, nothing)
        self._local_per_kwh = self._network.local_prices(
            combination.given_per_kwh, combination.multipliers, self._trade_kw
        )
        self._shadow_prices = self._network.worth(
            combination.given_per_kwh, combination.multipliers, self._trade_kw
        )
        self._memory = self._search_memory() | self._network.memory(combination.multipliers)
