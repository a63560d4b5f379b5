"""The leader's problem: who sells what to whom, knowing how every microgrid will respond.

Optimistic bi-level problem with LPs below: ``min F(e, y)`` subject to the leader's own limits and
``y_i in argmin f_i(y_i; e)`` for every microgrid. Where a response is not unique, the one that
suits the leader counts. Without the conditions of optimality the leader controls everything: what
that costs is a lower bound (the high-point relaxation).

References
----------
.. [1] Paper 000, section 3.6, variant E; the optimality conditions replace the lower level.
.. [2] Pineda, Morales, "Solving linear bilevel problems using big-Ms: not all that glitters is
   gold", IEEE Trans. Power Systems 34 (2019), doi:10.1109/TPWRS.2019.2892607: why bounds of
   multipliers are looked at after the solution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import FloatArray, Tariff, Window, frozen
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import PublicPrices, public_prices
from mmgsim.subproblems.follower import Follower, FollowerProgram
from mmgsim.subproblems.network_limits import NetworkLimits
from mmgsim.subproblems.optimality import NEAR, Conditions, declare_feasible, declare_optimal
from mmgsim.subproblems.solver import INTEGRALITY

__all__ = ["LeaderOutcome", "LeaderProblem", "LeaderTerms"]

# Of the dearest price: breaks ties where trades are free, and is below any tolerance.
FRICTION = 1e-6

# Coordinations are compared to 1e-6 of gross cost.
MIP_GAP = 1e-6

# What multipliers begin with, against the dearest price over the square of the worst efficiency;
# then it is doubled, at most this often.
FIRST_DUAL = 4.0
DOUBLINGS = 10

# Of a look for any solution at all.
ANY_GAP = 1e6

# What another try gets at least when time is up. [s]
LEAST_S = 1e-3

# Below this a trade is the rounding of a solver. [kW]
LEAST_KW = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class LeaderTerms:
    """What the leader plans with, besides the followers.

    Parameters
    ----------
    window : Window
        Of the gate.
    tariff : Tariff
        As published: what followers pay.
    prices : PublicPrices
        What the leader counts: those of its objective.
    price_per_kwh : (sellers, steps) array
        Of trades, by who sells. [currency/kWh]
    is_rational : bool
        True where nobody may be worse off than without trade.
    limits : NetworkLimits or None
        Limits on the exchanges that the leader has to keep, microgrids in the followers' order.
    """

    window: Window
    tariff: Tariff
    prices: PublicPrices
    price_per_kwh: FloatArray
    is_rational: bool = False
    limits: NetworkLimits | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LeaderOutcome:
    """A solution of the leader's problem.

    Parameters
    ----------
    traded_kw : (sellers, buyers, steps) array
        Non-negative. [kW]
    cost, bound : float
        Of the leader's objective, and what proves it. [currency]
    exchange_kw : (members, steps) array
        What followers exchange in it. [kW]
    follower_cost : mapping
        By name, without what is paid and got for trades. [currency]
    binaries : int
        Conditions of optimality; 0 where there were none.
    dual_share : float
        Largest multiplier over the bound that it was given without proof.
    is_confirmed : bool
        False where no two ways to solve it came to the same cost.
    """

    traded_kw: FloatArray
    cost: float
    bound: float
    exchange_kw: FloatArray
    follower_cost: Mapping[str, float]
    binaries: int = 0
    dual_share: float = 0.0
    is_confirmed: bool = True

    @property
    def is_proven(self) -> bool:
        """False where the solver was left before it proved its solution, or ways disagree."""
        return self.is_confirmed and self.cost - self.bound <= _slack(self.cost)

    @property
    def trade_kw(self) -> FloatArray:
        """Sold minus bought: (members, steps) array. [kW]"""
        net: FloatArray = self.traded_kw.sum(axis=1) - self.traded_kw.sum(axis=0)
        return net


class LeaderProblem:
    """The problem of one gate.

    Parameters
    ----------
    followers : sequence of Follower
        Begun with the window of the gate, all of them linear.
    terms : LeaderTerms
        Of the gate.
    """

    def __init__(self, followers: Sequence[Follower], terms: LeaderTerms) -> None:
        self._followers, self._terms = tuple(followers), terms
        self._programs = [follower.program() for follower in followers]
        self._names = [follower.name for follower in followers]

    def relaxed(self, *, time_limit_s: float = np.inf) -> LeaderOutcome:
        """Let the leader control everything: no solution of the bi-level problem costs less."""
        model = self._declare()
        return self._solved(model, _WAYS[0].solver(model, time_limit_s), binaries=0)

    def optimistic(self, *, time_limit_s: float = np.inf) -> LeaderOutcome:
        """Solve the bi-level problem, with larger bounds of multipliers until none is close.

        What costs more than the relaxation is solved in other ways too, until two come to the same
        cost; the cheapest solution counts, with the smallest bound.

        Parameters
        ----------
        time_limit_s : float
            For all of them together; a solution that is found by then counts, proven or not.

        Raises
        ------
        SubproblemError
            If HiGHS finds nothing in its time, no bound leaves a solution, or multipliers come near
            every bound that is tried.
        """
        end = perf_counter() + time_limit_s
        is_known_feasible = False
        for doubling in range(DOUBLINGS):
            most_dual = self._first_dual * 2.0**doubling
            outcome = self._within(most_dual, _WAYS[0], end)
            if outcome is not None and outcome.dual_share < NEAR:
                return self._confirmed(outcome, most_dual, end)
            if outcome is None and not is_known_feasible:
                self._check_feasible(end)
            is_known_feasible = True
        step = self._terms.window.first_step
        raise SubproblemError("the leader", step, "multipliers reach every bound")

    def _check_feasible(self, end: float) -> None:
        """Raise where larger bounds of the multipliers leave no solution either."""
        way = replace(_WAYS[1], mip_gap=ANY_GAP)
        # Not the largest alone: with it HiGHS loses solutions that there are.
        for doubling in (DOUBLINGS // 2, DOUBLINGS - 1):
            if self._within(self._first_dual * 2.0**doubling, way, end) is not None:
                return
        limits, step = self._terms.limits, self._terms.window.first_step
        status = "infeasible at every bound of multipliers"
        if limits is not None and len(limits):
            status += ": no trades have responses that keep the rows of the network"
        raise SubproblemError("the leader", step, status)

    def _confirmed(self, first: LeaderOutcome, most_dual: float, end: float) -> LeaderOutcome:
        """Give what two ways to solve the problem agree on, or the cheapest of all."""
        relaxed = self.relaxed(time_limit_s=max(end - perf_counter(), LEAST_S))
        if first.cost - relaxed.cost <= _slack(first.cost):
            return first  # nothing is cheaper
        found = [first]
        for way in _WAYS[1:]:
            try:
                other = self._within(most_dual, way, end)
            except SubproblemError:  # out of time
                break
            if other is not None:
                found.append(other)
            cheapest = min(found, key=lambda one: one.cost)
            agree = [one for one in found if one.cost - cheapest.cost <= _slack(cheapest.cost)]
            if len(agree) > 1:
                return replace(cheapest, bound=min(one.bound for one in agree))
        cheapest = min(found, key=lambda one: one.cost)
        return replace(cheapest, bound=min(one.bound for one in found), is_confirmed=False)

    def _within(self, most_dual: float, way: _Way, end: float) -> LeaderOutcome | None:
        """Solve with one bound of the multipliers; None where it leaves no solution at all."""
        model = self._declare()
        conditions = self._declare_conditions(model, most_dual)
        solver = way.solver(model, max(end - perf_counter(), LEAST_S))
        count = sum(one.binaries for one in conditions)
        try:
            outcome = self._solved(model, solver, binaries=count)
        except SubproblemError as error:
            if "infeasible" in error.status.lower():
                return None
            raise
        return replace(outcome, dual_share=max(one.reach(solver) for one in conditions))

    @cached_property
    def _first_dual(self) -> float:
        prices = public_prices(self._terms.tariff)
        dearest = float(np.abs([prices.buy_per_kwh, prices.sell_per_kwh]).max())
        worst = min(follower.least_efficiency for follower in self._followers)
        return FIRST_DUAL * self._terms.window.step_h * max(dearest, 1e-3) / worst**2

    # ---------------------------------------------------------------------------- the model
    def _declare(self) -> Any:
        terms, members = self._terms, range(len(self._names))
        model = pyo.ConcreteModel()
        model.time = pyo.RangeSet(0, terms.window.steps - 1)
        model.member = pyo.RangeSet(0, len(self._names) - 1)
        model.pair = pyo.Set(initialize=[(i, j) for i in members for j in members if i != j])
        _declare_trades(model, [one.most_traded_kw() for one in self._followers])
        model.follower = pyo.Block(model.member)
        for i, own in enumerate(self._programs):
            declare_feasible(model.follower[i], own.program, (own.least, own.most))
            _link(model, i, own)
        if terms.limits is not None:
            self._declare_limits(model, terms.limits)
        if terms.is_rational:
            self._declare_rationality(model)
        model.total = pyo.Objective(expr=self._cost(model) + self._friction(model))
        return model

    def _declare_conditions(self, model: Any, most_dual: float) -> list[Conditions]:
        return [
            declare_optimal(
                model.follower[i], own.program, (own.least, own.most), most_dual=most_dual
            )
            for i, own in enumerate(self._programs)
        ]

    def _cost(self, model: Any) -> Any:
        """Give what the leader's objective counts."""
        terms, step_h = self._terms, self._terms.window.step_h
        own = public_prices(terms.tariff)
        cost: Any = 0.0
        for i, program in enumerate(self._programs):
            x = model.follower[i].x
            cost += model.follower[i].cost
            for t in model.time:
                dearer = float(terms.prices.buy_per_kwh[t] - own.buy_per_kwh[t])
                cheaper = float(terms.prices.sell_per_kwh[t] - own.sell_per_kwh[t])
                if dearer or cheaper:
                    cost += step_h * dearer * x[int(program.import_kw[t])]
                    cost -= step_h * cheaper * x[int(program.export_kw[t])]
        return cost + step_h * pyo.quicksum(
            float(terms.prices.local_per_kwh[t]) * model.traded_kw[i, j, t]
            for i, j in model.pair
            for t in model.time
        )

    def _friction(self, model: Any) -> Any:
        dearest = float(np.abs(public_prices(self._terms.tariff).buy_per_kwh).max())
        return (
            FRICTION * dearest * self._terms.window.step_h * pyo.quicksum(model.traded_kw.values())
        )

    def _declare_limits(self, model: Any, limits: NetworkLimits) -> None:
        """Declare the network's limits on what the followers exchange."""
        model.network = pyo.Constraint(
            pyo.RangeSet(0, len(limits) - 1),
            rule=lambda m, row: (
                pyo.quicksum(
                    float(coefficient)
                    * m.follower[i].x[int(self._programs[i].exchange_kw[limits.offset[row]])]
                    for i, coefficient in enumerate(limits.coefficient[row])
                )
                <= float(limits.limit[row])
            ),
        )

    def _declare_rationality(self, model: Any) -> None:
        """Declare that no bill is above the one without trade, and that nobody passes power on."""
        terms = self._terms
        alone = [one.cost(one.alone, np.zeros(terms.window.steps)) for one in self._followers]
        charged = terms.price_per_kwh + terms.tariff.local_charge_per_kwh
        model.bill = pyo.Expression(
            model.member,
            rule=lambda m, i: (
                m.follower[i].cost
                + terms.window.step_h
                * pyo.quicksum(
                    float(charged[j, t]) * m.traded_kw[j, i, t]
                    - float(terms.price_per_kwh[i, t]) * m.traded_kw[i, j, t]
                    for j in m.member
                    if j != i
                    for t in m.time
                )
            ),
        )
        model.rational = pyo.Constraint(
            model.member, rule=lambda m, i: m.bill[i] <= float(alone[i])
        )
        model.is_selling = pyo.Var(model.member, model.time, domain=pyo.Binary)
        limits = [one.most_traded_kw() for one in self._followers]
        model.sells_only = pyo.Constraint(
            model.member,
            model.time,
            rule=lambda m, i, t: m.sold_kw[i, t] <= float(limits[i][0][t]) * m.is_selling[i, t],
        )
        model.buys_only = pyo.Constraint(
            model.member,
            model.time,
            rule=lambda m, i, t: (
                m.bought_kw[i, t] <= float(limits[i][1][t]) * (1 - m.is_selling[i, t])
            ),
        )

    # -------------------------------------------------------------------------- the solution
    def _solved(self, model: Any, solver: CompiledHighs, *, binaries: int) -> LeaderOutcome:
        window, count = self._terms.window, len(self._names)
        outcome = solver.solve(agent="the leader", step=window.first_step, explains=False)
        traded_kw = np.zeros((count, count, window.steps))
        for k, (i, j) in enumerate(model.pair):
            values = solver.get(model.traded_kw)[k * window.steps : (k + 1) * window.steps]
            traded_kw[i, j] = np.where(values > LEAST_KW, values, 0.0)
        friction = FRICTION * float(np.abs(public_prices(self._terms.tariff).buy_per_kwh).max())
        spent = friction * window.step_h * float(solver.get(model.traded_kw).sum())
        return LeaderOutcome(
            traded_kw=frozen(traded_kw),
            cost=outcome.objective - spent,
            bound=outcome.bound - spent,
            exchange_kw=frozen(
                np.stack(
                    [
                        solver.get(model.follower[i].x)[own.exchange_kw]
                        for i, own in enumerate(self._programs)
                    ]
                )
            ),
            follower_cost={
                name: float(solver.get(model.follower[i].cost)[0])
                for i, name in enumerate(self._names)
            },
            binaries=binaries,
        )


@dataclass(frozen=True, slots=True)
class _Way:
    """How HiGHS is to solve the problem."""

    presolves: bool
    integrality: float
    mip_gap: float = MIP_GAP

    def solver(self, model: Any, time_limit_s: float) -> CompiledHighs:
        return CompiledHighs(
            model,
            mip_gap=self.mip_gap,
            time_limit_s=time_limit_s,
            presolves=self.presolves,
            integrality=self.integrality,
        )


# With integers as whole as ours have to be, HiGHS 1.15.1 at times cuts off the optimum of such a
# problem and says that it has proven what is left: of some with presolve, of others without it. Two
# microgrids over two hours were enough. So one way is held against others.
_WAYS = (_Way(False, INTEGRALITY), _Way(True, 1e-7), _Way(False, 1e-6))


def _slack(cost: float) -> float:
    """Give by how much two costs of one problem may differ. [currency]"""
    return 2.0 * MIP_GAP * (1.0 + abs(cost))


def _declare_trades(model: Any, limits: Sequence[tuple[FloatArray, FloatArray]]) -> None:
    """Declare what each sells to each, and that nobody trades more than its devices could."""
    model.traded_kw = pyo.Var(model.pair, model.time, domain=pyo.NonNegativeReals)
    model.sold_kw = pyo.Expression(
        model.member,
        model.time,
        rule=lambda m, i, t: pyo.quicksum(m.traded_kw[i, j, t] for j in m.member if j != i),
    )
    model.bought_kw = pyo.Expression(
        model.member,
        model.time,
        rule=lambda m, i, t: pyo.quicksum(m.traded_kw[j, i, t] for j in m.member if j != i),
    )
    model.most_sold = pyo.Constraint(
        model.member, model.time, rule=lambda m, i, t: m.sold_kw[i, t] <= float(limits[i][0][t])
    )
    model.most_bought = pyo.Constraint(
        model.member, model.time, rule=lambda m, i, t: m.bought_kw[i, t] <= float(limits[i][1][t])
    )


def _link(model: Any, i: int, own: FollowerProgram) -> None:
    """Hand the leader's trades to a follower."""
    block = model.follower[i]
    block.trade = pyo.Constraint(
        model.time,
        rule=lambda b, t: b.x[int(own.trade_kw[t])] == model.sold_kw[i, t] - model.bought_kw[i, t],
    )
