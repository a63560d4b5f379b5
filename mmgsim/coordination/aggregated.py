"""One controller for all microgrids: joint requests, a joint plan within grants, a divided saving.

The controller is told everything, as in `central`, and finds the cheapest joint plan (paper 003,
eq. 23). What one microgrid has left over goes to others first: through tie lines, where there are
any, and through the feeder, lossless in the controller's balance and with losses in the DNO's
problem and the power flow. Where there are ties, requests are of what the members' devices lack
and have left over, and the DNO grants of them at whichever connection points suit the network, as
far as the lines carry it there; else, and in further passes, requests and grants are of each
connection.

The saving is that of step 1: what the members would pay each on its own, less what they pay
together, with coalitions in between for the rules that look at them. It becomes money by transfers
between members and market that add up to zero. What the network's refusals cost the joint plan in
step 3 is borne equally.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    Disclose,
    Disclosure,
    Envelope,
    FloatArray,
    MarketView,
    Message,
    Objective,
    Plan,
    Request,
    Round,
    Tariff,
    TieFlow,
    TieLine,
    frozen,
    net_tie_kw,
)
from mmgsim.coordination.central import MIP_GAP
from mmgsim.coordination.pool import (
    local_price,
    match_pool,
    pool_awards,
    pool_clearing,
    pool_trades,
)
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.coordination.sharing import Split, divide, savings
from mmgsim.coordination.ties import tie_flows, ties_among
from mmgsim.subproblems import (
    CompiledHighs,
    JointOutcome,
    JointProblem,
    public_cost,
    public_prices,
)

__all__ = ["Aggregated", "requests_of"]

# Coalitions double with every member, and each is a problem of its own.
MOST_MEMBERS = 10

_MAKE_SOLVER = partial(CompiledHighs, mip_gap=MIP_GAP)

_LOOKS_AT_COALITIONS = frozenset({Split.SHAPLEY, Split.NUCLEOLUS})


class Aggregated:
    """Plans for all members together, and divides what that saves.

    Parameters
    ----------
    split : Split
        By which rule.
    """

    asks: frozenset[type[Message]] = frozenset({Disclose, Award})
    pools = True

    def __init__(self, split: Split) -> None:
        self.split = split
        self._problems: dict[tuple[str, ...], JointProblem] = {}

    def member_faults(self, members: int) -> Iterator[tuple[str, str, str]]:
        """Tell where a rule looks at more coalitions than can be solved: option, fault, cure."""
        if self.split in _LOOKS_AT_COALITIONS and members > MOST_MEMBERS:
            what = f"{self.split} looks at all coalitions of {members} microgrids"
            yield "split", what, f"use equal, or at most {MOST_MEMBERS} of them"

    def reset(self) -> None:
        """Make all problems as new, without building them again."""
        for problem in self._problems.values():
            problem.reset()

    def start(self, view: MarketView) -> None:
        """Begin a gate."""
        self._view = view
        self._names = tuple(member.name for member in view.members)
        self._declared: Mapping[str, Disclosure] = {}
        self._trade_kw: dict[str, FloatArray] = {}
        self._ties: tuple[TieFlow, ...] = ()

    @property
    def ties(self) -> tuple[TieLine, ...]:
        """Lines through which one member may use what another is granted."""
        return self._view.ties

    # ------------------------------------------------------------------------------ step 1
    def request_questions(self) -> list[Message]:
        """Ask everybody for its devices."""
        return [Disclose(to=name, window=self._view.window) for name in self._names]

    def take_requests(self, replies: Sequence[Message]) -> Mapping[str, Request]:
        """Find the cheapest joint plan, and request what its devices lack and have left over."""
        self._declared = replies_by_name(replies, Disclosure)
        self._best = self._solved(self._names)
        self._alone, self._shares = self._divided()
        return requests_of(self._leaving_kw(self._best))

    def _leaving_kw(self, planned: JointOutcome) -> dict[str, FloatArray]:
        """Give what leaves each member, at its connection and through ties together. [kW]"""
        flows = tie_flows(self._view.ties, planned.sent_kw, planned.price_per_kwh)
        return {
            name: planned.exchange_kw[name] + net_tie_kw(flows, name, self._view.window.steps)
            for name in self._names
        }

    def _solved(
        self, names: tuple[str, ...], envelopes: Mapping[str, Envelope] | None = None
    ) -> JointOutcome:
        """Give the cheapest plan of some members together."""
        view = self._view
        devices = {name: self._declared[name].devices for name in names}
        problem, ties = self._problems.get(names), ties_among(view.ties, names)
        if problem is None or not problem.fits(devices, view.window, ties):
            problem = JointProblem(devices, view.window, ties=ties, make_solver=_MAKE_SOLVER)
            self._problems[names] = problem
        declared = {name: self._declared[name] for name in names}
        limits = {name: (envelopes or view.envelopes)[name] for name in names}
        prices = public_prices(view.tariff, view.objective)
        return problem.solve(declared, limits, prices, view.window.first_step)

    def _divided(self) -> tuple[FloatArray, FloatArray]:
        """Give what each member pays on its own, and its share of the saving. [currency]

        With the objective `system`, plans are not made for the members' bills, and nothing is
        divided.
        """
        count = len(self._names)
        if self._view.objective is Objective.SYSTEM:
            return np.zeros(count), np.zeros(count)
        alone = np.array([self._solved((name,)).cost for name in self._names])
        cost = np.zeros(1 << count)
        cost[1 << np.arange(count)] = alone
        for mask in self._coalitions():
            inside = [i for i in range(count) if mask >> i & 1]
            names = tuple(self._names[i] for i in inside)
            # Best by tangents of fuel may cost more than own plans do; they can be kept to.
            cost[mask] = min(self._solved(names).cost, float(alone[inside].sum()))
        cost[-1] = self._best.cost
        return alone, divide(self.split, savings(cost), alone)

    def _coalitions(self) -> Iterator[int]:
        """Give the coalitions between one member and all, where the rule looks at them."""
        if self.split in _LOOKS_AT_COALITIONS:
            for mask in range(1 << len(self._names)):
                if 1 < mask.bit_count() < len(self._names):
                    yield mask

    # ------------------------------------------------------------------------------ step 3
    def plan_questions(self, grants: Mapping[str, Request]) -> list[Message]:
        """Find the cheapest joint plan within the grants, and award its exchanges."""
        view = self._view
        within = {
            name: replace(
                view.envelopes[name],
                import_limit_kw=np.minimum(
                    grants[name].lack_kw, view.envelopes[name].import_limit_kw
                ),
                export_limit_kw=np.minimum(
                    grants[name].surplus_kw, view.envelopes[name].export_limit_kw
                ),
            )
            for name in self._names
        }
        planned = self._solved(self._names, within)
        exchange_kw: dict[str, FloatArray | None] = {n: planned.exchange_kw[n] for n in self._names}
        self._trade_kw = match_pool(planned.exchange_kw, view.tariff)
        self._price_per_kwh = local_price(view.local_price, view.tariff, planned.price_per_kwh)
        trades = pool_trades(self._trade_kw, self._price_per_kwh)
        self._ties = tie_flows(view.ties, planned.sent_kw, self._price_per_kwh)
        return pool_awards(view.window, exchange_kw, trades, ties=self._ties, grants=grants)

    def take_plans(self, replies: Sequence[Message], rounds: tuple[Round, ...]) -> Clearing:
        """Clear with the members' plans, and what they owe each other of the saving."""
        plans = plans_by_name(replies)
        clearing = pool_clearing(
            self._view,
            plans,
            self._trade_kw,
            self._price_per_kwh,
            lower=self._best.lower_bound,
            rounds=rounds,
            ties=self._ties,
        )
        return replace(clearing, transfers=self._transfers(plans, clearing.upper))

    def _transfers(self, plans: Mapping[str, Plan], upper: float) -> Mapping[str, FloatArray]:
        """Give what each member pays the market in every step; they add up to zero. [currency]

        A member is to pay what it would on its own, less its share of the saving, and an equal
        part of what grants cost the joint plan. Spread evenly over the window: right in all where
        a gate's window is executed whole, an average of gates where windows overlap.
        """
        if self._view.objective is Objective.SYSTEM:
            return {}
        steps, owed = self._view.window.steps, self.owed(plans, upper)
        owed = owed - owed.mean()  # the rounding of solvers
        return {
            name: frozen(np.full(steps, one / steps))
            for name, one in zip(self._names, owed.tolist(), strict=True)
        }

    def owed(self, plans: Mapping[str, Plan], upper: float) -> FloatArray:
        """Give what each member owes beside its own bill; the sum is rounding. [currency]"""
        step_h, tariff, count = self._view.window.step_h, self._view.tariff, len(self._names)
        due = self._alone - self._shares + (upper - self._best.cost) / count
        bills = [
            plans[name].private_cost
            + _public_bill(plans[name], self._trade_kw[name], tariff, step_h)
            - step_h * float(self._price_per_kwh @ self._trade_kw[name])
            - step_h * _earned_per_h(self._ties, name)
            for name in self._names
        ]
        return np.asarray(due - np.array(bills))


def _public_bill(plan: Plan, trade_kw: FloatArray, tariff: Tariff, step_h: float) -> float:
    return public_cost(plan.exchange_kw, trade_kw, public_prices(tariff), step_h)


def _earned_per_h(flows: tuple[TieFlow, ...], name: str) -> float:
    """Give what a microgrid is paid for tie flows less what it pays. [currency/h]"""
    return sum(
        float(flow.price_per_kwh @ flow.received_kw)
        * ((flow.sender == name) - (flow.receiver == name))
        for flow in flows
    )


def requests_of(exchange_kw: Mapping[str, FloatArray]) -> dict[str, Request]:
    """Give the lack and the surplus of exchanges, by name of microgrid. [kW]"""
    return {
        name: Request(lack_kw=frozen(np.maximum(-kw, 0.0)), surplus_kw=frozen(np.maximum(kw, 0.0)))
        for name, kw in exchange_kw.items()
    }
