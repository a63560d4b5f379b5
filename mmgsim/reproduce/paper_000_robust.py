"""Paper 000, what it does against uncertainty, on a day of wa9: (14) to (22).

Prices in an ellipsoid, net load at its selected vertex: most demand with least sun in every hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.optimize import linprog

from mmgsim.contracts import FloatArray, Load, View, frozen
from mmgsim.engine import MultiMicrogridModel
from mmgsim.profiles import stream
from mmgsim.reproduce.claims import Claim, Verdict, by_theorem, has_reading
from mmgsim.subproblems import (
    Courses,
    Ellipsoid,
    MicrogridInputs,
    PriceRisk,
    RobustMicrogridProblem,
    Terms,
    TwoStageInputs,
    TwoStageProblem,
    budgeted_courses,
    disclosure_of,
)

__all__ = ["RobustDay", "robust_claims"]

_SCENARIO = "wa9"
_AUD = "AUD/day"
_WITHIN = 0.95
"""Share of what may come that lies between the ends of net load, hour by hour."""
_RADII = (0.0, 0.5, 1.0, 2.0)
_BUDGETS = (0.0, 0.5, 1.0)
_PRICES, _LOADS = 20_000, 20
_NOISE = 1e-6
"""Relative to costs: what solvers and tangents leave open."""
_PAID_PER_KWH = -0.3
_SOURCE = "(14) to (22)"


@dataclass(frozen=True)  # no slots: what is computed is kept
class RobustDay:
    """The day of wa9 before it begins: nine microgrids, each on its own."""

    overrides: Mapping[str, object] | None = None

    @cached_property
    def _model(self) -> MultiMicrogridModel:
        model = MultiMicrogridModel(_SCENARIO, overrides=self.overrides)
        model.begin_step()
        return model

    @cached_property
    def views(self) -> Mapping[str, View]:
        """What every microgrid knows."""
        return {agent.name: agent.view for agent in self._model.microgrids}

    @cached_property
    def price_factor(self) -> FloatArray:
        """Give a lower triangular L with the covariance ``L L^T`` of what prices are multiplied by.

        Standard deviation and memory are those that wa9 states.
        """
        told = self._model.scenario.uncertainty
        if told is None or told.price is None:
            raise ValueError(f"{_SCENARIO} states no uncertain price")
        steps = np.arange(next(iter(self.views.values())).window.steps)
        apart = np.abs(steps[:, None] - steps[None, :])
        return np.linalg.cholesky(told.price.sd**2 * told.price.lag1**apart)

    def risk(self, view: View, radius: float) -> PriceRisk:
        """Give the ellipsoid of energy prices of a microgrid."""
        ellipsoid = Ellipsoid(self.price_factor, radius)
        return PriceRisk(ellipsoid, view.tariff.import_per_kwh, view.tariff.export_per_kwh)

    @staticmethod
    def ends(view: View) -> tuple[Mapping[str, FloatArray], Mapping[str, FloatArray]]:
        """Give least and most of demand and sun, hour by hour. [kW]"""
        if view.outlook is None:
            raise ValueError(f"{_SCENARIO} states nothing uncertain")
        beyond = (1.0 - _WITHIN) / 2.0
        return view.outlook.quantile_kw(beyond), view.outlook.quantile_kw(1.0 - beyond)

    def stage(self, view: View, budget: float) -> TwoStageInputs:
        """Give the problem of a microgrid at a budget of net load."""
        declared = disclosure_of(view)
        return TwoStageInputs(
            {view.name: MicrogridInputs(declared, Terms.of(view))},
            {view.name: view.envelope},
            budgeted_courses(view.name, declared, *self.ends(view), budget),
            view.window.first_step,
        )

    def robust_costs(self) -> tuple[FloatArray, FloatArray]:
        """Give costs at worst of all microgrids, by radius at no budget, by budget at no radius."""
        by_radius, by_budget = np.zeros(len(_RADII)), np.zeros(len(_BUDGETS))
        for view in self.views.values():
            problem = RobustMicrogridProblem(view.name, view.devices, view.window)
            certain = self.stage(view, 0.0)
            by_radius += [
                problem.solve_robust(certain, self.risk(view, radius)).objective
                for radius in _RADII
            ]
            by_budget += [
                problem.solve_robust(self.stage(view, budget)).objective for budget in _BUDGETS
            ]
        return by_radius, by_budget

    @cached_property
    def exposed(self) -> FloatArray:
        """What energy costs all of them, hour by hour, as planned for the forecast. [AUD]"""
        found = np.zeros(len(self.price_factor))
        for name, view in self.views.items():
            forecast = self._one(self.stage(view, 0.0), 0)
            sold_kwh = (
                view.window.step_h * self._single(view).solve(forecast).plans[name].exchange_kw
            )
            price = np.where(sold_kwh > 0.0, view.tariff.export_per_kwh, view.tariff.import_per_kwh)
            found -= price * sold_kwh
        return found

    # -------------------------------------------------------------------------- net load
    def room_at_vertex(self) -> float:
        """Give what is left between what the vertex costs and the dearest of drawn net loads."""
        return min(self._at_vertex(view) - self._dearest(view) for view in self.views.values())

    def lost_at_vertex_where_demand_is_paid(self) -> float:
        """Give the same of a microgrid that is paid for what it takes, to the opposite vertex."""
        view = next(iter(self.views.values()))
        paid = frozen(np.full(view.window.steps, _PAID_PER_KWH))
        tariff = replace(view.tariff, import_per_kwh=paid, export_per_kwh=paid)
        view = replace(view, tariff=tariff)
        opposite = self._single(view).least_cost(self._one(self.stage(view, 1.0), 1))
        return self._at_vertex(view) - opposite

    def surplus_kw(self) -> tuple[float, float]:
        """Give the most that all have left over in an hour, at the vertex and at its opposite."""
        found = []
        for course in (0, 1):
            left_kw = np.zeros(len(self.price_factor))
            for name, view in self.views.items():
                kw = self.stage(view, 1.0).courses.kw[name]
                for device in view.devices:
                    if device.name in kw:
                        sign = -1.0 if isinstance(device, Load) else 1.0
                        left_kw += sign * kw[device.name][course]
            found.append(float(left_kw.max()))
        return found[0], found[1]

    def _at_vertex(self, view: View) -> float:
        return self._single(view).least_cost(self._one(self.stage(view, 1.0), 0))

    def _dearest(self, view: View) -> float:
        """Give the dearest of net loads that are drawn between their ends, each known at once."""
        rng = stream(self._model.scenario.seed, "reproduce", "000", view.name)
        low_kw, high_kw = self.ends(view)
        whole, problem, costs = self.stage(view, 1.0), self._single(view), []
        for _ in range(_LOADS):
            share = rng.random((1, view.window.steps))
            kw = {
                name: frozen(low_kw[name] + share * (high_kw[name] - low_kw[name]))
                for name in whole.courses.kw[view.name]
            }
            drawn = Courses(frozen([1.0]), {view.name: kw})
            costs.append(problem.least_cost(replace(whole, courses=drawn)))
        return max(costs)

    @staticmethod
    def _single(view: View) -> TwoStageProblem:
        return TwoStageProblem({view.name: view.devices}, view.window, 1)

    @staticmethod
    def _one(stage: TwoStageInputs, course: int) -> TwoStageInputs:
        return replace(stage, courses=stage.courses.alone(course))


def robust_claims() -> list[Claim]:
    """Go through (14) to (22) on a day of wa9."""
    day = RobustDay()
    return [*_norms(day), _split(), *_rises(day), *_vertex(day), *_missing()]


# ------------------------------------------------------------------------------------- prices
def _norms(day: RobustDay) -> Iterator[Claim]:
    factor, spent = day.price_factor, day.exposed
    worst = Ellipsoid(factor, 1.0).norm(spent)
    # The same set of prices, its factor taken from the last hour backwards.
    other = np.linalg.cholesky((factor @ factor.T)[::-1, ::-1])[::-1, ::-1]
    printed = [float(np.linalg.norm(one @ spent)) for one in (factor, other)]
    yield Claim(
        "R1",
        "(22) with || P x || is what uncertain prices add at worst",
        None,
        worst - min(printed),
        _AUD,
        has_reading(max(abs(worst - one) for one in printed) <= _NOISE * worst),
        f"found is by how much it is too little: {worst:.2f} is the worst of the ellipsoid, which "
        f"as printed is {printed[0]:.2f} or {printed[1]:.2f}, by how the same set is written; the "
        "norm lacks a transpose, || P^T x ||, and is undefined where P is not square",
        "(19) to (22)",
    )
    rng = stream(1, "reproduce", "000", "prices")
    zeta = rng.standard_normal((_PRICES, len(spent)))
    zeta /= np.linalg.norm(zeta, axis=1, keepdims=True)
    room = worst - float((zeta @ (factor.T @ spent)).max())
    reached = float(Ellipsoid(factor, 1.0).worst(spent) @ spent)
    yield Claim(
        "R2",
        f"|| P^T x || is no less than any of {_PRICES} prices of the set, and is reached",
        None,
        room,
        _AUD,
        by_theorem(min(room, _NOISE * worst - abs(reached - worst)), noise=0.0),
        f"what is left to the dearest that was drawn; the worst prices add {reached:.2f}. In "
        f"{len(spent)} dimensions blind draws hardly come near",
        "(19) to (22)",
    )


def _split() -> Claim:
    """Give (15) on an uncertain right-hand side: the largest w with d + w <= x <= d - w."""
    demand_kw = 1.0
    rows = np.array([[1.0, 1.0], [-1.0, 1.0]])
    best = linprog([0.0, -1.0], A_ub=rows, b_ub=[demand_kw, -demand_kw], bounds=[(None, None)] * 2)
    return Claim(
        "R3",
        "largest half-width of net load for which an equality in two robust halves has a solution",
        None,
        float(best.x[1]) + 0.0,
        "kW",
        Verdict.THEOREM,
        "(15) splits the balance; it is legal only because net load is put at its selected vertex "
        "first, and is certain from there on",
        "(15)",
    )


def _rises(day: RobustDay) -> Iterator[Claim]:
    by_radius, by_budget = day.robust_costs()
    for number, what, costs, at in (
        ("R4", "the radius of the ellipsoid of prices", by_radius, _RADII),
        ("R5", "the budget of net load, from the forecast to the vertex", by_budget, _BUDGETS),
    ):
        told = ", ".join(
            f"{cost:.2f} at {step:g}" for step, cost in zip(at, costs.tolist(), strict=True)
        )
        yield Claim(
            number,
            f"the cost at worst never falls with {what}",
            None,
            float(costs[-1] - costs[0]),
            _AUD,
            by_theorem(float(np.diff(costs).min()), noise=_NOISE * abs(float(costs[0]))),
            f"nine microgrids, each on its own: {told}; at nothing it is the plan for the "
            "forecast. How much protection costs hangs on sets that the paper does not print",
            _SOURCE,
        )


# ----------------------------------------------------------------------------------- net load
def _vertex(day: RobustDay) -> Iterator[Claim]:
    cost = sum(abs(float(one)) for one in day.exposed)
    room = day.room_at_vertex()
    yield Claim(
        "R6",
        "most demand with least sun is the dearest net load",
        None,
        room,
        _AUD,
        by_theorem(room, noise=_NOISE * cost),
        f"least room of nine microgrids to the dearest of {_LOADS} net loads drawn between their "
        "ends; a theorem where spilling is free and no price is below zero",
        "(14c), text",
    )
    lost = day.lost_at_vertex_where_demand_is_paid()
    yield Claim(
        "R7",
        f"the same where a kWh bought costs {_PAID_PER_KWH:g}",
        None,
        lost,
        _AUD,
        has_reading(lost >= 0.0),
        "cost at the vertex less that at the opposite one, of one microgrid: who is paid for what "
        "it takes loses by taking less",
        "(14c), text",
    )
    at_vertex, at_opposite = day.surplus_kw()
    yield Claim(
        "R8",
        "the same net load is the worst for the network",
        None,
        at_opposite - at_vertex,
        "kW",
        has_reading(at_opposite <= at_vertex),
        f"most that all have left over in an hour: {at_vertex:.1f} at the vertex, "
        f"{at_opposite:.1f} at least demand with most sun, which raises voltages and turns flows "
        "round; plans of strategy `robust` have to keep within limits at both",
        "(14c), text",
    )


def _missing() -> Iterator[Claim]:
    yield Claim(
        "R9",
        "the worst case of net load lies at the lower end",
        None,
        None,
        "-",
        Verdict.NOT_REPRODUCIBLE,
        "the text says so, and takes the largest demand in the equation beside it; found claims "
        "take the equation",
        "(14c), text",
    )
    yield Claim(
        "R10",
        "results under uncertainty",
        None,
        None,
        "-",
        Verdict.NOT_REPRODUCIBLE,
        "neither bounds of load and sun nor P of the prices are in the text; R4 to R8 take the "
        "distributions that wa9 states",
        "section III",
    )
