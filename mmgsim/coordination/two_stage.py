"""One planner who is told what may come: trades and storage for all of it, the rest as it comes.

The reading ``two_stage`` of paper 001, whose text leaves open what its scenarios are for: local
trades, storage and diesel are decided once, import, export, spill and shedding in every scenario.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    Disclose,
    Disclosure,
    FloatArray,
    MarketView,
    Message,
    PlanningValue,
    Round,
    frozen,
)
from mmgsim.coordination.pool import local_price, pool_awards, pool_clearing, pool_trades
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.subproblems import (
    UNCERTAIN,
    Courses,
    MicrogridInputs,
    Terms,
    TwoStageInputs,
    TwoStagePlans,
    TwoStageProblem,
    exchange_limits,
    planning_value,
    public_prices,
    reduced_courses,
)
from mmgsim.uncertainty import Risk

__all__ = ["Reading", "TwoStage"]

Reading = Literal["two_stage", "mean"]
"""Which plans are awarded: those for all scenarios, or those for their mean."""

# Less than this is the rounding of a solver. [kW]
LEAST_KW = 1e-7


class TwoStage:
    """Has everybody disclose what may come, plans for few scenarios of it, and awards the plans.

    The upper bound is, as everywhere, the cost of the plans at the forecast, which is not what was
    made small; the lower one is that of the best plans for the forecast. The table `planning` says
    what costs over the scenarios were.

    Parameters
    ----------
    scenarios : int
        How many scenarios it plans with.
    samples : int
        How many each microgrid is asked for; scenarios are chosen among them by forward selection,
        on all series of all microgrids at once.
    cvar_weight : float
        Of the mean of the dearest scenarios, from 0 for the mean of all to 1.
    cvar_level : float
        Share of the scenarios that are not among the dearest, from 0 to below 1.
    reading : str
        ``two_stage``: the plans that are best over all scenarios; ``mean``: those for the mean of
        the scenarios.
    """

    asks: frozenset[type[Message]] = frozenset({Disclose, Award})

    def __init__(
        self,
        scenarios: int = 20,
        samples: int = 500,
        *,
        cvar_weight: float = 0.0,
        cvar_level: float = 0.9,
        reading: Reading = "two_stage",
    ) -> None:
        if not 1 <= scenarios <= samples:
            raise ValueError(
                f"scenarios is from 1 to samples, which is {samples}, not {scenarios}; they are "
                "chosen among the samples"
            )
        if reading not in get_args(Reading):
            raise ValueError(f"reading is one of {', '.join(get_args(Reading))}, not {reading!r}")
        self.scenarios, self.samples, self.reading = scenarios, samples, reading
        self._risk = Risk(cvar_weight, cvar_level)
        self._problems: dict[int, TwoStageProblem] = {}

    def reset(self) -> None:
        """Make the problems as new, without building them again."""
        for problem in self._problems.values():
            problem.reset()

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        del memory
        self._view = view
        self._planned: TwoStagePlans | None = None

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask for disclosure with samples; then award exchanges and trades."""
        view = self._view
        if self._planned is None:
            return [
                Disclose(to=member.name, window=view.window, samples=self.samples)
                for member in view.members
            ]
        exchange_kw = {name: plan.exchange_kw for name, plan in self._planned.plans.items()}
        trades = pool_trades(self._trade_kw, self._price_per_kwh)
        return pool_awards(view.window, exchange_kw, trades)

    # --------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Plan once everything is disclosed; clear once everything is planned."""
        if self._planned is None:
            self._plan(replies_by_name(replies, Disclosure))
            return None
        cleared = pool_clearing(
            self._view,
            plans_by_name(replies),
            self._trade_kw,
            self._price_per_kwh,
            lower=self._lower,
            rounds=(Round(upper=None, lower=self._lower, residual_kw=0.0),),
            flags=() if self._value.courses > 1 else ("no_outlook",),
        )
        return replace(cleared, planning=self._value)

    def _plan(self, declared: Mapping[str, Disclosure]) -> None:
        view = self._view
        stage = self._stage(declared)
        problem, single = (self._problem(declared, count) for count in (len(stage.courses), 1))
        for_all, for_mean, value = planning_value(problem, single, stage)
        self._value: PlanningValue = value
        # At the forecast itself: no plans for it cost less.
        certain = single.solve(replace(stage, courses=_forecast(declared)))
        is_sound = not public_prices(view.tariff, view.objective).is_arbitrage
        self._lower = certain.lower_bound if is_sound else None
        self._planned = planned = for_all if self.reading == "two_stage" else for_mean
        self._trade_kw = _balanced(planned.trade_kw)
        self._price_per_kwh = local_price(view.local_price, view.tariff, planned.price_per_kwh)

    def _stage(self, declared: Mapping[str, Disclosure]) -> TwoStageInputs:
        view, steps = self._view, self._view.window.steps
        prices, nothing = public_prices(view.tariff, view.objective), np.zeros(steps)
        inputs = {}
        for name, told in declared.items():
            low_kw, high_kw = exchange_limits(view.envelopes[name])
            inputs[name] = MicrogridInputs(told, Terms(prices, low_kw, high_kw, nothing))
        shown = [len(kw) for told in declared.values() for kw in told.samples_kw.values()]
        courses = _forecast(declared)
        if shown:
            samples_kw = {name: _samples(told, min(shown)) for name, told in declared.items()}
            devices = {name: told.devices for name, told in declared.items()}
            courses = reduced_courses(devices, samples_kw, self.scenarios, tariff=view.tariff)
        envelopes = {name: view.envelopes[name] for name in declared}
        return TwoStageInputs(inputs, envelopes, courses, view.window.first_step)

    def _problem(self, declared: Mapping[str, Disclosure], courses: int) -> TwoStageProblem:
        members = {name: told.devices for name, told in declared.items()}
        problem = self._problems.get(courses)
        if problem is None or not problem.fits(members, self._view.window, courses):
            problem = TwoStageProblem(members, self._view.window, courses, risk=self._risk)
            self._problems[courses] = problem
        return problem


def _samples(told: Disclosure, count: int) -> dict[str, FloatArray]:
    """Give samples of every load and renewable device, the forecast where none are shown. [kW]"""
    return {
        device.name: told.samples_kw[device.name][:count]
        if device.name in told.samples_kw
        else frozen(np.tile(told.forecast_kw[device.name], (count, 1)))
        for device in told.devices
        if isinstance(device, UNCERTAIN)
    }


def _forecast(declared: Mapping[str, Disclosure]) -> Courses:
    """Give the forecast as the only course."""
    kw = {name: _samples(replace(told, samples_kw={}), 1) for name, told in declared.items()}
    return Courses(frozen(np.ones(1)), kw)


def _balanced(trade_kw: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Give trades without the rounding of the solver: what is sold is what is bought. [kW]"""
    names = list(trade_kw)
    kw = np.stack([trade_kw[name] for name in names])
    kw[np.abs(kw) < LEAST_KW] = 0.0
    sold, bought = np.maximum(kw, 0.0), np.maximum(-kw, 0.0)
    volume = np.minimum(sold.sum(axis=0), bought.sum(axis=0))
    for side in (sold, bought):
        total = side.sum(axis=0)
        side *= np.divide(volume, total, out=np.zeros_like(total), where=total > 0.0)
    return {name: frozen(row) for name, row in zip(names, sold - bought, strict=True)}
