"""A microgrid that plans for the worst of what it reckons with: net load, and prices.

Net load: demand is high and sun and wind are low in every step at once, as far as a budget goes
(paper 000, section on uncertainty: the selected-vertex scenario, with a budget of one),

    net load = demand - sun and wind + budget * (half-widths of both).

That is the dearest of all courses between the bounds where spill is free and no price is below
zero: cost then only falls with less to be served. It is not so where buying earns money: at a
price of -0.1 a demand of 1 kWh costs -0.1 and one of 3 kWh costs -0.3. Nor is it the worst for
limits of what leaves, so that the opposite end, least demand with most sun and wind, has to stay
inside the envelope too.

Prices: an ellipsoid, see `mmgsim.subproblems.price_risk`, on what is bought less what is sold in
the dearest course.

References
----------
.. [1] Paper 000, section 3.5: (14) to (22), where the robust norm lacks a transpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import Device, Disclosure, FloatArray, Load, Window, frozen
from mmgsim.subproblems.block import CHEAT_KW
from mmgsim.subproblems.connection import declare_one_way, exchange_limits, update_one_way
from mmgsim.subproblems.courses import UNCERTAIN, Courses
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.price_risk import Ellipsoid, NormHighs
from mmgsim.subproblems.private import PrivateModel
from mmgsim.subproblems.solver import TIME_LIMIT_S, Block
from mmgsim.subproblems.two_stage import TwoStageInputs, TwoStagePlans, TwoStageProblem

__all__ = ["PriceRisk", "RobustMicrogridProblem", "budgeted_courses"]

DEAREST, OPPOSITE = 0, 1
"""Positions of the two courses."""


@dataclass(frozen=True, slots=True, eq=False)
class PriceRisk:
    """Prices that deviate together: a kWh is ``deviation * rate`` dearer.

    Parameters
    ----------
    ellipsoid : Ellipsoid
        Of the deviations of all steps.
    import_rate, export_rate : (steps,) array
        What a deviation adds to the price of what is bought and of what is sold: ones where
        deviations are prices, the energy prices where they are factors.
    """

    ellipsoid: Ellipsoid
    import_rate: FloatArray
    export_rate: FloatArray


def budgeted_courses(
    name: str,
    declared: Disclosure,
    low_kw: Mapping[str, FloatArray],
    high_kw: Mapping[str, FloatArray],
    load_budget: float,
) -> Courses:
    """Give the dearest course within a budget, which counts alone, and the opposite one.

    Parameters
    ----------
    name : str
        Of the microgrid.
    declared : Disclosure
        Its forecasts.
    low_kw, high_kw : mapping of (steps,) arrays
        Bounds by device name. [kW]
    load_budget : float
        Share of the way from the forecast to the bounds, from 0 to 1.
    """
    if not 0.0 <= load_budget <= 1.0:
        raise ValueError(f"load_budget is from 0 to 1, not {load_budget:g}")
    kw = {}
    for device in declared.devices:
        if isinstance(device, UNCERTAIN):
            expected = declared.forecast_kw[device.name]
            # A mean may lie outside of narrow bounds; nothing beyond it is the dearer side then.
            ends = [
                np.minimum(low_kw[device.name], expected),
                np.maximum(high_kw[device.name], expected),
            ]
            dear_first = ends[::-1] if isinstance(device, Load) else ends
            kw[device.name] = frozen(
                np.maximum([expected + load_budget * (end - expected) for end in dear_first], 0.0)
            )
    return Courses(frozen([1.0, 0.0]), {name: kw}, weight=frozen([1.0, 1.0]))


class RobustMicrogridProblem(TwoStageProblem):
    """The problem of one microgrid over the dearest course and its opposite, with price risk.

    Of what it gives, `objective` and `lower_bound` are those of the worst case; costs of the
    opposite course say nothing, as it has to be possible only.

    Parameters
    ----------
    name : str
        Of the microgrid.
    devices : tuple of Device
        What it owns.
    window : Window
        Any window of the size to be planned.
    private : PrivateModel or None
        How the private part is written; by the devices' own blocks if left out.
    """

    def __init__(
        self,
        name: str,
        devices: tuple[Device, ...],
        window: Window,
        *,
        private: PrivateModel | None = None,
    ) -> None:
        super().__init__({name: devices}, window, 2, private=private)
        self._name = name
        nothing = np.zeros(window.steps)
        self._certain = PriceRisk(Ellipsoid(nothing[:, None], 0.0), nothing, nothing)
        self._price_risk = self._certain

    def solve_robust(
        self, stage: TwoStageInputs, price_risk: PriceRisk | None = None
    ) -> TwoStagePlans:
        """Make the worst cost as small as possible.

        Parameters
        ----------
        stage : TwoStageInputs
            With the courses of `budgeted_courses`.
        price_risk : PriceRisk or None
            None where prices are certain.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        self._price_risk = self._certain if price_risk is None else price_risk
        return self.solve(stage)

    def _compile(self, model: Block) -> NormHighs:
        with self._private.blaming(self._name):
            return NormHighs(model, model.norm, model.exposed, time_limit_s=TIME_LIMIT_S)

    def _further_cost(self, model: Block, horizon: Horizon) -> Any:
        """Declare what is exposed to prices, and radius times its norm."""
        grid = model.member[self._name].course[DEAREST].grid
        model.radius = pyo.Param(mutable=True, initialize=0.0)
        for rate in ("import_rate", "export_rate"):
            setattr(model, rate, pyo.Param(model.time, mutable=True, initialize=1.0))
        model.norm = pyo.Var(domain=pyo.NonNegativeReals)
        model.exposed = pyo.Var(model.time)
        model.is_exposed = pyo.Constraint(
            model.time,
            rule=lambda m, t: (
                m.exposed[t]
                == horizon.step_h
                * (m.import_rate[t] * grid.import_kw[t] - m.export_rate[t] * grid.export_kw[t])
            ),
        )
        if horizon.is_exclusive:
            declare_one_way(grid, grid.import_kw, grid.export_kw)
        return model.radius * model.norm

    def _update(self, solver: Any, model: Block, stage: TwoStageInputs) -> None:
        super()._update(solver, model, stage)
        risk, grid = self._price_risk, model.member[self._name].course[DEAREST].grid
        solver.set_shape(risk.ellipsoid.shape)
        solver.set(model.radius, risk.ellipsoid.radius)
        solver.set(model.import_rate, risk.import_rate)
        solver.set(model.export_rate, risk.export_rate)
        low_kw, high_kw = exchange_limits(stage.envelopes[self._name])
        trade_kw = np.abs(stage.inputs[self._name].terms.behind_ties()[2])
        update_one_way(solver, grid, low_kw - trade_kw, high_kw + trade_kw)

    def _is_cheating(self, solver: Any, model: Block) -> bool:
        """Tell also whether power is bought to be sold, which can make a total of prices surer."""
        grid = model.member[self._name].course[DEAREST].grid
        both_kw = np.minimum(solver.get(grid.import_kw), solver.get(grid.export_kw))
        is_passing = self._price_risk.ellipsoid.radius > 0.0 and both_kw.max() > CHEAT_KW
        return bool(is_passing) or super()._is_cheating(solver, model)
