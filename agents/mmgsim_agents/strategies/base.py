"""The base of strategies that optimise: it answers every kind of message from one Pyomo problem.

Write your own by overriding one method, most often `plan`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Disclose,
    Dispatch,
    FloatArray,
    Grant,
    Load,
    Message,
    Offer,
    OrderQuery,
    Orders,
    Plan,
    PriceQuery,
    ProximalOffer,
    ProximalQuery,
    Realised,
    Request,
    RequestQuery,
    SessionStore,
    View,
    frozen,
)
from mmgsim.errors import ContractError
from mmgsim.subproblems import (
    MicrogridInputs,
    MicrogridPlan,
    MicrogridProblem,
    OfferProblem,
    PrivateModel,
    ProximalProblem,
    Terms,
    as_offer,
    disclosure_of,
    hold_plan,
)
from mmgsim_agents.ordering import opportunity_orders

__all__ = ["OptimisingStrategy"]

# Larger than the rounding of a solver.
SHED_TOLERANCE_KWH = 1e-6
EXCHANGE_TOLERANCE_KW = 1e-5


class OptimisingStrategy:
    """Makes its own cost as small as possible, and says so truthfully.

    Parameters
    ----------
    private : PrivateModel or None
        What lies behind the connection point; the devices alone if left out. Plans, awards and
        offers all come from it.
    """

    answers: frozenset[type[Message]] = frozenset(
        {Award, Disclose, Grant, OrderQuery, PriceQuery, ProximalQuery, RequestQuery}
    )

    def __init__(self, private: PrivateModel | None = None) -> None:
        self._private = private
        # Caches: they may be dropped at any time and are then built again.
        self._problem: MicrogridProblem | None = None
        self._projection: MicrogridProblem | None = None
        self._offers: OfferProblem | None = None
        self._proximal: ProximalProblem | None = None

    def reset(self) -> None:
        """Make the problems as new, without building them again."""
        for problem in (self._problem, self._projection, self._offers, self._proximal):
            if problem is not None:
                problem.reset()

    # ------------------------------------------------------------------ what to override
    def plan(self, view: View, terms: Terms) -> MicrogridPlan:
        """Decide the window on given terms: prices, limits of the exchange, firm trades."""
        return self.problem(view).solve(
            MicrogridInputs(disclosure_of(view), terms), view.window.first_step
        )

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Order what a kWh of each traded step is worth to the own plan, truthfully."""
        return opportunity_orders(view, query, self.plan)

    def dispatch(self, view: View, realised: Realised) -> Dispatch:
        """Hold the plan as far as what really happened allows."""
        return hold_plan(view, realised)

    # --------------------------------------------------------------------- the messages
    @property
    def answers_in_threads(self) -> frozenset[type[Message]]:
        """Prices, where units are on or off: compiled problems do not get in each other's way.

        Without such units an answer takes less time than handing Python from thread to thread.
        """
        is_long = self._offers is not None and self._offers.is_mixed_integer
        return frozenset({PriceQuery}) if is_long else frozenset()

    def answer(self, view: View, message: Message) -> Message:
        """Reply to any kind of message in `answers`."""
        replies: dict[type[Message], Callable[[View, Any], Message]] = {
            Award: self._follow,
            Disclose: disclosure_of,
            Grant: self._accept,
            OrderQuery: self.order,
            PriceQuery: self._offer,
            ProximalQuery: self._offer_near,
            RequestQuery: self._request,
        }
        reply = replies.get(type(message))
        if reply is None:
            raise ContractError(view.name, [f"does not answer {type(message).__name__}"])
        return reply(view, message)

    def problem(self, view: View) -> MicrogridProblem:
        """Give the Pyomo problem of the own devices, built once."""
        if self._problem is None or not self._problem.fits(view.devices, view.window):
            self._problem = MicrogridProblem(
                view.name, view.devices, view.window, model=self._private
            )
        return self._problem

    def projection(self, view: View) -> MicrogridProblem:
        """Give the problem that stays near a wanted operation of the storage, built once."""
        if self._projection is None or not self._projection.fits(view.devices, view.window):
            self._projection = MicrogridProblem(
                view.name, view.devices, view.window, model=self._private, wanted=True
            )
        return self._projection

    def offers(self, view: View) -> OfferProblem:
        """Give the problem that answers prices, built once."""
        if self._offers is None or not self._offers.fits(view.devices, view.window):
            self._offers = OfferProblem(view.name, view.devices, view.window, model=self._private)
        return self._offers

    def proximal(self, view: View) -> ProximalProblem:
        """Give the problem that answers prices near a point, built once."""
        if self._proximal is None or not self._proximal.fits(view.devices, view.window):
            self._proximal = ProximalProblem(
                view.name, view.devices, view.window, model=self._private
            )
        return self._proximal

    def _follow(self, view: View, award: Award) -> Plan:
        """Plan with firm trades, and with the exchange where the mechanism fixes it.

        An exchange that costs a storage level or demand which could be kept or served otherwise is
        not followed, but where the network hangs on it: trades and what passes ties stay firm, and
        the grid takes up the rest, as far as the DNO has granted that.
        """
        firm = partial(Terms.of, view, trade_kw=award.trade_kw(), tie_kw=award.tie_kw)
        planned = self.plan(view, firm(exchange_kw=award.exchange_kw))
        if award.exchange_kw is None:
            return _as_plan(view, planned, tie_kw=award.tie_kw)
        if award.is_binding and _is_kept(award.exchange_kw, planned):
            return _as_plan(view, planned, tie_kw=award.tie_kw)
        is_missed, shed_kwh = "missed" in planned.flags, _shed_kwh(view, planned)
        if is_missed or shed_kwh > SHED_TOLERANCE_KWH:
            free = self.plan(view, _as_granted(firm(), award.granted))
            is_better = is_missed or shed_kwh > _shed_kwh(view, free) + SHED_TOLERANCE_KWH
            if is_better and "missed" not in free.flags:
                planned = replace(free, flags=(*free.flags, "award_left"))
        return _as_plan(view, planned, tie_kw=award.tie_kw)

    def _accept(self, view: View, grant: Grant) -> Plan:
        """Plan within what was granted."""
        return _as_plan(view, self.plan(view, _as_granted(Terms.of(view), grant)))

    def _request(self, view: View, query: RequestQuery) -> Request:
        """Ask for what the own plan lacks and has left over."""
        del query
        exchange_kw = self.plan(view, Terms.of(view)).exchange_kw
        return Request(
            lack_kw=frozen(np.maximum(-exchange_kw, 0.0)),
            surplus_kw=frozen(np.maximum(exchange_kw, 0.0)),
        )

    def _offer(self, view: View, query: PriceQuery) -> Offer:
        """Give the best exchange at every price, and what else is asked for.

        Truthful whatever `plan` does: a lower bound holds for the optimum only.
        """
        declared, step = disclosure_of(view), view.window.first_step
        problem, held = self.offers(view), query.held
        envelope = None if query.in_parts else view.envelope
        if held is None and query.alone:
            problem.forget()  # that is how a gate begins
        with nullcontext() if held is None else problem.holding(held):
            answers = problem.at_prices(declared, query.prices_per_kwh, envelope, step)
            parts = [answer.parts for answer in answers]
            if query.alone:
                parts.append(problem.alone(declared, view.tariff, view.envelope, step))
            if query.again:
                wanted_kw, price = _expected(view), query.prices_per_kwh[0]
                parts.append(problem.nearest(declared, wanted_kw, price, step))
        bounds = frozen([answer.lower_bound for answer in answers])
        return as_offer(parts if query.in_parts else [one.joined() for one in parts], bounds)

    def _offer_near(self, view: View, query: ProximalQuery) -> ProximalOffer:
        """Give the best exchange at a price near a point; truthful whatever `plan` does."""
        return self.proximal(view).answer(disclosure_of(view), view.envelope, query)


def _as_granted(terms: Terms, granted: Grant | Request | None) -> Terms:
    """Give terms with the exchange inside what the DNO granted, where it was asked."""
    if granted is None:
        return terms
    return terms.within(-granted.lack_kw, granted.surplus_kw)


def _is_kept(exchange_kw: FloatArray, planned: MicrogridPlan) -> bool:
    return bool(np.abs(planned.exchange_kw - exchange_kw).max() <= EXCHANGE_TOLERANCE_KW)


def _shed_kwh(view: View, planned: MicrogridPlan) -> float:
    """Give the demand of the window that a plan does not serve, flexible loads included. [kWh]"""
    loads = [device.name for device in view.devices if isinstance(device, Load)]
    unserved_kw = [view.forecast_kw[name] - planned.schedule[name].in_kw for name in loads]
    flexible = [d.name for d in view.devices if isinstance(d, SessionStore) and not d.is_vehicle]
    unserved_kwh = [
        view.sessions[name].lacking_kwh(planned.schedule[name].energy_kwh) for name in flexible
    ]
    return view.window.step_h * float(np.sum(unserved_kw)) + float(np.sum(unserved_kwh))


def _expected(view: View) -> FloatArray:
    """Give the exchange of the last plan over the window of today, NaN where it says nothing."""
    expected_kw = np.full(view.window.steps, np.nan)
    if view.plan is not None:
        known = view.plan.exchange_kw[view.window.first_step - view.plan.window.first_step :]
        expected_kw[: len(known)] = known
    return expected_kw


def _as_plan(view: View, planned: MicrogridPlan, *, tie_kw: FloatArray | None = None) -> Plan:
    return Plan(
        window=view.window,
        exchange_kw=planned.exchange_kw,
        q_kvar=frozen(planned.exchange_kw * view.kvar_per_kw),
        private_cost=planned.private_cost,
        schedule=planned.schedule,
        flags=planned.flags,
        tie_kw=tie_kw,
    )
