"""The linear power flows of paper 000 on a radial feeder, and how far each is from AC.

Loads and generators are constant powers; a linear flow makes their currents linear in the voltages.
With ``V = v + j w``, loads ``p + j q`` and generators ``g + j h``, per unit:

- ``taylor``: loads to first order around V = 1, generators to zeroth order. Currents sent out are
  ``p v - q w - 2 p + g  +  j (-q v - p w + 2 q - h)``;
- ``paper``: the same as printed in eq. 7b, with ``+ p w`` in the imaginary part: a wrong sign;
- ``fpi``: currents at the voltages of the last iterate, again and again. At rest it is AC.

The feeder of the paper has lines alone: nothing goes to earth, so cables, iron of transformers and
shunts are refused.

References
----------
.. [1] Paper 000: (7) currents, (8) network, (10) polygons, (13a) losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.network.tree import FeederTree

__all__ = [
    "BusPower",
    "FlowError",
    "LinearFlow",
    "LinearFlowKind",
    "Polygon",
    "PolygonKind",
    "flow_errors",
    "polygon",
    "solve_fpi",
    "solve_linear",
]

ComplexArray = NDArray[np.complex128]


class LinearFlowKind(StrEnum):
    """Which of the linear flows: `PAPER` keeps the printed sign, `TAYLOR` repairs it."""

    PAPER = "paper"
    TAYLOR = "taylor"


@dataclass(frozen=True, slots=True, eq=False)
class BusPower:
    """What loads draw and generators send out at each bus of a `FeederTree`: (buses,) arrays.

    Parameters
    ----------
    load_kw, load_kvar : (buses,) arrays
        [kW], [kvar]
    generation_kw, generation_kvar : (buses,) arrays
        [kW], [kvar]
    """

    load_kw: FloatArray
    load_kvar: FloatArray
    generation_kw: FloatArray
    generation_kvar: FloatArray

    @classmethod
    def of(cls, tree: FeederTree, generation_kw: FloatArray | None = None) -> BusPower:
        """Give the loads of a feeder at profile value 1, and generators at unity power factor."""
        nothing = np.zeros(len(tree.buses))
        sent = nothing if generation_kw is None else generation_kw
        return cls(tree.load_kw, tree.load_kvar, frozen(sent), frozen(nothing))


@dataclass(frozen=True, slots=True, eq=False)
class LinearFlow:
    """What a linear flow gives, in per unit and kW.

    Parameters
    ----------
    voltage_pu : (branches,) complex array
        At the end of each branch. [pu]
    current_pu : (branches,) complex array
        Down each branch. [pu]
    substation_kw : float
        Real part of the slack's voltage times its current: what is drawn from upstream. [kW]
    loss_paper_kw : float
        What is drawn and generated beyond the load (13a): a difference of powers of which some are
        taken at the wrong voltage. [kW]
    loss_kw : float
        ``sum r |I|^2`` of the same currents. [kW]
    """

    voltage_pu: ComplexArray
    current_pu: ComplexArray
    substation_kw: float
    loss_paper_kw: float
    loss_kw: float


def solve_linear(tree: FeederTree, power: BusPower, kind: LinearFlowKind) -> LinearFlow:
    """Solve a linear flow, ``V = v0 + Z I(V)`` with currents linear in the voltages.

    Raises
    ------
    ValueError
        If the feeder has admittances to earth.
    """
    p, q, g, h = _per_unit(tree, power)
    r, x = tree.shared_r_pu, tree.shared_x_pu
    sign = 1.0 if kind is LinearFlowKind.PAPER else -1.0
    # Currents sent out are `slope @ (v, w) + fixed`, real parts first.
    slope = np.block([[np.diag(p), np.diag(-q)], [np.diag(-q), np.diag(sign * p)]])
    fixed = np.concatenate([g - 2.0 * p, 2.0 * q - h])
    impedance = np.block([[r, -x], [x, r]])
    count = len(p)
    slack = np.concatenate([np.full(count, tree.v_slack_pu), np.zeros(count)])
    parts = np.linalg.solve(np.eye(2 * count) - impedance @ slope, slack + impedance @ fixed)
    sent = slope @ parts + fixed
    voltage = parts[:count] + 1j * parts[count:]
    return _flow(tree, power, voltage, sent[:count] + 1j * sent[count:])


def solve_fpi(
    tree: FeederTree, power: BusPower, iterations: int, start_pu: ComplexArray | None = None
) -> LinearFlow:
    """Solve by fixed-point iterations, ``V = v0 + Z conj(S / V_before)``, linear in the powers.

    Parameters
    ----------
    tree, power : FeederTree, BusPower
        The feeder and what hangs on it.
    iterations : int
        How many, at least 1.
    start_pu : (branches,) complex array or None
        First voltages; the slack's if left out. [pu]

    Raises
    ------
    ValueError
        If the feeder has admittances to earth, or there is no iteration.
    """
    if iterations < 1:
        raise ValueError(f"iterations is at least 1, not {iterations}")
    p, q, g, h = _per_unit(tree, power)
    impedance = tree.shared_r_pu + 1j * tree.shared_x_pu
    slack = np.full(len(p), tree.v_slack_pu, dtype=np.complex128)
    voltage = slack if start_pu is None else start_pu
    sent = np.zeros_like(slack)
    for _ in range(iterations):
        sent = np.conj((g - p + 1j * (h - q)) / voltage)
        voltage = slack + impedance @ sent
    return _flow(tree, power, voltage, sent)


def _per_unit(tree: FeederTree, power: BusPower) -> tuple[FloatArray, ...]:
    """Give loads and generators at the ends of the branches. [pu]"""
    if tree.g_pu.any() or tree.b_pu.any():
        raise ValueError(
            "the linear flows of paper 000 know nothing that goes to earth, and this feeder has "
            "cables, transformers or shunts that do: take a feeder of lines, or the AC power flow"
        )
    every = (power.load_kw, power.load_kvar, power.generation_kw, power.generation_kvar)
    return tuple(np.asarray(kw)[tree.child] / tree.base_kw for kw in every)


def _flow(
    tree: FeederTree, power: BusPower, voltage: ComplexArray, sent: ComplexArray
) -> LinearFlow:
    current: ComplexArray = -(tree.feeds @ sent)
    substation_pu = -tree.v_slack_pu * float(sent.sum().real)
    balance_kw = float(power.generation_kw[tree.child].sum() - power.load_kw[tree.child].sum())
    substation_kw = substation_pu * tree.base_kw
    return LinearFlow(
        voltage_pu=voltage,
        current_pu=current,
        substation_kw=substation_kw,
        loss_paper_kw=substation_kw + balance_kw,
        loss_kw=float(tree.r_pu @ np.abs(current) ** 2) * tree.base_kw,
    )


@dataclass(frozen=True, slots=True)
class FlowError:
    """How far a linear flow is from AC.

    Parameters
    ----------
    kind : str
        Which flow; ``fpi:3`` is the third iterate.
    voltage_pu : float
        Largest error of a voltage magnitude. [pu]
    loss_kw, loss_paper_kw : float
        Errors of ``sum r |I|^2`` and of (13a). [kW]
    loss_ac_kw : float
        What AC loses. [kW]
    """

    kind: str
    voltage_pu: float
    loss_kw: float
    loss_paper_kw: float
    loss_ac_kw: float


def flow_errors(
    tree: FeederTree, power: BusPower, *, iterations: Sequence[int] = (1, 2, 3, 4)
) -> tuple[FlowError, ...]:
    """Give the errors of all linear flows beside the feeder's own AC flow.

    Parameters
    ----------
    tree, power : FeederTree, BusPower
        The feeder and what hangs on it.
    iterations : sequence of int
        Which iterates of ``fpi``.

    Raises
    ------
    ValueError
        If the AC flow does not converge.
    """
    points = tree.solve(
        (power.load_kw - power.generation_kw)[:, None],
        (power.load_kvar - power.generation_kvar)[:, None],
    )
    if not points.is_solved.all():
        raise ValueError("the AC power flow of these powers does not converge")
    vm_pu, lost_kw = np.abs(points.v_pu[0, tree.child]), float(tree.losses_kw(points)[0])
    flows = {str(kind): solve_linear(tree, power, kind) for kind in LinearFlowKind}
    flows |= {f"fpi:{count}": solve_fpi(tree, power, count) for count in iterations}
    return tuple(
        FlowError(
            kind=name,
            voltage_pu=float(np.abs(np.abs(flow.voltage_pu) - vm_pu).max()),
            loss_kw=flow.loss_kw - lost_kw,
            loss_paper_kw=flow.loss_paper_kw - lost_kw,
            loss_ac_kw=lost_kw,
        )
        for name, flow in flows.items()
    )


# ------------------------------------------------------------------------------------ polygons
class PolygonKind(StrEnum):
    """A polygon in place of a circle: `SAFE` lies inside it, `RELAXED` around it."""

    SAFE = "safe"
    RELAXED = "relaxed"


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """Linear limits in place of ``|x + j y| <= radius``: ``cosine * x + sine * y <= limit``.

    Parameters
    ----------
    cosine, sine : (sides,) arrays
        Direction of each side.
    limit : float
        Distance of all sides from the origin, in the unit of the radius.
    """

    cosine: FloatArray
    sine: FloatArray
    limit: float

    def corners(self) -> FloatArray:
        """Give where sides meet: (sides, 2) array."""
        turn = np.pi / len(self.cosine)
        angle = np.arctan2(self.sine, self.cosine) + turn
        reach = self.limit / np.cos(turn)
        return np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=1)

    def holds(self, x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
        """Tell which points keep all limits."""
        along = np.multiply.outer(x, self.cosine) + np.multiply.outer(y, self.sine)
        return np.asarray((along <= self.limit).all(axis=-1))


def polygon(radius: float, *, sides: int = 24, kind: PolygonKind = PolygonKind.SAFE) -> Polygon:
    """Give a regular polygon in place of a circle.

    ``relaxed`` touches the circle from outside, as the tangents of (10a, c) do, and lets through
    ``1 / cos(pi / sides) - 1`` too much: 15.5 % with 6 sides, 0.86 % with 24. Its points of touch,
    and the corners of ``safe``, are at multiples of ``2 pi / sides``, so that twice the sides never
    admit less (``safe``) or more (``relaxed``) anywhere.

    Parameters
    ----------
    radius : float
        Of the circle.
    sides : int
        At least 3.
    kind : PolygonKind
        Inside the circle, or around it.
    """
    if sides < 3:
        raise ValueError(f"a polygon has at least 3 sides, not {sides}")
    is_safe, turn = kind is PolygonKind.SAFE, np.pi / sides
    angle = 2.0 * turn * np.arange(sides) + is_safe * turn
    share = np.cos(turn) if is_safe else 1.0
    return Polygon(frozen(np.cos(angle)), frozen(np.sin(angle)), radius * float(share))
