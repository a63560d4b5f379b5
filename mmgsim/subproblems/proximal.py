"""What a microgrid would exchange at a price near a point: a QP on the model of its offers.

    min  private cost - step_h * sum_t (price[t] * exchange[t]
                                        - penalty / 2 * (exchange[t] - target[t])**2)

Without the constant, that is the price ``price + penalty * target`` and a curvature of the costs of
what leaves. Solvers of QPs know no integers here, so units on or off are relaxed.

References
----------
.. [1] Parikh, Boyd, "Proximal Algorithms", Foundations and Trends in Optimization 1 (2014),
   doi:10.1561/2400000003.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Device,
    Disclosure,
    Envelope,
    ProximalOffer,
    ProximalQuery,
    Window,
    frozen,
)
from mmgsim.subproblems.clarabel import CompiledClarabel, has_clarabel
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.offers import build_priced
from mmgsim.subproblems.private import PrivateModel
from mmgsim.subproblems.switch import HonestProblem

__all__ = ["ProximalProblem", "compile_curved"]

CurvedSolver = CompiledClarabel | CompiledHighs
"""What solves a model with curved costs."""


def compile_curved(model: Any) -> CurvedSolver:
    """Compile a model for clarabel where that is installed, else for the QP solver of HiGHS."""
    return CompiledClarabel(model) if has_clarabel() else CompiledHighs(model)


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
    make_solver : callable
        Gives the solver of a model.
    """

    def __init__(
        self,
        name: str,
        devices: tuple[Device, ...],
        window: Window,
        *,
        model: PrivateModel | None = None,
        make_solver: Callable[[Any], CurvedSolver] = compile_curved,
    ) -> None:
        private = PrivateModel() if model is None else model
        self.name, self.devices = name, devices
        self.steps, self.step_h = window.steps, window.step_h
        self._private = private

        def compiled(built: Any) -> CurvedSolver:
            with private.blaming(name):
                return make_solver(built)

        self._problem = HonestProblem(
            lambda exclusive: build_priced(
                name, private, devices, Horizon(window.steps, window.step_h, exclusive)
            ),
            lambda solver, built: private.is_cheating(solver, built.own, devices),
            compiled,
        )

    def fits(self, devices: tuple[Device, ...], window: Window) -> bool:
        """Tell whether this problem was built for these devices and this size of window."""
        return (self.devices, self.steps, self.step_h) == (devices, window.steps, window.step_h)

    def reset(self) -> None:
        """Forget what was solved before: what comes next depends on its own numbers alone."""
        self._problem.reset()

    def _compiled(self) -> tuple[Any, CurvedSolver]:
        built, solver = self._problem.pair(is_exclusive=False)
        if not isinstance(solver, CurvedSolver):
            raise TypeError(f"costs are curved by clarabel or HiGHS, not {type(solver).__name__}")
        return built, solver

    def answer(
        self, declared: Disclosure, envelope: Envelope, query: ProximalQuery
    ) -> ProximalOffer:
        """Give the optimum.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        built, solver = self._compiled()
        low_kw, high_kw = -envelope.import_limit_kw, envelope.export_limit_kw
        self._private.update(solver, built.own, declared)
        solver.set(built.least_leaving_kw, low_kw)
        solver.set(built.most_leaving_kw, high_kw)
        penalty = query.penalty_per_kwh_kw
        solver.set(built.leave_per_kwh, query.price_per_kwh + penalty * query.target_kw)
        solver.curve(solver.columns(built.leaving_kw), self.step_h * penalty)
        solver.solve(agent=self.name, step=query.window.first_step)
        cost = solver.get(built.own.private_cost)[0] + solver.get(built.own.miss_cost)[0]
        is_cheating = self._private.is_cheating(solver, built.own, self.devices)
        return ProximalOffer(
            exchange_kw=frozen(np.clip(solver.get(built.leaving_kw), low_kw, high_kw)),
            private_cost=float(cost),
            is_relaxed=bool(len(solver.integers)) or is_cheating,
        )
