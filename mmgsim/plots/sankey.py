"""Flows between nodes as a Sankey diagram."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from mmgsim.plots.numbers import brief
from mmgsim.plots.style import faded, layout

__all__ = ["FAINT", "SOLID", "Node", "Stream", "sankey"]

_PAD_PX = 20
"""Between nodes of a column, so that labels of small ones do not touch. [px]"""
_BODY_PX = 260
"""Height of all streams together. [px]"""
_SIDE_PX = 180
"""Room for labels at the outer columns. [px]"""
SOLID, FAINT = 0.5, 0.25
"""Opacity of streams."""


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
    rank : int
        Place from top to bottom.
    """

    label: str
    colour: str
    column: int
    rank: int = 0


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
    is_faint : bool
        Whether it lets more through, as what is hatched in bars.
    """

    source: Node
    target: Node
    amount: float
    what: str
    colour: str
    is_faint: bool = False


def sankey(streams: Sequence[Stream], title: str, *, unit: str) -> go.Figure:
    """Draw streams between columns of nodes; outer columns have their labels outside.

    Parameters
    ----------
    streams : sequence of Stream
        Without circles.
    title : str
        What the picture shows.
    unit : str
        Of all amounts.
    """
    found = dict.fromkeys(node for s in streams for node in (s.source, s.target))
    nodes = sorted(found, key=lambda node: (node.column, node.rank))
    number = {node: at for at, node in enumerate(nodes)}
    through = [max(_into(streams, node), _out_of(streams, node)) for node in nodes]
    columns = _columns(nodes)
    most = max(sum(node.column == column for node in nodes) for column in columns)
    height_px = _BODY_PX + _PAD_PX * (most - 1)
    x = [min(max(columns.index(n.column) / (len(columns) - 1), 0.001), 0.999) for n in nodes]
    y = _heights(nodes, through, height_px)
    texts = [f"{n.label}  <b>{brief(amount)}</b>" for n, amount in zip(nodes, through, strict=True)]
    is_inner = [node.column not in (columns[0], columns[-1]) for node in nodes]
    figure = go.Figure(
        go.Sankey(
            arrangement="fixed",
            valueformat=",.1f",
            valuesuffix=f" {unit}",
            node={
                "label": [t if inner else "" for t, inner in zip(texts, is_inner, strict=True)],
                "customdata": [node.label for node in nodes],
                "color": [node.colour for node in nodes],
                "x": x,
                "y": y,
                "pad": _PAD_PX,
                "thickness": 16,
                "line_width": 0,
                "hovertemplate": "%{customdata}: %{value}<extra></extra>",
            },
            link={
                "source": [number[s.source] for s in streams],
                "target": [number[s.target] for s in streams],
                "value": [s.amount for s in streams],
                "color": [faded(s.colour, FAINT if s.is_faint else SOLID) for s in streams],
                "customdata": [s.what for s in streams],
                "hovertemplate": "%{customdata}: %{value}<br>from %{source.customdata}"
                "<br>to %{target.customdata}<extra></extra>",
            },
        )
    )
    for node, text, at in zip(nodes, texts, y, strict=True):
        if node.column in (columns[0], columns[-1]):
            _add_label(figure, text, at, is_left=node.column == columns[0])
    layout(figure, f"{title} [{unit}]", height=height_px + 80, hovermode="closest")
    return figure.update_layout(margin={"l": _SIDE_PX, "r": _SIDE_PX, "t": 60, "b": 20})


def _add_label(figure: go.Figure, text: str, y: float, *, is_left: bool) -> None:
    figure.add_annotation(
        text=text,
        x=0.0 if is_left else 1.0,
        y=1.0 - y,
        xref="paper",
        yref="paper",
        xanchor="right" if is_left else "left",
        xshift=-14 if is_left else 14,
        yanchor="middle",
        showarrow=False,
    )


def _columns(nodes: Iterable[Node]) -> list[int]:
    return sorted({node.column for node in nodes})


def _into(streams: Sequence[Stream], node: Node) -> float:
    return sum(s.amount for s in streams if s.target == node)


def _out_of(streams: Sequence[Stream], node: Node) -> float:
    return sum(s.amount for s in streams if s.source == node)


def _heights(nodes: Sequence[Node], amounts: Sequence[float], height_px: float) -> list[float]:
    """Give the middle of every node, from 0 at the top to 1: columns are filled evenly.

    plotly scales all amounts so that the fullest column just fits with its gaps; the gaps of the
    other columns take what is left there.
    """
    columns = {
        column: [at for at, node in enumerate(nodes) if node.column == column]
        for column in _columns(nodes)
    }
    sums = {column: sum(amounts[at] for at in places) for column, places in columns.items()}
    scale = min(
        (height_px - _PAD_PX * (len(places) - 1)) / sums[column]
        for column, places in columns.items()
    )
    y = [0.0] * len(nodes)
    for column, places in columns.items():
        gap = (height_px - scale * sums[column]) / len(places)
        top = gap / 2.0
        for at in places:
            y[at] = min(max((top + scale * amounts[at] / 2.0) / height_px, 0.001), 0.999)
            top += scale * amounts[at] + gap
    return y
