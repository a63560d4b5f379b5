"""Flows between nodes as a Sankey diagram."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mmgsim.plots.style import faded, layout

__all__ = ["Node", "Stream", "sankey"]

_ROW_PX = 34
"""Room for a node and its label. [px]"""


@dataclass(frozen=True, slots=True)
class Node:
    """Where streams begin and end.

    Parameters
    ----------
    label : str
        Its name on the page.
    colour : str
        As ``#rrggbb``.
    column : int
        Place from left to right, from 0.
    """

    label: str
    colour: str
    column: int


@dataclass(frozen=True, slots=True)
class Stream:
    """What goes from one node to another.

    Parameters
    ----------
    source, target : Node
        From where and to where.
    amount : float
        Above zero, in the unit of the diagram.
    what : str
        What it is.
    colour : str
        As ``#rrggbb``.
    """

    source: Node
    target: Node
    amount: float
    what: str
    colour: str


def sankey(streams: Sequence[Stream], title: str, *, unit: str) -> go.Figure:
    """Draw streams; nodes stand in the order in which they first appear.

    Parameters
    ----------
    streams : sequence of Stream
        Without circles.
    title : str
        What the picture shows.
    unit : str
        Of all amounts.
    """
    nodes = list(dict.fromkeys(node for s in streams for node in (s.source, s.target)))
    number = {node: at for at, node in enumerate(nodes)}
    through = {node: max(_into(streams, node), _out_of(streams, node)) for node in nodes}
    x, y = _places(nodes, [through[node] for node in nodes])
    figure = go.Figure(
        go.Sankey(
            arrangement="snap",
            valueformat=",.1f",
            valuesuffix=f" {unit}",
            node={
                "label": [f"{node.label}  <b>{through[node]:,.0f}</b>" for node in nodes],
                "color": [node.colour for node in nodes],
                "x": x,
                "y": y,
                "pad": 12,
                "thickness": 16,
                "line_width": 0,
                "hovertemplate": "%{label} " + unit + "<extra></extra>",
            },
            link={
                "source": [number[s.source] for s in streams],
                "target": [number[s.target] for s in streams],
                "value": [s.amount for s in streams],
                "color": [faded(s.colour, 0.45) for s in streams],
                "customdata": [s.what for s in streams],
                "hovertemplate": "%{customdata}: %{value}<br>from %{source.label}"
                "<br>to %{target.label}<extra></extra>",
            },
        )
    )
    rows = max(sum(node.column == column for node in nodes) for column in _columns(nodes))
    return layout(
        figure, f"{title} [{unit}]", height=max(360, 100 + _ROW_PX * rows), hovermode="closest"
    ).update_layout(margin={"l": 10, "r": 10, "t": 50, "b": 20})


def _columns(nodes: Iterable[Node]) -> list[int]:
    return sorted({node.column for node in nodes})


def _into(streams: Sequence[Stream], node: Node) -> float:
    return sum(s.amount for s in streams if s.target == node)


def _out_of(streams: Sequence[Stream], node: Node) -> float:
    return sum(s.amount for s in streams if s.source == node)


def _places(nodes: Sequence[Node], amounts: Sequence[float]) -> tuple[list[float], list[float]]:
    """Give x and y from 0 to 1: every column is shared by amount, with room for small nodes."""
    columns = _columns(nodes)
    x, y = [0.0] * len(nodes), [0.0] * len(nodes)
    for place, column in enumerate(columns):
        members = [at for at, node in enumerate(nodes) if node.column == column]
        total = sum(amounts[at] for at in members)
        shares = [0.5 * amounts[at] / total + 0.5 / len(members) for at in members]
        begin = 0.0
        for at, share in zip(members, shares, strict=True):
            # plotly takes places of exactly 0 and 1 for missing ones
            x[at] = min(max(place / (len(columns) - 1), 0.001), 0.999)
            y[at] = min(max(begin + share / 2.0, 0.001), 0.999)
            begin += share
    return x, y
