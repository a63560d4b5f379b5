r"""A radial grid in per unit, and the backward-forward sweep over many points of it at once.

With ``S`` what the buses consume, ``Y`` the admittances at them, ``r`` the slack and ``Z_ij`` the
impedance that the ways from ``r`` to ``i`` and to ``j`` share, the voltages satisfy
``V + Z (conj(S / V) + Y V) = V_r``. The sweep iterates this without forming ``Z``: backward, a
branch carries what the buses behind it draw; forward, the voltage falls by ``z I``.
D. Shirmohammadi et al., "A compensation-based power flow method for weakly meshed distribution and
transmission networks", IEEE Trans. Power Syst. 3(2), 1988, doi:10.1109/59.192932.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen

__all__ = ["Branches", "RadialGrid", "RadialPoints", "rooted"]

_ITERATIONS = 50
_TOLERANCE_PU = 1e-11
"""Largest change of a voltage in the last iteration.

A point that needs more iterations contracts slowly, as near the nose; it is left to Newton. What
converges within them is then well inside the region where Newton's flat start works as well, so
that both find the same points solvable.
"""
_PLAUSIBLE_PU = (0.5, 1.5)
"""Voltages that are taken from the sweep.

Far outside, the equations have several solutions of which Newton's flat start and the sweep need
not find the same one (seen at 2.5 pu); such points count as not converged.
"""

BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RadialPoints:
    """What the sweep gives, in per unit.

    Parameters
    ----------
    power_pu : (points, buses) complex array
        What was asked for: consumption of the buses.
    v_pu : (points, buses) complex array
        Voltages; meaningless at points that did not converge.
    current_pu : (points, buses) complex array
        Current that a bus and all behind it draw: that of the branch that feeds it.
    is_solved : (points,) bool array
        Whether a point converged, quickly and to plausible voltages.
    """

    power_pu: ComplexArray
    v_pu: ComplexArray
    current_pu: ComplexArray
    is_solved: BoolArray

    def only_solved(self) -> RadialPoints:
        """Leave out the points that did not converge."""
        return self.only(self.is_solved)

    def only(self, of: BoolArray) -> RadialPoints:
        """Give some of the points."""
        return RadialPoints(
            self.power_pu[of], self.v_pu[of], self.current_pu[of], self.is_solved[of]
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Branches:
    """Branches of a tree, in an order in which each comes after the one that feeds it.

    Parameters
    ----------
    parent, child : (branches,) int arrays
        Positions of the buses of each branch, the one closer to the slack first.
    z_pu : (branches,) complex array
        Impedances in series. [pu]
    """

    parent: IntArray
    child: IntArray
    z_pu: ComplexArray


def rooted(buses: int, ends: IntArray, root: int) -> tuple[IntArray, IntArray, IntArray]:
    """Give a tree as seen from the slack; of edges that close a loop, those that come first.

    Parameters
    ----------
    buses : int
        How many there are.
    ends : (edges, 2) int array
        Positions of the buses of each edge.
    root : int
        Position of the slack's bus.

    Returns
    -------
    parent, child : (branches,) int arrays
        As in `Branches`; only what hangs on the slack.
    edge : (branches,) int array
        Position of the edge of each branch.
    """
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(buses)]
    for edge, (start, end) in enumerate(ends.tolist()):
        neighbours[start].append((end, edge))
        neighbours[end].append((start, edge))
    branches, seen, waiting = [], {root}, [root]
    while waiting:
        parent = waiting.pop()
        for child, edge in neighbours[parent]:
            if child not in seen:
                seen.add(child)
                waiting.append(child)
                branches.append((parent, child, edge))
    table = np.array(branches, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


class RadialGrid:
    """A tree of impedances with admittances at its buses.

    Parameters
    ----------
    branches : Branches
        They feed all buses but the slack's.
    root : int
        Position of the slack's bus.
    v_slack_pu : complex
        Voltage there. [pu]
    base_mva : float
        Base power. [MVA]
    y_pu : (buses,) complex array or None
        Admittance to earth at each bus; none by default. [pu]

    Attributes
    ----------
    parent, child, z_pu
        Of the branches.
    """

    def __init__(
        self,
        branches: Branches,
        *,
        root: int,
        v_slack_pu: complex,
        base_mva: float,
        y_pu: ComplexArray | None = None,
    ) -> None:
        self.parent, self.child, self.z_pu = branches.parent, branches.child, branches.z_pu
        self.root, self.v_slack_pu, self.base_mva = root, v_slack_pu, base_mva
        nothing: ComplexArray = np.zeros(len(self.child) + 1, dtype=np.complex128)
        self.y_pu = nothing if y_pu is None else y_pu
        self._has_y = bool(self.y_pu.any())
        self._sweep = list(
            zip(self.parent.tolist(), self.child.tolist(), self.z_pu.tolist(), strict=True)
        )

    @cached_property
    def downstream(self) -> FloatArray:
        """The (branches, buses) incidence: 1 where the branch feeds the bus, directly or not."""
        feeds = np.zeros((len(self.child), len(self.child) + 1))
        branch_of = {bus: k for k, bus in enumerate(self.child.tolist())}
        for k in reversed(range(len(self.child))):
            feeds[k, self.child[k]] = 1.0
            if self.parent[k] != self.root:
                feeds[branch_of[int(self.parent[k])]] += feeds[k]
        return frozen(feeds)

    def solve_drawn(self, drawn_pu: ComplexArray) -> RadialPoints:
        """Solve every point on its own, given what every bus consumes in all.

        Parameters
        ----------
        drawn_pu : (points, buses) complex array
            Net consumption. [pu]
        """
        power_pu = np.ascontiguousarray(drawn_pu.T)
        with np.errstate(all="ignore"):  # a diverging point overflows on its way
            v_pu, is_solved = self._voltages(power_pu)
            current_pu = self._backward(power_pu, v_pu)
            vm_pu, (low_pu, high_pu) = np.abs(v_pu), _PLAUSIBLE_PU
            is_solved &= ((vm_pu >= low_pu) & (vm_pu <= high_pu)).all(axis=0)
        return RadialPoints(drawn_pu, v_pu.T, current_pu.T, is_solved)

    def _voltages(self, power_pu: ComplexArray) -> tuple[ComplexArray, BoolArray]:
        """Iterate until the points have converged; those that are done leave the batch.

        Parameters
        ----------
        power_pu : (buses, points) complex array
            Consumption.
        """
        solved_pu = np.full(power_pu.shape, self.v_slack_pu)
        is_solved = np.zeros(power_pu.shape[1], dtype=bool)
        active, v_pu = np.arange(power_pu.shape[1]), solved_pu.copy()
        for _ in range(_ITERATIONS):
            if not len(active):
                break
            before_pu, v_pu = v_pu, self._forward(self._backward(power_pu, v_pu))
            change_pu = np.abs(v_pu - before_pu).max(axis=0)
            is_good, is_lost = change_pu <= _TOLERANCE_PU, ~np.isfinite(change_pu)
            stays = ~(is_good | is_lost)
            if not stays.all():
                solved_pu[:, active[is_good]] = v_pu[:, is_good]
                is_solved[active[is_good]] = True
                active, v_pu, power_pu = active[stays], v_pu[:, stays], power_pu[:, stays]
        return solved_pu, is_solved

    def _backward(self, power_pu: ComplexArray, v_pu: ComplexArray) -> ComplexArray:
        """Give what buses and all behind them draw: ``conj(S_b / V_b) + Y_b V_b + sum I_child``."""
        current_pu = np.conj(power_pu / v_pu)
        if self._has_y:
            current_pu += self.y_pu[:, None] * v_pu
        for parent, child, _ in reversed(self._sweep):
            current_pu[parent] += current_pu[child]
        return current_pu

    def _forward(self, current_pu: ComplexArray) -> ComplexArray:
        """Give the voltages that these currents leave: ``V_child = V_parent - z I``."""
        v_pu = np.empty_like(current_pu)
        v_pu[self.root] = self.v_slack_pu
        for parent, child, z_pu in self._sweep:
            np.subtract(v_pu[parent], z_pu * current_pu[child], out=v_pu[child])
        return v_pu
