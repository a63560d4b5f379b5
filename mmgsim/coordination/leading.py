"""From the leader's problem to trades that are worth awarding, whatever the solver found.

The optimum of the bi-level problem, that of a leader who controls everything, and no trade at all
are three sets of trades. What each of them leads to is known, because the microgrids' problems are:
the cheapest is awarded, so that it is never worse than no trade. Of several responses that are as
good for a microgrid, the optimistic problem takes the one that suits the leader: it is awarded too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import FloatArray, MarketView, Plan, frozen
from mmgsim.coordination.pair_trades import bills, net_trade_kw, sold_in_proportion
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


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """Trades that might be awarded, with the exchanges that the leader would have."""

    traded_kw: FloatArray
    exchange_kw: FloatArray | None = None


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
    chosen_kw : mapping or None
        Exchanges to award with the trades, by name of microgrid: of several responses that are
        as good for a microgrid, the one that suits the leader. None where there is no choice.
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
        self.chosen_kw: Mapping[str, FloatArray] | None = None
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
        nothing = _Candidate(np.zeros_like(self.traded_kw))
        self._choose([nothing, *(one for outcome in found for one in self._of(outcome))])

    def _is_response(self, outcome: LeaderOutcome) -> bool:
        """Tell whether everybody already does what is best for itself: then it is the optimum."""
        for follower, trade_kw in zip(self._followers, outcome.trade_kw, strict=True):
            best = follower.cost(follower.respond(trade_kw), trade_kw)
            cost = outcome.follower_cost[follower.name]
            if cost > best + TOLERANCE * (1.0 + abs(best)):
                return False
        return True

    def _of(self, outcome: LeaderOutcome) -> tuple[_Candidate, ...]:
        """Give trades with whatever follows, and with the exchanges that the leader counts on."""
        traded_kw = self._in_pairs(outcome)
        return _Candidate(traded_kw), _Candidate(traded_kw, outcome.exchange_kw)

    def _in_pairs(self, outcome: LeaderOutcome) -> FloatArray:
        """Give who sells to whom; without rationality only what each trades in all matters."""
        if self._is_rational:
            return outcome.traded_kw
        return sold_in_proportion(outcome.trade_kw)

    def _choose(self, candidates: Sequence[_Candidate]) -> None:
        """Take the cheapest by what follows from it; the first one is no trade."""
        best, alone = np.inf, np.empty(0)
        for candidate in candidates:
            traded_kw = candidate.traded_kw
            plans = self._responses(candidate)
            own = bills(self._view, plans, traded_kw, self._price)
            cost, gross = plan_costs(self._view, plans, self._by_name(traded_kw))
            slack, is_first = TOLERANCE * gross, not len(alone)
            alone = own if is_first else alone
            is_eligible = not self._is_rational or bool((own <= alone + slack).all())
            is_eligible = is_eligible and self._keeps_limits(plans)
            if is_first or (is_eligible and cost < best - slack):
                self._expected_cost, self._slack, self.traded_kw = cost, slack, traded_kw
                self.expected_kw = {name: plan.exchange_kw for name, plan in plans.items()}
                self.chosen_kw = None if candidate.exchange_kw is None else self.expected_kw
                # Where standing alone breaks rows, whatever keeps them goes before it.
                best = cost if is_eligible else np.inf

    def _keeps_limits(self, plans: Mapping[str, Plan]) -> bool:
        if self._limits is None:
            return True
        names = [member.name for member in self._view.members]
        return not self._limits.are_broken(np.stack([plans[n].exchange_kw for n in names]))

    def _responses(self, candidate: _Candidate) -> dict[str, Plan]:
        """Give what everybody does, the leader's choice only where it is as good for itself."""
        plans = {}
        trades_kw = net_trade_kw(candidate.traded_kw)
        for row, (follower, trade_kw) in enumerate(zip(self._followers, trades_kw, strict=True)):
            response = follower.respond(trade_kw)
            if candidate.exchange_kw is not None:
                best = follower.cost(response, trade_kw)
                wanted = follower.respond(trade_kw, candidate.exchange_kw[row])
                if follower.cost(wanted, trade_kw) <= best + TOLERANCE * (1.0 + abs(best)):
                    response = wanted
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
