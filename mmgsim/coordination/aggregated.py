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
    Request,
    Round,
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
from mmgsim.coordination.saving import Saving, coalition_faults
from mmgsim.coordination.sharing import Split
from mmgsim.coordination.ties import tie_flows
from mmgsim.subproblems import (
    CompiledHighs,
    JointOutcome,
    JointProblem,
    public_prices,
)

__all__ = ["Aggregated", "requests_of"]

_MAKE_SOLVER = partial(CompiledHighs, mip_gap=MIP_GAP)


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
        self._saving = Saving(split)
        self._problem: JointProblem | None = None

    def member_faults(self, members: int) -> Iterator[tuple[str, str, str]]:
        """Tell where a rule looks at more coalitions than can be solved: option, fault, cure."""
        return coalition_faults(self._saving.split, members)

    def reset(self) -> None:
        """Make all problems as new, without building them again."""
        self._saving.reset()
        if self._problem is not None:
            self._problem.reset()

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
        self._best = self._solved(self._view.envelopes)
        self._saving.start(self._view, self._declared, self._best.cost)
        return requests_of(self._leaving_kw(self._best))

    def _leaving_kw(self, planned: JointOutcome) -> dict[str, FloatArray]:
        """Give what leaves each member, at its connection and through ties together. [kW]"""
        flows = tie_flows(self._view.ties, planned.sent_kw, planned.price_per_kwh)
        return {
            name: planned.exchange_kw[name] + net_tie_kw(flows, name, self._view.window.steps)
            for name in self._names
        }

    def _solved(self, envelopes: Mapping[str, Envelope]) -> JointOutcome:
        """Give the cheapest plan of all members together."""
        view = self._view
        devices = {name: self._declared[name].devices for name in self._names}
        if self._problem is None or not self._problem.fits(devices, view.window, view.ties):
            self._problem = JointProblem(
                devices, view.window, ties=view.ties, make_solver=_MAKE_SOLVER
            )
        prices = public_prices(view.tariff, view.objective)
        return self._problem.solve(self._declared, envelopes, prices, view.window.first_step)

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
        planned = self._solved(within)
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
        transfers = self._saving.transfers(
            plans, self._trade_kw, self._price_per_kwh, upper=clearing.upper, ties=self._ties
        )
        return replace(clearing, transfers=transfers)


def requests_of(exchange_kw: Mapping[str, FloatArray]) -> dict[str, Request]:
    """Give the lack and the surplus of exchanges, by name of microgrid. [kW]"""
    return {
        name: Request(lack_kw=frozen(np.maximum(-kw, 0.0)), surplus_kw=frozen(np.maximum(kw, 0.0)))
        for name, kw in exchange_kw.items()
    }
