"""Paper 002: two-stage adaptive robust trading of microgrids with vehicles, claim by claim.

Only its abstract is public, which has no number. What it claims of its model is gone through on
`ev-residential`, whose data are documented substitutes, in the formulation of our specification.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from mmgsim.contracts import Disclosure, FloatArray, Renewable, View, frozen
from mmgsim.engine import MultiMicrogridModel
from mmgsim.profiles import stream
from mmgsim.reproduce.claims import Claim, Verdict, by_sign, by_theorem, has_reading
from mmgsim.reproduce.study import Paper, Settings
from mmgsim.subproblems import (
    RecourseCost,
    RobustOptimum,
    RobustProblem,
    RobustRules,
    disclosure_of,
    public_prices,
)

__all__ = ["PAPER_002", "Plan", "Study"]

_SCENARIO = "ev-residential"
_CNY = "CNY/day"
_LIMIT_S, _QUICK_S = 90.0, 10.0
_SUNS = 200
_ROUNDS = 10
# Energy of a solver's rounding, and what an LP may be off by relative to its cost.
_NOISE = 1e-6
_OPEN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A robust plan, and whom it is for.

    Parameters
    ----------
    problem : RobustProblem
        With trade, or without it.
    optimum : RobustOptimum
        As far as it was proven.
    """

    problem: RobustProblem
    optimum: RobustOptimum

    @property
    def grid_hours(self) -> int:
        """How often a microgrid may use the grid, each hour and way."""
        pairs = zip(self.problem.doors, self.optimum.first, strict=False)
        return sum(not door.is_local and share > _OPEN for door, share in pairs)

    def charges(self) -> float:
        """Give what open ways cost. [currency]"""
        first, forecast = self.optimum.first, self.problem.forecast
        return self.problem.operate(first).cost - RecourseCost(self.problem.recourse).at(
            first, forecast
        )

    def costs(self, suns: list[FloatArray]) -> FloatArray:
        """Give what a day costs at each sun, for who sees it whole when it begins. [currency]"""
        charges, cost = self.charges(), RecourseCost(self.problem.recourse)
        return np.array([charges + cost.at(self.optimum.first, sun) for sun in suns])

    def worst(self) -> float:
        """Give what the plan costs at most. [currency]"""
        adversary = self.problem.adversary(mip_gap=1e-4)
        return self.charges() + adversary.worst(self.optimum.first).bound


class Study:
    """The first gate of `ev-residential`, planned in several ways.

    Parameters
    ----------
    time_limit_s : float
        After which no round of a plan begins.
    overrides : mapping or None
        Values of the scenario by dotted path.
    """

    def __init__(self, time_limit_s: float, overrides: Mapping[str, Any] | None = None) -> None:
        self._limit_s = time_limit_s
        self._model = MultiMicrogridModel(_SCENARIO, overrides=overrides)
        self._model.begin_step()
        self._options = self._model.scenario.coordination.options()

    @cached_property
    def views(self) -> Mapping[str, View]:
        """What every microgrid knows at the gate."""
        return {agent.name: agent.view for agent in self._model.microgrids}

    @cached_property
    def declared(self) -> Mapping[str, Disclosure]:
        """What they disclose, with what of the sun may lack."""
        return {name: self._bounded(disclosure_of(view)) for name, view in self.views.items()}

    def plan(self, *, trades: bool, budget: float | None = None) -> Plan:
        """Plan with or without trade, for so many deviations in each microgrid."""
        views, declared = self.views, self.declared
        first = next(iter(views.values()))
        problem = RobustProblem(
            declared,
            {name: view.envelope for name, view in views.items()},
            public_prices(first.tariff),
            window=first.window,
            rules=RobustRules(
                _lost_load(declared),
                link_charge=self._options["link_charge"],
                grid_charge=self._options["grid_charge"],
                trades=trades,
            ),
            budget=dict.fromkeys(declared, self._options["budget"] if budget is None else budget),
        )
        return Plan(problem, problem.solve(time_limit_s=self._limit_s))

    def _bounded(self, declared: Disclosure) -> Disclosure:
        least = {
            device.name: frozen(
                (1.0 - self._options["deviation"]) * declared.forecast_kw[device.name]
            )
            for device in declared.devices
            if isinstance(device, Renewable)
        }
        return replace(declared, low_kw=least)

    @cached_property
    def together(self) -> Plan:
        """The plan of the paper."""
        return self.plan(trades=True)

    @cached_property
    def alone(self) -> Plan:
        """The plan without trade, for the same suns."""
        return self.plan(trades=False)

    @cached_property
    def suns(self) -> list[FloatArray]:
        """Suns within the budget: half of them corners, which use all of it, then others."""
        known = self.together.problem.unknowns
        rng = stream(self._model.scenario.seed, "reproduce", "002")
        corners = [known.corner(rng) for _ in range(_SUNS // 2)]
        return corners + [known.inner(rng) for _ in range(_SUNS - len(corners))]


def _lost_load(declared: Mapping[str, Disclosure]) -> float:
    """Give the dearest kWh that may lack. [currency/kWh]"""
    return max(
        float(getattr(device, "shed_price_per_kwh", 0.0))
        for one in declared.values()
        for device in one.devices
    )


def _claims(settings: Settings) -> list[Claim]:
    study = Study(_QUICK_S if settings.is_quick else _LIMIT_S)
    return [*_text_claims(), *_cost_claims(study), *_sun_claims(study)]


def _text_claims() -> Iterator[Claim]:
    yield Claim(
        "T1",
        "costs, data and equations",
        None,
        None,
        "",
        Verdict.NOT_REPRODUCIBLE,
        "only the abstract is public: it has no number, no equation and no data",
        "abstract",
    )


def _cost_claims(study: Study) -> Iterator[Claim]:
    together, alone = study.together, study.alone
    bounds = together.optimum
    nominal = study.plan(trades=True, budget=0.0)
    # Held against the same suns: a plan for the forecast, and the worst that can befall it.
    at_worst = Plan(together.problem, nominal.optimum).worst()
    yield Claim(
        "C1",
        "the plan costs least at worst: less than the plan for the forecast",
        None,
        at_worst - bounds.upper,
        _CNY,
        by_theorem(at_worst - bounds.upper, noise=bounds.upper - bounds.lower),
        f"worst case of the one less that of the other; no plan costs less than {bounds.lower:.2f} "
        f"at worst, and this one {bounds.upper:.2f} at most",
        "abstract",
    )
    yield Claim(
        "C2",
        "trade does not raise the cost at worst",
        None,
        alone.optimum.upper - bounds.upper,
        _CNY,
        by_theorem(alone.optimum.upper - bounds.upper, noise=bounds.upper - bounds.lower),
        "without trade less with it, for the same suns: whoever does not trade is allowed to",
        "abstract",
    )
    fewer = alone.grid_hours - together.grid_hours
    yield Claim(
        "C3",
        "trade lowers how often the grid is used",
        None,
        float(fewer),
        "hours",
        by_sign(1.0, float(fewer)),
        f"{alone.grid_hours} hours of import or export without trade, {together.grid_hours} with "
        "it; no theorem, and it hangs on the service charges, which the text does not give",
        "abstract",
    )


def _sun_claims(study: Study) -> Iterator[Claim]:
    together, alone = study.together, study.alone
    with_trade, without = together.costs(study.suns), alone.costs(study.suns)
    room = together.optimum.upper - float(with_trade.max())
    (expected,) = together.costs([together.problem.forecast])
    reached = (float(with_trade.max()) - expected) / (together.optimum.upper - expected)
    yield Claim(
        "C4",
        f"no sun of the budget costs more than the worst: {_SUNS} drawn ones, half of them corners",
        None,
        room,
        _CNY,
        by_theorem(room, noise=_NOISE * abs(together.optimum.upper)),
        f"what is left to the bound; the dearest is {reached:.0%} of the way to it from the "
        "forecast. Of whoever sees the day whole when it begins: gate by gate, as in a run, more "
        "may be paid",
        "abstract",
    )
    calmer = float(without.std() - with_trade.std())
    yield Claim(
        "C5",
        "trade mitigates disturbances: costs differ less from sun to sun",
        None,
        calmer,
        _CNY,
        by_sign(1.0, calmer),
        f"standard deviation over the same suns: {without.std():.2f} without trade, "
        f"{with_trade.std():.2f} with it",
        "abstract",
    )
    rounds = len(together.optimum.rounds)
    yield Claim(
        "C6",
        "few rounds of columns and constraints are enough",
        None,
        float(rounds),
        "rounds",
        has_reading(rounds < _ROUNDS and not together.optimum.flags),
        f"to a gap of {100.0 * together.optimum.gap:.2g} %, asked for 0.1 %"
        + (f", ended {', '.join(together.optimum.flags)}" if together.optimum.flags else "")
        + "; the worst case is found through the dual of what is left to do, not through its "
        "optimality conditions",
        "abstract",
    )


PAPER_002 = Paper(
    number="002",
    title="Robust trading of residential microgrids with vehicles in two stages",
    claims=_claims,
    notes=(
        "Claims are those of the abstract, on ev-residential, whose data are documented "
        "substitutes (scenarios/ev-residential/README.md).",
        "A plan is proven as far as its time allows; what is left between its bounds is the noise "
        "of C1 and C2.",
    ),
)
"""Claims of the abstract, gone through on ev-residential."""
