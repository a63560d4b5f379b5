"""The reference: pandapower's Newton power flow, point by point, with a ladder for failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandapower.toolbox import pp_elements

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network.acpoint import AcSolver
from mmgsim.network.feeder import Feeder, active_kw, reactive_kvar
from mmgsim.network.follows import Follows
from mmgsim.network.powerflow.flow import Flow, FlowStatus, join_flows
from mmgsim.network.powerflow.verdict import checked_points, status_of, violations

__all__ = ["PandapowerFlow"]

_KW_PER_MW = 1e3
LADDER = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Parts of loads and exchanges at which a point is tried, largest first."""

_SCALABLE = ("load", "sgen", "storage")
"""Tables whose elements may follow a profile."""

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """What was asked for at one point, and the factor at which it could be solved."""

    share: FloatArray
    exchange_kw: FloatArray
    q_kvar: FloatArray
    factor: float = 1.0


class PandapowerFlow:
    """Solves every point with pandapower, from scratch, so that no point depends on another.

    Failure ladder: Newton with its usual number of iterations, then with 50 (`AcSolver`); then the
    same with all that follows a profile, and exchanges, scaled by 0.9, 0.8 ... 0.1, of which the
    largest that converges gives the results (`NOT_CONVERGED`, flag ``relaxed:0.9``). A point where
    nothing converges has NaN voltages, no flows, and nothing served.

    To fail takes ten times as long as to converge. So the smallest part is tried next, and where it
    converges the largest is found by halves, as if all below it did; where it does not, the others
    are tried from above, but only where the net has sources or sinks that nothing scales: without
    them, what does not bear a tenth does not bear more.

    Parameters
    ----------
    feeder : Feeder
        Not changed.
    ladder : sequence of float
        Parts that are tried; ``(1.0,)`` where it is enough to know that a point does not converge.

    Attributes
    ----------
    solver : AcSolver
        Holds the last point, for `mmgsim.network.linearise_at`.
    """

    def __init__(self, feeder: Feeder, *, ladder: Sequence[float] = LADDER) -> None:
        self.feeder = feeder
        self._ladder = tuple(ladder)
        self.solver: AcSolver = feeder.new_solver()
        self._consumers = _Consumers(feeder)

    def solve(self, background: FloatArray, exchange_kw: FloatArray, q_kvar: FloatArray) -> Flow:
        """Solve every point on its own; see `mmgsim.network.PowerFlow`."""
        share, p_kw, q_kvar = checked_points(self.feeder, background, exchange_kw, q_kvar)
        nothing = self._dark([], np.zeros((0, p_kw.shape[1])))
        points = [
            self._solve_point(_Point(np.atleast_1d(share[k]), p_kw[k], q_kvar[k]))
            for k in range(len(share))
        ]
        return join_flows([nothing, *points])

    def _solve_point(self, point: _Point) -> Flow:
        share, p_kw, q_kvar = point.share, point.exchange_kw, point.q_kvar
        factor = self._largest(lambda f: self.solver.solve(f * share, f * p_kw, f * q_kvar))
        if factor is None:
            return self._dark([share], p_kw[None, :])
        return self._read(replace(point, factor=factor))

    def _largest(self, converges: Callable[[float], bool]) -> float | None:
        """Give the largest part that converges, the last one to be tried."""
        first, *others = self._ladder
        if converges(first):
            return first
        if not others:
            return None
        if converges(others[-1]):
            return _by_halves(others, converges)
        if self._consumers.all_scale:
            return None
        return next((f for f in others[:-1] if converges(f)), None)

    def _read(self, point: _Point) -> Flow:
        """Read the results of the point that the solver has just solved."""
        net, feeder = self.solver.net, self.feeder
        vm_pu = net.res_bus.vm_pu.to_numpy(dtype=np.float64)
        is_live = ~np.isnan(vm_pu)
        p_kw = _filled(net.res_bus.p_mw) * _KW_PER_MW
        i_ka = _filled(net.res_line.i_ka)
        asked_kw = self._consumers.asked_kw(point.share, point.exchange_kw)
        unserved_kw = self._consumers.unserved_kw(point, is_live)
        loading = 100.0 * i_ka / feeder.line_max_ka
        trafo_loading = _trafo_loading(net)
        is_member_live = is_live[self._consumers.member_bus]
        flags = [
            *([] if point.factor == 1.0 else [f"relaxed:{point.factor:g}"]),
            *self._unsupplied(is_member_live),
            *violations(feeder.limits, vm_pu[None], loading[None], trafo_loading[None])[0],
        ]
        return Flow(
            status=(status_of(flags, unserved_kw),),
            flags=(tuple(flags),),
            vm_pu=_row(vm_pu),
            p_kw=_row(p_kw),
            q_kvar=_row(_filled(net.res_bus.q_mvar) * _KW_PER_MW),
            loading_percent=_row(loading),
            i_ka=_row(i_ka),
            p_from_kw=_row(_filled(net.res_line.p_from_mw) * _KW_PER_MW),
            line_loss_kw=_row(_filled(net.res_line.pl_mw) * _KW_PER_MW),
            trafo_loading_percent=_row(trafo_loading),
            exchange_kw=_row(np.where(is_member_live, point.factor * point.exchange_kw, 0.0)),
            # What all buses consume, sources counted negative, is the opposite of what is lost.
            loss_kw=frozen([-p_kw.sum()]),
            slack_p_kw=frozen([_filled(net.res_ext_grid.p_mw).sum() * _KW_PER_MW]),
            slack_q_kvar=frozen([_filled(net.res_ext_grid.q_mvar).sum() * _KW_PER_MW]),
            unserved_kw=frozen([unserved_kw]),
            served_share=frozen([1.0 - unserved_kw / asked_kw if asked_kw > 0.0 else 1.0]),
        )

    def _unsupplied(self, is_member_live: BoolArray) -> list[str]:
        members = zip(self.feeder.members, is_member_live, strict=True)
        return [f"unsupplied:{member.name}" for member, is_live in members if not is_live]

    def _dark(self, share: list[FloatArray], exchange_kw: FloatArray) -> Flow:
        """Give points at which nothing flows and nothing is served (none, if `share` is empty)."""
        points, net, feeder = len(share), self.solver.net, self.feeder
        buses, lines = np.zeros((points, len(feeder.buses))), np.zeros((points, len(feeder.lines)))
        trafos = np.zeros((points, len(net.trafo) + len(net.trafo3w)))
        asked_kw = np.array(
            [self._consumers.asked_kw(s, x) for s, x in zip(share, exchange_kw, strict=True)]
        )
        zero = frozen(np.zeros(points))
        return Flow(
            status=(FlowStatus.NOT_CONVERGED,) * points,
            flags=(("collapse",),) * points,
            vm_pu=frozen(buses + np.nan),
            p_kw=frozen(buses),
            q_kvar=frozen(buses),
            loading_percent=frozen(lines),
            i_ka=frozen(lines),
            p_from_kw=frozen(lines),
            line_loss_kw=frozen(lines),
            trafo_loading_percent=frozen(trafos),
            exchange_kw=frozen(np.zeros_like(exchange_kw)),
            loss_kw=zero,
            slack_p_kw=zero,
            slack_q_kvar=zero,
            unserved_kw=frozen(asked_kw),
            served_share=frozen(np.where(asked_kw > 0.0, 0.0, 1.0)),
        )


def _by_halves(parts: Sequence[float], converges: Callable[[float], bool]) -> float:
    """Give the largest of falling parts that converges, of which the last does."""
    failed, good = -1, len(parts) - 1
    while good - failed > 1:
        tried = (failed + good) // 2
        if converges(parts[tried]):
            good = tried
        else:
            failed = tried
    converges(parts[good])  # its results are wanted
    return parts[good]


@dataclass(frozen=True, slots=True, eq=False)
class _Elements:
    """Elements of a table: nominal power [kW] and position of their buses."""

    nominal_kw: FloatArray
    bus: NDArray[np.int64]


def _factors(
    follows: Follows, table: str, column: str, share: float | FloatArray
) -> float | FloatArray:
    """Give what elements are multiplied with at some profile values; 1 where they follow none."""
    if (table, column) not in follows.columns:
        return 1.0
    return follows.factors(table, column, share)


class _Consumers:
    """Who asks for how much power, and on which bus."""

    def __init__(self, feeder: Feeder) -> None:
        net, position = feeder.net, feeder.net.bus.index.get_indexer
        self.member_bus = position([member.bus for member in feeder.members])
        self._net, self._follows = net, feeder.follows
        self._load = _Elements(active_kw(net.load), position(net.load.bus))
        self._storage = _Elements(active_kw(net.storage), position(net.storage.bus))

    @cached_property
    def all_scale(self) -> bool:
        """Whether all that draws or sends power in the net is scaled along the ladder."""
        net, follows = self._net, self._follows
        tables = set(pp_elements(bus=False, branch_elements=False, other_elements=False))
        steady = [t for t in tables - {*_SCALABLE, "ext_grid"} if t in net and len(net[t])]
        nothing = np.zeros(len(follows.profiles)) if follows.has_names else 0.0
        return not steady and not any(
            (nominal(net[table]) * _factors(follows, table, column, nothing)).any()
            for table in _SCALABLE
            for column, nominal in (("p_mw", active_kw), ("q_mvar", reactive_kvar))
        )

    def asked_kw(self, share: FloatArray, exchange_kw: FloatArray) -> float:
        """Consumption that is asked for. [kW]"""
        imports_kw = np.maximum(-exchange_kw, 0.0)
        load_kw, storage_kw = self._drawn_kw(share)
        return float(load_kw.sum() + imports_kw.sum() + storage_kw.sum())

    def _drawn_kw(self, share: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give what each load and each storage draws; one that delivers draws nothing. [kW]"""
        load = self._follows.factors("load", "p_mw", share)
        storage = np.ones(len(self._storage.nominal_kw))
        if ("storage", "p_mw") in self._follows.columns:
            storage = self._follows.factors("storage", "p_mw", share)
        return (
            np.maximum(self._load.nominal_kw * load, 0.0),
            np.maximum(self._storage.nominal_kw * storage, 0.0),
        )

    def unserved_kw(self, point: _Point, is_live: BoolArray) -> float:
        """Part of it on buses without supply, and what was relaxed of the rest. [kW]

        Summed up directly: a difference of two totals would leave rounding where nobody lacks.
        """
        imports_kw = np.maximum(-point.exchange_kw, 0.0)
        load_kw, storage_kw = self._drawn_kw(point.share)
        load_live, member_live = is_live[self._load.bus], is_live[self.member_bus]
        storage_live = is_live[self._storage.bus]
        dead_kw = (
            load_kw[~load_live].sum()
            + imports_kw[~member_live].sum()
            + storage_kw[~storage_live].sum()
        )
        live_kw = load_kw[load_live].sum() + imports_kw[member_live].sum()
        if self._follows.has_names:  # storages are only scaled where they follow a profile
            live_kw += storage_kw[storage_live].sum()
        return float(dead_kw + (1.0 - point.factor) * live_kw)


def _filled(column: Any) -> FloatArray:
    return np.nan_to_num(np.asarray(column, dtype=np.float64))


def _row(values: FloatArray) -> FloatArray:
    return frozen(values[None, :])


def _trafo_loading(net: Any) -> FloatArray:
    tables = (net.res_trafo, net.res_trafo3w)
    return np.concatenate([_filled(table.loading_percent) for table in tables])
