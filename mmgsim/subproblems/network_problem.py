"""The DNO's own problem: whom the network serves, by what is offered at its connection points.

    ``min upstream energy + accepted offers + own units + shedding + spilling + loss penalty``

subject to the feeder (`mmgsim.subproblems.distflow`), solved until the schedule is an AC power flow
(`mmgsim.subproblems.to_ac`). Offers are blocks of power at a price; blocks of export are bought,
blocks of import are sold, each as far as it pays and as the network carries it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import FloatArray, TieLine, frozen
from mmgsim.errors import near_miss
from mmgsim.network import FeederTree, RadialPoints
from mmgsim.subproblems.block import (
    declare_microgrid,
    is_cheating,
    reach_kw,
    read_schedules,
    understated_cost,
    update_microgrid,
)
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.distflow import (
    Injection,
    NetworkInputs,
    declare_inverter,
    declare_network,
    loss_price_per_kwh,
    update_network,
)
from mmgsim.subproblems.dlmp import locational_prices
from mmgsim.subproblems.joined_points import (
    declare_lines,
    declare_passing,
    declare_shared,
    read_loss_kw,
    update_joined,
)
from mmgsim.subproblems.network_offers import (
    BlockOffer,
    NetworkPlan,
    NetworkWindow,
    OfferPoint,
    OwnSite,
)
from mmgsim.subproblems.solver import Solver
from mmgsim.subproblems.tie_lines import leaving_kw
from mmgsim.subproblems.to_ac import AcLoop, AcSchedule, AcTolerance

__all__ = ["NetworkProblem"]

_AGENT = "the DNO"

MIP_GAP = 1e-4
"""Distance to its bound at which a schedule with binaries counts as best.

Of the order of what the AC power flow may differ from the plan; to prove more would say nothing.
"""


@dataclass(frozen=True, slots=True)
class _Binaries:
    """Where binaries forbid what an LP may use to cheat."""

    at_substation: bool
    in_storage: bool


@dataclass(frozen=True, slots=True)
class _Variant:
    """The problem with some binaries: its model, its solver, its loop."""

    model: Any
    solver: CompiledHighs
    loop: AcLoop


class NetworkProblem:
    """The DNO's problem: built once for a feeder and who is connected, solved for every window.

    Parameters
    ----------
    tree : FeederTree
        The network.
    horizon : Horizon
        Size of the window; binaries against simultaneous import and export, or charge and
        discharge, come in by themselves where they are needed.
    points : sequence of OfferPoint
        Who offers.
    own : sequence of OwnSite
        Devices of the DNO.
    tolerance : AcTolerance or None
        When a schedule counts as an AC power flow.
    ties : sequence of TieLine
        Lines between offer points, beside the feeder; every window then gives the limits of the
        connections.

    Raises
    ------
    ValueError
        If a name is given twice, or a bus is not one of the feeder's.
    """

    def __init__(
        self,
        tree: FeederTree,
        horizon: Horizon,
        points: Sequence[OfferPoint],
        own: Sequence[OwnSite] = (),
        *,
        tolerance: AcTolerance | None = None,
        ties: Sequence[TieLine] = (),
    ) -> None:
        _check_places(tree, [*points, *own])
        self.tree, self.horizon = tree, horizon
        self.points, self.own = tuple(points), tuple(own)
        self._tolerance, self._ties = tolerance, tuple(ties)
        self._variants: dict[_Binaries, _Variant] = {}

    # --------------------------------------------------------------------------------- building
    def _variant(self, binaries: _Binaries) -> _Variant:
        if binaries not in self._variants:
            model = self._build(binaries)
            solver = CompiledHighs(model, mip_gap=MIP_GAP, searches=False)
            loop = AcLoop(self.tree, model.network, solver, tolerance=self._tolerance)
            self._variants[binaries] = _Variant(model, solver, loop)
        return self._variants[binaries]

    def _build(self, binaries: _Binaries) -> Any:
        steps, step_h = self.horizon.steps, self.horizon.step_h
        horizon = Horizon(steps, step_h, binaries.at_substation)
        model = pyo.ConcreteModel()
        model.point = pyo.Block([point.name for point in self.points])
        model.own = pyo.Block([site.name for site in self.own])
        if self._ties:
            model.tie = pyo.Block()
            declare_lines(model.tie, self._ties, horizon)
        for point in self.points:
            block = model.point[point.name]
            accepted_kw = _declare_blocks(block, point, horizon)
            if self._ties:
                declare_passing(block, accepted_kw, leaving_kw(model.tie, self._ties, point.name))
            else:
                block.p_kw = pyo.Expression(block.time, rule=accepted_kw)
            _declare_reactive(block, point)
        for site in self.own:
            own_horizon = Horizon(steps, step_h, binaries.in_storage)
            declare_microgrid(model.own[site.name], site.devices, own_horizon)
        position = self.tree.places
        injections = [
            *(
                Injection(position[p.bus], model.point[p.name].p_kw, model.point[p.name].q_kvar)
                for p in self.points
            ),
            *(Injection(position[s.bus], model.own[s.name].exchange_kw) for s in self.own),
        ]
        if self._ties:
            declare_shared(model)
        model.network = pyo.Block()
        declare_network(model.network, self.tree, horizon, injections)
        model.total = pyo.Objective(
            expr=model.network.cost
            + model.network.loss_penalty
            + pyo.quicksum(block.cost for block in model.point.values())
            + pyo.quicksum(block.private_cost + block.miss_cost for block in model.own.values())
            + (model.tie.cost if self._ties else 0.0)
        )
        return model

    def _is_cheating(self, variant: _Variant) -> bool:
        return any(
            is_cheating(variant.solver, variant.model.own[site.name], site.devices)
            for site in self.own
        )

    def move_ahead(self, steps: int) -> None:
        """Move the window: cuts of a step are where that step is now, before the next solve."""
        for variant in self._variants.values():
            variant.loop.move_ahead(steps)

    # ---------------------------------------------------------------------------------- solving
    def solve(self, window: NetworkWindow) -> NetworkPlan:
        """Find the schedule of least cost that the network carries.

        Raises
        ------
        SubproblemError
            If nothing keeps the limits of the network, not even shedding and spilling.
        """
        inputs = self._inputs(window)
        at_substation = bool(inputs.pays_both_ways.any())
        variant = self._variant(_Binaries(at_substation, in_storage=False))
        schedule = self._solve(variant, window, inputs)
        if self._is_cheating(variant):
            variant = self._variant(_Binaries(at_substation, in_storage=True))
            schedule = self._solve(variant, window, inputs)
        return self._plan(window, variant, schedule)

    def _solve(self, variant: _Variant, window: NetworkWindow, inputs: NetworkInputs) -> AcSchedule:
        model, solver = variant.model, variant.solver
        for point in self.points:
            _update_point(solver, model.point[point.name], window.offers[point.name])
        if self._ties:
            update_joined(solver, model, window)
        for site in self.own:
            update_microgrid(solver, model.own[site.name], window.own[site.name])
        update_network(solver, model.network, inputs)
        variant.loop.rate(window.rating_share)
        return variant.loop.solve(agent=_AGENT, step=window.step)

    def _inputs(self, window: NetworkWindow) -> NetworkInputs:
        spill_kw = np.zeros((len(self.points) + len(self.own), self.horizon.steps))
        for row, point in zip(spill_kw, self.points, strict=False):
            row[:] = window.offers[point.name].must_take_kw
        return NetworkInputs(
            demand_kw=window.demand_kw,
            demand_kvar=window.demand_kvar,
            shed_limit_kw=np.maximum(window.demand_kw, 0.0),
            spill_limit_kw=spill_kw,
            buy_per_kwh=window.buy_per_kwh,
            sell_per_kwh=window.sell_per_kwh,
            shed_price_per_kwh=window.shed_price_per_kwh,
            spill_price_per_kwh=window.spill_price_per_kwh,
            reach_kw=self._reach_kw(window),
        )

    def _reach_kw(self, window: NetworkWindow) -> FloatArray:
        """Give what all offers and own devices can exchange together at most. [kW]"""
        offered = [
            offer.export_kw.sum(axis=0) + offer.import_kw.sum(axis=0) + offer.must_take_kw
            for offer in window.offers.values()
        ]
        own = [reach_kw(declared) for declared in window.own.values()]
        return np.asarray(sum([*offered, *own], np.zeros(self.horizon.steps)))

    # ----------------------------------------------------------------------------------- reading
    def _plan(self, window: NetworkWindow, variant: _Variant, schedule: AcSchedule) -> NetworkPlan:
        model, solver = variant.model, variant.solver
        tree, network, points = self.tree, model.network, schedule.points
        steps, blocks = self.horizon.steps, {p.name: model.point[p.name] for p in self.points}
        spilled = solver.get(network.spill_kw).reshape(-1, steps)
        spilled_kw = {p.name: frozen(row) for p, row in zip(self.points, spilled, strict=False)}
        shed_kw = np.zeros((len(tree.buses), steps))
        shed_kw[list(network.loaded)] = solver.get(network.shed_kw).reshape(-1, steps)
        return NetworkPlan(
            status=schedule.status,
            cost=self._true_cost(window, variant, schedule),
            exchange_kw={
                name: frozen(solver.get(block.p_kw) - spilled_kw[name])
                for name, block in blocks.items()
            },
            q_kvar={name: frozen(solver.get(block.q_kvar)) for name, block in blocks.items()},
            accepted_export_kw={
                name: frozen(solver.get(block.export_kw).reshape(-1, steps))
                for name, block in blocks.items()
            },
            accepted_import_kw={
                name: frozen(solver.get(block.import_kw).reshape(-1, steps))
                for name, block in blocks.items()
            },
            tie_loss_kw=frozen(read_loss_kw(solver, model, self._ties, steps)),
            spilled_kw=spilled_kw,
            own={
                site.name: read_schedules(solver, model.own[site.name], window.own[site.name])
                for site in self.own
            },
            shed_kw=frozen(shed_kw),
            drawn_kw=frozen(points.power_pu.real.T * tree.base_kw),
            drawn_kvar=frozen(points.power_pu.imag.T * tree.base_kw),
            slack_kw=schedule.slack_kw,
            loss_kw=_where_solved(points, tree.losses_kw(points)),
            vm_pu=_where_solved(points, tree.vm_pu(points)),
            loading=_where_solved(points, _loading(tree, points, window)),
            prices=locational_prices(
                tree,
                schedule,
                step_h=self.horizon.step_h,
                loss_price_per_kwh=loss_price_per_kwh(window.buy_per_kwh),
            ),
            schedule=schedule,
        )

    def _true_cost(self, window: NetworkWindow, variant: _Variant, schedule: AcSchedule) -> float:
        """Give the cost of what the AC power flow makes of the plan. [currency]"""
        model, solver = variant.model, variant.solver
        own = [
            understated_cost(solver, model.own[site.name], site.devices, self.horizon.step_h)
            for site in self.own
        ]
        true, planned = (
            window.buy_per_kwh * np.maximum(kw, 0.0) + window.sell_per_kwh * np.minimum(kw, 0.0)
            for kw in (schedule.slack_kw, schedule.planned_slack_kw)
        )
        penalty = float(solver.get(model.network.loss_penalty).sum())
        shift = self.horizon.step_h * float((true - planned).sum())
        return schedule.outcome.objective - penalty + shift + sum(own)


# ---------------------------------------------------------------------------------------- details
def _check_places(tree: FeederTree, places: Sequence[OfferPoint | OwnSite]) -> None:
    names = [place.name for place in places]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"names of offer points and own sites must differ: {', '.join(twice)}")
    for place in places:
        if place.bus not in tree.places:
            known = near_miss(str(place.bus), map(str, tree.places))
            raise ValueError(f"{place.name}: the feeder has no bus {place.bus}; {known}")


def _where_solved(points: RadialPoints, values: FloatArray) -> FloatArray:
    """Give values at AC points, the first axis; NaN where there is no solution."""
    return frozen(np.where(points.is_solved, values.T, np.nan).T)


def _loading(tree: FeederTree, points: RadialPoints, window: NetworkWindow) -> FloatArray:
    """Give currents as shares of the ratings that hold in each step: (steps, elements) array."""
    share = window.rating_share
    return tree.loading(points) if share is None else tree.loading(points) / share.T


def _declare_blocks(block: Any, point: OfferPoint, horizon: Horizon) -> dict[int, Any]:
    """Declare the blocks of an offer; give what is accepted of them by step, positive leaving."""
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    for side, count in (("export", point.exports), ("import", point.imports)):
        blocks = pyo.RangeSet(0, count - 1)
        setattr(block, f"{side}_block", blocks)
        for what in ("most_kw", "per_kwh"):
            param = pyo.Param(blocks, block.time, mutable=True, initialize=0.0)
            setattr(block, f"{side}_{what}", param)
    for name in ("must_take_kw", "q_min_kvar", "q_max_kvar"):
        setattr(block, name, pyo.Param(block.time, mutable=True, initialize=0.0))
    block.export_kw = pyo.Var(
        block.export_block, block.time, bounds=lambda b, k, t: (0.0, b.export_most_kw[k, t])
    )
    block.import_kw = pyo.Var(
        block.import_block, block.time, bounds=lambda b, k, t: (0.0, b.import_most_kw[k, t])
    )
    block.q_kvar = pyo.Var(
        block.time, bounds=lambda b, t: (b.q_min_kvar[t], b.q_max_kvar[t]), initialize=0.0
    )
    block.cost = pyo.Expression(expr=horizon.step_h * _offered_cost(block))
    return {
        t: block.must_take_kw[t]
        + pyo.quicksum(block.export_kw[k, t] for k in block.export_block)
        - pyo.quicksum(block.import_kw[k, t] for k in block.import_block)
        for t in block.time
    }


def _declare_reactive(block: Any, point: OfferPoint) -> None:
    """Declare the reactive power beside ``p_kw``, which enters the network."""
    if point.kvar_per_kw is not None:
        kvar_per_kw = point.kvar_per_kw
        block.follows = pyo.Constraint(
            block.time, rule=lambda b, t: b.q_kvar[t] == kvar_per_kw * b.p_kw[t]
        )
    if isfinite(point.rating_kva):
        declare_inverter(block, block.p_kw, block.q_kvar, point.rating_kva)


def _offered_cost(block: Any) -> Any:
    """Give what accepted exports cost less what served imports are worth, per hour."""
    return pyo.quicksum(
        block.export_per_kwh[k, t] * block.export_kw[k, t]
        for k in block.export_block
        for t in block.time
    ) - pyo.quicksum(
        block.import_per_kwh[k, t] * block.import_kw[k, t]
        for k in block.import_block
        for t in block.time
    )


def _update_point(solver: Solver, block: Any, offer: BlockOffer) -> None:
    if len(block.export_block):
        solver.set(block.export_most_kw, offer.export_kw.ravel())
        solver.set(block.export_per_kwh, offer.export_per_kwh.ravel())
    if len(block.import_block):
        solver.set(block.import_most_kw, offer.import_kw.ravel())
        solver.set(block.import_per_kwh, offer.import_per_kwh.ravel())
    solver.set(block.must_take_kw, offer.must_take_kw)
    solver.set(block.q_min_kvar, offer.q_min_kvar)
    solver.set(block.q_max_kvar, offer.q_max_kvar)
