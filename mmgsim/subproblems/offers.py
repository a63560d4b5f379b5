"""What a microgrid would exchange at given prices: its private problem with the exchange priced.

    min  private cost - sum_t price[t] * exchange[t] * step_h

Its optima are offers: feasible exchanges, and with their optimal value a bound on all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import Device, Disclosure, Envelope, FloatArray, Offer, Tariff, Window, frozen
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.parts import Parts, Splitting
from mmgsim.subproblems.private import PrivateModel
from mmgsim.subproblems.solver import TIME_LIMIT_S, Outcome, Solver
from mmgsim.subproblems.switch import HonestProblem

__all__ = ["Answer", "OfferProblem", "as_offer", "build_priced"]

_Write = Callable[[Solver, Any], None]

# Distance to its bound at which an offer with units on or off counts as best: a few times less
# than the gap that column generation leaves with such units anyway.
MIP_GAP = 1e-4

# What leaving a wanted exchange costs per kWh, over the mean price.
LEAVE_MARGIN = 1.0

# More than any microgrid exchanges: takes a limit off. [kW]
_ANY_KW = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The parts of an optimum and the bound that proves it. [currency]"""

    parts: Parts
    lower_bound: float


@dataclass(frozen=True, slots=True, eq=False)
class _Limits:
    """How the exchange is limited: ``exchange = base + leaving - entering``."""

    least_leaving_kw: FloatArray | float
    most_leaving_kw: FloatArray | float
    most_entering_kw: FloatArray | float = 0.0
    enter_per_kwh: FloatArray | float = 0.0
    base_kw: FloatArray | float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Optimum:
    """Values of all columns, the bound that proves them best, and the model they belong to."""

    solution: FloatArray
    bound: float
    is_exclusive: bool


class OfferProblem:
    """The private problem of a microgrid: built once for its devices, priced again and again.

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
    """

    def __init__(
        self,
        name: str,
        devices: tuple[Device, ...],
        window: Window,
        *,
        model: PrivateModel | None = None,
    ) -> None:
        private = PrivateModel() if model is None else model
        self.name = name
        self._private = private
        self._update = private.update
        self.devices = devices
        self.steps = window.steps
        self.step_h = window.step_h
        self._splittings: dict[bool, Splitting] = {}
        self._is_cheating = private.is_cheating
        self._problem = HonestProblem(
            lambda exclusive: build_priced(
                name, private, devices, Horizon(window.steps, window.step_h, exclusive)
            ),
            lambda solver, model: private.is_cheating(solver, model.own, devices),
            self._compile,
        )
        self._held: FloatArray | None = None
        self._written: dict[bool, _Limits] = {}
        self._taken: list[FloatArray] = []
        self._step: int | None = None

    @property
    def is_mixed_integer(self) -> bool:
        """True where decisions such as on or off are taken, known once a price was answered."""
        return any(self._splittings[False].indivisible) if self._splittings else False

    def fits(self, devices: tuple[Device, ...], window: Window) -> bool:
        """Tell whether this problem was built for these devices and this size of window."""
        return (self.devices, self.steps, self.step_h) == (devices, window.steps, window.step_h)

    def reset(self) -> None:
        """Forget what was solved before: what comes next depends on its own numbers alone."""
        self._problem.reset()
        self._written.clear()
        self.forget()

    def at_prices(
        self,
        declared: Disclosure,
        prices_per_kwh: FloatArray,
        envelope: Envelope | None,
        step: int,
    ) -> list[Answer]:
        """Give the optimum at each price.

        Parameters
        ----------
        declared : Disclosure
            Devices, state and forecasts.
        prices_per_kwh : (queries, steps) array
            Paid for what leaves. [currency/kWh]
        envelope : Envelope or None
            To be kept; None leaves the limits of the exchange to the market, which is what lets
            the parts decide by themselves.
        step : int
            First step of the window, for messages.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        if step != self._step:
            self.forget()
        self._step = step
        write = self._writer(declared)
        limits = _limits(envelope)
        answers = self._read([self._solve(write, price, limits, step) for price in prices_per_kwh])
        with self._private.blaming(self.name):
            _check_sums(answers, prices_per_kwh * self.step_h)
        return answers

    @contextmanager
    def holding(self, held: Sequence[int]) -> Iterator[None]:
        """Hold decisions as they were taken in earlier offers, whatever is asked meanwhile.

        Parameters
        ----------
        held : sequence of int
            For each block the offer in which it took the decisions to be held, counted from the
            first one since `forget`; one number for all where the microgrid answers as a whole.
        """
        honest = self._splitting(is_exclusive=False)
        values = np.full(len(honest.integer_block), np.nan)
        for block in np.unique(honest.integer_block):
            own = honest.integer_block == block
            values[own] = self._taken[held[0 if len(held) == 1 else block]][own]
        self._held = values
        try:
            yield
        finally:
            self._held = None

    def forget(self) -> None:
        """Forget the decisions taken so far: another gate begins."""
        self._taken.clear()

    def alone(self, declared: Disclosure, tariff: Tariff, envelope: Envelope, step: int) -> Parts:
        """Give the optimum without local trade: all exchange is with the grid.

        Where selling earns more than buying costs, selling is taken to earn as much as buying
        costs: the offer is feasible all the same.
        """
        sell_per_kwh = np.minimum(tariff.export_per_kwh, tariff.buy_per_kwh)
        limits = _Limits(
            0.0, envelope.export_limit_kw, envelope.import_limit_kw, tariff.buy_per_kwh
        )
        return self._only(self._solve(self._writer(declared), sell_per_kwh, limits, step))

    def nearest(
        self,
        declared: Disclosure,
        wanted_kw: FloatArray,
        price_per_kwh: FloatArray,
        step: int,
    ) -> Parts:
        """Give what is nearest to a wanted exchange, at a price of leaving it.

        ``exchange = wanted + above - below``, where `above` earns a margin less and `below` costs a
        margin more than the price. Limits of the exchange are left to the market.

        Parameters
        ----------
        wanted_kw : (steps,) array
            NaN where anything goes, at the price alone. [kW]
        """
        is_free = np.isnan(wanted_kw)
        margin_per_kwh = LEAVE_MARGIN * max(float(np.abs(price_per_kwh).mean()), 1e-3)
        limits = _Limits(
            least_leaving_kw=np.where(is_free, -_ANY_KW, 0.0),
            most_leaving_kw=_ANY_KW,
            most_entering_kw=np.where(is_free, 0.0, _ANY_KW),
            enter_per_kwh=price_per_kwh + margin_per_kwh,
            base_kw=np.where(is_free, 0.0, wanted_kw),
        )
        above_per_kwh = price_per_kwh - np.where(is_free, 0.0, margin_per_kwh)
        return self._only(self._solve(self._writer(declared), above_per_kwh, limits, step))

    # -------------------------------------------------------------------------------- inside
    def _compile(self, model: Any) -> CompiledHighs:
        with self._private.blaming(self.name):
            return CompiledHighs(model, mip_gap=MIP_GAP, time_limit_s=TIME_LIMIT_S)

    def _writer(self, declared: Disclosure) -> _Write:
        """Give what writes the window into a model, once for each model that gets to see it."""
        written: set[int] = set()

        def write(solver: Solver, model: Any) -> None:
            if id(model) not in written:
                self._update(solver, model.own, declared)
                written.add(id(model))

        return write

    def _solve(
        self, write: _Write, price_per_kwh: FloatArray, limits: _Limits, step: int
    ) -> _Optimum:
        """Give the optimum, with binaries that keep storage honest where they are needed."""
        outcome = self._run(write, price_per_kwh, limits, step)
        model, solver = self._compiled(is_exclusive=False)
        if self._held is None:
            self._taken.append(solver.solution[solver.integers])
        if not self._is_cheating(solver, model.own, self.devices):
            return _Optimum(solver.solution, outcome.bound, is_exclusive=False)
        outcome = self._run(write, price_per_kwh, limits, step, is_exclusive=True)
        _, solver = self._compiled(is_exclusive=True)
        return _Optimum(solver.solution, outcome.bound, is_exclusive=True)

    def _read(self, optima: Sequence[_Optimum]) -> list[Answer]:
        """Give the optima part by part."""
        # Storage kept honest by binaries is mixed like storage that needs none. A mixture that
        # burns energy cannot be run; the award it leads to is then left (flag ``award_left``).
        indivisible = self._splitting(is_exclusive=False).indivisible
        if self._held is not None:
            indivisible = (False,) * len(indivisible)
        answers: dict[int, Answer] = {}
        for which in (False, True):
            places = [i for i, optimum in enumerate(optima) if optimum.is_exclusive is which]
            if not places:
                continue
            parts = self._splitting(is_exclusive=which).read(
                np.stack([optima[i].solution for i in places])
            )
            for i, one in zip(places, parts, strict=True):
                answers[i] = Answer(replace(one, indivisible=indivisible), optima[i].bound)
        return [answers[i] for i in range(len(optima))]

    def _only(self, optimum: _Optimum) -> Parts:
        return self._read([optimum])[0].parts

    def _run(
        self,
        write: _Write,
        price_per_kwh: FloatArray,
        limits: _Limits,
        step: int,
        *,
        is_exclusive: bool = False,
    ) -> Outcome:
        model, solver = self._problem.pair(is_exclusive=is_exclusive)
        write(solver, model)
        solver.set(model.leave_per_kwh, price_per_kwh)
        if self._written.get(is_exclusive) is not limits:
            self._written[is_exclusive] = limits
            for name in fields(limits):
                solver.set(model.component(name.name), getattr(limits, name.name))
        if self._held is None:
            return solver.solve(agent=self.name, step=step)
        held = self._held_in(is_exclusive=is_exclusive)
        with self._splitting(is_exclusive=is_exclusive).solver.integers_held(held):
            return solver.solve(agent=self.name, step=step)

    def _held_in(self, *, is_exclusive: bool) -> FloatArray:
        """Give the held decisions in the order of a model's integers, NaN for its others."""
        assert self._held is not None
        if not is_exclusive:
            return self._held
        honest, other = (self._splitting(is_exclusive=which) for which in (False, True))
        values = np.full(len(other.integer_block), np.nan)
        for block in np.unique(honest.integer_block):
            values[other.integer_block == block] = self._held[honest.integer_block == block]
        return values

    def _compiled(self, *, is_exclusive: bool) -> tuple[Any, CompiledHighs]:
        model, solver = self._problem.pair(is_exclusive=is_exclusive)
        if not isinstance(solver, CompiledHighs):
            raise TypeError(f"parts are read from CompiledHighs, not {type(solver).__name__}")
        return model, solver

    def _splitting(self, *, is_exclusive: bool) -> Splitting:
        if is_exclusive not in self._splittings:
            model, solver = self._compiled(is_exclusive=is_exclusive)
            with self._private.blaming(self.name):
                splitting = Splitting(solver, model.own.exchange_kw, model.own)
            self._splittings[is_exclusive] = splitting
        return self._splittings[is_exclusive]


def _check_sums(answers: Sequence[Answer], prices: FloatArray) -> None:
    """Refuse a model whose private cost is not all in its parts: the bound would be above it."""
    kw = np.stack([one.parts.exchange_kw.sum(0) + one.parts.hourly_kw for one in answers])
    costs = [one.parts.private_cost.sum() + one.parts.hourly_cost.sum() for one in answers]
    bounds = np.array([one.lower_bound for one in answers])
    missing = bounds - (costs - (prices * kw).sum(1))
    scale = 1.0 + np.abs(costs) + (np.abs(prices) * np.abs(kw)).sum(1)
    if (missing > 1e-6 * scale).any():
        raise ValueError(
            f"the private cost is {missing.max():g} more than that of its parts; leave out "
            "constants, and let every variable that costs something stand in a constraint"
        )


def _limits(envelope: Envelope | None) -> _Limits:
    if envelope is None:
        return _Limits(-_ANY_KW, _ANY_KW)
    return _Limits(-envelope.import_limit_kw, envelope.export_limit_kw)


def as_offer(parts: Sequence[Parts], lower_bound: FloatArray) -> Offer:
    """Give offers part by part; see `Parts.joined` for one that shows nothing of the inside."""
    has_hourly = any(one.hourly_kw.any() or one.hourly_cost.any() for one in parts)
    return Offer(
        exchange_kw=frozen([one.exchange_kw for one in parts]),
        private_cost=frozen([one.private_cost for one in parts]),
        lower_bound=frozen(lower_bound),
        hourly_kw=frozen([one.hourly_kw for one in parts]) if has_hourly else None,
        hourly_cost=frozen([one.hourly_cost for one in parts]) if has_hourly else None,
        indivisible=tuple(map(any, zip(*(one.indivisible for one in parts), strict=True))),
    )


def build_priced(
    name: str, private: PrivateModel, devices: tuple[Device, ...], horizon: Horizon
) -> Any:
    """Declare the private problem of a microgrid with ``leaving - entering`` priced and limited."""
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, horizon.steps - 1)
    for limit in ("base_kw", "least_leaving_kw", "most_leaving_kw", "most_entering_kw"):
        setattr(model, limit, pyo.Param(model.time, mutable=True, initialize=0.0))
    model.leave_per_kwh = pyo.Param(model.time, mutable=True, initialize=0.0)
    model.enter_per_kwh = pyo.Param(model.time, mutable=True, initialize=0.0)
    model.own = pyo.Block()
    private.build(name, model.own, devices, horizon)
    model.leaving_kw = pyo.Var(
        model.time, bounds=lambda m, t: (m.least_leaving_kw[t], m.most_leaving_kw[t])
    )
    model.entering_kw = pyo.Var(model.time, bounds=lambda m, t: (0.0, m.most_entering_kw[t]))
    model.exchange = pyo.Constraint(
        model.time,
        rule=lambda m, t: m.own.exchange_kw[t] - m.leaving_kw[t] + m.entering_kw[t] == m.base_kw[t],
    )
    model.total = pyo.Objective(
        expr=model.own.private_cost
        + model.own.miss_cost
        + horizon.step_h
        * pyo.quicksum(
            model.enter_per_kwh[t] * model.entering_kw[t]
            - model.leave_per_kwh[t] * model.leaving_kw[t]
            for t in model.time
        )
    )
    return model
