"""Exchange ADMM: prices and a pull towards what the market would have, with a certificate.

The microgrids say what they would exchange at a price near a point, all at once; what lies beyond
the connection points is the market's problem, which it solves step by step in closed form. Every
answer keeps its microgrid's limits, so that matching surplus with lack is all the repair there is:
what is awarded balances exactly, whenever the rounds end.

Every answer is also the best one at the price less what the pull adds to it, so that it proves a
bound as an offer at prices does. Rounds end where that bound is near what the exchanges cost, or
where microgrids and market are near each other; then the prices are asked for without any pull,
and what the offers prove is the certificate.

Near a point, units that are on or off are relaxed, and the clearing says so. What is awarded are
trades that every microgrid can keep around its own plan.

References
----------
.. [1] Boyd, Parikh, Chu, Peleato, Eckstein, "Distributed Optimization and Statistical Learning via
   the Alternating Direction Method of Multipliers", Foundations and Trends in Machine Learning 3
   (2011), doi:10.1561/2200000016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    MarketView,
    Message,
    Objective,
    Offer,
    Plan,
    PriceQuery,
    ProximalOffer,
    ProximalQuery,
    Round,
    frozen,
)
from mmgsim.coordination.consensus import Consensus
from mmgsim.coordination.pool import (
    local_price,
    match_pool,
    plan_costs,
    pool_awards,
    pool_clearing,
    pool_trades,
)
from mmgsim.coordination.prices import FLOOR, GAIN_LEFT
from mmgsim.coordination.public_side import PublicSide
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.subproblems import OfferStack

__all__ = ["Admm"]


class _Stage(StrEnum):
    OPENING = "what everybody would do at the first prices, and without trade"
    ROUNDS = "exchanges near points"
    CLOSING = "what the last prices prove"
    AWARDS = "plans"


class Admm:
    """Moves prices and points until microgrids and market agree, then awards the trades.

    Under the objective `members` trades are firm, and every microgrid betters its plan around them
    at the grid, which costs nobody anything. Under `system` the exchange is fixed too, at what is
    best for each microgrid at the last prices.

    Parameters
    ----------
    tolerance : float
        Gap between the bounds, over gross cost, at which rounds end; at most a fiftieth of the gain
        of trading is left in any case. With units relaxed it is the gap of the relaxation.
    primal_tolerance_kwh : float
        Rounds also end where no microgrid is further from the market in any step [kWh], and
    dual_tolerance_per_kwh : float
        the market moves no more than this, at the penalty. [currency/kWh]
    max_rounds : int
        Rounds at most. A gate that they end is flagged ``out_of_rounds``; it is balanced, and its
        gap is stated, all the same.
    penalty : float or None
        To begin with; the spread of the tariff over the size of the exchanges if left out.
        [currency/kWh/kW]
    adapts : bool
        Balance both residuals by the penalty, in the first half of the rounds: that it stays put
        after some round is what convergence takes [1, section 3.4.1].
    """

    asks: frozenset[type[Message]] = frozenset({PriceQuery, ProximalQuery, Award})

    def __init__(
        self,
        *,
        tolerance: float = 1e-3,
        primal_tolerance_kwh: float = 1e-3,
        dual_tolerance_per_kwh: float = 1e-4,
        max_rounds: int = 200,
        penalty: float | None = None,
        adapts: bool = True,
    ) -> None:
        above_zero = {
            "tolerance": tolerance,
            "primal_tolerance_kwh": primal_tolerance_kwh,
            "dual_tolerance_per_kwh": dual_tolerance_per_kwh,
            "penalty": 1.0 if penalty is None else penalty,
        }
        for name, value in above_zero.items():
            if not 0.0 < value < np.inf:
                raise ValueError(
                    f"{name} is finite and above 0, not {value:g}; leave it out for its default"
                )
        if tolerance > 1.0:
            raise ValueError(f"tolerance is a share above 0 and at most 1, not {tolerance:g}")
        if max_rounds < 1:
            raise ValueError(f"max_rounds is at least 1, not {max_rounds}")
        self.tolerance = tolerance
        self.primal_tolerance_kwh = primal_tolerance_kwh
        self.dual_tolerance_per_kwh = dual_tolerance_per_kwh
        self.max_rounds = max_rounds
        self.penalty = penalty
        self.adapts = adapts

    def reset(self) -> None:
        """Keep nothing from gate to gate but the memory."""

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate, near the prices and points of the last one where there are any."""
        self._view = view
        self._public = PublicSide.of(view)
        self._names = self._public.names
        self._consensus = Consensus(
            view.window,
            self._public.prices,
            memory,
            members=len(self._names),
            penalty=self.penalty,
        )
        self._stage = _Stage.OPENING
        self._rounds: list[Round] = []
        self._lower = -np.inf
        self._is_relaxed = self._is_out_of_rounds = False
        self._best: tuple[float, FloatArray] = (np.inf, self._consensus.target_kw)
        self._estimated: tuple[float, FloatArray] = (-np.inf, self._consensus.price_per_kwh)

    def hurry(self) -> None:
        """Award the cheapest exchanges found, once there are any."""
        if self._stage in (_Stage.ROUNDS, _Stage.CLOSING):
            self._is_out_of_rounds = self._is_out_of_rounds or self._stage is _Stage.ROUNDS
            self._decide(self._best[1])

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask at prices alone, then near points, at prices alone again; then award."""
        if self._stage is _Stage.AWARDS:
            trades = pool_trades(self._trade_kw, self._local_per_kwh)
            return pool_awards(self._view.window, self._fixed_kw, trades)
        if self._stage is _Stage.ROUNDS:
            return self._proximal_queries()
        return self._price_queries()

    def _price_queries(self) -> list[Message]:
        prices = [self._consensus.price_per_kwh]
        if self._stage is _Stage.CLOSING:
            prices.append(self._estimated[1])
        self._asked_per_kwh = np.stack(prices)
        return [
            PriceQuery(
                to=name,
                window=self._view.window,
                prices_per_kwh=frozen(self._asked_per_kwh[:, position]),
                alone=self._stage is _Stage.OPENING,
            )
            for position, name in enumerate(self._names)
        ]

    def _proximal_queries(self) -> list[Message]:
        sides = zip(
            self._names, self._consensus.price_per_kwh, self._consensus.target_kw, strict=True
        )
        return [
            ProximalQuery(
                to=name,
                window=self._view.window,
                price_per_kwh=frozen(price),
                target_kw=frozen(target),
                penalty_per_kwh_kw=self._consensus.penalty,
            )
            for name, price, target in sides
        ]

    # ----------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Take what the stage asked for; clear once everything is planned."""
        if self._stage is _Stage.OPENING:
            self._open(replies)
        elif self._stage is _Stage.ROUNDS:
            self._take(replies)
        elif self._stage is _Stage.CLOSING:
            self._close(replies)
        else:
            return self._clear(plans_by_name(replies))
        return None

    def _open(self, replies: Sequence[Message]) -> None:
        stack = self._prove(replies)
        self._zero_trade_cost = self._public.cost_without_trade(stack, 1)
        alone_kw = stack.exchange_kw(1)
        self._best = (
            stack.private_cost(1) + float(self._public.matched_terms(alone_kw).sum()),
            alone_kw,
        )
        self._consensus.begin(alone_kw)
        self._stage = _Stage.ROUNDS

    def _prove(self, replies: Sequence[Message]) -> OfferStack:
        """Take the lower bound that offers at prices prove, and give the offers."""
        by_name = replies_by_name(replies, Offer)
        offers = [by_name[name] for name in self._names]
        asked = self._asked_per_kwh
        proven = self._public.lower_bounds(asked, np.zeros((len(asked), 0)), offers)
        self._lower = max(self._lower, float(proven.max()))
        return OfferStack.of(offers)

    def _take(self, replies: Sequence[Message]) -> None:
        """Let the market answer, and tell whether both agree."""
        by_name = replies_by_name(replies, ProximalOffer)
        offers = [by_name[name] for name in self._names]
        exchange_kw = np.stack([offer.exchange_kw for offer in offers])
        self._is_relaxed = self._is_relaxed or any(offer.is_relaxed for offer in offers)
        private_cost = sum(offer.private_cost for offer in offers)
        terms = self._public.matched_terms(exchange_kw)
        upper, gross = private_cost + terms.sum(), abs(private_cost) + np.abs(terms).sum()
        if upper < self._best[0]:
            self._best = (float(upper), exchange_kw)
        self._consensus.take(exchange_kw)
        self._estimate(exchange_kw, private_cost)
        self._rounds.append(
            Round(None if self._is_relaxed else upper, self._lower, self._consensus.residual_kw)
        )
        self._gross = gross
        is_done = self._agrees or self._is_close(self._estimated[0])
        if is_done or len(self._rounds) >= self.max_rounds:
            self._is_out_of_rounds = not is_done
            self._stage = _Stage.CLOSING
        elif self.adapts and len(self._rounds) <= self.max_rounds // 2:
            self._consensus.adapt()

    def _estimate(self, exchange_kw: FloatArray, private_cost: float) -> None:
        """Estimate what the microgrids' own prices would prove: at these the answers are best."""
        own = self._consensus.own_per_kwh
        revenue = self._view.window.step_h * float((own * exchange_kw).sum())
        lower = private_cost - revenue + float(self._public.least_cost(own))
        if lower > self._estimated[0]:
            self._estimated = (lower, own)

    def _is_close(self, lower: float) -> bool:
        """Tell whether the cheapest exchanges found are near a bound."""
        if not self._is_relaxed:  # what is proven holds for whole decisions, not for relaxed ones
            lower = max(lower, self._lower)
        gain = self._zero_trade_cost - lower
        most = max(min(self.tolerance * self._gross, GAIN_LEFT * gain), FLOOR * self._gross)
        return bool(self._best[0] - lower <= most)

    @property
    def _flags(self) -> tuple[str, ...]:
        return (
            *("integers_relaxed",) * self._is_relaxed,
            *("out_of_rounds",) * self._is_out_of_rounds,
        )

    @property
    def _agrees(self) -> bool:
        return (
            self._consensus.primal_kwh <= self.primal_tolerance_kwh
            and self._consensus.dual_per_kwh <= self.dual_tolerance_per_kwh
        )

    # ------------------------------------------------------------------------------ deciding
    def _close(self, replies: Sequence[Message]) -> None:
        """Award the cheapest exchanges found; under `system`, those offered at the last prices."""
        stack = self._prove(replies)
        if not self._may_end:
            self._stage = _Stage.ROUNDS
            self._estimated = (-np.inf, self._estimated[1])
            return
        if not self._is_relaxed:
            self._is_out_of_rounds = not (self._agrees or self._is_close(self._lower))
        self._decide(self._best[1] if self._is_open else stack.exchange_kw(0))

    @property
    def _may_end(self) -> bool:
        """False where less was proven than answers, which are inexact, let expect."""
        is_over = self._agrees or len(self._rounds) >= self.max_rounds
        return is_over or self._is_relaxed or self._is_close(self._lower)

    @property
    def _is_open(self) -> bool:
        """True where microgrids better their plans at the grid, around firm trades."""
        return self._view.objective is Objective.MEMBERS

    def _decide(self, exchange_kw: FloatArray) -> None:
        by_name = self._public.by_name(exchange_kw)
        self._fixed_kw = {name: None if self._is_open else kw for name, kw in by_name.items()}
        self._trade_kw = match_pool(by_name, self._view.tariff)
        self._local_per_kwh = local_price(
            self._view.local_price, self._view.tariff, self._consensus.pool_per_kwh
        )
        self._stage = _Stage.AWARDS

    def _clear(self, plans: Mapping[str, Plan]) -> Clearing | None:
        """Clear; where trade came out dearer than none, award nothing instead."""
        cost, gross = plan_costs(self._view, plans, self._trade_kw)
        is_dearer = cost > self._zero_trade_cost + FLOOR * gross
        if is_dearer and any(kw.any() for kw in self._trade_kw.values()):
            nothing = np.zeros(self._view.window.steps)
            self._trade_kw = dict.fromkeys(self._names, nothing)
            self._fixed_kw = dict.fromkeys(self._names)
            return None
        clearing = pool_clearing(
            self._view,
            plans,
            self._trade_kw,
            self._local_per_kwh,
            lower=self._lower,
            rounds=tuple(self._rounds),
            memory=self._consensus.memory(),
        )
        return replace(clearing, flags=self._flags)
