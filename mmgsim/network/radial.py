"""Radial feeders of lines only: why a net is none, and its tables as a tree for the sweep."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandapower.toolbox import pp_elements

from mmgsim.contracts import FloatArray
from mmgsim.network.grid import Branches, RadialGrid, RadialPoints, rooted

__all__ = ["RadialNet", "element_obstacles", "radial_obstacles"]

_KW_PER_MW = 1e3

# Tables that the sweep carries, or that say nothing of the power flow.
_CARRIED = ("bus", "line", "load", "sgen", "storage", "ext_grid", "switch", "measurement")

BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


# ------------------------------------------------------------------------------------ obstacles
def radial_obstacles(net: Any) -> tuple[str, ...]:
    """Give every reason why the sweep cannot solve a net; none if it can."""
    elements = (*element_obstacles(net, _CARRIED), *_level_obstacles(net))
    # The tree is only drawn if lines are all that joins buses.
    return elements or tuple(_tree_obstacles(net)) or tuple(_line_obstacles(net))


def element_obstacles(net: Any, carried: Collection[str]) -> Iterator[str]:
    """Give what a net has beyond one ext_grid and the tables that are carried."""
    for table in sorted(pp_elements()):
        if table not in carried and table in net and len(net[table]):
            yield f"it has elements of kind {table!r}"
    if net.ext_grid.in_service.astype(bool).sum() != 1:
        yield "it does not have exactly one ext_grid in service"
    for table in ("load", "sgen", "storage"):
        if not np.isfinite(_consumed_mva(net[table])).all():
            yield f"powers of the table {table!r} are not finite"


def _level_obstacles(net: Any) -> Iterator[str]:
    if (net.switch.closed.astype(bool) & (net.switch.et == "b")).any():
        yield "closed switches join buses"
    if net.bus.vn_kv.nunique() != 1:
        yield "its buses are on several voltage levels"


def _line_obstacles(net: Any) -> Iterator[str]:
    line = net.line[_is_closed(net)]
    shunts = [name for name in ("c_nf_per_km", "g_us_per_km") if name in line]
    if line[shunts].fillna(0.0).to_numpy(dtype=float).any():
        yield "its lines have capacitance or leakage"
    z_ohm = _impedance_ohm(line)
    if not (np.isfinite(z_ohm) & (z_ohm != 0.0)).all():
        yield "it has lines without impedance"


def _tree_obstacles(net: Any) -> Iterator[str]:
    supplied = len(_branches(net)[1]) + 1
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


def _branches(net: Any) -> tuple[IntArray, IntArray, IntArray]:
    """Give parents, children and lines of the branches; see `rooted`."""
    position, closed = net.bus.index.get_indexer, np.flatnonzero(_is_closed(net))
    ends = np.stack([position(net.line.from_bus), position(net.line.to_bus)], axis=1)
    parent, child, row = rooted(len(net.bus), ends[closed], int(position([_slack(net).bus])[0]))
    return parent, child, closed[row]


# ---------------------------------------------------------------------------------------- the net
class RadialNet(RadialGrid):
    """A radial net in per unit, as the sweep and its derivatives need it.

    Parameters
    ----------
    net : pandapowerNet
        Without `radial_obstacles`; background at profile value 1. Not kept.
    member_sgens : sequence of int
        Labels of the sgens that carry the microgrids' exchanges.

    Attributes
    ----------
    base_ka : float
        Base current. [kA]
    member_bus : (members,) int array
        Positions of the microgrids' buses.
    line : (branches,) int array
        Position of the line of each branch.
    is_reversed : (branches,) bool array
        Whether the line is entered in the net with the child first.
    load_pu : (buses,) complex array
        Consumption of the loads at profile value 1. [pu]
    """

    def __init__(self, net: Any, member_sgens: Sequence[int]) -> None:
        position, slack = net.bus.index.get_indexer, _slack(net)
        parent, child, line = _branches(net)
        vn_kv, base_mva = float(net.bus.vn_kv.iloc[0]), float(net.sn_mva)
        z_pu = _impedance_ohm(net.line)[line] * (base_mva / vn_kv**2)
        super().__init__(
            Branches(parent=parent, child=child, z_pu=z_pu),
            root=int(position([slack.bus])[0]),
            v_slack_pu=complex(slack.vm_pu * np.exp(1j * np.deg2rad(slack.va_degree))),
            base_mva=base_mva,
        )
        self.line = line
        self.base_ka = base_mva / (np.sqrt(3.0) * vn_kv)
        self.member_bus: IntArray = position(net.sgen.bus.loc[list(member_sgens)]).astype(np.int64)
        self.is_reversed: BoolArray = position(net.line.from_bus)[line] == child
        own = ~net.sgen.index.isin(list(member_sgens))
        self.load_pu = self._at_buses(net.load, position)
        self._steady_pu = self._at_buses(net.storage, position) - self._at_buses(
            net.sgen[own], position
        )

    def _at_buses(self, table: Any, position: Any) -> ComplexArray:
        power_pu = np.zeros(len(self.child) + 1, dtype=np.complex128)
        np.add.at(power_pu, position(table.bus), _consumed_mva(table) / self.base_mva)
        return power_pu

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
