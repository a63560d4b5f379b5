"""A problem on a feeder solved until what it plans is an AC power flow within limits.

Round by round: solve the LP, sweep the feeder at its schedule, and where the two differ add the
tangents of the cone that the LP breaks, at the AC point and at its own. The cuts accumulate, which
is what makes it converge: equalities that are replaced each round, without a trust region, cycle.

Where a step is off and there is no cut left to add, the relaxation is not exact: losing energy pays
there (negative prices, production behind a full line, voltages at their upper limit). It then gets,
in this order,

1. guards: voltages without losses stay below the upper limit, so that losses cannot lower them;
2. held losses: currents and losses of the last AC point instead of the cone, polygons instead
   of the current limits, until that point no longer moves. Losses then have no price, but they
   are true.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network import FeederTree, RadialPoints
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.cuts import (
    AddedRows,
    BranchPoint,
    NetworkColumns,
    RowKind,
    RowPool,
    end_current2,
    end_limits,
    guard_excess,
    guards,
    polygons,
    tangent_excess,
    tangents,
)
from mmgsim.subproblems.solver import Outcome

__all__ = ["AcLoop", "AcSchedule", "AcTolerance", "Multipliers", "StepStatus"]

CUT_ROUNDS = 12
"""Rounds of cuts after which a step that is off and loses more than flows counts as not exact."""

LATE_ROUNDS = 6
"""Rounds more for steps that only lack cuts; what is off then is held all the same."""

HELD_ROUNDS = 10
"""Rounds that steps with held losses are given to settle."""

_DAMPED_FROM = 3
"""From this held round on, losses move half of the way: without a price for them they may swing."""

_POLYGON_FROM = 0.7
"""Share of a rating from which a branch gets its polygon; below, the next round would tell."""

_CUT_SHARE = 5e-3
"""A tangent is added where it raises a branch's loss by this share of the slack's tolerance: what
is left out adds up to less than the tolerance on two hundred branches."""

_CUT_SHARE_OF_CURRENT = 0.1
"""Likewise of the tolerance of a rated current."""

_GUARD_PU2 = 1e-6
"""A guard is added where it is broken by more. [pu]"""

BoolArray = NDArray[np.bool_]


class StepStatus(StrEnum):
    """How the plan of a step stands to the AC power flow.

    EXACT: it is one, within limits. INEXACT: the relaxation is not exact there; losses are held,
    and the AC power flow keeps all limits. VIOLATED: it breaks a limit all the same.
    """

    EXACT = "exact"
    INEXACT = "inexact"
    VIOLATED = "violated"


@dataclass(frozen=True, slots=True)
class AcTolerance:
    """What the AC power flow of a plan may differ by.

    Parameters
    ----------
    current_share : float
        Over a rating, as a share of it.
    voltage_pu : float
        Beyond a limit. [pu]
    slack_kw : float
        Between planned and true power at the substation. [kW]
    """

    current_share: float = 1e-3
    voltage_pu: float = 1e-4
    slack_kw: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """Duals of the last LP, in currency per unit of each limit, over the window.

    Parameters
    ----------
    balance : (buses, steps) array
        Of one more unit consumed at a bus. [currency/pu]
    current2 : (branches, steps) array
        Of the limits of the squared currents in series, not positive; 0 where losses are held.
    end2 : (ends, steps) array
        Of the limits of the squared currents at ends where something flows to earth; not positive.
    voltage2 : (buses, steps) array
        Of the limits of the squared voltages: positive at the lower, negative at the upper one.
    guard : (branches, steps) array
        Of the guards, by the bus at the end of each branch; not positive.
    """

    balance: FloatArray
    current2: FloatArray
    end2: FloatArray
    voltage2: FloatArray
    guard: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class AcSchedule:
    """What the loop ends with; the first axis of an array is the step.

    Parameters
    ----------
    status : tuple of StepStatus
        Per step.
    points : RadialPoints
        AC power flow of the schedule. [pu]
    slack_kw : (steps,) array
        What it draws at the substation, negative when it is fed back; as planned where it has no
        solution. [kW]
    planned_slack_kw : (steps,) array
        What the problem reckons with. [kW]
    current_excess, voltage_excess_pu : (steps,) arrays
        How far it breaks a rating, as a share of it, and a voltage limit; 0 where it does not.
    rounds : int
        Solves of the problem.
    cuts : int
        Rows that were added.
    outcome : Outcome
        Of the last solve.
    multipliers : Multipliers
        Of the last LP, integer variables held.
    """

    status: tuple[StepStatus, ...]
    points: RadialPoints
    slack_kw: FloatArray
    planned_slack_kw: FloatArray
    current_excess: FloatArray
    voltage_excess_pu: FloatArray
    rounds: int
    cuts: int
    outcome: Outcome
    multipliers: Multipliers


class _Mode(IntEnum):
    """What stands for the cone in a step."""

    CUT = 0
    GUARDED = 1
    HELD = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """One solve and its AC power flow."""

    planned: BranchPoint
    true: BranchPoint
    points: RadialPoints
    planned_slack_kw: FloatArray
    slack_kw: FloatArray
    current_excess: FloatArray
    voltage_excess_pu: FloatArray

    def keeps_limits(self, tolerance: AcTolerance) -> BoolArray:
        is_kept: BoolArray = (
            self.points.is_solved
            & (self.current_excess <= tolerance.current_share)
            & (self.voltage_excess_pu <= tolerance.voltage_pu)
        )
        return is_kept

    def is_off(self, tolerance: AcTolerance) -> BoolArray:
        gap_kw = np.abs(self.planned_slack_kw - self.slack_kw)
        return np.asarray(~self.keeps_limits(tolerance) | (gap_kw > tolerance.slack_kw))


class AcLoop:
    """Solves one compiled problem with a feeder in it, window after window.

    Cuts that hold something back stay from solve to solve: they are true whatever the window.

    Parameters
    ----------
    tree : FeederTree
        The network.
    block : pyomo Block
        Of `declare_network`, in the problem.
    solver : CompiledHighs
        The problem. Nobody else adds rows to it.
    tolerance : AcTolerance
        When a schedule counts as an AC power flow.
    """

    def __init__(
        self,
        tree: FeederTree,
        block: Any,
        solver: CompiledHighs,
        *,
        tolerance: AcTolerance | None = None,
    ) -> None:
        self.tree, self._block, self._solver = tree, block, solver
        self.tolerance = tolerance or AcTolerance()
        self._columns = NetworkColumns(solver, block, tree)
        self._pool = RowPool(solver, self._columns)
        self._balance = solver.rows(block.balance_p.values())
        self._steps = len(block.time)
        self.rate(None)

    def rate(self, share: FloatArray | None) -> None:
        """Say what the ratings are in each step, before a solve.

        Parameters
        ----------
        share : (lines + trafos, steps) array or None
            Of the feeder's own; these by default.
        """
        ends = self.tree.ends
        self._max_pu = np.repeat(ends.max_pu[:, None], self._steps, axis=1)
        if share is not None:
            self._max_pu *= share[ends.element]
        self._most_pu2 = self.tree.most_in_series(self._max_pu) ** 2
        rows = self._pool.rows
        is_end = np.flatnonzero(rows.kind == RowKind.END)
        due = self._max_pu[rows.about[is_end], rows.step[is_end]] ** 2
        stale = np.zeros(len(rows), dtype=bool)
        stale[is_end] = rows.upper[is_end] != due
        self._pool.drop(stale)

    def move_ahead(self, steps: int) -> None:
        """Move the window: what was learnt about a step is where that step is now."""
        self._pool.move_ahead(steps)

    def solve(self, *, agent: str, step: int) -> AcSchedule:
        """Solve with the numbers that stand in the problem's Params.

        The objective is a cost. With binaries: relaxed until the cuts converge, then as they are.

        Parameters
        ----------
        agent : str
            Whose problem it is, for messages.
        step : int
            First step of the window, for messages.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        self._agent, self._step = agent, step
        self._start()
        if len(self._solver.integers):
            last, multipliers, outcome = self._solve_whole()
        else:
            last, outcome = self._refine()
            multipliers = self._multipliers()
        self._pool.mark_tight()
        return AcSchedule(
            status=self._statuses(last),
            points=last.points,
            slack_kw=frozen(last.slack_kw),
            planned_slack_kw=frozen(last.planned_slack_kw),
            current_excess=frozen(last.current_excess),
            voltage_excess_pu=frozen(last.voltage_excess_pu),
            rounds=self._rounds,
            cuts=self._cuts,
            outcome=outcome,
            multipliers=multipliers,
        )

    def _solve_whole(self) -> tuple[_Round, Multipliers, Outcome]:
        """Solve a problem with integer variables: relaxed, then whole, then held for its duals.

        Held as the MILP has them, the rest is an LP again, whose schedule is the one that counts.
        """
        solver = self._solver
        with solver.integers_relaxed():
            self._refine()
        self._pool.drop(~self._pool.is_tight())  # a MILP solves its LP many times
        _, whole = self._refine()
        with solver.integers_held(solver.solution[solver.integers]):
            last, held = self._refine()
            multipliers = self._multipliers()
        return last, multipliers, replace(held, bound=min(whole.bound, held.objective))

    def _start(self) -> None:
        self._pool.keep_marked()
        self._mode = np.full(self._steps, _Mode.CUT)
        self._held_i2_pu = np.zeros_like(self._most_pu2)
        self._held_rounds = np.zeros(self._steps, dtype=np.int64)
        self._rounds = self._cuts = 0
        self._set_current_limits()

    # ---------------------------------------------------------------------------------- rounds
    def _refine(self) -> tuple[_Round, Outcome]:
        """Go round until no step is off, or nothing more can be done about those that are."""
        last_number = CUT_ROUNDS + LATE_ROUNDS + HELD_ROUNDS
        for number in range(1, last_number + 1):
            outcome = self._solver.solve(agent=self._agent, step=self._step)
            last = self._read_round()
            off = last.is_off(self.tolerance)
            if not off.any() or number == last_number:
                break
            free = off & (self._mode != _Mode.HELD)
            lost = self._add_cuts(last, free)
            if number >= CUT_ROUNDS:
                lost |= free & (self._false_loss_kw(last) > self.tolerance.slack_kw)
            if number >= CUT_ROUNDS + LATE_ROUNDS:
                lost = free
            self._mode[lost] = _Mode.HELD
            self._hold(last, off & (self._mode == _Mode.HELD))
        return last, outcome

    def _read_round(self) -> _Round:
        """Read the plan and sweep the feeder at it."""
        tree, solver, block = self.tree, self._solver, self._block
        self._rounds += 1
        shape = (len(tree.buses), self._steps)
        drawn_kw = solver.get(block.drawn_kw).reshape(shape)
        points = tree.solve(drawn_kw, solver.get(block.drawn_kvar).reshape(shape))
        planned_kw = solver.get(block.import_kw) - solver.get(block.export_kw)
        return _Round(
            planned=self._columns.read(solver.solution),
            true=_true_flows(tree, points),
            points=points,
            planned_slack_kw=planned_kw,
            slack_kw=np.where(points.is_solved, tree.slack_kw(points), planned_kw),
            current_excess=np.maximum(self._loading(points).max(axis=0, initial=0.0) - 1.0, 0.0),
            voltage_excess_pu=tree.voltage_excess_pu(points),
        )

    def _loading(self, points: RadialPoints) -> FloatArray:
        """Give currents as shares of the ratings of their steps: (ends, steps) array."""
        ends = self.tree.ends
        currents_pu = self.tree.end_loading(points).T * ends.max_pu[:, None]
        return np.asarray(currents_pu / self._max_pu)

    def _add_cuts(self, last: _Round, off: BoolArray) -> BoolArray:
        """Add what the plan breaks in these steps; give those of them where that is nothing."""
        tree, planned = self.tree, last.planned
        least = self._least_cut()
        at_plan = (planned.cone_pu(tree) - planned.i2_pu > least) & off
        at_true = (tangent_excess(tree, last.true, planned) > least) & off & last.points.is_solved
        self._add(tangents(tree, planned, at_plan))
        self._add(tangents(tree, last.true, at_true))
        at_ends = self._overloaded(planned) & off
        self._add(end_limits(tree, self._max_pu, at_ends))
        is_cut = (at_plan | at_true).any(axis=0) | at_ends.any(axis=0)
        idle = off & ~is_cut
        above = guard_excess(tree, planned) > _GUARD_PU2
        guarded = above & (idle | (off & (self._mode == _Mode.GUARDED)))
        self._add(guards(tree, guarded))
        self._mode[guarded.any(axis=0)] = _Mode.GUARDED
        is_lost: BoolArray = idle & ~guarded.any(axis=0)
        return is_lost

    def _overloaded(self, planned: BranchPoint) -> BoolArray:
        """Tell at which ends a plan exceeds a rating that it does not have as a row yet."""
        ends, share = self.tree.ends, self.tolerance.current_share
        over = end_current2(self.tree, planned) / self._max_pu**2 - 1.0
        return np.asarray(ends.is_charged[:, None] & (over > _CUT_SHARE_OF_CURRENT * 2.0 * share))

    def _false_loss_kw(self, last: _Round) -> FloatArray:
        """Give what a plan loses without a current to it, ``sum r (l - (P^2 + Q^2) / v)``. [kW]"""
        tree = self.tree
        excess = np.maximum(last.planned.i2_pu - last.planned.cone_pu(tree), 0.0)
        return np.asarray((tree.r_pu * tree.base_kw) @ excess)

    def _least_cut(self) -> FloatArray:
        """Give from which squared current on a tangent is worth a row: (branches, steps) array."""
        tree, tolerance = self.tree, self.tolerance
        size_pu = np.hypot(
            tree.r_pu, tree.x_pu
        )  # reactive losses count as much: they move voltages
        by_loss = _CUT_SHARE * tolerance.slack_kw / (size_pu * tree.base_kw)
        by_current = _CUT_SHARE_OF_CURRENT * 2.0 * tolerance.current_share * self._most_pu2
        return np.minimum(by_loss[:, None], by_current)

    def _add(self, rows: AddedRows) -> None:
        self._pool.add(rows)
        self._cuts += len(rows)

    # ------------------------------------------------------------------------------ held losses
    def _hold(self, last: _Round, steps: BoolArray) -> None:
        """Hold squared currents where the AC power flow has them; polygons limit the rest."""
        if not steps.any():
            return
        tree = self.tree
        cone = last.planned.cone_pu(tree)
        target = np.where(last.points.is_solved, last.true.i2_pu, cone)
        is_swinging = self._held_rounds >= _DAMPED_FROM
        moved = np.where(is_swinging, 0.5 * (self._held_i2_pu + target), target)
        self._held_i2_pu[:, steps] = moved[:, steps]
        self._held_rounds[steps] += 1
        self._set_current_limits()
        rows = self._pool.rows
        self._pool.drop(steps[rows.step])
        v2_pu = np.where(last.points.is_solved, last.true.v2_pu, last.planned.v2_pu)
        planned = replace(last.planned, i2_pu=cone)
        loading = self._loading(last.points)
        true = np.where(last.points.is_solved, loading * self._max_pu, 0.0) ** 2
        nearest = np.maximum(end_current2(tree, planned), true)
        is_near = nearest > (_POLYGON_FROM * self._max_pu) ** 2
        self._add(polygons(tree, v2_pu, self._max_pu, is_near & steps))

    def _set_current_limits(self) -> None:
        is_held = self._mode == _Mode.HELD
        low = np.where(is_held, self._held_i2_pu, 0.0)
        high = np.where(is_held, self._held_i2_pu, self._most_pu2)
        self._solver.set(self._block.i2_low_pu, low.ravel())
        self._solver.set(self._block.i2_high_pu, high.ravel())

    # ----------------------------------------------------------------------------------- results
    def _statuses(self, last: _Round) -> tuple[StepStatus, ...]:
        keeps, off = last.keeps_limits(self.tolerance), last.is_off(self.tolerance)
        found = np.where(self._mode == _Mode.HELD, keeps, ~off)
        good = {_Mode.HELD: StepStatus.INEXACT}
        return tuple(
            good.get(_Mode(mode), StepStatus.EXACT) if is_good else StepStatus.VIOLATED
            for mode, is_good in zip(self._mode.tolist(), found.tolist(), strict=True)
        )

    def _multipliers(self) -> Multipliers:
        tree, (row_duals, reduced_costs) = self.tree, self._solver.marginals()
        counts = {RowKind.GUARD: len(tree.child), RowKind.END: len(tree.ends)}
        of_columns = self._columns.read(reduced_costs)
        current2 = np.where(self._mode == _Mode.HELD, 0.0, np.minimum(of_columns.i2_pu, 0.0))
        voltage2 = of_columns.v2_pu.copy()
        voltage2[tree.root] = 0.0  # not a limit but given
        added = {kind: np.zeros((count, self._steps)) for kind, count in counts.items()}
        for kind, total in added.items():
            rows, duals = self._pool.multipliers(row_duals, kind)
            np.add.at(total, (rows.about, rows.step), duals)
        return Multipliers(
            balance=frozen(row_duals[self._balance].reshape(len(tree.buses), self._steps)),
            current2=frozen(current2),
            end2=frozen(added[RowKind.END]),
            voltage2=frozen(voltage2),
            guard=frozen(added[RowKind.GUARD]),
        )


def _true_flows(tree: FeederTree, points: RadialPoints) -> BranchPoint:
    """Give what the AC power flow sends into the branches; meaningless where it has no solution."""
    v_pu, current_pu = points.v_pu.T, points.current_pu.T[tree.child]
    sent = v_pu[tree.parent] * np.conj(current_pu)
    return BranchPoint(sent.real, sent.imag, np.abs(current_pu) ** 2, np.abs(v_pu) ** 2)
