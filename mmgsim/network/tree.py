"""A radial feeder as an optimisation problem needs it: per-unit tree, limits, background."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import Fault, ScenarioError
from mmgsim.network.feeder import Feeder
from mmgsim.network.powerflow import is_sweepable
from mmgsim.network.radial import RadialNet, RadialPoints
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
        Of the squared current. [pu/kW]
    loss : (steps, buses) array
        Of all losses. [kW/kW]
    """

    voltage2: FloatArray
    current2: FloatArray
    loss: FloatArray


class FeederTree:
    """A radial feeder of lines in per unit.

    A branch is named by its position; it feeds the bus at its end, ``child``. Buses are positions
    in `buses`, the feeder's own labels.

    Parameters
    ----------
    feeder : Feeder
        Without reasons against it in `is_sweepable`.
    radial : RadialNet
        Of the feeder.

    Attributes
    ----------
    buses : tuple of int
        pandapower's labels.
    root : int
        Position of the slack's bus.
    parent, child : (branches,) int arrays
        Positions of the buses of each branch, the one closer to the slack first.
    line : (branches,) int array
        Position of the line of each branch in the feeder's lines.
    member_bus : (members,) int array
        Positions of the microgrids' buses.
    r_pu, x_pu : (branches,) arrays
        Impedances. [pu]
    i_max_pu : (branches,) array
        What each branch may carry; infinite where it has no rating. [pu]
    v_slack_pu, v_min_pu, v_max_pu : float
        Voltage at the slack, and limits at all other buses. [pu]
    base_kw : float
        Base power. [kW]
    load_kw, load_kvar : (buses,) arrays
        Consumption of the loads at profile value 1. [kW], [kvar]
    """

    def __init__(self, feeder: Feeder, radial: RadialNet) -> None:
        self._radial = radial
        self.buses, self._lines = feeder.buses, len(feeder.lines)
        self.root, self.member_bus = radial.root, radial.member_bus
        self.parent, self.child, self.line = radial.parent, radial.child, radial.line
        self.r_pu, self.x_pu = frozen(radial.z_pu.real), frozen(radial.z_pu.imag)
        self.i_max_pu = frozen(feeder.line_max_ka[radial.line] / radial.base_ka)
        self.v_slack_pu = abs(radial.v_slack_pu)
        self.v_min_pu, self.v_max_pu = feeder.limits.v_min_pu, feeder.limits.v_max_pu
        self.base_kw = radial.base_mva * _KW_PER_MW
        self.load_kw = frozen(radial.load_pu.real * self.base_kw)
        self.load_kvar = frozen(radial.load_pu.imag * self.base_kw)

    def without_limits(self) -> FeederTree:
        """Give the same feeder with neither current nor voltage limits."""
        free = copy.copy(self)
        free.i_max_pu = frozen(np.full(len(self.child), np.inf))
        free.v_min_pu, free.v_max_pu = _ANY_VOLTAGE_PU
        return free

    def with_margin(self, *, current_share: float, voltage_pu: float) -> FeederTree:
        """Give the same feeder with tighter limits: what breaks these by the margin keeps its own.

        Parameters
        ----------
        current_share : float
            Of each rating.
        voltage_pu : float
            At both limits. [pu]
        """
        tight = copy.copy(self)
        tight.i_max_pu = frozen(self.i_max_pu / (1.0 + current_share))
        tight.v_min_pu = self.v_min_pu + voltage_pu
        tight.v_max_pu = self.v_max_pu - voltage_pu
        return tight

    @cached_property
    def feeds(self) -> FloatArray:
        """The (branches, branches) incidence: 1 where a branch feeds the child of another."""
        return frozen(self._radial.downstream[:, self.child])

    @cached_property
    def shared_r_pu(self) -> FloatArray:
        """Resistance that the ways from the slack to two children share: (branches, branches)."""
        return frozen(self.feeds.T @ (self.r_pu[:, None] * self.feeds))

    @cached_property
    def shared_x_pu(self) -> FloatArray:
        """Reactance that the ways from the slack to two children share: (branches, branches)."""
        return frozen(self.feeds.T @ (self.x_pu[:, None] * self.feeds))

    def background_kw(self, share: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give what the buses consume without the microgrids. [kW], [kvar]

        Parameters
        ----------
        share : (steps,) array
            Profile values of the background.

        Returns
        -------
        p_kw, q_kvar : (buses, steps) arrays
        """
        drawn = self._radial.background_pu(np.asarray(share, dtype=np.float64)).T * self.base_kw
        return drawn.real, drawn.imag

    def solve(self, drawn_kw: FloatArray, drawn_kvar: FloatArray) -> RadialPoints:
        """Solve the AC power flow of every step by the sweep.

        Parameters
        ----------
        drawn_kw, drawn_kvar : (buses, steps) arrays
            What the buses consume in all. [kW], [kvar]
        """
        drawn: ComplexArray = drawn_kw + 1j * drawn_kvar
        return self._radial.solve_drawn(np.asarray(drawn.T / self.base_kw, np.complex128))

    def losses_kw(self, points: RadialPoints) -> FloatArray:
        """Give all losses at AC points, ``sum r |I|^2``: (steps,) array. [kW]"""
        current2 = np.abs(points.current_pu[:, self.child]) ** 2
        return np.asarray(current2 @ (self.r_pu * self.base_kw))

    def loading(self, points: RadialPoints) -> FloatArray:
        """Give currents as shares of the ratings: (steps, lines) array; 0 without rating."""
        of_lines = np.zeros((len(points.v_pu), self._lines))
        of_lines[:, self.line] = np.abs(points.current_pu[:, self.child]) / self.i_max_pu
        return of_lines

    def slopes(self, points: RadialPoints) -> BusSlopes:
        """Give derivatives at AC points by what each bus consumes; exact.

        ``d|V|^2 = 2 Re(conj(V) dV)``, ``d|I|^2 = 2 Re(conj(I) dI)``, ``dL = sum r d|I|^2``.
        """
        buses = np.arange(len(self.buses))
        dv, di = RadialSystem(self._radial, buses).changes(points.power_pu, points.v_pu)
        v, i = points.v_pu[:, self.child, None], points.current_pu[:, self.child, None]
        # The columns are by power sent out, the first half of them by active power.
        voltage2 = -2.0 * np.real(np.conj(v) * dv[:, :, : len(buses)])
        current2 = -2.0 * np.real(np.conj(i) * di[:, :, : len(buses)])
        return BusSlopes(
            voltage2=frozen(voltage2),
            current2=frozen(current2),
            loss=frozen(np.einsum("b,sbn->sn", self.r_pu * self.base_kw, current2)),
        )


def read_tree(feeder: Feeder) -> FeederTree:
    """Give the tree of a feeder.

    Raises
    ------
    ScenarioError
        With every reason why the feeder is not a tree of lines that the sweep can solve.
    """
    reasons, radial = is_sweepable(feeder), feeder.radial
    if radial is None:
        cure = "the network problem takes a radial feeder of lines on one voltage level"
        raise ScenarioError("network", [Fault("network", reason, cure) for reason in reasons])
    return FeederTree(feeder, radial)
