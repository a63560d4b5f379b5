"""Trading of microgrids that meets the worst: who may trade which way now, powers later.

    ``min over doors of  charges + max over sun, wind, demand of  min cost``

of all microgrids together, after paper 002 (our formulation, its equations are not public). What is
uncertain stays between bounds, and in each microgrid only so many of its deviations come whole:
the budget of Bertsimas and Sim [1]_. Powers of a step may use what later steps bring: two stages
know no hours, so that the cost is that of somebody who sees the day ahead once it begins.

References
----------
.. [1] D. Bertsimas, M. Sim, "The price of robustness", Operations Research 52(1), 2004,
   doi 10.1287/opre.1030.0065.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from mmgsim.contracts import Disclosure, Envelope, FloatArray, Window, frozen
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.adversary import BudgetedAdversary, BudgetSet, RecourseCost
from mmgsim.subproblems.alternating import Alternating
from mmgsim.subproblems.column_constraint import RobustOptimum, Trial, robust_optimum
from mmgsim.subproblems.connection import PublicPrices
from mmgsim.subproblems.doors import RobustRules, declare_doors, hour_charges
from mmgsim.subproblems.listed_stage import ListedFirstStage
from mmgsim.subproblems.recourse import Recourse
from mmgsim.subproblems.robust_recourse import declare_recourse
from mmgsim.subproblems.robust_rows import StrongerRows
from mmgsim.subproblems.robust_unknowns import RobustUnknowns, at_most
from mmgsim.subproblems.settling import SettlingStage

__all__ = ["RobustOperation", "RobustProblem"]

# Below this a door does not let pass all that it does when it is open.
_OPEN = 1.0 - 1e-9

# Where only the forecast counts the first stage is small, and solved like a joint problem.
_FORECAST_GAP = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class RobustOperation:
    """What is best once a decision is taken and the unknown is known.

    Parameters
    ----------
    cost : float
        Of all together, with service charges. [currency]
    member_cost : mapping
        What each pays without money for trades and without service charges. [currency]
    exchange_kw, trade_kw : mapping of (steps,) arrays
        By name of microgrid, positive when it leaves. [kW]
    sent_kw : mapping of (steps,) arrays
        Through doors between two microgrids, by seller and buyer. [kW]
    unserved_kwh : float
        Demand that is not served, and what else lacks or is in excess. [kWh]
    """

    cost: float
    member_cost: Mapping[str, float]
    exchange_kw: Mapping[str, FloatArray]
    trade_kw: Mapping[str, FloatArray]
    sent_kw: Mapping[tuple[str, str], FloatArray]
    unserved_kwh: float


class RobustProblem:
    """The two-stage problem of one window.

    Parameters
    ----------
    declared : mapping
        By name of microgrid, with the bounds of what is uncertain.
    envelopes : mapping
        By name of microgrid.
    prices : PublicPrices
        Of the window.
    window : Window
        The steps ahead.
    rules : RobustRules
        What is decided beforehand.
    budget : mapping
        By name of microgrid, how many of its deviations come whole in the window.

    Attributes
    ----------
    rules, window
        As given.
    doors : tuple of Door
        What is decided, in the order of decisions.
    committed : tuple
        What of devices is decided behind them.
    model : pyomo.environ.ConcreteModel
        What is left to do, with the values of the last `operate`.
    recourse : Recourse
        The same as numbers.
    """

    def __init__(
        self,
        declared: Mapping[str, Disclosure],
        envelopes: Mapping[str, Envelope],
        prices: PublicPrices,
        *,
        window: Window,
        rules: RobustRules,
        budget: Mapping[str, float],
    ) -> None:
        self.rules, self.window = rules, window
        most = {name: at_most(one) for name, one in declared.items()}
        built = declare_recourse(most, envelopes, prices, window=window, rules=rules)
        self.doors, self.committed, self.model = built.doors, built.committed, built.model
        self._unknowns = RobustUnknowns(built.model, declared, budget)
        self.recourse = Recourse.of(
            built.model, first=built.model.first, unknown=self._unknowns.params
        )
        self._charges = np.zeros(len(self.doors) + len(self.committed))
        self._charges[: len(self.doors)] = hour_charges(self.doors, rules, window.step_h)
        self._row = {name: row for row, name in enumerate(declared)}
        self._ample = built.import_per_kwh
        self._letting_out: dict[tuple[str, int], list[int]] = {}
        for k, door in enumerate(self.doors):
            if door.source:
                self._letting_out.setdefault((door.source, door.step), []).append(k)
        self._operating: RecourseCost | None = None

    @property
    def labels(self) -> list[tuple[str, int]]:
        """What every decision is about, and its position in the window: names for a memory."""
        ways = ("(grid)", "(pool)")  # no microgrid can be called so
        own = [
            (f"{d.source or ways[d.is_local]}>{d.target or ways[d.is_local]}", d.step)
            for d in self.doors
        ]
        return [*own, *self.committed]

    def complete(self, held: FloatArray, *, time_limit_s: float = np.inf) -> Trial:
        """Give the best decision at the forecast with some decisions held: NaN for free ones.

        Where none is found in time, what is held is kept. What is free then needs no search, and
        `is_fallback` is true: nobody trades, the grid is open one way, and what devices switch is
        off.

        Parameters
        ----------
        held : (decisions,) array
            Of each step all doors or none.
        time_limit_s : float
            The most that its MILP takes.
        """
        stage = self.first_stage(opens_free=False, mip_gap=_FORECAST_GAP, time_limit_s=time_limit_s)
        stage.add(self.forecast)
        try:
            return stage.solve_held(held)
        except SubproblemError as error:
            if not error.is_out_of_time:
                raise
        is_free = np.isnan(held)
        first = np.where(is_free, self._grid_alone(self._is_left_over(self.forecast)), held)
        return Trial(
            frozen(first),
            float(self._charges @ first),
            bound=-np.inf,
            is_best=False,
            is_fallback=bool(is_free.any()),
        )

    @property
    def unknowns(self) -> BudgetSet:
        """What may happen, one entry for each device and step that is uncertain."""
        return self._unknowns.set

    @property
    def params(self) -> Any:
        """The Pyomo Params of the model that are uncertain, in the order of `unknowns`."""
        return self._unknowns.params

    @property
    def forecast(self) -> FloatArray:
        """The unknown without any deviation."""
        return self.unknowns.at(np.zeros(len(self.unknowns.centre)))

    def first_stage(
        self, *, is_strong: bool = True, opens_free: bool = True, **limits: float
    ) -> ListedFirstStage:
        """Give the first stage, with nothing on its list.

        Parameters
        ----------
        is_strong : bool
            False without the rows that only make it faster.
        opens_free : bool
            As of `declare_doors`.
        limits : float
            ``mip_gap`` and ``time_limit_s``.
        """
        model = pyo.ConcreteModel()
        declare_doors(
            model,
            self.doors,
            len(self.committed),
            self.rules,
            step_h=self.window.step_h,
            opens_free=opens_free,
        )
        rows = StrongerRows(self.model, self.recourse, self.doors, self._unknowns)
        return ListedFirstStage(
            model,
            first=model.first,
            later=model.later,
            recourse=self.recourse,
            stronger=rows.at if is_strong else None,
            **limits,
        )

    def adversary(self, **limits: float) -> BudgetedAdversary:
        """Give who looks for the worst, with ``mip_gap`` and ``time_limit_s`` as limits."""
        return BudgetedAdversary(self.recourse, self.unknowns, self.worth, **limits)

    def worth(self, first: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give between what a kW of each unknown changes the cost of what a decision leaves to do.

        Where a door from the grid is open that lets in as much as the devices ever take, and none
        lets power out, a kW of sun that was used can be replaced by a kW of import: it is worth no
        more than that costs. Anywhere else the price of lost load bounds it. [currency/kW]
        """
        low, high = self._unknowns.worth(self.rules.lost_load_per_kwh, self.window.step_h)
        for k, price in self._ample.items():
            door = self.doors[k]
            lets_out = self._letting_out[door.target, door.step]
            if first[k] > _OPEN and not first[lets_out].any():
                cells = self._unknowns.cells_of(self._row[door.target], door.step)
                low[cells] = np.maximum(low[cells], -price * self.window.step_h)
        return low, high

    def solve(
        self, *, tolerance: float = 1e-3, max_rounds: int = 50, time_limit_s: float = np.inf
    ) -> RobustOptimum:
        """Solve to a gap, as `robust_optimum` does; no MILP takes longer than the limit either.

        Where the time is up before there is any decision, nobody trades, and the grid is open one
        way: flag ``fallback``.
        """
        stage = SettlingStage(
            self.first_stage(mip_gap=tolerance / 2.0, time_limit_s=time_limit_s),
            Alternating(self.recourse, self.unknowns),
            tolerance=tolerance / 10.0,
            fallbacks=partial(self._fallbacks, time_limit_s),
        )
        return robust_optimum(
            stage,
            self.adversary(mip_gap=tolerance / 10.0, time_limit_s=time_limit_s),
            start=self.forecast,
            tolerance=tolerance,
            max_rounds=max_rounds,
            time_limit_s=time_limit_s,
        )

    def _fallbacks(self, time_limit_s: float) -> list[tuple[FloatArray, float]]:
        """Give decisions that need no search: nobody trades, and the grid is open one way.

        Always inwards, or outwards where a microgrid has power left over even at the worst. What
        devices commit is completed at the forecast.
        """
        is_left_over = self._is_left_over(self.unknowns.at(np.ones(len(self.unknowns.centre))))
        found = []
        for leaves in (np.zeros_like(is_left_over), is_left_over):
            first = self._grid_alone(leaves)
            if self.committed:
                first[len(self.doors) :] = np.nan
                first = self.complete(first, time_limit_s=time_limit_s).first
            found.append((first, float(self._charges @ first)))
        return found

    def _is_left_over(self, unknown: FloatArray) -> NDArray[np.bool_]:
        """Tell where there is more sun and wind than demand: (members, steps) array."""
        return self._unknowns.sun_kw(unknown) > self._unknowns.demand_kw(unknown)

    def _grid_alone(self, leaves: NDArray[np.bool_]) -> FloatArray:
        """Open the grid outwards or inwards by (members, steps), and nothing else."""
        first = np.zeros(len(self._charges))
        for k, door in enumerate(self.doors):
            is_open = leaves[self._row[door.microgrid], door.step] == bool(door.source)
            first[k] = float(is_open and not door.is_local)
        return first

    def operate(self, first: FloatArray, unknown: FloatArray | None = None) -> RobustOperation:
        """Give the best operation for a decision, at the forecast or at another unknown."""
        if self._operating is None:
            self._operating = RecourseCost(self.recourse)
        cost = self._operating.at(first, self.forecast if unknown is None else unknown)
        y, model, steps = self._operating.recourse(), self.model, self.window.steps
        for one in model.component_data_objects(pyo.Var, descend_into=True):
            if id(one) in self.recourse.column:
                one.set_value(float(y[self.recourse.column[id(one)]]), skip_validation=True)
        trade_kw = {name: np.zeros(steps) for name in model.member}
        sent_kw: dict[tuple[str, str], FloatArray] = {}
        for door, kw in zip(self.doors, y[self.recourse.columns(model.flow_kw)], strict=True):
            for name, sign in ((door.source, 1.0), (door.target, -1.0)):
                if door.is_local and name:
                    trade_kw[name][door.step] += sign * kw
            if door.source and door.target:
                sent_kw.setdefault((door.source, door.target), np.zeros(steps))[door.step] = kw
        return RobustOperation(
            cost=cost + float(self._charges @ first),
            member_cost={name: pyo.value(one.cost) for name, one in model.member.items()},
            exchange_kw={
                name: frozen([pyo.value(kw) for kw in one.leaving_kw.values()])
                for name, one in model.member.items()
            },
            trade_kw={name: frozen(kw) for name, kw in trade_kw.items()},
            sent_kw={pair: frozen(np.maximum(kw, 0.0)) for pair, kw in sent_kw.items()},
            unserved_kwh=self.window.step_h
            * sum(
                pyo.value(kw) for one in model.member.values() for kw in one.unserved_kw.values()
            ),
        )
