"""Microgrids that plan before they know: what is firm now, and what can be done in every course.

The first stage is what is decided at the gate: storage, diesel and whatever else a microgrid owns
that is neither a load nor sun nor wind, and trades with each other. Loads, sun and wind are what
they are in each course; import and export, spill and shedding follow it:

    min  (1 - w) sum_s p_s C_s + w (v + sum_s y_s / (1 - level))
    C_s = first-stage cost + cost of grid and shedding of course s
    y_s >= p_s (C_s - v),  y_s >= 0

with the tail mean of [1]_ in the second term. The same blocks stand for devices as in the problem
of a microgrid. Its block ``own`` is the plan at the forecast: it keeps limits and awards, and what
it spills or sheds there is decided after everything else, at least cost at the forecast.

The distance from the planned exchange, which may have a price, decides nothing: storage and diesel
keep to their plan, so that it is that of demand, sun and wind from their forecast, whatever is
planned. It is told beside the costs.

What leaves an envelope in a course, as storage and diesel keep to their plan, costs as much as the
dearest kWh of the window; in truth they would leave it. Where selling earns more than buying
costs, selling in a course is taken to earn what buying costs; a local charge below zero is taken
as none.

References
----------
.. [1] R. T. Rockafellar, S. Uryasev, Optimization of conditional value-at-risk, Journal of Risk
   2(3), 2000, doi 10.21314/JOR.2000.038.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import Device, Envelope, FloatArray, Window, frozen
from mmgsim.subproblems.block import reach_kw, understated_cost
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import (
    PublicPrices,
    declare_connection,
    declare_one_way,
    update_connection,
    update_one_way,
)
from mmgsim.subproblems.course_blocks import declare_course, update_courses
from mmgsim.subproblems.courses import UNCERTAIN, Courses
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.microgrid import MicrogridPlan, award_miss_price, read_plan
from mmgsim.subproblems.private import PrivateModel
from mmgsim.subproblems.solver import TIME_LIMIT_S, Block, Solver
from mmgsim.subproblems.switch import HonestProblem, Solved
from mmgsim.subproblems.terms import MicrogridInputs
from mmgsim.uncertainty import Risk, tail_mean

__all__ = ["FirstStage", "TwoStageInputs", "TwoStagePlans", "TwoStageProblem"]

_NEUTRAL = Risk()

FirstStage = Mapping[str, FloatArray]
"""Values of all variables of the first stage, by their name."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoStageInputs:
    """All that changes between two solves.

    Parameters
    ----------
    inputs : mapping of MicrogridInputs
        By name of microgrid: what it declares, at the forecast, and the terms of its plan.
    envelopes : mapping of Envelope
        By name of microgrid: the limits of its exchange in every course.
    courses : Courses
        What may come.
    first_step : int
        Of the window, for messages.
    """

    inputs: Mapping[str, MicrogridInputs]
    envelopes: Mapping[str, Envelope]
    courses: Courses
    first_step: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class TwoStagePlans:
    """What is planned, and what it costs if what may come does come.

    Parameters
    ----------
    plans : mapping of MicrogridPlan
        At the forecast, by name of microgrid. Nothing is proven of its cost there.
    trade_kw : mapping of (steps,) arrays
        Sold minus bought, firm, by name of microgrid. [kW]
    price_per_kwh : (steps,) array
        Dual of the balance of these trades, zero for one microgrid. [currency/kWh]
    course_cost : (courses,) array
        Of all microgrids together, in each course. [currency]
    expected_cost, tail_cost : float
        Mean of these, and mean of the dearest of them. [currency]
    imbalance_kwh : (courses,) array
        Distance between planned exchange and that of each course, over the window. [kWh]
    objective, lower_bound : float
        What costs are judged as, and what no plan is judged as less than. [currency]
    first_stage : mapping
        See `FirstStage`.
    """

    plans: Mapping[str, MicrogridPlan]
    trade_kw: Mapping[str, FloatArray]
    price_per_kwh: FloatArray
    course_cost: FloatArray
    expected_cost: float
    tail_cost: float
    imbalance_kwh: FloatArray
    objective: float
    lower_bound: float
    first_stage: FirstStage


class TwoStageProblem:
    """The problem of some microgrids over several courses, built once for their devices.

    Parameters
    ----------
    members : mapping of tuples of Device
        By name of microgrid. Several trade with each other through a pool, one does not.
    window : Window
        Any window of the size to be planned.
    courses : int
        How many.
    risk : Risk
        What costs are judged by; their mean if left out.
    private : PrivateModel or None
        How the private part is written; by the devices' own blocks if left out.
    """

    def __init__(
        self,
        members: Mapping[str, tuple[Device, ...]],
        window: Window,
        courses: int,
        *,
        risk: Risk = _NEUTRAL,
        private: PrivateModel | None = None,
    ) -> None:
        self.members = dict(members)
        self.courses, self.risk = courses, risk
        self.steps, self.step_h = window.steps, window.step_h
        self._private = PrivateModel() if private is None else private
        self._problem = HonestProblem(
            lambda exclusive: self._build(Horizon(self.steps, self.step_h, exclusive)),
            self._is_cheating,
            self._compile,
        )

    def fits(self, members: Mapping[str, tuple[Device, ...]], window: Window, courses: int) -> bool:
        """Tell whether this problem was built for these devices, courses and size of window."""
        return (self.members, self.steps, self.step_h, self.courses) == (
            dict(members),
            window.steps,
            window.step_h,
            courses,
        )

    def reset(self) -> None:
        """Forget what was solved before: what comes next depends on its own numbers alone."""
        self._problem.reset()

    def solve(self, stage: TwoStageInputs, held: FirstStage | None = None) -> TwoStagePlans:
        """Make what costs are judged by as small as possible.

        Parameters
        ----------
        stage : TwoStageInputs
            Of the window.
        held : mapping or None
            A first stage to be kept, of a problem with the same members: what is left to decide is
            what can be done in each course.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        solved = self._solve(stage, held)
        solver, model = solved.solver, solved.model
        assert isinstance(solver, CompiledHighs)
        price = np.zeros(self.steps)
        if len(self.members) > 1:
            price = solver.duals(list(model.balance.values())) / self.step_h
        first_stage = self._first_stage(solver, model)
        self._hold(solver, model, first_stage)
        self._price_forecast(solver, model, stage)
        solver.solve(agent=self._whose, step=stage.first_step)
        return self._read(solved, stage, frozen(price), first_stage)

    def least_cost(self, stage: TwoStageInputs, held: FirstStage | None = None) -> float:
        """Give what the best plans are judged as, without the plans; see `solve`. [currency]"""
        solved = self._solve(stage, held)
        return solved.outcome.objective + sum(self._understated(solved).values())

    def _solve(self, stage: TwoStageInputs, held: FirstStage | None) -> Solved:
        is_arbitrage = any(one.terms.prices.is_arbitrage for one in stage.inputs.values())

        def update(solver: Solver, model: Block) -> None:
            assert isinstance(solver, CompiledHighs)
            self._release(solver, model)
            self._update(solver, model, stage)
            if held is not None:
                self._hold(solver, model, held)

        return self._problem.solve(
            update, is_arbitrage=is_arbitrage, agent=self._whose, step=stage.first_step
        )

    @property
    def _whose(self) -> str:
        return ", ".join(self.members)

    # --------------------------------------------------------------------------- the model
    def _compile(self, model: Block) -> CompiledHighs:
        with self._private.blaming(self._whose):
            return CompiledHighs(model, time_limit_s=TIME_LIMIT_S)

    def _build(self, horizon: Horizon) -> Block:
        model = pyo.ConcreteModel()
        model.time = pyo.RangeSet(0, horizon.steps - 1)
        model.courses = pyo.RangeSet(0, self.courses - 1)
        model.probability = pyo.Param(model.courses, mutable=True, initialize=1.0)
        model.local_per_kwh = pyo.Param(model.time, mutable=True, initialize=0.0)
        model.forecast_weight = pyo.Param(mutable=True, initialize=0.0)
        model.member = pyo.Block(list(self.members))
        for name, devices in self.members.items():
            self._declare_member(model, name, devices, horizon)
        members = list(model.member.values())
        if len(members) > 1:
            model.balance = pyo.Constraint(
                model.time,
                rule=lambda _, t: pyo.quicksum(x.sold_kw[t] - x.bought_kw[t] for x in members) == 0,
            )
        model.first = pyo.Expression(expr=pyo.quicksum(member.first for member in members))
        model.recourse = pyo.Expression(
            model.courses,
            rule=lambda _, s: pyo.quicksum(member.course[s].cost for member in members),
        )
        at_forecast = pyo.quicksum(member.at_forecast for member in members)
        further = self._further_cost(model, horizon)
        model.total = pyo.Objective(expr=_judged(model, self.risk) + at_forecast + further)
        return model

    def _further_cost(self, model: Block, horizon: Horizon) -> Any:
        """Declare what else a plan is judged by; nothing here."""
        del model, horizon
        return 0.0

    def _declare_member(
        self, model: Block, name: str, devices: tuple[Device, ...], horizon: Horizon
    ) -> None:
        """Declare the plan at the forecast, trades, the courses, and what the first stage costs."""
        member = model.member[name]
        member.time = pyo.RangeSet(0, horizon.steps - 1)
        member.own = pyo.Block()
        self._private.build(name, member.own, devices, horizon, further=("device",))
        member.firm_kw = pyo.Param(member.time, mutable=True, initialize=0.0)
        traders = member.time if len(self.members) > 1 else []
        member.sold_kw = pyo.Var(traders, domain=pyo.NonNegativeReals)
        member.bought_kw = pyo.Var(traders, domain=pyo.NonNegativeReals)
        member.trade_kw = pyo.Expression(
            member.time,
            rule=lambda b, t: b.firm_kw[t] + (b.sold_kw[t] - b.bought_kw[t] if traders else 0.0),
        )
        member.grid = pyo.Block()
        declare_connection(member.grid, member.own.exchange_kw, member.trade_kw, horizon)
        if horizon.is_exclusive:
            declare_one_way(member.grid, member.grid.import_kw, member.grid.export_kw)
        uncertain = [device for device in devices if isinstance(device, UNCERTAIN)]
        member.course = pyo.Block(model.courses)
        for s in model.courses:
            declare_course(member.course[s], member, uncertain, horizon, model.probability[s])
        followed = pyo.quicksum(member.own.device[device.name].cost for device in uncertain)
        charge = pyo.quicksum(model.local_per_kwh[t] * member.bought_kw[t] for t in traders)
        member.first = pyo.Expression(
            expr=member.own.private_cost + member.own.miss_cost - followed + horizon.step_h * charge
        )
        member.at_forecast = pyo.Expression(
            expr=member.grid.cost + model.forecast_weight * followed
        )

    # ----------------------------------------------------------------------------- numbers
    def _update(self, solver: CompiledHighs, model: Block, stage: TwoStageInputs) -> None:
        solver.set(model.probability, stage.courses.probability)
        solver.set(model.forecast_weight, 0.0)
        for name in self.members:
            inputs, member = stage.inputs[name], model.member[name]
            local_per_kwh = np.maximum(inputs.terms.prices.local_per_kwh, 0.0)
            solver.set(model.local_per_kwh, local_per_kwh)
            self._private.update(solver, member.own, inputs.declared)
            _, _, trade_kw = inputs.terms.behind_ties()
            solver.set(member.firm_kw, trade_kw)
            _update_plan(solver, member, inputs, _free(self.steps))
            update_courses(
                solver,
                member,
                inputs=inputs,
                envelope=stage.envelopes[name],
                courses=stage.courses,
                name=name,
            )

    def _price_forecast(self, solver: CompiledHighs, model: Block, stage: TwoStageInputs) -> None:
        """Let spill and shedding of the plan cost what they cost at the forecast."""
        solver.set(model.forecast_weight, 1.0)
        for name in self.members:
            inputs = stage.inputs[name]
            _update_plan(solver, model.member[name], inputs, inputs.terms.prices)

    def _first_variables(self, model: Block) -> list[Any]:
        """Give all variables of the first stage: not those that follow loads, sun and wind."""
        variables: list[Any] = []
        for name, devices in self.members.items():
            member = model.member[name]
            follows = {
                id(one)
                for device in devices
                if isinstance(device, UNCERTAIN)
                for one in member.own.device[device.name].component_objects(pyo.Var)
            }
            follows.add(id(member.own.exchange_kw))
            owned = member.own.component_objects(pyo.Var, descend_into=True)
            variables += [one for one in owned if id(one) not in follows]
            variables += [member.sold_kw, member.bought_kw]
        return variables

    def _first_stage(self, solver: CompiledHighs, model: Block) -> FirstStage:
        return {
            one.name: frozen(solver.get(one)) for one in self._first_variables(model) if len(one)
        }

    def _hold(self, solver: CompiledHighs, model: Block, values: FirstStage) -> None:
        for one in self._first_variables(model):
            if one.name in values:
                columns = solver.columns(one)
                is_used = columns >= 0
                kept = values[one.name][is_used]
                kept = np.where(np.isin(columns[is_used], solver.integers), np.round(kept), kept)
                solver.limit_columns(columns[is_used], kept, kept)

    def _release(self, solver: CompiledHighs, model: Block) -> None:
        low, high = solver.column_limits()
        for one in self._first_variables(model):
            columns = solver.columns(one)
            columns = columns[columns >= 0]
            solver.limit_columns(columns, low[columns], high[columns])

    # ----------------------------------------------------------------------------- reading
    def _is_cheating(self, solver: Any, model: Block) -> bool:
        return any(
            self._private.is_cheating(solver, model.member[name].own, devices)
            for name, devices in self.members.items()
        )

    def _read(
        self, solved: Solved, stage: TwoStageInputs, price: FloatArray, first_stage: FirstStage
    ) -> TwoStagePlans:
        solver, model = solved.solver, solved.model
        plans = {
            name: read_plan(solved, model.member[name], stage.inputs[name], step_h=self.step_h)
            for name in self.members
        }
        p = stage.courses.probability
        recourse = solver.get(model.recourse) / np.where(p > 0.0, p, 1.0)
        understated = sum(self._understated(solved).values())
        cost = float(solver.get(model.first)[0]) + understated + recourse
        return TwoStagePlans(
            plans=plans,
            trade_kw={
                name: frozen(solver.get(model.member[name].trade_kw)) for name in self.members
            },
            price_per_kwh=price,
            course_cost=frozen(cost),
            expected_cost=float(p @ cost),
            tail_cost=tail_mean(cost, p, self.risk.level),
            imbalance_kwh=frozen(self._imbalance_kwh(solver, model)),
            objective=solved.outcome.objective + understated,
            lower_bound=solved.outcome.bound,
            first_stage=first_stage,
        )

    def _understated(self, solved: Solved) -> dict[str, float]:
        """Give by how much the objective is below the true cost of each plan. [currency]"""
        return {
            name: understated_cost(
                solved.solver, solved.model.member[name].own, devices, self.step_h
            )
            for name, devices in self.members.items()
        }

    def _imbalance_kwh(self, solver: Any, model: Block) -> FloatArray:
        """Give how far each course is from the planned exchanges, of all members together."""
        off_kw = np.zeros(self.courses)
        for member in model.member.values():
            planned_kw = solver.get(member.own.exchange_kw)
            for s in model.courses:
                off_kw[s] += np.abs(solver.get(member.course[s].exchange_kw) - planned_kw).sum()
        return self.step_h * off_kw


def _judged(model: Block, risk: Risk) -> Any:
    """Declare what costs are judged by; with a weight on the tail, the tail too."""
    expected = model.first + pyo.quicksum(model.recourse[s] for s in model.courses)
    if not risk.weight:
        return expected
    model.first_cost = pyo.Var()
    model.is_first_cost = pyo.Constraint(expr=model.first_cost == model.first)
    model.edge = pyo.Var()
    model.beyond = pyo.Var(model.courses, domain=pyo.NonNegativeReals)
    model.tail = pyo.Constraint(
        model.courses,
        rule=lambda m, s: m.beyond[s] >= m.probability[s] * (m.first_cost - m.edge) + m.recourse[s],
    )
    beyond = pyo.quicksum(model.beyond[s] for s in model.courses)
    return (1.0 - risk.weight) * expected + risk.weight * (model.edge + beyond / (1.0 - risk.level))


def _update_plan(
    solver: CompiledHighs, member: Block, inputs: MicrogridInputs, prices: PublicPrices
) -> None:
    """Write limits of the planned exchange, and what it costs at the forecast."""
    least_kw, most_kw, trade_kw = inputs.terms.behind_ties()
    miss_price = award_miss_price(inputs)
    update_connection(solver, member.grid, prices, least_kw, most_kw, miss_price_per_kwh=miss_price)
    reach = reach_kw(inputs.declared) + np.abs(trade_kw)
    low_kw, high_kw = np.maximum(least_kw, -reach), np.minimum(most_kw, reach)
    update_one_way(solver, member.grid, low_kw - trade_kw, high_kw - trade_kw)


def _free(steps: int) -> PublicPrices:
    nothing = np.zeros(steps)
    return PublicPrices(nothing, nothing, nothing)
