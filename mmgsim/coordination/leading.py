"""From the leader's problem to trades that are worth awarding, whatever the solver found.

The optimum of the bi-level problem, that of a leader who controls everything, and no trade at all
are three sets of trades. What each of them leads to is known, because the microgrids' problems are:
the cheapest is awarded, so that it is never worse than no trade.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from mmgsim.contracts import FloatArray, MarketView, Plan, frozen
from mmgsim.coordination.bilateral import bills, net_trade_kw, sold_in_proportion
from mmgsim.coordination.pool import plan_costs
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import (
    Follower,
    LeaderOutcome,
    LeaderProblem,
    LeaderTerms,
    NetworkLimits,
    public_prices,
)

__all__ = ["Leading"]

log = logging.getLogger(__name__)

# Of gross cost: coordinations are compared to this.
TOLERANCE = 1e-6


class Leading:
    """The leader's search in one gate.

    Parameters
    ----------
    view : MarketView
        Of the gate.
    followers : sequence of Follower
        Begun with the window, in the order of the members.
    price_per_kwh : (sellers, steps) array
        Of trades. [currency/kWh]
    is_rational : bool
        True where nobody may be worse off than without trade.
    time_limit_s : float
        Of each problem with binaries.
    limits : NetworkLimits or None
        Limits on the exchanges that the leader keeps.

    Attributes
    ----------
    traded_kw : (sellers, buyers, steps) array
        To be awarded. [kW]
    expected_kw : mapping
        Exchanges that should follow, by name. [kW]
    flags : set of str
        What was out of the ordinary.
    outcome : LeaderOutcome or None
        Of the bi-level problem.
    """

    def __init__(
        self,
        view: MarketView,
        followers: Sequence[Follower],
        price_per_kwh: FloatArray,
        *,
        is_rational: bool = False,
        time_limit_s: float = np.inf,
        limits: NetworkLimits | None = None,
    ) -> None:
        self._view, self._followers, self._price = view, tuple(followers), price_per_kwh
        self._is_rational, self._time_limit_s, self._limits = is_rational, time_limit_s, limits
        members = len(view.members)
        self.traded_kw: FloatArray = np.zeros((members, members, view.window.steps))
        self.flags: set[str] = set()
        self.outcome: LeaderOutcome | None = None

    def solve(self) -> None:
        """Find the trades to award, and what should follow from them."""
        terms = LeaderTerms(
            window=self._view.window,
            tariff=self._view.tariff,
            prices=public_prices(self._view.tariff, self._view.objective),
            price_per_kwh=self._price,
            is_rational=self._is_rational,
            limits=self._limits,
        )
        problem = LeaderProblem(self._followers, terms)
        found: list[LeaderOutcome] = []
        try:
            found.append(problem.relaxed(time_limit_s=self._time_limit_s))
            if not self._is_response(found[0]):
                found.append(problem.optimistic(time_limit_s=self._time_limit_s))
        except SubproblemError as error:
            log.warning("nothing but what is at hand: %s", error)
            self.flags.add("leader_unproven")
        else:
            self.outcome = found[-1]
            if not self.outcome.is_proven:
                self.flags.add("leader_unproven")
        self._choose([np.zeros_like(self.traded_kw), *map(self._in_pairs, found)])

    def _is_response(self, outcome: LeaderOutcome) -> bool:
        """Tell whether everybody already does what is best for itself: then it is the optimum."""
        for follower, trade_kw in zip(self._followers, outcome.trade_kw, strict=True):
            best = follower.cost(follower.respond(trade_kw), trade_kw)
            cost = outcome.follower_cost[follower.name]
            if cost > best + TOLERANCE * (1.0 + abs(best)):
                return False
        return True

    def _in_pairs(self, outcome: LeaderOutcome) -> FloatArray:
        """Give who sells to whom; without rationality only what each trades in all matters."""
        if self._is_rational:
            return outcome.traded_kw
        return sold_in_proportion(outcome.trade_kw)

    def _choose(self, candidates: Sequence[FloatArray]) -> None:
        """Take the cheapest by what follows from it; the first one is no trade."""
        best, alone = np.inf, np.empty(0)
        for traded_kw in candidates:
            plans = self._responses(traded_kw)
            own = bills(self._view, plans, traded_kw, self._price)
            cost, gross = plan_costs(self._view, plans, self._by_name(traded_kw))
            slack, is_first = TOLERANCE * gross, not len(alone)
            alone = own if is_first else alone
            is_eligible = not self._is_rational or bool((own <= alone + slack).all())
            is_eligible = is_eligible and self._keeps_limits(plans)
            if is_first or (is_eligible and cost < best - slack):
                self._expected_cost, self._slack, self.traded_kw = cost, slack, traded_kw
                self.expected_kw = {name: plan.exchange_kw for name, plan in plans.items()}
                # Where standing alone breaks rows, whatever keeps them goes before it.
                best = cost if is_eligible else np.inf

    def _keeps_limits(self, plans: Mapping[str, Plan]) -> bool:
        if self._limits is None:
            return True
        names = [member.name for member in self._view.members]
        return not self._limits.are_broken(np.stack([plans[n].exchange_kw for n in names]))

    def _responses(self, traded_kw: FloatArray) -> dict[str, Plan]:
        plans = {}
        for follower, trade_kw in zip(self._followers, net_trade_kw(traded_kw), strict=True):
            response = follower.respond(trade_kw)
            plans[follower.name] = Plan(
                window=self._view.window,
                exchange_kw=response.exchange_kw,
                q_kvar=frozen(np.zeros(self._view.window.steps)),
                private_cost=response.private_cost,
            )
        return plans

    def _by_name(self, traded_kw: FloatArray) -> dict[str, FloatArray]:
        names = [member.name for member in self._view.members]
        return dict(zip(names, net_trade_kw(traded_kw), strict=True))

    def is_dearer(self, plans: Mapping[str, Plan]) -> bool:
        """Tell whether plans cost more than the responses that were expected."""
        cost, _ = plan_costs(self._view, plans, self._by_name(self.traded_kw))
        return cost > self._expected_cost + self._slack
