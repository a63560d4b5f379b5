"""Rows that are added to the problem of a feeder while it is solved, and the pool that keeps them.

Four kinds, each about one step:

- tangents of the cone ``l >= (P^2 + Q^2) / v``: at a point ``(P', Q', v')`` with
  ``l' = (P'^2 + Q'^2) / v'`` the right-hand side, which is convex and homogeneous of degree one,
  is at least ``2 P'/v' P + 2 Q'/v' Q - l'/v' v``. They hold for every current that can flow, so
  they are kept from window to window;
- guards: the voltage that the same powers would leave without any losses, ``V^2 + C l``, is above
  the true one, and kept below the upper limit. Losses that do not exist cannot lower it [1]_. They
  are stricter than the limit itself, so that they only stand where it is needed;
- end limits: where something flows to earth, the current at an end is ``s I + y V`` with ``I`` that
  in series, and ``|s|^2 l + 2 Re(y conj(s) S) + |y|^2 v`` its square, with ``S`` and ``v`` there:
  linear;
- polygons: what an end carries of ``(P, Q)`` at a given voltage and current limit.

References
----------
.. [1] L. Gan, N. Li, U. Topcu and S. H. Low, "Exact convex relaxation of optimal power flow in
   radial networks", IEEE Trans. Autom. Control 60(1), 2015, doi:10.1109/TAC.2014.2332712.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.network import FeederTree
from mmgsim.subproblems.compiled import CompiledHighs

__all__ = [
    "POLYGON_SIDES",
    "AddedRows",
    "BranchPoint",
    "NetworkColumns",
    "RowKind",
    "RowPool",
    "end_current2",
    "end_limits",
    "guard_excess",
    "guards",
    "lossless_shift",
    "polygons",
    "tangent_excess",
    "tangents",
]

POLYGON_SIDES = 16
"""Sides of the polygon inside the circle of a current limit: 1.9 % less at its flattest."""

_TIGHT = 1e-6
"""Distance from its limit at which a row counts as one that holds something back. [pu]"""

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


class RowKind(IntEnum):
    """What a row says."""

    TANGENT = 0
    GUARD = 1
    POLYGON = 2
    END = 3


_LASTING = (RowKind.TANGENT, RowKind.END)
"""Rows that are true whatever the window."""


@dataclass(frozen=True, slots=True, eq=False)
class BranchPoint:
    """Flows into the branches, in per unit, over a window.

    Parameters
    ----------
    p_pu, q_pu : (branches, steps) arrays
        Power sent into each branch.
    i2_pu : (branches, steps) array
        Squared current.
    v2_pu : (buses, steps) array
        Squared voltage.
    """

    p_pu: FloatArray
    q_pu: FloatArray
    i2_pu: FloatArray
    v2_pu: FloatArray

    def cone_pu(self, tree: FeederTree) -> FloatArray:
        """Give the squared current that belongs to power and voltage: ``(P^2 + Q^2) / v``."""
        return np.asarray((self.p_pu**2 + self.q_pu**2) / self.v2_pu[tree.parent])


class NetworkColumns:
    """Where the variables of a block of `declare_network` stand in a compiled problem.

    Rows are written in the columns of one step, its own: P, Q and squared current of all branches,
    then squared voltage of all buses.

    Attributes
    ----------
    of_step : (columns of a step, steps) int array
        Positions in the problem.
    """

    def __init__(self, solver: CompiledHighs, block: Any, tree: FeederTree) -> None:
        self.branches = len(tree.child)
        parts = (block.p_pu, block.q_pu, block.i2_pu, block.v2_pu)
        steps = len(block.time)
        self.of_step = np.concatenate([solver.columns(part).reshape(-1, steps) for part in parts])

    def read(self, values: FloatArray) -> BranchPoint:
        """Give the flows at a solution."""
        n, found = self.branches, values[self.of_step]
        return BranchPoint(found[:n], found[n : 2 * n], found[2 * n : 3 * n], found[3 * n :])


@dataclass(frozen=True, slots=True, eq=False)
class AddedRows:
    """Rows ``entries @ columns of the step <= upper``.

    Parameters
    ----------
    kind, step : (rows,) int arrays
        `RowKind`, and the step that a row is about.
    about : (rows,) int array
        The branch or, of end limits and polygons, the end that a row is about.
    upper : (rows,) array
        Limit.
    entries : sparse (rows, columns of a step) array
        Coefficients.
    """

    kind: IntArray
    step: IntArray
    about: IntArray
    upper: FloatArray
    entries: Any

    @classmethod
    def none(cls, columns: NetworkColumns) -> AddedRows:
        """Give no rows."""
        nothing, entries = np.zeros(0, dtype=np.int64), (0, len(columns.of_step))
        return cls(nothing, nothing, nothing, np.zeros(0), sparse.csr_array(entries, dtype=float))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.step)

    def only(self, chosen: BoolArray | IntArray) -> AddedRows:
        """Give some of the rows."""
        return AddedRows(
            self.kind[chosen],
            self.step[chosen],
            self.about[chosen],
            self.upper[chosen],
            self.entries[chosen],
        )

    def spread(self, columns: NetworkColumns, width: int) -> Any:
        """Give the entries over all columns of the problem."""
        local = self.entries.tocoo()
        places = columns.of_step[local.col, self.step[local.row]]
        return sparse.csr_array((local.data, (local.row, places)), shape=(len(self), width))


def joined(parts: Sequence[AddedRows]) -> AddedRows:
    """Put rows one after the other."""
    return AddedRows(
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.about for part in parts]),
        np.concatenate([part.upper for part in parts]),
        sparse.csr_array(sparse.vstack([part.entries for part in parts])),
    )


# ---------------------------------------------------------------------------------------- kinds
def tangents(tree: FeederTree, point: BranchPoint, wanted: BoolArray) -> AddedRows:
    """Give the tangents of the cone at some points.

    Parameters
    ----------
    tree : FeederTree
        The network.
    point : BranchPoint
        Where they touch; of its currents nothing is used.
    wanted : (branches, steps) bool array
        Which ones.
    """
    branch, step = np.nonzero(wanted)
    n, count = len(tree.child), len(branch)
    v2 = point.v2_pu[tree.parent[branch], step]
    p_slope = 2.0 * point.p_pu[branch, step] / v2
    q_slope = 2.0 * point.q_pu[branch, step] / v2
    v_slope = -0.25 * (p_slope**2 + q_slope**2)
    rows = np.tile(np.arange(count), 4)
    places = np.concatenate([branch, n + branch, 2 * n + branch, 3 * n + tree.parent[branch]])
    values = np.concatenate([p_slope, q_slope, -np.ones(count), v_slope])
    shape = (count, 3 * n + len(tree.buses))
    return AddedRows(
        np.full(count, RowKind.TANGENT),
        step,
        branch,
        np.zeros(count),
        sparse.csr_array((values, (rows, places)), shape=shape),
    )


def tangent_excess(tree: FeederTree, touching: BranchPoint, point: BranchPoint) -> FloatArray:
    """Give how far the tangents that touch at one point are broken at another.

    Returns
    -------
    (branches, steps) array
    """
    v2 = touching.v2_pu[tree.parent]
    p_slope, q_slope = 2.0 * touching.p_pu / v2, 2.0 * touching.q_pu / v2
    least = p_slope * point.p_pu + q_slope * point.q_pu
    least -= 0.25 * (p_slope**2 + q_slope**2) * point.v2_pu[tree.parent]
    return np.asarray(least - point.i2_pu)


def lossless_shift(tree: FeederTree) -> FloatArray:
    r"""Give ``C``: how far losses keep each squared voltage below that without any.

    Without losses the branches on the way to ``j`` carry less by what is lost behind them,
    ``C_jd = 2 (R_jd r_d + X_jd x_d) - |z_d|^2 [d on the way to j]``, with ``R, X`` the impedance
    that two ways share. Never negative: ``R_jd >= r_d`` where ``d`` is on the way.

    Returns
    -------
    (branches, branches) array
        By the bus at the end of a branch, and by branch.
    """
    shared = tree.shared_r_pu * tree.r_pu + tree.shared_x_pu * tree.x_pu
    return np.asarray(2.0 * shared - tree.feeds.T * (tree.r_pu**2 + tree.x_pu**2))


def guard_excess(tree: FeederTree, point: BranchPoint) -> FloatArray:
    """Give how far voltages without losses would be above their limit, squared. [pu]

    Returns
    -------
    (branches, steps) array
        By the bus at the end of each branch.
    """
    lossless = point.v2_pu[tree.child] + lossless_shift(tree) @ point.i2_pu
    return np.asarray(lossless - tree.v_max_pu[tree.child, None] ** 2)


def guards(tree: FeederTree, wanted: BoolArray) -> AddedRows:
    """Give the rows that keep voltages without losses below the upper limit.

    Parameters
    ----------
    tree : FeederTree
        The network.
    wanted : (branches, steps) bool array
        By the bus at the end of each branch.
    """
    branch, step = np.nonzero(wanted)
    n, count = len(tree.child), len(branch)
    entries = np.zeros((count, 3 * n + len(tree.buses)))
    entries[:, 2 * n : 3 * n] = lossless_shift(tree)[branch]
    entries[np.arange(count), 3 * n + tree.child[branch]] = 1.0
    return AddedRows(
        np.full(count, RowKind.GUARD),
        step,
        branch,
        tree.v_max_pu[tree.child[branch]] ** 2,
        sparse.csr_array(entries),
    )


def end_current2(tree: FeederTree, point: BranchPoint) -> FloatArray:
    """Give the squared currents at the ends with a rating: (ends, steps) array. [pu]"""
    ends = tree.ends
    columns = np.concatenate([point.p_pu, point.q_pu, point.i2_pu, point.v2_pu])
    return np.asarray(_end_entries(tree, np.arange(len(ends))) @ columns)


def end_limits(tree: FeederTree, max_pu: FloatArray, wanted: BoolArray) -> AddedRows:
    """Give the rows that keep the currents at some ends within their ratings.

    Parameters
    ----------
    tree : FeederTree
        The network.
    max_pu : (ends, steps) array
        Ratings. [pu]
    wanted : (ends, steps) bool array
        Which ones.
    """
    end, step = np.nonzero(wanted)
    kind = np.full(len(end), RowKind.END)
    return AddedRows(kind, step, end, max_pu[end, step] ** 2, _end_entries(tree, end))


def _end_entries(tree: FeederTree, end: IntArray) -> Any:
    """Give ``|s|^2 l + 2 Re(y conj(s) S) + |y|^2 v`` as rows over the columns of a step."""
    share, y_pu = tree.ends.share[end], tree.ends.y_pu[end]
    weight = 2.0 * y_pu * np.conj(share)
    rows = _of_sent(tree, end, weight)
    n, branch, bus = len(tree.child), tree.ends.branch[end], tree.ends.bus[end]
    places = np.concatenate([2 * n + branch, 3 * n + bus])
    values = np.concatenate([np.abs(share) ** 2, np.abs(y_pu) ** 2])
    own = (np.tile(np.arange(len(end)), 2), places)
    return rows + sparse.csr_array((values, own), shape=rows.shape)


def _of_sent(tree: FeederTree, end: IntArray, weight: NDArray[np.complex128]) -> Any:
    """Give ``Re(weight S)`` as rows, with ``S`` what passes an end in series, away from the slack.

    At the bus closer to the slack it is ``P + j Q``, at the other ``P - r l + j (Q - x l)``.
    """
    n, count, branch = len(tree.child), len(end), tree.ends.branch[end]
    is_far = tree.ends.bus[end] == tree.child[branch]
    lost = np.real(weight * (tree.r_pu[branch] + 1j * tree.x_pu[branch]))
    places = np.concatenate([branch, n + branch, 2 * n + branch])
    values = np.concatenate([weight.real, -weight.imag, np.where(is_far, -lost, 0.0)])
    rows = np.tile(np.arange(count), 3)
    return sparse.csr_array((values, (rows, places)), shape=(count, 3 * n + len(tree.buses)))


def polygons(
    tree: FeederTree, v2_pu: FloatArray, max_pu: FloatArray, wanted: BoolArray
) -> AddedRows:
    """Give the sides of the polygons inside the circles ``|conj(s) S + conj(y) v| <= max V``.

    That is the apparent power at an end, at a voltage that is given.

    Parameters
    ----------
    tree : FeederTree
        The network.
    v2_pu : (buses, steps) array
        Squared voltages of the circles. [pu]
    max_pu : (ends, steps) array
        Ratings. [pu]
    wanted : (ends, steps) bool array
        Which ends.
    """
    end, step = (np.repeat(places, POLYGON_SIDES) for places in np.nonzero(wanted))
    side = np.tile(np.arange(POLYGON_SIDES), len(end) // POLYGON_SIDES)
    turn = np.exp(-1j * (2 * side + 1) * np.pi / POLYGON_SIDES)
    ends = tree.ends
    most_pu = max_pu[end, step] * np.sqrt(v2_pu[ends.bus[end], step])
    entries = _of_sent(tree, end, turn * np.conj(ends.share[end])).tolil()
    entries[np.arange(len(end)), 3 * len(tree.child) + ends.bus[end]] = np.real(
        turn * np.conj(ends.y_pu[end])
    )
    return AddedRows(
        np.full(len(end), RowKind.POLYGON),
        step,
        end,
        most_pu * np.cos(np.pi / POLYGON_SIDES),
        sparse.csr_array(entries),
    )


# ----------------------------------------------------------------------------------------- pool
class RowPool:
    """The rows of a feeder in one hot problem, with their places in it.

    Nothing else may add rows to the problem behind the first of these.

    Parameters
    ----------
    solver : CompiledHighs
        The problem.
    columns : NetworkColumns
        Of the feeder in it.
    """

    def __init__(self, solver: CompiledHighs, columns: NetworkColumns) -> None:
        self._solver, self._columns = solver, columns
        self.rows = AddedRows.none(columns)
        self._place = np.zeros(0, dtype=np.int32)
        self._is_kept = np.zeros(0, dtype=bool)

    def add(self, rows: AddedRows) -> None:
        """Add rows to the problem."""
        if not len(rows):
            return
        entries = rows.spread(self._columns, self._solver.shape[1])
        place = self._solver.add_rows(np.full(len(rows), -np.inf), rows.upper, entries)
        self.rows = joined([self.rows, rows])
        self._place = np.concatenate([self._place, place])
        self._is_kept = np.concatenate([self._is_kept, np.isin(rows.kind, _LASTING)])

    def drop(self, chosen: BoolArray) -> None:
        """Take some of the rows out of the problem."""
        if not chosen.any():
            return
        gone = self._place[chosen]
        self._solver.drop_rows(gone)
        self.rows, self._is_kept = self.rows.only(~chosen), self._is_kept[~chosen]
        stay = self._place[~chosen]
        self._place = (stay - np.searchsorted(np.sort(gone), stay)).astype(np.int32)

    def is_tight(self) -> BoolArray:
        """Tell which rows hold something back in the last solution."""
        spread = self.rows.spread(self._columns, self._solver.shape[1])
        return np.asarray(self.rows.upper - spread @ self._solver.solution <= _TIGHT)

    def mark_tight(self) -> None:
        """Remember which tangents and end limits hold something back in the last solution."""
        self._is_kept = self.is_tight() & np.isin(self.rows.kind, _LASTING)

    def keep_marked(self) -> None:
        """Drop all rows but those that `mark_tight` remembers, and what lasts of those since."""
        self.drop(~self._is_kept)

    def move_ahead(self, steps: int) -> None:
        """Keep what is tight and move the window: steps that have passed serve those to come."""
        self.keep_marked()
        count = self._columns.of_step.shape[1]
        rows = self.rows
        self.drop(np.ones(len(rows), dtype=bool))
        self.add(
            AddedRows(rows.kind, (rows.step - steps) % count, rows.about, rows.upper, rows.entries)
        )

    def multipliers(self, row_duals: FloatArray, kind: RowKind) -> tuple[AddedRows, FloatArray]:
        """Give the rows of a kind and their duals, of those of all rows of the problem."""
        chosen = self.rows.kind == kind
        return self.rows.only(chosen), row_duals[self._place[chosen]]
