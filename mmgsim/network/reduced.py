r"""A radial feeder reduced to a tree of impedances, with transformers, cables and closed switches.

Everything is read from the admittances that pandapower itself solves. Buses joined by closed
switches are one. A branch of pandapower is an ideal ratio ``n`` before a ``pi`` of a series
impedance ``z`` and an admittance at either end. On a tree the ratios go away with the base voltage
of all that is behind them: with ``V' = a V``, where ``a`` is the product of the ratios on the way
from the slack, and ``I' = I / conj(a)``, powers stay what they are, ``z' = z |a|^2`` and
``y' = y / |a|^2``; phase shifts turn voltages and change no magnitude. Parallel branches of the
same ratio are one, and a line that is open at one end is the admittance that its other end sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import Fault, ScenarioError
from mmgsim.network.acpoint import AcSolver, Admittance, read_admittance
from mmgsim.network.feeder import Feeder
from mmgsim.network.grid import Branches, RadialGrid, rooted
from mmgsim.network.radial import element_obstacles

__all__ = ["RatedEnds", "ReducedFeeder", "reduce_feeder"]

_CARRIED = (
    *("bus", "line", "trafo", "load", "sgen", "storage", "ext_grid", "shunt", "switch"),
    "measurement",
)
"""Tables that the reduction carries, or that say nothing of the power flow."""

_SAME = 1e-9
"""Difference at which two ratios, or the two directions of a branch, count as the same."""

BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class RatedEnds:
    """Ends of lines and transformers that have a rating.

    With ``I`` the current in series of the branch, away from the slack, and ``V`` the voltage of
    the bus, ``share I + y V`` flows at the end. Both ends of an element without admittances carry
    the same, so that it has one end, at the bus closer to the slack.

    Parameters
    ----------
    element : (ends,) int array
        Position among all lines, then all transformers of the feeder.
    branch, bus : (ends,) int arrays
        Positions in the tree.
    share : (ends,) complex array
        Part of the branch's current: 1, or less where elements are parallel; 0 for a line that is
        open at its other end.
    y_pu : (ends,) complex array
        Admittance there; negative at the end away from the slack. [pu]
    max_pu : (ends,) array
        Rating. [pu]
    """

    element: IntArray
    branch: IntArray
    bus: IntArray
    share: ComplexArray
    y_pu: ComplexArray
    max_pu: FloatArray

    def __len__(self) -> int:
        """Count the ends."""
        return len(self.element)

    def none(self) -> RatedEnds:
        """Give no ends."""
        return RatedEnds(*(getattr(self, part.name)[:0] for part in fields(self)))

    @property
    def is_charged(self) -> BoolArray:
        """Tell at which ends more flows than a part of the current in series."""
        return np.asarray(self.y_pu != 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class ReducedFeeder:
    """What is left of a feeder.

    Parameters
    ----------
    grid : RadialGrid
        In a per unit of its own, in which no branch has a ratio.
    place_of_bus : (feeder's buses,) int array
        Position in the tree of each bus of the feeder; several where switches join them.
    ratio : (buses,) array
        Voltage of the tree over that in per unit of the bus.
    g_loss_pu : (buses,) array
        Conductance of branches at the buses: what it draws is lost. [pu]
    ends : RatedEnds
        Where ratings hold.
    """

    grid: RadialGrid
    place_of_bus: IntArray
    ratio: FloatArray
    g_loss_pu: FloatArray
    ends: RatedEnds


def reduce_feeder(feeder: Feeder) -> ReducedFeeder:
    """Reduce a feeder.

    Raises
    ------
    ScenarioError
        With every reason why it is not a tree.
    """
    net = feeder.net
    elements = list(element_obstacles(net, _CARRIED))
    if elements:
        _refuse(elements)
    system = _unloaded(feeder)
    if system is None:
        _refuse(["nothing but the slack's bus is supplied"])
    dark = [bus for bus, node in zip(feeder.buses, system.node_of_bus, strict=True) if node < 0]
    if dark:
        _refuse([f"buses are without supply: {', '.join(map(str, dark))}"])
    return _Reduction(feeder, system).result()


def _refuse(reasons: Sequence[str]) -> NoReturn:
    cure = "the network problem takes a radial feeder of lines and two-winding transformers"
    raise ScenarioError("network", [Fault("network", reason, cure) for reason in reasons])


def _unloaded(feeder: Feeder) -> Admittance | None:
    """Solve the feeder with nothing connected, for its admittances."""
    net = feeder.working_net()
    for table in ("load", "sgen", "storage"):
        net[table]["p_mw"], net[table]["q_mvar"] = 0.0, 0.0
    solver = AcSolver(net, feeder.member_sgens)
    nothing = np.zeros(len(feeder.members))
    if not solver.solve(1.0, nothing, nothing):
        _refuse(["its power flow does not converge even without any load"])
    return read_admittance(solver.net)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Branches of pandapower: a ratio before a ``pi``; admittances at the far side of the ratio."""

    ends: IntArray
    ratio: ComplexArray
    series: ComplexArray
    first: ComplexArray
    second: ComplexArray

    @classmethod
    def read(cls, system: Admittance) -> _Rows:
        rows, (first, second) = np.arange(len(system.ends)), system.ends.T
        to_first, to_second = system.y_from.tocsr(), system.y_to.tocsr()
        series = -np.asarray(to_second[rows, first]).ravel() * system.ratio
        back = -np.asarray(to_first[rows, second]).ravel() * np.conj(system.ratio)
        if (np.abs(series - back) > _SAME * np.abs(series)).any():
            _refuse(["it has branches that are not the same both ways"])
        own = np.asarray(to_first[rows, first]).ravel() * np.abs(system.ratio) ** 2
        return cls(
            ends=system.ends,
            ratio=system.ratio,
            series=series,
            first=_cleaned(own - series, series),
            second=_cleaned(np.asarray(to_second[rows, second]).ravel() - series, series),
        )

    def seen_from(self, row: int, node: int) -> complex:
        """Give the admittance of a branch that is open at its other end."""
        near, far = self.first[row], self.second[row]
        scale = abs(self.ratio[row]) ** 2
        if self.ends[row, 1] == node:
            near, far, scale = far, near, 1.0
        return complex((near + self.series[row] * far / (self.series[row] + far)) / scale)


def _cleaned(shunt: ComplexArray, series: ComplexArray) -> ComplexArray:
    """Take what rounding leaves of a difference for nothing."""
    return np.where(np.abs(shunt) > 1e-12 * np.abs(series), shunt, 0.0)


class _Reduction:
    """The steps of a reduction; nodes are pandapower's, places those of the tree."""

    def __init__(self, feeder: Feeder, system: Admittance) -> None:
        self._feeder, self._system, self._rows = feeder, system, _Rows.read(system)
        nodes, first = np.unique(system.node_of_bus, return_index=True)
        nodes = nodes[np.argsort(first)]  # in the order of the buses
        place = np.full(system.y_bus.shape[0], -1, dtype=np.int64)
        place[nodes] = np.arange(len(nodes))
        self._count, self._place_of_bus = len(nodes), place[system.node_of_bus]
        self._places = place[self._rows.ends]
        self._shunt = system.shunt_pu[nodes]
        net = feeder.net
        grid_bus = net.ext_grid.bus[net.ext_grid.in_service.astype(bool)].iloc[0]
        self._root = int(self._place_of_bus[net.bus.index.get_loc(grid_bus)])
        self._v_slack = complex(system.v_pu[nodes[self._root]])

    def result(self) -> ReducedFeeder:
        groups = self._groups()
        ends = self._places[[group[0] for group in groups]].reshape(-1, 2)
        parent, child, edge = rooted(self._count, ends, self._root)
        if len(child) < len(groups):
            _refuse(["its lines and transformers form a closed loop"])
        groups = [groups[k] for k in edge.tolist()]
        ratio = self._ratios(groups, parent)
        base = self._bases(ratio)
        series = np.array([self._rows.series[group].sum() for group in groups])
        z_pu = np.array([base[group[0]] for group in groups]) / series
        y_pu, g_loss_pu = self._shunts(ratio, base)
        return ReducedFeeder(
            grid=RadialGrid(
                Branches(parent=parent, child=child, z_pu=np.asarray(z_pu, np.complex128)),
                root=self._root,
                v_slack_pu=complex(abs(self._v_slack)),
                base_mva=self._system.base_mva,
                y_pu=y_pu,
            ),
            place_of_bus=self._place_of_bus,
            ratio=frozen(ratio),
            g_loss_pu=frozen(g_loss_pu),
            ends=self._ends(groups, (parent, child), ratio, base),
        )

    def _groups(self) -> list[list[int]]:
        """Give the rows of each branch of the tree: those between the same two places."""
        groups: dict[tuple[int, int], list[int]] = {}
        for row, (first, second) in enumerate(self._places.tolist()):
            if first >= 0 and second >= 0 and first != second:
                groups.setdefault((min(first, second), max(first, second)), []).append(row)
        for rows in groups.values():
            turned = self._places[rows, 0] != self._places[rows[0], 0]
            ratio = self._rows.ratio[rows]
            differs = np.abs(np.where(turned, 1.0 / ratio, ratio) - ratio[0]) > _SAME
            if (differs | (turned & (np.abs(ratio - 1.0) > _SAME))).any():
                _refuse(["transformers with different ratios are parallel, a closed loop"])
        return list(groups.values())

    def _ratios(self, groups: list[list[int]], parent: IntArray) -> FloatArray:
        """Give ``|a|`` of all places."""
        ratio = np.ones(self._count)
        for group, start in zip(groups, parent.tolist(), strict=True):
            first, second = self._places[group[0]].tolist()
            own = abs(self._rows.ratio[group[0]])
            if start == first:
                ratio[second] = ratio[first] * own
            else:
                ratio[first] = ratio[second] / own
        return ratio

    def _bases(self, ratio: FloatArray) -> FloatArray:
        """Give ``|a|^2`` of all rows: that of the side of the ratio where their ``pi`` is."""
        first, second = self._places.T
        beyond = ratio[np.maximum(first, 0)] * np.abs(self._rows.ratio)
        return np.asarray(np.where(second >= 0, ratio[second], beyond) ** 2)

    def _open(self) -> Iterator[tuple[int, int]]:
        """Give rows that are open at one end, and the place of the other."""
        for row, places in enumerate(self._places.tolist()):
            if min(places) < 0 <= max(places):
                yield row, max(places)

    def _open_admittance(self, row: int) -> complex:
        node = self._rows.ends[row, int(self._places[row, 0] < 0)]
        return self._rows.seen_from(row, int(node))

    def _shunts(self, ratio: FloatArray, base: FloatArray) -> tuple[ComplexArray, FloatArray]:
        """Give the admittances at all places, and the conductance of branches among them."""
        of_branches = np.zeros(self._count, dtype=np.complex128)
        whole = (self._places >= 0).all(axis=1)
        for side, shunt in enumerate((self._rows.first, self._rows.second)):
            np.add.at(of_branches, self._places[whole, side], (shunt / base)[whole])
        for row, place in self._open():
            of_branches[place] += self._open_admittance(row) / ratio[place] ** 2
        return of_branches + self._shunt / ratio**2, of_branches.real

    # ----------------------------------------------------------------------------------- ratings
    def _ends(
        self,
        groups: list[list[int]],
        branches: tuple[IntArray, IntArray],
        ratio: FloatArray,
        base: FloatArray,
    ) -> RatedEnds:
        system, rows = self._system, self._rows
        limits_ka = self._feeder.ends_max_ka
        element_of = {row: e for e, row in enumerate(system.row_of_branch.tolist()) if row >= 0}
        base_ka = np.stack([system.base_from_ka, system.base_to_ka], axis=1)
        parent, child = branches
        feeding = {bus: branch for branch, bus in enumerate(child.tolist())}
        found: list[tuple[int, int, int, complex, complex, float]] = []

        def most(row: int, side: int) -> float:
            place = self._places[row, side]
            return float(limits_ka[element_of[row], side] / base_ka[row, side] / ratio[place])

        for branch, group in enumerate(groups):
            together = rows.series[group].sum()
            for row in (r for r in group if r in element_of):
                near = int(self._places[row, 1] == parent[branch])
                shunt = np.array([rows.first[row], rows.second[row]]) / base[row]
                share = complex(rows.series[row] / together)
                most_pu = [most(row, near), most(row, 1 - near)]
                places = [int(parent[branch]), int(child[branch])]
                signed = [complex(shunt[near]), -complex(shunt[1 - near])]
                if not shunt.any():
                    most_pu = [min(most_pu)]
                found += [
                    (element_of[row], branch, place, share, y, limit)
                    for place, y, limit in zip(places, signed, most_pu, strict=False)
                ]
        for row, place in self._open():
            if row in element_of:
                side = int(self._places[row, 0] < 0)
                y = self._open_admittance(row) / ratio[place] ** 2
                branch = feeding.get(place, 0)
                found.append((element_of[row], branch, place, 0j, y, most(row, side)))
        return _as_ends([one for one in found if np.isfinite(one[-1])])


def _as_ends(found: list[tuple[int, int, int, complex, complex, float]]) -> RatedEnds:
    columns = list(zip(*found, strict=True)) or [()] * 6
    kinds = (np.int64, np.int64, np.int64, np.complex128, np.complex128, np.float64)
    return RatedEnds(*(np.array(c, dtype=kind) for c, kind in zip(columns, kinds, strict=True)))
