"""Where buses stand on a map of the feeder: by their own coordinates, or as a tree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandapower as pp

__all__ = ["Edge", "FeederLayout", "read_layout", "tree_places"]


@dataclass(frozen=True, slots=True)
class Edge:
    """A line, transformer or switch between two buses.

    Parameters
    ----------
    kind : str
        line, trafo or switch.
    index : int
        In its table of the net.
    from_bus, to_bus : int
        Indices of buses.
    """

    kind: str
    index: int
    from_bus: int
    to_bus: int


@dataclass(frozen=True, slots=True)
class FeederLayout:
    """A feeder to be drawn.

    Parameters
    ----------
    places : mapping
        x and y of every bus by its index; equal scales. [any unit]
    edges : tuple of Edge
        What is in service.
    sources : tuple of int
        Buses of the upstream grid.
    is_geographic : bool
        Whether the places are the net's own coordinates.
    """

    places: Mapping[int, tuple[float, float]]
    edges: tuple[Edge, ...]
    sources: tuple[int, ...]
    is_geographic: bool


def read_layout(file: Path) -> FeederLayout:
    """Read the map of a pandapower JSON file; buses without coordinates make it a tree.

    Raises
    ------
    ValueError
        If the file is no pandapower net.
    """
    try:
        net = pp.from_json(str(file))
        has_buses = hasattr(net, "bus")
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is no pandapower net: {error}") from error
    if not has_buses:
        raise ValueError(f"{file} is no pandapower net")
    edges = tuple(_edges(net))
    sources = tuple(int(bus) for bus in net.ext_grid.bus[net.ext_grid.in_service])
    buses = [int(bus) for bus in net.bus.index[net.bus.in_service]]
    places = _own_places(net, buses)
    is_geographic = places is not None
    if places is None:
        places = tree_places(buses, [(edge.from_bus, edge.to_bus) for edge in edges], sources)
    return FeederLayout(places, edges, sources, is_geographic)


def _edges(net: Any) -> Iterator[Edge]:
    opened = net.switch[~net.switch.closed.astype(bool)]
    for kind, table, ends in (
        ("line", net.line, ("from_bus", "to_bus")),
        ("trafo", net.trafo, ("hv_bus", "lv_bus")),
    ):
        is_open = set(opened.element[opened.et == kind[0]])
        for index, row in table[table.in_service.astype(bool)].iterrows():
            if index not in is_open:
                yield Edge(kind, int(index), int(row[ends[0]]), int(row[ends[1]]))
    closed = net.switch[(net.switch.et == "b") & net.switch.closed.astype(bool)]
    for index, row in closed.iterrows():
        yield Edge("switch", int(index), int(row["bus"]), int(row["element"]))


def _own_places(net: Any, buses: Sequence[int]) -> dict[int, tuple[float, float]] | None:
    """Give the coordinates in the net, None where a bus lacks them or all are the same."""
    if "geo" not in net.bus:
        return None
    places = {}
    for bus in buses:
        try:
            x, y = json.loads(net.bus.geo.at[bus])["coordinates"][:2]
            places[bus] = (float(x), float(y))
        except (TypeError, ValueError, KeyError):
            return None
    return places if len(set(places.values())) > 1 else None


def tree_places(
    buses: Sequence[int], links: Sequence[tuple[int, int]], sources: Sequence[int]
) -> dict[int, tuple[float, float]]:
    """Place buses by their distance from the source, and the branches beside each other.

    The longest branch goes straight on; the same input gives the same places. Of meshes, the tree
    of least hops is placed. Islands follow below.

    Parameters
    ----------
    buses : sequence of int
        All of them.
    links : sequence of pairs of int
        Buses that are connected.
    sources : sequence of int
        Where to begin.
    """
    near: dict[int, list[int]] = {bus: [] for bus in buses}
    for one, other in links:
        near[one].append(other)
        near[other].append(one)
    children: dict[int, list[int]] = {}
    order, depth = [], {}
    for root in [*sources, *sorted(buses)]:
        if root in depth:
            continue
        depth[root] = 0
        queue = [root]
        for bus in queue:  # grows while it is walked
            children[bus] = sorted({other for other in near[bus] if other not in depth})
            depth |= dict.fromkeys(children[bus], depth[bus] + 1)
            queue += children[bus]
        order.append((root, queue))
    reach: dict[int, int] = {}
    rows: dict[int, float] = {}
    next_row = 0.0
    for root, queue in order:
        for bus in reversed(queue):
            reach[bus] = 1 + max((reach[child] for child in children[bus]), default=0)
        next_row = _place_rows(root, children, reach, rows, next_row)
    return {bus: (float(depth[bus]), -rows[bus]) for bus in buses}


def _place_rows(
    root: int,
    children: Mapping[int, Sequence[int]],
    reach: Mapping[int, int],
    rows: dict[int, float],
    first_row: float,
) -> float:
    """Give every bus below a root its row, a new one for every branch; give the next free row."""
    waiting, row = [(root, first_row)], first_row
    next_row = first_row + 1.0
    while waiting:
        bus, row = waiting.pop()
        if np.isnan(row):
            row, next_row = next_row, next_row + 1.0
        rows[bus] = row
        longest_first = sorted(children[bus], key=lambda child: (-reach[child], child))
        waiting += [(branch, float("nan")) for branch in reversed(longest_first[1:])]
        if longest_first:
            waiting.append((longest_first[0], row))
    return next_row
