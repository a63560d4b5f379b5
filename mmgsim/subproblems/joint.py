"""All microgrids in one problem, with their common local market: what `central` solves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import Device, Disclosure, Envelope, FloatArray, TieLine, Window, frozen
from mmgsim.subproblems.block import (
    declare_microgrid,
    is_cheating,
    reach_kw,
    understated_cost,
    update_microgrid,
)
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import (
    PublicPrices,
    declare_connection,
    declare_one_way,
    exchange_limits,
    update_connection,
    update_one_way,
)
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.dual_face import nearest_duals
from mmgsim.subproblems.linear_form import IndexArray
from mmgsim.subproblems.member_split import split_evenly
from mmgsim.subproblems.network_limits import NetworkLimits, push_limits
from mmgsim.subproblems.pool_rows import (
    PoolRules,
    PoolTerms,
    declare_pool_rows,
    is_passing_on,
    pool_balance,
    update_pool_rows,
)
from mmgsim.subproblems.solver import MakeSolver, Solver
from mmgsim.subproblems.switch import HonestProblem, Solved
from mmgsim.subproblems.tie_lines import (
    declare_ties,
    is_circling,
    leaving_kw,
    read_sent_kw,
    tie_capacity_kw,
)

__all__ = ["JointOutcome", "JointProblem"]

_PLAIN = PoolRules()


@dataclass(frozen=True, slots=True, eq=False)
class JointOutcome:
    """The optimum of all microgrids together.

    Parameters
    ----------
    exchange_kw : mapping of (steps,) arrays
        By name of microgrid. [kW]
    price_per_kwh : (steps,) array
        Dual of the local balance: what one more kWh bought locally would cost. [currency/kWh]
    cost, lower_bound : float
        Cost of the plan at the true fuel cost, and what no plan costs less than. [currency]
    multipliers : (rows,) array
        What one more kW of room in each row of the network is worth. [currency/kW]
    sent_kw : mapping of pairs of (steps,) arrays
        What the first and the second end of each tie line send, by its name. [kW]
    trade_kw : mapping of (steps,) arrays
        Sold minus bought by name of microgrid, as they are in the optimum. [kW]
    member_cost : mapping
        What each pays there, without any money for trades. [currency]
    is_even : bool
        False where costs are capped and who pays how much is a matter of the solver: units were on
        or off, or the even split was not found.
    """

    exchange_kw: Mapping[str, FloatArray]
    price_per_kwh: FloatArray
    cost: float
    lower_bound: float
    multipliers: FloatArray
    sent_kw: Mapping[str, tuple[FloatArray, FloatArray]] = field(default_factory=dict)
    trade_kw: Mapping[str, FloatArray] = field(default_factory=dict)
    member_cost: Mapping[str, float] = field(default_factory=dict)
    is_even: bool = True


class JointProblem:
    """The problem of all microgrids: built once for their devices, solved for every window.

    ``min sum of private and public cost`` subject to every microgrid's own constraints and
    ``sum_i (1 - loss_factor) sold[i, t] - bought[i, t] = 0`` in every step.

    Parameters
    ----------
    members : mapping of tuples of Device
        Declared devices by name of microgrid.
    window : Window
        Any window of the size to be planned.
    ties : tuple of TieLine
        Lines between members whose flow is decided with the rest: it enters both balances beside
        the exchange, and costs nothing.
    rules : PoolRules
        What else holds in the pool; nothing if left out.
    make_solver : callable
        Gives the solver of a model: compiled, or `PyomoHighs` as reference and fall-back.
    """

    def __init__(
        self,
        members: Mapping[str, tuple[Device, ...]],
        window: Window,
        *,
        ties: tuple[TieLine, ...] = (),
        rules: PoolRules = _PLAIN,
        make_solver: MakeSolver = CompiledHighs,
    ) -> None:
        self.members = dict(members)
        self.ties = ties
        self.rules = rules
        self._last: Solved
        self.steps = window.steps
        self.step_h = window.step_h
        self._problem = HonestProblem(
            lambda exclusive: _build(
                self.members,
                Horizon(window.steps, window.step_h, exclusive),
                ties=ties,
                rules=rules,
            ),
            self._is_cheating,
            make_solver,
        )

    def fits(
        self,
        members: Mapping[str, tuple[Device, ...]],
        window: Window,
        ties: tuple[TieLine, ...] = (),
    ) -> bool:
        """Tell whether this problem was built for these members, ties and size of window."""
        return (self.members, self.ties, self.steps, self.step_h) == (
            dict(members),
            ties,
            window.steps,
            window.step_h,
        )

    def reset(self) -> None:
        """Forget what was solved before: what comes next depends on its own numbers alone."""
        self._problem.reset()

    def solve(
        self,
        declared: Mapping[str, Disclosure],
        envelopes: Mapping[str, Envelope],
        prices: PublicPrices,
        step: int,
        *,
        limits: NetworkLimits | None = None,
        terms: PoolTerms | None = None,
    ) -> JointOutcome:
        """Make the cost of all microgrids together as small as possible.

        Parameters
        ----------
        declared, envelopes : mappings
            By name of microgrid.
        prices : PublicPrices
            Of the window.
        step : int
            First step of the window, for messages.
        limits : NetworkLimits or None
            Rows of the network, members in the order of the problem; for compiled problems.
        terms : PoolTerms or None
            What the rules of the pool ask for.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        pushed: list[IndexArray] = []

        def update(solver: Solver, model: Any) -> None:
            self._update(solver, model, declared, envelopes, prices)
            if terms is not None:
                update_pool_rows(solver, model, terms, rules=self.rules, ties=self.ties)
            if limits is not None:
                pushed.append(self._push(solver, model, limits))

        solved = self._problem.solve(
            update, is_arbitrage=prices.is_arbitrage, agent="all microgrids", step=step
        )
        self._last = solved
        model, outcome = solved.model, solved.outcome
        local, rows = self._duals(solved.solver, model, pushed[-1] if pushed else None)
        is_even = not self.rules.caps_costs or self._split(prices, terms)
        understated = self._understated(solved.solver, model)
        return JointOutcome(
            exchange_kw={
                name: frozen(solved.solver.get(model.member[name].own.exchange_kw))
                for name in self.members
            },
            price_per_kwh=frozen(local / self.step_h),
            cost=outcome.objective + sum(understated.values()),
            lower_bound=outcome.bound,
            multipliers=frozen(-rows),
            sent_kw=read_sent_kw(solved.solver, model.tie, self.ties) if self.ties else {},
            trade_kw={
                name: frozen(solved.solver.get(model.member[name].trade_kw))
                for name in self.members
            },
            member_cost={
                name: float(solved.solver.get(model.member[name].cost)[0]) + understated[name]
                for name in self.members
            },
            is_even=is_even,
        )

    def price_nearest_to(self, wanted_per_kwh: FloatArray) -> FloatArray:
        """Give the dual of the local balance, of the last solve, that is nearest to what is wanted.

        (steps,) array. [currency/kWh]

        Raises
        ------
        SubproblemError
            If it is not found.
        TypeError
            If the problem is not a compiled one.
        """
        solver, model = self._last.solver, self._last.model
        if not isinstance(solver, CompiledHighs):
            raise TypeError("only a compiled problem tells which duals there are")
        rows = solver.rows(list(model.balance.values()))
        return frozen(nearest_duals(solver, rows, wanted_per_kwh * self.step_h) / self.step_h)

    @property
    def has_integers(self) -> bool:
        """True where the last solve was a MILP."""
        solver = self._last.solver
        return isinstance(solver, CompiledHighs) and len(solver.integers) > 0

    def _split(self, prices: PublicPrices, terms: PoolTerms | None) -> bool:
        """Take the cheapest plan that treats members alike; False where the solver's own stays."""
        solver, model = self._last.solver, self._last.model
        if not isinstance(solver, CompiledHighs):
            return False
        own = solver.solution
        steps = self.steps if terms is None else terms.steps_to_gate or self.steps
        if not split_evenly(solver, model, self.members, prices, steps=steps, step_h=self.step_h):
            return False
        if self._is_cheating(solver, model):
            solver.solution = own
            return False
        return not self.has_integers

    def _understated(self, solver: Solver, model: Any) -> dict[str, float]:
        """Give by how much the objective is below the true cost of each plan. [currency]"""
        return {
            name: understated_cost(solver, model.member[name].own, devices, self.step_h)
            for name, devices in self.members.items()
        }

    def _duals(
        self, solver: Solver, model: Any, pushed: IndexArray | None
    ) -> tuple[FloatArray, FloatArray]:
        """Give the duals of the local balance and of the network, at once.

        With integers held it takes a solve.
        """
        balances = list(model.balance.values())
        if pushed is None:
            return solver.duals(balances), np.zeros(0)
        assert isinstance(solver, CompiledHighs)
        duals = solver.duals(np.concatenate([solver.rows(balances), pushed]))
        return duals[: self.steps], duals[self.steps :]

    def _push(self, solver: Solver, model: Any, limits: NetworkLimits) -> IndexArray:
        """Put the rows of the network in the place of the last ones."""
        if not isinstance(solver, CompiledHighs):
            raise TypeError("only a compiled problem takes rows of the network")
        solver.drop_added()
        exchange = [solver.columns(model.member[name].own.exchange_kw) for name in self.members]
        return push_limits(solver, limits, np.stack(exchange), step_h=self.step_h)

    def _update(
        self,
        solver: Solver,
        model: Any,
        declared: Mapping[str, Disclosure],
        envelopes: Mapping[str, Envelope],
        prices: PublicPrices,
    ) -> None:
        solver.set(model.local_per_kwh, prices.local_per_kwh)
        for name in self.members:
            member = model.member[name]
            reach = reach_kw(declared[name]) + tie_capacity_kw(self.ties, name)
            update_microgrid(solver, member.own, declared[name])
            low_kw, high_kw = exchange_limits(envelopes[name])
            update_connection(solver, member.grid, prices, low_kw, high_kw)
            update_one_way(
                solver, member.grid, np.maximum(low_kw, -reach), np.minimum(high_kw, reach)
            )

    def _is_cheating(self, solver: Solver, model: Any) -> bool:
        return (
            any(
                is_cheating(solver, model.member[name].own, devices)
                for name, devices in self.members.items()
            )
            or (bool(self.ties) and is_circling(solver, model.tie, self.ties))
            or (
                self.rules.loss_factor > 0.0
                and any(is_passing_on(solver, model.member[name]) for name in self.members)
            )
        )


def _build(
    members: Mapping[str, tuple[Device, ...]],
    horizon: Horizon,
    *,
    ties: Sequence[TieLine] = (),
    rules: PoolRules = _PLAIN,
) -> Any:
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, horizon.steps - 1)
    model.local_per_kwh = pyo.Param(model.time, mutable=True, initialize=0.0)
    if ties:
        model.tie = pyo.Block()
        declare_ties(model.tie, ties, horizon)
    model.member = pyo.Block(list(members))
    for name, devices in members.items():
        tie_kw = leaving_kw(model.tie, ties, name) if ties else None
        _declare_member(model.member[name], devices, horizon, tie_kw=tie_kw)
    model.balance = pyo.Constraint(
        model.time, rule=lambda m, t: pool_balance(m.member.values(), t, rules) == 0.0
    )
    for member in model.member.values():
        member.cost = pyo.Expression(
            expr=member.own.private_cost
            + member.own.miss_cost
            + member.grid.cost
            + horizon.step_h
            * pyo.quicksum(model.local_per_kwh[t] * member.bought_kw[t] for t in model.time)
        )
    model.total = pyo.Objective(expr=pyo.quicksum(m.cost for m in model.member.values()))
    declare_pool_rows(model, rules, ties)
    return model


def _declare_member(
    member: Any, devices: tuple[Device, ...], horizon: Horizon, *, tie_kw: Any = None
) -> None:
    member.time = pyo.RangeSet(0, horizon.steps - 1)
    member.own = pyo.Block()
    declare_microgrid(member.own, devices, horizon, tie_kw=tie_kw)
    member.sold_kw = pyo.Var(member.time, domain=pyo.NonNegativeReals)
    member.bought_kw = pyo.Var(member.time, domain=pyo.NonNegativeReals)
    member.trade_kw = pyo.Expression(member.time, rule=lambda b, t: b.sold_kw[t] - b.bought_kw[t])
    member.grid = pyo.Block()
    declare_connection(member.grid, member.own.exchange_kw, member.trade_kw, horizon)
    if horizon.is_exclusive:
        _declare_one_way(member)


def _declare_one_way(member: Any) -> None:
    """Forbid passing power on: who imports or buys neither exports nor sells in that step."""
    grid = member.grid
    member.entering_kw = pyo.Expression(
        member.time, rule=lambda b, t: grid.import_kw[t] + b.bought_kw[t]
    )
    member.leaving_kw = pyo.Expression(
        member.time, rule=lambda b, t: grid.export_kw[t] + b.sold_kw[t]
    )
    declare_one_way(grid, member.entering_kw, member.leaving_kw)
