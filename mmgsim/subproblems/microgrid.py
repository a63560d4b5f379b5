"""One microgrid's problem: its devices, a balance, and its connection to the feeder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import (
    Battery,
    Device,
    DeviceSchedule,
    Disclosure,
    FloatArray,
    Load,
    View,
    Window,
    frozen,
)
from mmgsim.subproblems.connection import (
    PublicPrices,
    declare_connection,
    exchange_limits,
    public_prices,
    update_connection,
)
from mmgsim.subproblems.devices import KINDS, DeviceInputs, Horizon
from mmgsim.subproblems.solver import PyomoHighs, fill, read

__all__ = [
    "MicrogridInputs",
    "MicrogridPlan",
    "MicrogridProblem",
    "Terms",
    "declare_microgrid",
    "disclosure_of",
    "is_cheating",
    "reach_kw",
    "read_schedules",
    "update_microgrid",
]

log = logging.getLogger(__name__)

# Below this, charging while discharging is the rounding of a solver, not a way to cheat. [kW]
CHEAT_KW = 1e-6
MISS_TOLERANCE = 1e-6


def declare_microgrid(block: Any, devices: tuple[Device, ...], horizon: Horizon) -> None:
    """Declare the devices of a microgrid and ``exchange = sum of out - sum of in``.

    Gives the block ``device[name]``, ``exchange_kw[t]`` [kW] and ``private_cost`` [currency].
    """
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    block.device = pyo.Block([device.name for device in devices])
    for device in devices:
        KINDS[type(device)].declare(block.device[device.name], device, horizon)
    block.exchange_kw = pyo.Var(block.time)
    block.balance = pyo.Constraint(
        block.time,
        rule=lambda b, t: (
            b.exchange_kw[t]
            == pyo.quicksum(b.device[d.name].out_kw[t] - b.device[d.name].in_kw[t] for d in devices)
        ),
    )
    block.private_cost = pyo.Expression(
        expr=pyo.quicksum(block.device[device.name].cost for device in devices)
    )


def disclosure_of(view: View) -> Disclosure:
    """Give what a microgrid declares when it tells the truth."""
    return Disclosure(
        devices=view.devices,
        state=view.state,
        forecast_kw=view.forecast_kw,
        storage=view.storage,
    )


def update_microgrid(block: Any, declared: Disclosure) -> None:
    """Write the numbers of one window into a block of `declare_microgrid`."""
    for device in declared.devices:
        inputs = DeviceInputs(
            forecast_kw=declared.forecast_kw.get(device.name),
            energy_start_kwh=declared.state.energy_kwh.get(device.name, 0.0),
            rule=declared.storage.get(device.name),
        )
        KINDS[type(device)].update(block.device[device.name], device, inputs)


def reach_kw(declared: Disclosure) -> float:
    """Give more than the devices could ever draw or deliver together. [kW]"""
    total = 0.0
    for device in declared.devices:
        if isinstance(device, Battery):
            total += device.power_kw
        else:
            total += float(np.max(declared.forecast_kw[device.name], initial=0.0))
    return total + 1.0


def is_cheating(block: Any, devices: tuple[Device, ...], steps: int) -> bool:
    """Tell whether an LP solution charges and discharges a battery in the same step."""
    for device in devices:
        if isinstance(device, Battery):
            unit = block.device[device.name]
            both_kw = np.minimum(read(unit.in_kw, steps), read(unit.out_kw, steps))
            if both_kw.max() > CHEAT_KW:
                return True
    return False


def read_schedules(block: Any, declared: Disclosure, steps: int) -> dict[str, DeviceSchedule]:
    """Read the planned operation of every device from a solved block."""
    schedules = {}
    for device in declared.devices:
        unit = block.device[device.name]
        expected_kw = declared.forecast_kw.get(device.name)
        is_storage = isinstance(device, Battery)
        schedules[device.name] = DeviceSchedule(
            out_kw=frozen(np.maximum(read(unit.out_kw, steps), 0.0)),
            in_kw=frozen(np.maximum(read(unit.in_kw, steps), 0.0)),
            expected_kw=None if expected_kw is None else frozen(expected_kw),
            energy_kwh=frozen(read(unit.energy_kwh, steps)) if is_storage else None,
        )
    return schedules


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """On which terms a microgrid may exchange power in a window.

    Parameters
    ----------
    prices : PublicPrices
        What exchange costs.
    low_kw, high_kw : (steps,) array
        Limits of the exchange. [kW]
    trade_kw : (steps,) array
        Firm trades: sold minus bought. [kW]
    """

    prices: PublicPrices
    low_kw: FloatArray
    high_kw: FloatArray
    trade_kw: FloatArray

    @classmethod
    def of(
        cls,
        view: View,
        *,
        trade_kw: FloatArray | None = None,
        exchange_kw: FloatArray | None = None,
    ) -> Terms:
        """Give the published terms: tariff and envelope, with an award if there is one."""
        low_kw, high_kw = exchange_limits(view.envelope, exchange_kw)
        no_trade = np.zeros(view.window.steps)
        return cls(
            prices=public_prices(view.tariff),
            low_kw=low_kw,
            high_kw=high_kw,
            trade_kw=no_trade if trade_kw is None else trade_kw,
        )

    def within(self, low_kw: FloatArray, high_kw: FloatArray) -> Terms:
        """Give the same terms with the exchange inside further limits."""
        return replace(
            self,
            low_kw=np.maximum(self.low_kw, low_kw),
            high_kw=np.minimum(self.high_kw, high_kw),
        )

    @classmethod
    def at_price(cls, view: View, price_per_kwh: FloatArray) -> Terms:
        """Give one price for what leaves and what enters, inside the published envelope."""
        low_kw, high_kw = exchange_limits(view.envelope)
        zero = np.zeros(view.window.steps)
        return cls(
            prices=PublicPrices(price_per_kwh, price_per_kwh, zero),
            low_kw=low_kw,
            high_kw=high_kw,
            trade_kw=zero,
        )


@dataclass(frozen=True, slots=True, eq=False)
class MicrogridInputs:
    """Everything that changes between two solves of a microgrid's problem."""

    declared: Disclosure
    terms: Terms


@dataclass(frozen=True, slots=True, eq=False)
class MicrogridPlan:
    """A solved window.

    Parameters
    ----------
    exchange_kw : (steps,) array
        Net power at the connection point, positive when it leaves. [kW]
    private_cost : float
        Of the devices, and of what had to be missed. [currency]
    lower_bound : float
        No feasible window has a smaller private plus public cost; nothing is proven by `project`.
        [currency]
    schedule : mapping
        Operation by device name.
    flags : tuple of str
        ``exclusive`` where binaries were needed, ``missed`` where a level, an award or an envelope
        could not be kept.
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
    wanted : bool
        True to stay as close as possible to a wanted operation of the storage instead of making
        the cost small; see `project`.
    """

    def __init__(
        self, name: str, devices: tuple[Device, ...], window: Window, *, wanted: bool = False
    ) -> None:
        self.name = name
        self.devices = devices
        self.steps = window.steps
        self.step_h = window.step_h
        self._wanted = wanted
        self._models: dict[bool, tuple[Any, PyomoHighs]] = {}

    def fits(self, devices: tuple[Device, ...], window: Window) -> bool:
        """Tell whether this problem was built for these devices and this size of window."""
        return (self.devices, self.steps, self.step_h) == (devices, window.steps, window.step_h)

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

        Nearest by the sum of absolute distances; among the nearest, the cheapest.

        Parameters
        ----------
        inputs : MicrogridInputs
            Of the window.
        step : int
            First step of the window, for messages.
        wanted_kw : mapping of (steps,) arrays
            Wanted discharge minus charge by device name. [kW]
        """
        return self._solve(inputs, step, wanted_kw)

    def _solve(
        self, inputs: MicrogridInputs, step: int, wanted_kw: Mapping[str, FloatArray]
    ) -> MicrogridPlan:
        is_exclusive = False
        model, solver = self._model(is_exclusive)
        self._update(model, inputs, wanted_kw)
        outcome = solver.solve(agent=self.name, step=step)
        if inputs.terms.prices.is_arbitrage or is_cheating(model.own, self.devices, self.steps):
            log.info("%s at step %d: binaries keep storage and grid honest", self.name, step)
            is_exclusive = True
            model, solver = self._model(is_exclusive)
            self._update(model, inputs, wanted_kw)
            outcome = solver.solve(agent=self.name, step=step)
        missed = _missed(model, self.devices, self.steps)
        flags = ("exclusive",) * is_exclusive + ("missed",) * (missed > MISS_TOLERANCE)
        return MicrogridPlan(
            exchange_kw=frozen(read(model.own.exchange_kw, self.steps)),
            private_cost=float(pyo.value(model.own.private_cost + model.grid.miss_cost)),
            lower_bound=-np.inf if self._wanted else outcome.bound,
            schedule=read_schedules(model.own, inputs.declared, self.steps),
            flags=flags,
        )

    def _model(self, is_exclusive: bool) -> tuple[Any, PyomoHighs]:
        if is_exclusive not in self._models:
            horizon = Horizon(self.steps, self.step_h, is_exclusive)
            model = _build(self.devices, horizon, wanted=self._wanted)
            self._models[is_exclusive] = (model, PyomoHighs(model))
        return self._models[is_exclusive]

    def _update(
        self, model: Any, inputs: MicrogridInputs, wanted_kw: Mapping[str, FloatArray]
    ) -> None:
        terms = inputs.terms
        update_microgrid(model.own, inputs.declared)
        fill(model.trade_kw, terms.trade_kw)
        limit_kw = reach_kw(inputs.declared) + float(np.max(np.abs(terms.trade_kw), initial=0.0))
        update_connection(model.grid, terms.prices, terms.low_kw, terms.high_kw, limit_kw=limit_kw)
        for name, values in wanted_kw.items():
            fill(model.aim[name].wanted_kw, values)
        if self._wanted:
            sheds = [d.shed_price_per_kwh for d in self.devices if isinstance(d, Load)]
            highest = float(np.max(np.abs(terms.prices.buy_per_kwh)))
            # Dearer than any detour through the grid, cheaper than shedding load for it.
            model.aim_price_per_kwh.set_value(
                min([4.0 * highest + 1e-3, *(0.5 * s for s in sheds)])
            )


def _build(devices: tuple[Device, ...], horizon: Horizon, *, wanted: bool) -> Any:
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, horizon.steps - 1)
    model.trade_kw = pyo.Param(model.time, mutable=True, initialize=0.0)
    model.own = pyo.Block()
    declare_microgrid(model.own, devices, horizon)
    model.grid = pyo.Block()
    declare_connection(model.grid, model.own.exchange_kw, model.trade_kw, horizon)
    cost = model.own.private_cost + model.grid.cost
    if wanted:
        cost += _declare_aim(model, devices, horizon)
    model.total = pyo.Objective(expr=cost)
    return model


def _declare_aim(model: Any, devices: tuple[Device, ...], horizon: Horizon) -> Any:
    """Declare the distance to a wanted net power of each storage device, and its price."""
    storage = [device.name for device in devices if isinstance(device, Battery)]
    model.aim_price_per_kwh = pyo.Param(mutable=True, initialize=1.0)
    model.aim = pyo.Block(storage)
    for name in storage:
        aim, unit = model.aim[name], model.own.device[name]
        aim.wanted_kw = pyo.Param(model.time, mutable=True, initialize=0.0)
        aim.above_kw = pyo.Var(model.time, domain=pyo.NonNegativeReals)
        aim.below_kw = pyo.Var(model.time, domain=pyo.NonNegativeReals)
        aim.distance = pyo.Constraint(
            model.time,
            rule=lambda a, t, unit=unit: (
                unit.out_kw[t] - unit.in_kw[t] == a.wanted_kw[t] + a.above_kw[t] - a.below_kw[t]
            ),
        )
    return (
        horizon.step_h
        * model.aim_price_per_kwh
        * pyo.quicksum(
            model.aim[name].above_kw[t] + model.aim[name].below_kw[t]
            for name in storage
            for t in model.time
        )
    )


def _missed(model: Any, devices: tuple[Device, ...], steps: int) -> float:
    missed = float(read(model.grid.miss_kw, steps).max())
    for device in devices:
        if isinstance(device, Battery):
            missed = max(missed, float(read(model.own.device[device.name].miss_kwh, steps).max()))
    return missed
