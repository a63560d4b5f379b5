"""A radial feeder as an optimisation problem needs it: per-unit tree, limits, background."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network.feeder import Feeder, active_kw, reactive_kvar
from mmgsim.network.grid import RadialPoints
from mmgsim.network.reduced import ReducedFeeder, reduce_feeder
from mmgsim.network.slopes import RadialSystem

__all__ = ["BusSlopes", "FeederTree", "read_tree"]

_KW_PER_MW = 1e3
_ANY_VOLTAGE_PU = (0.5, 1.5)
"""What stands for no voltage limit: beyond it, the sweep takes no solution either."""

ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class BusSlopes:
    """Derivatives at AC points by active power consumed at each bus, reactive power unchanged.

    Parameters
    ----------
    voltage2 : (steps, branches, buses) array
        Of the squared voltage at the end of each branch. [pu/kW]
    current2 : (steps, branches, buses) array
        Of the squared current in series. [pu/kW]
    end2 : (steps, ends, buses) array
        Of the squared current at each of the ends with a rating. [pu/kW]
    loss : (steps, buses) array
        Of all that the network itself takes. [kW/kW]
    series_loss : (steps, buses) array
        Of the part of it that currents lose in the branches. [kW/kW]
    """

    voltage2: FloatArray
    current2: FloatArray
    end2: FloatArray
    loss: FloatArray
    series_loss: FloatArray


class FeederTree:
    """A radial feeder in a per unit of its own, in which no transformer has a ratio.

    A branch is named by its position; it feeds the bus at its end, ``child``. Buses that closed
    switches join are one bus here, which carries the label of the first of them.

    Parameters
    ----------
    feeder : Feeder
        With its limits and background.
    reduced : ReducedFeeder
        Of the feeder.

    Attributes
    ----------
    buses : tuple of int
        pandapower's labels.
    places : dict
        Position of every bus of the feeder, by pandapower's label.
    root : int
        Position of the slack's bus.
    parent, child : (branches,) int arrays
        Positions of the buses of each branch, the one closer to the slack first.
    member_bus : (members,) int array
        Positions of the microgrids' buses.
    r_pu, x_pu : (branches,) arrays
        Impedances in series. [pu]
    g_pu, b_pu : (buses,) arrays
        Conductance and susceptance to earth: cables, iron of transformers, shunts. [pu]
    ends : RatedEnds
        Where ratings hold.
    i_max_pu : (branches,) array
        What the current in series can be at most within the ratings at its ends: they themselves
        where nothing flows to earth; infinite where there is none. [pu]
    ratio : (buses,) array
        Voltage here over voltage in per unit of the bus.
    v_slack_pu : float
        Voltage at the slack. [pu]
    v_min_pu, v_max_pu : (buses,) arrays
        Limits, at all other buses. [pu]
    base_kw : float
        Base power. [kW]
    load_kw, load_kvar : (buses,) arrays
        Consumption of the loads at profile values of 1. [kW], [kvar]
    """

    def __init__(self, feeder: Feeder, reduced: ReducedFeeder) -> None:
        self._feeder, self._grid, self._place_of_bus = feeder, reduced.grid, reduced.place_of_bus
        grid, place_of_bus = reduced.grid, reduced.place_of_bus.tolist()
        self.places = dict(zip(feeder.buses, place_of_bus, strict=True))
        first = np.unique(reduced.place_of_bus, return_index=True)[1]
        self.buses = tuple(feeder.buses[at] for at in first)
        self.root, self.parent, self.child = grid.root, grid.parent, grid.child
        self.member_bus: IntArray = np.array(
            [self.places[int(member.bus or 0)] for member in feeder.members], dtype=np.int64
        )
        self.r_pu, self.x_pu = frozen(grid.z_pu.real), frozen(grid.z_pu.imag)
        self.g_pu, self.b_pu = frozen(grid.y_pu.real), frozen(grid.y_pu.imag)
        self._g_loss_pu, self.ends = reduced.g_loss_pu, reduced.ends
        self.ratio, self.v_slack_pu = reduced.ratio, abs(grid.v_slack_pu)
        self.v_min_pu = frozen(feeder.limits.v_min_pu * self.ratio)
        self.v_max_pu = frozen(feeder.limits.v_max_pu * self.ratio)
        self.i_max_pu = frozen(self.most_in_series(self.ends.max_pu))
        self.base_kw = grid.base_mva * _KW_PER_MW
        self.load_kw = frozen(self._at_buses("load", active_kw(feeder.net.load)))
        self.load_kvar = frozen(self._at_buses("load", reactive_kvar(feeder.net.load)))

    def most_in_series(self, max_pu: FloatArray) -> FloatArray:
        """Give ``(max + |y| V_max) / |share|``, the least of all ends: no current passes it.

        Parameters
        ----------
        max_pu : (ends,) or (ends, steps) array
            Ratings. [pu]

        Returns
        -------
        (branches,) or (branches, steps) array
            As `i_max_pu`. [pu]
        """
        ends, most_pu = self.ends, np.full((len(self.child), *max_pu.shape[1:]), np.inf)
        v_pu = np.where(ends.bus == self.root, self.v_slack_pu, self.v_max_pu[ends.bus])
        size = np.abs(ends.share)
        carries = size > 0.0
        to_earth_pu = (np.abs(ends.y_pu) * v_pu)[carries]
        found = ((max_pu[carries].T + to_earth_pu) / size[carries]).T
        np.minimum.at(most_pu, ends.branch[carries], found)
        return most_pu

    def _at_buses(self, table: str, values: FloatArray) -> FloatArray:
        """Add up values of the elements of a table, the last axis, at their buses."""
        labels = self._feeder.net[table].bus
        places = np.array([self.places[int(label)] for label in labels], dtype=np.int64)
        total = np.zeros((len(self.buses), *values.shape[:-1]))
        np.add.at(total, places, values.T)
        return total.T

    # ------------------------------------------------------------------------------------ limits
    def without_limits(self) -> FeederTree:
        """Give the same feeder with neither current nor voltage limits."""
        free = copy.copy(self)
        free.ends = self.ends.none()
        low_pu, high_pu = _ANY_VOLTAGE_PU
        free.v_min_pu, free.v_max_pu = frozen(low_pu * self.ratio), frozen(high_pu * self.ratio)
        free.i_max_pu = frozen(np.full(len(self.child), np.inf))
        return free

    def with_margin(self, *, current_share: float, voltage_pu: float) -> FeederTree:
        """Give the same feeder with tighter limits: what breaks these by the margin keeps its own.

        Parameters
        ----------
        current_share : float
            Of each rating.
        voltage_pu : float
            At both limits, in per unit of the bus. [pu]
        """
        tight = copy.copy(self)
        tight.ends = replace(self.ends, max_pu=frozen(self.ends.max_pu / (1.0 + current_share)))
        tight.v_min_pu = frozen(self.v_min_pu + voltage_pu * self.ratio)
        tight.v_max_pu = frozen(self.v_max_pu - voltage_pu * self.ratio)
        tight.i_max_pu = frozen(tight.most_in_series(tight.ends.max_pu))
        return tight

    # --------------------------------------------------------------------------------- structure
    @cached_property
    def feeds(self) -> FloatArray:
        """The (branches, branches) incidence: 1 where a branch feeds the child of another."""
        return frozen(self._grid.downstream[:, self.child])

    @cached_property
    def shared_r_pu(self) -> FloatArray:
        """Resistance that the ways from the slack to two children share: (branches, branches)."""
        return frozen(self.feeds.T @ (self.r_pu[:, None] * self.feeds))

    @cached_property
    def shared_x_pu(self) -> FloatArray:
        """Reactance that the ways from the slack to two children share: (branches, branches)."""
        return frozen(self.feeds.T @ (self.x_pu[:, None] * self.feeds))

    @cached_property
    def _system(self) -> RadialSystem:
        return RadialSystem(self._grid, np.arange(len(self.buses)), sent=(1.0,))

    # -------------------------------------------------------------------------------- background
    def background_kw(self, share: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give what the buses consume without the microgrids. [kW], [kvar]

        Parameters
        ----------
        share : (steps,) or (steps, profiles) array
            Profile values of the background; one a profile where elements follow their own.

        Returns
        -------
        p_kw, q_kvar : (buses, steps) arrays

        Raises
        ------
        ValueError
            If there is not one value a profile.
        """
        values, follows = np.asarray(share, dtype=np.float64), self._feeder.follows
        if not follows.is_row(values):
            raise ValueError(f"need profile values {follows.shape_due}; got {values.shape}")
        p_kw, q_kvar = np.zeros((2, len(values), len(self.buses)))
        for table, sign in (("load", 1.0), ("storage", 1.0), ("sgen", -1.0)):
            p_kw += sign * self._at_buses(table, self._drawn(table, "p_mw", values))
            q_kvar += sign * self._at_buses(table, self._drawn(table, "q_mvar", values))
        return p_kw.T, q_kvar.T

    def _drawn(self, table: str, column: str, share: FloatArray) -> FloatArray:
        """Give the power of each element in each step; the microgrids' own are nothing here."""
        elements, follows = self._feeder.net[table], self._feeder.follows
        nominal = active_kw(elements) if column == "p_mw" else reactive_kvar(elements)
        if (table, column) not in follows.columns:
            return np.tile(nominal, (len(share), 1))
        factors = [follows.factors(table, column, one) for one in share]
        return nominal * np.array(factors).reshape(len(share), len(nominal))

    # -------------------------------------------------------------------------------- power flow
    def solve(self, drawn_kw: FloatArray, drawn_kvar: FloatArray) -> RadialPoints:
        """Solve the AC power flow of every step by the sweep.

        Parameters
        ----------
        drawn_kw, drawn_kvar : (buses, steps) arrays
            What the buses consume in all. [kW], [kvar]
        """
        drawn: ComplexArray = drawn_kw + 1j * drawn_kvar
        return self._grid.solve_drawn(np.asarray(drawn.T / self.base_kw, np.complex128))

    def vm_pu(self, points: RadialPoints) -> FloatArray:
        """Give voltages in per unit of the buses: (steps, buses) array. [pu]"""
        return np.asarray(np.abs(points.v_pu) / self.ratio)

    def voltage_excess_pu(self, points: RadialPoints) -> FloatArray:
        """Give how far the worst voltage of a step is beyond its limit, or 0: (steps,). [pu]"""
        size = np.abs(points.v_pu)
        beyond = np.maximum(size - self.v_max_pu, self.v_min_pu - size) / self.ratio
        return np.asarray(np.delete(beyond, self.root, axis=1).max(axis=1, initial=0.0))

    def slack_kw(self, points: RadialPoints) -> FloatArray:
        """Give what is drawn upstream: (steps,) array. [kW]"""
        v_pu, current_pu = points.v_pu[:, self.root], points.current_pu[:, self.root]
        return np.asarray(np.real(v_pu * np.conj(current_pu)) * self.base_kw)

    def losses_kw(self, points: RadialPoints) -> FloatArray:
        """Give all losses of lines and transformers, ``sum r |I|^2 + g |V|^2``: (steps,). [kW]"""
        current2 = np.abs(points.current_pu[:, self.child]) ** 2
        to_earth = np.abs(points.v_pu) ** 2 @ (self._g_loss_pu * self.base_kw)
        return np.asarray(current2 @ (self.r_pu * self.base_kw) + to_earth)

    def end_loading(self, points: RadialPoints) -> FloatArray:
        """Give currents as shares of the ratings: (steps, ends) array."""
        return np.asarray(np.abs(self._end_currents(points)) / self.ends.max_pu)

    def loading(self, points: RadialPoints) -> FloatArray:
        """Give currents as shares of the ratings, the larger of both ends.

        Returns
        -------
        (steps, lines + trafos) array
            0 without rating.
        """
        feeder = self._feeder
        count = len(feeder.lines) + len(feeder.trafos)
        of_elements = np.zeros((count, len(points.v_pu)))
        np.maximum.at(of_elements, self.ends.element, self.end_loading(points).T)
        return of_elements.T

    def _end_currents(self, points: RadialPoints) -> ComplexArray:
        ends = self.ends
        series = points.current_pu[:, self.child][:, ends.branch]
        return np.asarray(ends.share * series + ends.y_pu * points.v_pu[:, ends.bus])

    # -------------------------------------------------------------------------------- derivatives
    def slopes(self, points: RadialPoints) -> BusSlopes:
        """Give derivatives at AC points by what each bus consumes; exact.

        ``d|V|^2 = 2 Re(conj(V) dV)``, ``d|I|^2 = 2 Re(conj(I) dI)``,
        ``dL = sum r d|I|^2 + sum g d|V|^2``.
        """
        buses, ends = np.arange(len(self.buses)), self.ends
        dv, di = self._system.changes(points.power_pu, points.v_pu)
        dv, di = -dv, -di  # by power sent out
        at_buses = np.zeros((len(dv), len(buses), len(buses)), dtype=np.complex128)
        at_buses[:, self.child] = dv
        at_ends = ends.share[:, None] * di[:, ends.branch]
        at_ends += ends.y_pu[:, None] * at_buses[:, ends.bus]
        voltage2 = _of_squares(points.v_pu[:, self.child], dv)
        current2 = _of_squares(points.current_pu[:, self.child], di)
        series_loss = np.einsum("b,sbn->sn", self.r_pu * self.base_kw, current2)
        to_earth = np.einsum("b,sbn->sn", self.g_pu[self.child] * self.base_kw, voltage2)
        return BusSlopes(
            voltage2=frozen(voltage2),
            current2=frozen(current2),
            end2=frozen(_of_squares(self._end_currents(points), at_ends)),
            loss=frozen(series_loss + to_earth),
            series_loss=frozen(series_loss),
        )


def _of_squares(values: Any, changes: Any) -> FloatArray:
    """Give the changes of ``|x|^2``: ``2 Re(conj(x) dx)``."""
    return np.asarray(2.0 * np.real(np.conj(values)[:, :, None] * changes))


def read_tree(feeder: Feeder) -> FeederTree:
    """Give the tree of a feeder.

    It takes lines with capacitance, two-winding transformers, shunts and switches, on any number
    of voltage levels, as long as all buses hang on one ext_grid without a loop.

    Raises
    ------
    ScenarioError
        With every reason why the feeder is not such a tree.
    """
    return FeederTree(feeder, reduce_feeder(feeder))
