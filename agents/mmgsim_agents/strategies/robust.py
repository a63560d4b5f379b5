"""Plan for the worst that is reckoned with."""

from __future__ import annotations

from dataclasses import replace

from mmgsim.contracts import OrderQuery, Orders, Outlook, View
from mmgsim.subproblems import (
    Ellipsoid,
    MicrogridInputs,
    MicrogridPlan,
    PriceRisk,
    RobustMicrogridProblem,
    Terms,
    TwoStageInputs,
    budgeted_courses,
    disclosure_of,
)
from mmgsim_agents.ordering import opportunity_orders
from mmgsim_agents.strategies.base import OptimisingStrategy
from mmgsim_agents.strategies.stochastic import NO_OUTLOOK

__all__ = ["Robust"]


class Robust(OptimisingStrategy):
    """Decides storage and diesel for much demand, little sun and wind, and bad prices.

    With little demand and much sun and wind its plan has to stay inside the envelope too. The plan
    that leaves it is the one for the forecast, with storage and diesel as they were decided.
    Orders, offers and disclosures are those of the forecast, so that bounds hold, and on terms that
    fix its exchange it follows them like anybody else; where nothing is uncertain it plans like
    `cost-minimiser`.

    Parameters
    ----------
    radius : float
        Of the ellipsoid of energy prices, in standard deviations of what the window costs.
    load_budget : float
        How far demand, sun and wind go from the forecast to their bounds, from 0 to 1, in all
        steps at once.
    share : float
        Probability with which each is inside its bounds in a step, above 0 and below 1.
    samples : int
        From how many samples the ellipsoid is made.
    """

    def __init__(
        self,
        radius: float = 1.0,
        load_budget: float = 0.5,
        *,
        share: float = 0.9,
        samples: int = 500,
    ) -> None:
        super().__init__()
        if not 0.0 <= radius < float("inf"):
            raise ValueError(f"radius is a number from 0, not {radius:g}")
        if not 0.0 <= load_budget <= 1.0:
            raise ValueError(f"load_budget is from 0 to 1, not {load_budget:g}")
        if not 0.0 < share < 1.0:
            raise ValueError(f"share is above 0 and below 1, not {share:g}")
        if samples < 2:
            raise ValueError(f"samples is at least 2, not {samples}; one has no spread")
        self.radius, self.load_budget = radius, load_budget
        self.share, self.samples = share, samples
        self._robust: RobustMicrogridProblem | None = None

    def reset(self) -> None:
        """Make the problems as new, without building them again."""
        super().reset()
        if self._robust is not None:
            self._robust.reset()

    def plan(self, view: View, terms: Terms) -> MicrogridPlan:
        """Give the plan for the forecast that is best for the worst."""
        if view.outlook is None:
            planned = super().plan(view, terms)
            return replace(planned, flags=(*planned.flags, NO_OUTLOOK))
        if terms.is_award:
            return super().plan(view, terms)
        members, declared = {view.name: view.devices}, disclosure_of(view)
        if self._robust is None or not self._robust.fits(members, view.window, 2):
            self._robust = RobustMicrogridProblem(view.name, view.devices, view.window)
        beyond = (1.0 - self.share) / 2.0
        low_kw, high_kw = (view.outlook.quantile_kw(q) for q in (beyond, 1.0 - beyond))
        stage = TwoStageInputs(
            inputs={view.name: MicrogridInputs(declared, terms)},
            envelopes={view.name: view.envelope},
            courses=budgeted_courses(view.name, declared, low_kw, high_kw, self.load_budget),
            first_step=view.window.first_step,
        )
        worst = self._robust.solve_robust(stage, self._price_risk(view, view.outlook))
        return worst.plans[view.name]

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Order what a kWh is worth at the forecast: its value there is that of one plan."""
        return opportunity_orders(view, query, super().plan)

    def _price_risk(self, view: View, outlook: Outlook) -> PriceRisk | None:
        """Give the ellipsoid of the factors of energy prices, None where these are certain."""
        if self.radius == 0.0:
            return None
        ellipsoid = Ellipsoid.of_samples(outlook.price_factors(self.samples), self.radius)
        if not ellipsoid.shape.any():
            return None
        return PriceRisk(ellipsoid, view.tariff.import_per_kwh, view.tariff.export_per_kwh)
