"""Radial feeders of lines only: the tree, and the backward-forward sweep over many points at once.

With ``S`` what the buses consume [pu], ``r`` the slack and ``Z_ij`` the impedance of the lines that
the ways from ``r`` to ``i`` and to ``j`` share, the voltages satisfy ``V + Z conj(S / V) = V_r``.
The sweep iterates this without forming ``Z``: backward, a line carries what the buses behind it
draw; forward, the voltage falls by ``z I``. D. Shirmohammadi et al., "A compensation-based power
flow method for weakly meshed distribution and transmission networks", IEEE Trans. Power Syst. 3(2),
1988, doi:10.1109/59.192932.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandapower.toolbox import pp_elements

from mmgsim.contracts import FloatArray

__all__ = ["RadialNet", "RadialPoints", "radial_obstacles"]

_KW_PER_MW = 1e3
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

# Tables that the sweep carries, or that say nothing of the power flow.
_CARRIED = ("bus", "line", "load", "sgen", "storage", "ext_grid", "switch", "measurement")

BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


# ------------------------------------------------------------------------------------ obstacles
def radial_obstacles(net: Any) -> tuple[str, ...]:
    """Give every reason why the sweep cannot solve a net; none if it can."""
    elements = tuple(_element_obstacles(net))
    # The tree is only drawn if lines are all that joins buses.
    return elements or tuple(_tree_obstacles(net)) or tuple(_line_obstacles(net))


def _element_obstacles(net: Any) -> Iterator[str]:
    for table in sorted(pp_elements()):
        if table not in _CARRIED and table in net and len(net[table]):
            yield f"it has elements of kind {table!r}"
    if net.ext_grid.in_service.astype(bool).sum() != 1:
        yield "it does not have exactly one ext_grid in service"
    if (net.switch.closed.astype(bool) & (net.switch.et == "b")).any():
        yield "closed switches join buses"
    if net.bus.vn_kv.nunique() != 1:
        yield "its buses are on several voltage levels"
    for table in ("load", "sgen", "storage"):
        if not np.isfinite(_consumed_mva(net[table])).all():
            yield f"powers of the table {table!r} are not finite"


def _line_obstacles(net: Any) -> Iterator[str]:
    line = net.line[_is_closed(net)]
    shunts = [name for name in ("c_nf_per_km", "g_us_per_km") if name in line]
    if line[shunts].fillna(0.0).to_numpy(dtype=float).any():
        yield "its lines have capacitance or leakage"
    z_ohm = _impedance_ohm(line)
    if not (np.isfinite(z_ohm) & (z_ohm != 0.0)).all():
        yield "it has lines without impedance"


def _tree_obstacles(net: Any) -> Iterator[str]:
    supplied = len(_branches(net)) + 1
    is_whole = supplied == len(net.bus) and net.bus.in_service.astype(bool).all()
    if not is_whole:
        yield "buses are without supply"
    elif _is_closed(net).sum() > len(net.bus) - 1:
        yield "its lines form a closed loop"


# --------------------------------------------------------------------------------- the net's data
def _is_closed(net: Any) -> BoolArray:
    """Say which lines carry current: in service, and no switch at either end is open."""
    is_open = ~net.switch.closed.astype(bool) & (net.switch.et == "l")
    is_cut = net.line.index.isin(net.switch.element[is_open])
    return np.asarray(net.line.in_service.to_numpy(dtype=bool) & ~is_cut)


def _impedance_ohm(line: Any) -> ComplexArray:
    """Give ``(r + j x) length / parallel``. [ohm]"""
    per_km = line.r_ohm_per_km.to_numpy(np.float64) + 1j * line.x_ohm_per_km.to_numpy(np.float64)
    share = (line.length_km / line.parallel).to_numpy(dtype=np.float64)
    return np.asarray(per_km * share, dtype=np.complex128)


def _consumed_mva(table: Any) -> ComplexArray:
    """Give ``(p + j q) scaling`` of each element in service. [MVA]"""
    power = table.p_mw.to_numpy(dtype=np.float64) + 1j * table.q_mvar.to_numpy(dtype=np.float64)
    is_on = table.in_service.to_numpy(dtype=bool)
    scaled = power * table.scaling.to_numpy(dtype=np.float64)
    return np.where(is_on, scaled, 0.0).astype(np.complex128)


def _slack(net: Any) -> Any:
    return net.ext_grid[net.ext_grid.in_service.astype(bool)].iloc[0]


@dataclass(frozen=True, slots=True)
class _Branch:
    """A line seen from the slack: positions of its buses and of itself in the net's tables."""

    parent: int
    child: int
    line: int


def _branches(net: Any) -> list[_Branch]:
    """Give the lines in an order in which each comes after the one that feeds it."""
    position = net.bus.index.get_indexer
    starts, ends = position(net.line.from_bus).tolist(), position(net.line.to_bus).tolist()
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(len(net.bus))]
    for line in np.flatnonzero(_is_closed(net)).tolist():
        neighbours[starts[line]].append((ends[line], line))
        neighbours[ends[line]].append((starts[line], line))
    root = int(position([_slack(net).bus])[0])
    branches, seen, waiting = [], {root}, [root]
    while waiting:
        parent = waiting.pop()
        for child, line in neighbours[parent]:
            if child not in seen:
                seen.add(child)
                waiting.append(child)
                branches.append(_Branch(parent, child, line))
    return branches


# -------------------------------------------------------------------------------------- the sweep
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
        Current that a bus and all behind it draw: that of the line that feeds it.
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


class RadialNet:
    """A radial net in per unit, as the sweep and its derivatives need it.

    Parameters
    ----------
    net : pandapowerNet
        Without `radial_obstacles`; background at profile value 1. Not kept.
    member_sgens : sequence of int
        Labels of the sgens that carry the microgrids' exchanges.

    Attributes
    ----------
    base_mva, base_ka : float
        Base power and current. [MVA], [kA]
    v_slack_pu : complex
        Voltage at the slack. [pu]
    root : int
        Position of its bus.
    member_bus : (members,) int array
        Positions of the microgrids' buses.
    parent, child, line : (branches,) int arrays
        Positions of the buses of each branch, the one closer to the slack first, and of its line;
        in an order in which each branch comes after the one that feeds it.
    z_pu : (branches,) complex array
        Impedances. [pu]
    is_reversed : (branches,) bool array
        Whether the line is entered in the net with the child first.
    load_pu : (buses,) complex array
        Consumption of the loads at profile value 1. [pu]
    """

    def __init__(self, net: Any, member_sgens: Sequence[int]) -> None:
        position, slack, branches = net.bus.index.get_indexer, _slack(net), _branches(net)
        vn_kv = float(net.bus.vn_kv.iloc[0])
        self.base_mva = float(net.sn_mva)
        self.base_ka = self.base_mva / (np.sqrt(3.0) * vn_kv)
        self.v_slack_pu = complex(slack.vm_pu * np.exp(1j * np.deg2rad(slack.va_degree)))
        self.root = int(position([slack.bus])[0])
        self.member_bus: IntArray = position(net.sgen.bus.loc[list(member_sgens)]).astype(np.int64)
        self.parent = np.array([b.parent for b in branches], dtype=np.int64)
        self.child = np.array([b.child for b in branches], dtype=np.int64)
        self.line = np.array([b.line for b in branches], dtype=np.int64)
        z_ohm = _impedance_ohm(net.line)[self.line]
        self.z_pu: ComplexArray = z_ohm * (self.base_mva / vn_kv**2)
        self.is_reversed: BoolArray = position(net.line.from_bus)[self.line] == self.child
        self._sweep = list(
            zip(self.parent.tolist(), self.child.tolist(), self.z_pu.tolist(), strict=True)
        )
        own = ~net.sgen.index.isin(list(member_sgens))
        self.load_pu = self._at_buses(net.load, position)
        self._steady_pu = self._at_buses(net.storage, position) - self._at_buses(
            net.sgen[own], position
        )

    def _at_buses(self, table: Any, position: Any) -> ComplexArray:
        power_pu = np.zeros(len(self.child) + 1, dtype=np.complex128)
        np.add.at(power_pu, position(table.bus), _consumed_mva(table) / self.base_mva)
        return power_pu

    @property
    def downstream(self) -> FloatArray:
        """The (branches, buses) incidence: 1 where the branch feeds the bus, directly or not."""
        feeds = np.zeros((len(self.child), len(self.child) + 1))
        branch_of = {bus: k for k, bus in enumerate(self.child.tolist())}
        for k in reversed(range(len(self.child))):
            feeds[k, self.child[k]] = 1.0
            if self.parent[k] != self.root:
                feeds[branch_of[int(self.parent[k])]] += feeds[k]
        return feeds

    def solve(self, share: FloatArray, exchange_kw: FloatArray, q_kvar: FloatArray) -> RadialPoints:
        """Solve every point on its own.

        Parameters
        ----------
        share : (points,) array
            Profile values of the background.
        exchange_kw, q_kvar : (points, members) array
            Positive when power leaves the microgrid. [kW], [kvar]
        """
        power_pu = self.background_pu(share)
        sent_pu = (exchange_kw + 1j * q_kvar) / (self.base_mva * _KW_PER_MW)
        for column, bus in enumerate(self.member_bus.tolist()):
            power_pu[:, bus] -= sent_pu[:, column]
        return self.solve_drawn(power_pu)

    def background_pu(self, share: FloatArray) -> ComplexArray:
        """Give what the buses consume without the microgrids. [pu]

        Parameters
        ----------
        share : (points,) array
            Profile values of the background.

        Returns
        -------
        (points, buses) complex array
        """
        background: ComplexArray = share[:, None] * self.load_pu + self._steady_pu
        return background

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
        """Give what each bus and all behind it draw: ``I_b = conj(S_b / V_b) + sum_children I``."""
        current_pu = np.conj(power_pu / v_pu)
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
