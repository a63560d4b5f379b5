"""One microgrid's problem: its devices, a balance, and its connection to the feeder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import (
    Battery,
    Device,
    DeviceSchedule,
    Diesel,
    FloatArray,
    Load,
    SessionStore,
    Window,
    frozen,
)
from mmgsim.subproblems.block import (
    missed_kwh,
    reach_kw,
    read_schedules,
    understated_cost,
)
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import (
    declare_connection,
    declare_one_way,
    update_connection,
    update_one_way,
)
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.private import PrivateModel
from mmgsim.subproblems.solver import TIME_LIMIT_S, MakeSolver, Solver
from mmgsim.subproblems.switch import HonestProblem, Solved
from mmgsim.subproblems.terms import MicrogridInputs

__all__ = ["MicrogridPlan", "MicrogridProblem", "award_miss_price", "read_plan"]

# What missing an award weighs against the dearest kWh of the window.
MISS_PER_DEAREST = 10.0

# Below this a level, an award or an envelope is kept; what is left is the rounding of a solver.
MISS_TOLERANCE = 1e-6

# Of a projection: what a kWh off the wanted operation weighs against the dearest kWh of money,
# and what a kWh shed, or a currency unit of missing, weighs against a kWh off. A critical kWh shed
# weighs as much more against any other.
AIM_PER_DEAREST = 1000.0
SHED_PER_AIM = 10.0
MISS_PER_AIM = 0.1

_SOLVER: MakeSolver = partial(CompiledHighs, time_limit_s=TIME_LIMIT_S)


@dataclass(frozen=True, slots=True, eq=False)
class MicrogridPlan:
    """A solved window.

    Parameters
    ----------
    exchange_kw : (steps,) array
        Net power at the connection point, positive when it leaves. [kW]
    private_cost : float
        Of the devices, at their true fuel cost, and of levels and ramps that had to be missed.
        [currency]
    lower_bound : float
        No feasible window has a smaller private plus public cost; nothing is proven by `project`.
        [currency]
    schedule : mapping
        Operation by device name.
    flags : tuple of str
        ``exclusive`` where storage or grid needed binaries, ``missed`` where a level, a ramp or an
        award could not be kept, ``unproven`` where the solver's time was up before its proof.
    """

    exchange_kw: FloatArray
    private_cost: float
    lower_bound: float
    schedule: Mapping[str, DeviceSchedule]
    flags: tuple[str, ...]


class MicrogridProblem:
    """The problem of one microgrid: built once for its devices, solved for every window.

    Parameters
    ----------
    name : str
        Of the microgrid, for messages.
    devices : tuple of Device
        What it owns.
    window : Window
        Any window of the size to be planned.
    model : PrivateModel
        How the private part is written; by the devices' own blocks if left out.
    wanted : bool
        True to stay as close as possible to a wanted operation of the storage instead of making
        the cost small; see `project`.
    make_solver : callable
        Gives the solver of a model: compiled, or `PyomoHighs` as reference and fall-back.
    """

    def __init__(
        self,
        name: str,
        devices: tuple[Device, ...],
        window: Window,
        *,
        model: PrivateModel | None = None,
        wanted: bool = False,
        make_solver: MakeSolver = _SOLVER,
    ) -> None:
        self.name = name
        self.devices = devices
        self.steps = window.steps
        self.step_h = window.step_h
        self._wanted = wanted
        self._private = private = PrivateModel() if model is None else model
        self._problem = HonestProblem(
            lambda exclusive: _build(
                private,
                devices,
                Horizon(window.steps, window.step_h, exclusive),
                wanted=wanted,
                name=name,
            ),
            lambda solver, model: private.is_cheating(solver, model.own, devices),
            lambda model: self._compile(make_solver, model),
        )

    def _compile(self, make_solver: MakeSolver, model: Any) -> Solver:
        with self._private.blaming(self.name):
            return make_solver(model)

    def fits(self, devices: tuple[Device, ...], window: Window) -> bool:
        """Tell whether this problem was built for these devices and this size of window."""
        return (self.devices, self.steps, self.step_h) == (devices, window.steps, window.step_h)

    def reset(self) -> None:
        """Forget what was solved before: what comes next depends on its own numbers alone."""
        self._problem.reset()

    def relaxation(self) -> tuple[Any, Any]:
        """Give the model without binaries against cheating, and its solver, as last solved."""
        return self._problem.pair(is_exclusive=False)

    def solve(self, inputs: MicrogridInputs, step: int) -> MicrogridPlan:
        """Make private plus public cost as small as possible.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        return self._solve(inputs, step, {})

    def project(
        self, inputs: MicrogridInputs, step: int, wanted_kw: Mapping[str, FloatArray]
    ) -> MicrogridPlan:
        """Give the feasible plan nearest to a wanted net power of the storage devices.

        Nearest by the sum of absolute distances; among the nearest, the cheapest. Load is shed
        only where nothing else is feasible.

        Parameters
        ----------
        inputs : MicrogridInputs
            Of the window.
        step : int
            First step of the window, for messages.
        wanted_kw : mapping of (steps,) arrays
            Wanted discharge minus charge by device name; NaN where nothing is wanted, which is
            then as cheap as it can be. [kW]
        """
        return self._solve(inputs, step, wanted_kw)

    def _solve(
        self, inputs: MicrogridInputs, step: int, wanted_kw: Mapping[str, FloatArray]
    ) -> MicrogridPlan:
        def update(solver: Solver, model: Any) -> None:
            self._private.update(solver, model.own, inputs.declared)
            _update(solver, model, inputs)
            if self._wanted:
                _update_aim(solver, model, self.devices, inputs, wanted_kw)

        solved = self._problem.solve(
            update, is_arbitrage=inputs.terms.prices.is_arbitrage, agent=self.name, step=step
        )
        return self._read(solved, inputs)

    def _read(self, solved: Solved, inputs: MicrogridInputs) -> MicrogridPlan:
        bound = -np.inf if self._wanted else solved.outcome.bound
        return read_plan(solved, solved.model, inputs, step_h=self.step_h, lower_bound=bound)


def read_plan(
    solved: Solved,
    block: Any,
    inputs: MicrogridInputs,
    *,
    step_h: float,
    lower_bound: float = -np.inf,
) -> MicrogridPlan:
    """Read a plan from a solved model.

    Parameters
    ----------
    solved : Solved
        The model and how it ended.
    block : pyomo Block
        Of it, with the blocks ``own`` and ``grid``.
    inputs : MicrogridInputs
        It was solved with.
    step_h : float
        Length of a step. [h]
    lower_bound : float
        What no feasible window costs less than. [currency]
    """
    solver, own, devices = solved.solver, block.own, inputs.declared.devices
    own_missed = missed_kwh(solver, own, devices) > MISS_TOLERANCE
    award_missed = float(solver.get(block.grid.miss_kw).max()) > MISS_TOLERANCE
    miss_cost = float(solver.get(own.miss_cost)[0]) if own_missed else 0.0
    understated = understated_cost(solver, own, devices, step_h)
    leaving_kw, tie_kw = solver.get(own.exchange_kw), inputs.terms.tie_kw
    return MicrogridPlan(
        exchange_kw=frozen(leaving_kw if tie_kw is None else leaving_kw - tie_kw),
        private_cost=float(solver.get(own.private_cost)[0]) + understated + miss_cost,
        lower_bound=lower_bound,
        schedule=read_schedules(solver, own, inputs.declared),
        flags=(
            *("exclusive",) * solved.is_exclusive,
            *("missed",) * (own_missed or award_missed),
            *("unproven",) * (not solved.outcome.is_proven),
        ),
    )


def _build(
    private: PrivateModel,
    devices: tuple[Device, ...],
    horizon: Horizon,
    *,
    wanted: bool,
    name: str = "a microgrid",
) -> Any:
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, horizon.steps - 1)
    model.trade_kw = pyo.Param(model.time, mutable=True, initialize=0.0)
    model.own = pyo.Block()
    private.build(name, model.own, devices, horizon, further=("device",))
    model.grid = pyo.Block()
    declare_connection(model.grid, model.own.exchange_kw, model.trade_kw, horizon)
    if horizon.is_exclusive:
        declare_one_way(model.grid, model.grid.import_kw, model.grid.export_kw)
    cost = model.own.private_cost + model.own.miss_cost + model.grid.cost
    if wanted:
        cost += _declare_aim(model, devices, horizon)
    model.total = pyo.Objective(expr=cost)
    return model


def _update(solver: Solver, model: Any, inputs: MicrogridInputs) -> None:
    terms, reach = inputs.terms, reach_kw(inputs.declared)
    least_kw, most_kw, trade_kw = terms.behind_ties()
    solver.set(model.trade_kw, trade_kw)
    update_connection(
        solver,
        model.grid,
        terms.prices,
        least_kw,
        most_kw,
        miss_price_per_kwh=award_miss_price(inputs),
    )
    low_kw, high_kw = np.maximum(least_kw, -reach), np.minimum(most_kw, reach)
    update_one_way(solver, model.grid, low_kw - trade_kw, high_kw - trade_kw)


def award_miss_price(inputs: MicrogridInputs) -> float:
    """Give a price above all others of the window: keeping an award goes before everything."""
    prices = inputs.terms.prices
    dearest = max(
        float(np.abs([prices.buy_per_kwh, prices.sell_per_kwh]).max()),
        *(d.dearest_per_kwh for d in inputs.declared.devices if isinstance(d, Load)),
        *(rule.miss_price_per_kwh for rule in inputs.declared.storage.values()),
        *(rule.miss_price_per_kwh for rule in inputs.declared.sessions.values()),
        *(d.miss_price_per_kwh for d in inputs.declared.devices if isinstance(d, Diesel)),
        1.0,
    )
    return MISS_PER_DEAREST * dearest


def _declare_aim(model: Any, devices: tuple[Device, ...], horizon: Horizon) -> Any:
    """Declare the distance to a wanted net power of each storage device, and its price."""
    storage = [device.name for device in devices if isinstance(device, Battery)]
    loads = [device for device in devices if isinstance(device, Load)]
    model.aim_price_per_kwh = pyo.Param(mutable=True, initialize=1.0)
    model.aim = pyo.Block(storage)
    for name in storage:
        _declare_distance(model.aim[name], model.own.device[name], model.time)
    off_cost = horizon.step_h * pyo.quicksum(
        aim.price_per_kwh[t] * (aim.above_kw[t] + aim.below_kw[t])
        for aim in (model.aim[name] for name in storage)
        for t in model.time
    )
    shed_kwh = horizon.step_h * pyo.quicksum(
        model.own.device[load.name].shed_kw[t] for load in loads for t in model.time
    )
    shed_kwh += pyo.quicksum(
        model.own.device[device.name].miss_kwh[t]
        for device in devices
        if isinstance(device, SessionStore) and not device.is_vehicle
        for t in model.time
    )
    critical = [load.name for load in loads if load.critical_share]
    if critical:
        shed_kwh += (
            SHED_PER_AIM
            * horizon.step_h
            * pyo.quicksum(
                model.own.device[name].shed_critical_kw[t] for name in critical for t in model.time
            )
        )
    # A variable of its own: a product of two Params would be evaluated anew in every window.
    model.miss_cost = pyo.Var()
    model.missing = pyo.Constraint(
        expr=model.miss_cost == model.own.miss_cost + model.grid.miss_cost
    )
    forced = SHED_PER_AIM * shed_kwh + MISS_PER_AIM * model.miss_cost
    return off_cost + model.aim_price_per_kwh * forced


def _declare_distance(aim: Any, unit: Any, time: Any) -> None:
    aim.wanted_kw = pyo.Param(time, mutable=True, initialize=0.0)
    aim.price_per_kwh = pyo.Param(time, mutable=True, initialize=1.0)
    aim.above_kw = pyo.Var(time, domain=pyo.NonNegativeReals)
    aim.below_kw = pyo.Var(time, domain=pyo.NonNegativeReals)
    aim.distance = pyo.Constraint(
        time,
        rule=lambda a, t: (
            unit.out_kw[t] - unit.in_kw[t] == a.wanted_kw[t] + a.above_kw[t] - a.below_kw[t]
        ),
    )


def _update_aim(
    solver: Solver,
    model: Any,
    devices: tuple[Device, ...],
    inputs: MicrogridInputs,
    wanted_kw: Mapping[str, FloatArray],
) -> None:
    """Write the wanted operation, and a price of distance far above that of any energy."""
    prices = inputs.terms.prices
    dearest = max(float(np.abs([prices.buy_per_kwh, prices.sell_per_kwh]).max()), 1e-3)
    for device in devices:
        if isinstance(device, Battery):
            value = abs(inputs.declared.storage[device.name].end_value_per_kwh)
            dearest = max(dearest, device.wear_per_kwh, value)
        elif isinstance(device, SessionStore):
            dearest = max(dearest, device.wear_per_kwh)
        elif isinstance(device, Diesel):
            dearest = max(dearest, device.dearest_per_kwh)
    price = AIM_PER_DEAREST * dearest
    solver.set(model.aim_price_per_kwh, price)
    for name, values in wanted_kw.items():
        is_wanted = np.isfinite(values)
        solver.set(model.aim[name].wanted_kw, np.where(is_wanted, values, 0.0))
        solver.set(model.aim[name].price_per_kwh, np.where(is_wanted, price, 0.0))
