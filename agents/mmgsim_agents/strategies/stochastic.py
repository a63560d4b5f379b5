"""Plan for what may come, not for one forecast of it."""

from __future__ import annotations

from dataclasses import replace

from mmgsim.contracts import OrderQuery, Orders, Outlook, View
from mmgsim.subproblems import (
    Courses,
    MicrogridInputs,
    MicrogridPlan,
    Terms,
    TwoStageInputs,
    TwoStageProblem,
    disclosure_of,
    reduced_courses,
)
from mmgsim.uncertainty import Risk
from mmgsim_agents.ordering import opportunity_orders
from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["NO_OUTLOOK", "Stochastic"]

NO_OUTLOOK = "no_outlook"
"""Flag of a plan that was to reckon with what may come, and was told of nothing uncertain."""


class Stochastic(OptimisingStrategy):
    """Decides storage and diesel so that costs are low on average over what may come.

    Import, export, spill and shedding follow what comes true. A few courses stand for many samples
    of its outlook. The plan that leaves it is the one for the forecast, with storage and diesel as
    they were decided. Orders, offers and disclosures are those of the forecast, so that bounds
    hold, and on terms that fix its exchange it follows them like anybody else; where nothing is
    uncertain it plans like `cost-minimiser`.

    Parameters
    ----------
    scenarios : int
        How many courses it plans with.
    samples : int
        From how many samples they are chosen, by forward selection.
    cvar_weight : float
        Of the mean of the dearest courses, from 0 for the mean of all to 1.
    cvar_level : float
        Share of the courses that are not among the dearest, from 0 to below 1.
    """

    def __init__(
        self,
        scenarios: int = 10,
        samples: int = 500,
        *,
        cvar_weight: float = 0.0,
        cvar_level: float = 0.9,
    ) -> None:
        super().__init__()
        if not 1 <= scenarios <= samples:
            raise ValueError(
                f"scenarios is from 1 to samples, which is {samples}, not {scenarios}; courses "
                "are chosen among the samples"
            )
        self._risk = Risk(cvar_weight, cvar_level)
        self.scenarios, self.samples = scenarios, samples
        self._two_stage: TwoStageProblem | None = None
        self._known: tuple[Outlook, Courses] | None = None

    def reset(self) -> None:
        """Make the problems as new, without building them again."""
        super().reset()
        self._known = None
        if self._two_stage is not None:
            self._two_stage.reset()

    def plan(self, view: View, terms: Terms) -> MicrogridPlan:
        """Give the plan for the forecast that is best for the courses that may come."""
        if view.outlook is None:
            planned = super().plan(view, terms)
            return replace(planned, flags=(*planned.flags, NO_OUTLOOK))
        if terms.is_award:
            return super().plan(view, terms)
        courses, members = self._courses(view, view.outlook), {view.name: view.devices}
        problem = self._two_stage
        if problem is None or not problem.fits(members, view.window, len(courses)):
            problem = TwoStageProblem(members, view.window, len(courses), risk=self._risk)
            self._two_stage = problem
        stage = TwoStageInputs(
            inputs={view.name: MicrogridInputs(disclosure_of(view), terms)},
            envelopes={view.name: view.envelope},
            courses=courses,
            first_step=view.window.first_step,
        )
        return problem.solve(stage).plans[view.name]

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Order what a kWh is worth at the forecast: its value there is that of one plan."""
        return opportunity_orders(view, query, super().plan)

    def _courses(self, view: View, outlook: Outlook) -> Courses:
        """Give the courses of a gate, chosen once."""
        if self._known is None or self._known[0] is not outlook:
            chosen = reduced_courses(
                {view.name: view.devices},
                {view.name: outlook.samples_kw(self.samples)},
                self.scenarios,
                tariff=view.tariff,
                factors=outlook.price_factors(self.samples),
            )
            self._known = (outlook, chosen)
        return self._known[1]
