"""What a kWh is worth at every bus, where a mechanism knows what limits of the network are worth.

    ``energy + loss price * dL/dp + sum worth * d(share of the limit)/dp``

with the exact derivatives of the AC power flow by what a bus consumes. At the buses of microgrids
the mechanism has a price of its own; what the parts leave of it is the residual: rows are tangents
at patterns near by, not at this one, and reactive power follows a microgrid's exchange. See
`mmgsim.subproblems.dlmp` for the prices of the DNO's own problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import FloatArray, LimitKind, ShadowPrices, frozen
from mmgsim.network import BusSlopes, FeederTree, RadialPoints

__all__ = ["BusPrices", "bus_prices"]


@dataclass(frozen=True, slots=True, eq=False)
class BusPrices:
    """Prices of one step at all buses, (buses,) arrays; the parts add up to the price.

    Parameters
    ----------
    buses : tuple of int
        pandapower's labels.
    price, energy, loss, congestion, voltage, residual : (buses,) array
        As in `LocationalPrices`; the residual is 0 where nobody has a price of its own.
        [currency/kWh]
    """

    buses: tuple[int, ...]
    price: FloatArray
    energy: FloatArray
    loss: FloatArray
    congestion: FloatArray
    voltage: FloatArray
    residual: FloatArray


def bus_prices(
    tree: FeederTree,
    shadow: ShadowPrices,
    offset: int,
    drawn: tuple[FloatArray, FloatArray],
    members: Mapping[str, int],
) -> BusPrices | None:
    """Give the prices of a step, None where there is no power flow.

    Parameters
    ----------
    tree : FeederTree
        The network.
    shadow : ShadowPrices
        What its limits were worth.
    offset : int
        Position of the step in the window of `shadow`.
    drawn : pair of (buses,) arrays
        What the buses of the tree consume in all. [kW], [kvar]
    members : mapping
        pandapower's label of the bus of each microgrid, by its name.
    """
    points = tree.solve(*(one[:, None] for one in drawn))
    if not points.is_solved[0]:
        return None
    slopes = tree.slopes(points)
    count = len(tree.buses)
    energy = np.full(count, shadow.energy_per_kwh[offset])
    loss = shadow.loss_per_kwh[offset] * slopes.loss[0]
    congestion, voltage = np.zeros((2, count))
    for number, at in enumerate(shadow.offset):
        if at == offset:
            kind, element = shadow.limit_kind[number], shadow.element[number]
            part = congestion if kind is LimitKind.CURRENT else voltage
            part += shadow.worth_per_h[number] * _share(tree, points, slopes, kind, element)
    explained = energy + loss + congestion + voltage
    residual, sharing = np.zeros(count), np.zeros(count)
    for name, bus in members.items():
        place = tree.places[bus]
        residual[place] += shadow.prices_per_kwh[name][offset] - explained[place]
        sharing[place] += 1.0
    residual /= np.maximum(sharing, 1.0)  # where several share a bus, what theirs have in common
    places = list(tree.places.values())
    parts = (explained + residual, energy, loss, congestion, voltage, residual)
    return BusPrices(tuple(tree.places), *(frozen(part[places]) for part in parts))


def _share(
    tree: FeederTree, points: RadialPoints, slopes: BusSlopes, kind: LimitKind, element: int
) -> FloatArray:
    """Give how much of a limit each kW consumed at a bus takes up: (buses,) array. [1/kW]

    ``|V| / V_max`` and ``- |V| / V_min`` of a bus, ``|I| / I_max`` of the fuller end of a branch.
    """
    if kind is LimitKind.CURRENT:
        ends = np.flatnonzero(tree.ends.element == element)
        loading = tree.end_loading(points)[0]
        end = ends[np.argmax(loading[ends])]
        change: FloatArray = slopes.end2[0, end] / (2.0 * loading[end] * tree.ends.max_pu[end] ** 2)
        return change
    place = list(tree.places.values())[element]
    (branch,) = np.flatnonzero(tree.child == place)
    size = float(np.abs(points.v_pu[0, place]))
    rise: FloatArray = slopes.voltage2[0, branch] / (2.0 * size)
    if kind is LimitKind.VOLTAGE_MAX:
        return np.asarray(rise / tree.v_max_pu[place])
    return np.asarray(-rise / tree.v_min_pu[place])
