"""What a microgrid would exchange at a price near a point: a QP on the model of its offers.

    min  private cost - step_h * sum_t (price[t] * exchange[t]
                                        - penalty / 2 * (exchange[t] - target[t])**2)

Without the constant, that is the price ``price + penalty * target`` and half squares of what
leaves, at ``step_h * penalty``. Tangents stand for the half squares, in a unit of the microgrid's
own size, so that all there is to solve are hot LPs, and units on or off are relaxed: as MILPs they
would be solved many times over.

References
----------
.. [1] Parikh, Boyd, "Proximal Algorithms", Foundations and Trends in Optimization 1 (2014),
   doi:10.1561/2400000003.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import (
    Device,
    Disclosure,
    Envelope,
    ProximalOffer,
    ProximalQuery,
    Window,
    frozen,
)
from mmgsim.subproblems.block import reach_kw
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.offers import build_priced
from mmgsim.subproblems.private import PrivateModel
from mmgsim.subproblems.switch import HonestProblem
from mmgsim.subproblems.tangents import Tangents, unit_of

__all__ = ["ProximalProblem"]


class ProximalProblem:
    """The private problem of a microgrid near a point: built once, asked again and again.

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
        self.name, self.devices = name, devices
        self.steps, self.step_h = window.steps, window.step_h
        self._private = private

        def compiled(built: Any) -> CompiledHighs:
            with private.blaming(name):
                return CompiledHighs(built)

        self._problem = HonestProblem(
            lambda exclusive: _build(
                name, private, devices, Horizon(window.steps, window.step_h, exclusive)
            ),
            lambda solver, built: private.is_cheating(solver, built.own, devices),
            compiled,
        )
        self._tangents: Tangents | None = None

    def fits(self, devices: tuple[Device, ...], window: Window) -> bool:
        """Tell whether this problem was built for these devices and this size of window."""
        return (self.devices, self.steps, self.step_h) == (devices, window.steps, window.step_h)

    def reset(self) -> None:
        """Forget what was solved before: what comes next depends on its own numbers alone."""
        self._problem.reset()
        if self._tangents is not None:
            self._tangents.forget()

    def _compiled(self) -> tuple[Any, CompiledHighs, Tangents]:
        built, solver = self._problem.pair(is_exclusive=False)
        assert isinstance(solver, CompiledHighs)
        if self._tangents is None:
            squared = (solver.columns(one) for one in (built.leaving_kw, built.half_square))
            self._tangents = Tangents(solver, *squared)
        return built, solver, self._tangents

    def answer(
        self, declared: Disclosure, envelope: Envelope, query: ProximalQuery
    ) -> ProximalOffer:
        """Give the optimum, to 1e-3 kW or 1e-5 of the most it can exchange, in root mean square.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        built, solver, tangents = self._compiled()
        low_kw, high_kw = -envelope.import_limit_kw, envelope.export_limit_kw
        self._private.update(solver, built.own, declared)
        solver.set(built.least_leaving_kw, low_kw)
        solver.set(built.most_leaving_kw, high_kw)
        penalty, unit_kw = query.penalty_per_kwh_kw, _unit_kw(declared, envelope)
        solver.set(built.penalty_per_h, penalty * unit_kw**2)
        solver.set(built.leave_per_kwh, query.price_per_kwh + penalty * query.target_kw)
        with solver.integers_relaxed():
            tangents.solve(
                query.target_kw, agent=self.name, step=query.window.first_step, unit=unit_kw
            )
        cost = solver.get(built.own.private_cost)[0] + solver.get(built.own.miss_cost)[0]
        is_cheating = self._private.is_cheating(solver, built.own, self.devices)
        return ProximalOffer(
            exchange_kw=frozen(np.clip(solver.get(built.leaving_kw), low_kw, high_kw)),
            private_cost=float(cost),
            is_relaxed=bool(len(solver.integers)) or is_cheating,
        )


def _unit_kw(declared: Disclosure, envelope: Envelope) -> float:
    """Give the unit for what the microgrid can exchange at most, by devices and envelope. [kW]"""
    limit_kw = max(envelope.import_limit_kw.max(), envelope.export_limit_kw.max())
    return unit_of(min(float(reach_kw(declared).max()), float(limit_kw)))


def _build(name: str, private: PrivateModel, devices: tuple[Device, ...], horizon: Horizon) -> Any:
    """Declare the private problem with what leaves priced, and with what stands for its squares."""
    model = build_priced(name, private, devices, horizon)
    # What a unit squared costs, for an hour; which unit, tangents know.
    model.penalty_per_h = pyo.Param(mutable=True, initialize=1.0)
    model.half_square = pyo.Var(model.time, domain=pyo.NonNegativeReals)
    squares = pyo.quicksum(model.half_square[t] for t in model.time)
    model.total.set_value(model.total.expr + horizon.step_h * model.penalty_per_h * squares)
    return model
