"""The map of the feeder over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from mmgsim.contracts import FloatArray
from mmgsim.plots.clock import told_times
from mmgsim.plots.feeder_view import FeederView
from mmgsim.plots.style import HALO, NEUTRAL, POWERS, faded, layout
from mmgsim.plots.ties import DrawnTie, drawn_ties

__all__ = ["feeder_figure", "moment_figure"]

_CLASSES = (
    (20.0, "#bdbdbd", 2.0),
    (40.0, "#fec44f", 3.0),
    (60.0, "#fe9929", 4.0),
    (80.0, "#d95f0e", 5.5),
    (100.0, "#993404", 7.0),
    (np.inf, "#000000", 9.0),
)
"""Loading up to [%], colour and width [px]: darker and wider is more."""
_VOLTAGES = [
    (0.0, "#2166ac"),
    (0.25, "#67a9cf"),
    (0.5, "#f7f7f7"),
    (0.75, "#ef8a62"),
    (1.0, "#b2182b"),
]
"""From the lowest to the highest voltage allowed; blue and red are told apart by anybody."""


def feeder_figure(feeder: FeederView) -> go.Figure:
    """Draw the map of the feeder with voltages, loading and exchanges, and a slider of time."""
    moments = feeder.moments()
    drawer = _Map(feeder)
    first = drawer.moving(feeder.tightest_step, is_first=True)
    figure = go.Figure(data=[*first, *drawer.still()])
    figure.frames = [
        {"name": str(step), "data": drawer.moving(step), "traces": list(range(len(first)))}
        for step in moments
    ]
    layout(
        figure,
        "Voltages, line loading and exchanges",
        height=760,
        hovermode="closest",
        legend={"title": "line loading [%]", "x": 1.01, "y": 1.0, "yanchor": "top"},
        sliders=[_slider(feeder, moments)],
        updatemenus=[_PLAYER],
    )
    return _framed(figure, feeder)


def moment_figure(feeder: FeederView, *, most_kw: float) -> go.Figure:
    """Draw the map of the feeder at the last of its steps.

    Parameters
    ----------
    feeder : FeederView
        One step is enough.
    most_kw : float
        The exchange that is drawn largest, so that steps can be compared. [kW]
    """
    drawer = _Map(feeder, most_kw)
    figure = go.Figure(data=[*drawer.moving(-1, is_first=True), *drawer.still()])
    layout(
        figure,
        "Voltages, line loading and exchanges",
        hovermode="closest",
        legend={"title": "line loading [%]", "x": 1.01, "y": 1.0, "yanchor": "top"},
    )
    return _framed(figure, feeder)


def _framed(figure: go.Figure, feeder: FeederView) -> go.Figure:
    """Give the map room for its labels, and no axes: places have no unit."""
    figure.update_layout(margin={"l": 20, "r": 20, "t": 60, "b": 20})
    places = np.array(list(feeder.layout.places.values()))
    low, span = places.min(axis=0), np.maximum(np.ptp(places, axis=0), 1.0)
    ends = np.array([low - _EDGE * span, places.max(axis=0) + _EDGE * span])
    figure.update_xaxes(visible=False, range=ends[:, 0].tolist())
    figure.update_yaxes(visible=False, range=ends[:, 1].tolist())
    if feeder.layout.is_geographic:
        figure.update_yaxes(scaleanchor="x")
    return figure


def _slider(feeder: FeederView, moments: Sequence[int]) -> dict[str, Any]:
    labels = told_times(feeder.vm_pu.index.to_series())
    steps = [
        {"label": labels[step], "method": "animate", "args": [[str(step)], _AT_ONCE]}
        for step in moments
    ]
    return {
        "active": moments.index(feeder.tightest_step),
        "steps": steps,
        "x": 0.08,
        "len": 0.92,
        "y": 0.0,
        "pad": {"t": 30},
        "currentvalue": {
            "prefix": "step from ",
            "font": {"size": 15, "color": "#222222"},
            "xanchor": "right",
        },
        "ticklen": 0,
        "minorticklen": 0,
        "font": {"color": "rgba(0,0,0,0)"},
    }


_AT_ONCE = {
    "mode": "immediate",
    "frame": {"duration": 0, "redraw": False},
    "transition": {"duration": 0},
}
_PLAYER = {
    "type": "buttons",
    "direction": "left",
    "showactive": False,
    "x": 0.0,
    "y": 0.0,
    "xanchor": "left",
    "yanchor": "top",
    "pad": {"t": 48},
    "buttons": [
        {
            "label": "▶",
            "method": "animate",
            "args": [
                None,
                {
                    "frame": {"duration": 250, "redraw": False},
                    "transition": {"duration": 0},
                    "fromcurrent": True,
                },
            ],
        },
        {"label": "❚❚", "method": "animate", "args": [[None], _AT_ONCE]},
    ],
}


class _Map:
    """The traces of the map: those that move with time, and those that do not."""

    def __init__(self, feeder: FeederView, most_kw: float = 0.0) -> None:
        self._feeder = feeder
        places = feeder.layout.places
        edges = [e for e in feeder.layout.edges if e.from_bus in places and e.to_bus in places]
        known = set(map(int, feeder.loading_percent.columns.tolist()))
        self._lines = [e for e in edges if e.kind == "line" and e.index in known]
        self._others = [e for e in edges if not (e.kind == "line" and e.index in known)]
        self._ends = np.array(
            [[places[line.from_bus], places[line.to_bus]] for line in self._lines], dtype=np.float64
        ).reshape(-1, 2, 2)
        self._buses = [bus for bus in map(int, feeder.vm_pu.columns.tolist()) if bus in places]
        self._vm_pu = feeder.vm_pu[self._buses].to_numpy(np.float64)
        self._loading = feeder.loading_percent[[e.index for e in self._lines]].to_numpy(np.float64)
        self._members = [m for m in feeder.view.microgrids if feeder.microgrid_bus[m] in places]
        dispatch = feeder.view.frame("dispatch")
        exchange_kw = dispatch.pivot_table(index="time", columns="microgrid", values="exchange_kw")
        self._exchange_kw = exchange_kw[self._members].to_numpy(np.float64)
        self._most_kw = max(float(np.abs(self._exchange_kw).max(initial=0.0)), most_kw, 1e-3)

    def moving(self, step: int, *, is_first: bool = False) -> list[dict[str, Any]]:
        """Give what changes from step to step; the first time also what stays."""
        loading, vm_pu = self._loading[step], self._vm_pu[step]
        traces = self._classes(loading)
        traces += [
            {"type": "scatter", "customdata": np.round(loading, 1).astype(np.float32)},
            {"type": "scatter", "marker": {"color": vm_pu.astype(np.float32)}},
            self._exchanges(step),
        ]
        if is_first:
            for trace, still in zip(traces, self._first(), strict=True):
                marker = {**still.pop("marker", {}), **trace.pop("marker", {})}
                trace.update(still)
                if marker:
                    trace["marker"] = marker
        return traces

    def still(self) -> list[dict[str, Any]]:
        """Give what never changes: transformers, switches and the source."""
        places = self._feeder.layout.places
        ends = np.array(
            [[places[e.from_bus], places[e.to_bus]] for e in self._others], dtype=np.float64
        ).reshape(-1, 2, 2)
        x, y = _path(ends)
        sources = [places[bus] for bus in self._feeder.layout.sources if bus in places]
        shown: list[dict[str, Any]] = []
        if len(x):
            shown.append(
                {
                    "type": "scatter",
                    "x": x,
                    "y": y,
                    "mode": "lines",
                    "name": "transformer, switch",
                    "line": {"color": NEUTRAL, "dash": "dot", "width": 2},
                    "hoverinfo": "skip",
                }
            )
        shown.append(
            {
                "type": "scatter",
                "x": [x for x, _ in sources],
                "y": [y for _, y in sources],
                "mode": "markers",
                "name": "upstream grid",
                "marker": {
                    "symbol": "square-open",
                    "size": 22,
                    "color": "#000000",
                    "line_width": 2.5,
                },
                "hovertemplate": "upstream grid<extra></extra>",
            }
        )
        return [*shown, *self._ties()]

    def _ties(self) -> list[dict[str, Any]]:
        """Give the ties between microgrids: an arc beside the feeder, or the line's own place."""
        places, bus_of = self._feeder.layout.places, self._feeder.microgrid_bus
        ties = [
            tie
            for tie in drawn_ties(self._feeder.view.run.scenario)
            if all(bus_of.get(end) in places for end in tie.ends)
        ]
        return [
            _tie(tie, *(np.array(places[bus_of[end]]) for end in tie.ends), is_first=at == 0)
            for at, tie in enumerate(ties)
        ]

    def _classes(self, loading: FloatArray) -> list[dict[str, Any]]:
        """Give the lines of every class of loading."""
        traces = []
        floor = -np.inf
        for most, _, _ in _CLASSES:
            x, y = _path(self._ends[(loading > floor) & (loading <= most)])
            # A class without lines keeps one point that is nowhere, or it would leave the legend.
            traces.append(
                {"type": "scatter", "x": x if len(x) else [None], "y": y if len(y) else [None]}
            )
            floor = most
        return traces

    def _exchanges(self, step: int) -> dict[str, Any]:
        kw = self._exchange_kw[step]
        size = 16.0 + 30.0 * np.sqrt(np.abs(kw) / self._most_kw)
        text = [
            f"<b>{name}</b> {_direction(power)}"
            for name, power in zip(self._members, kw, strict=True)
        ]
        return {"type": "scatter", "text": text, "marker": {"size": np.round(size, 1)}}

    def _first(self) -> list[dict[str, Any]]:
        """Give what stays of the traces that move, in their order."""
        return [*self._first_classes(), self._first_middles(), *self._first_buses()]

    @staticmethod
    def _first_classes() -> list[dict[str, Any]]:
        floors = [0.0, *(most for most, _, _ in _CLASSES)]
        return [
            {
                "mode": "lines",
                "name": f"above {floor:g}" if np.isinf(most) else f"{floor:g} to {most:g}",
                "line": {"color": colour, "width": width},
                "hoverinfo": "skip",
                "showlegend": True,
            }
            for floor, (most, colour, width) in zip(floors, _CLASSES, strict=False)
        ]

    def _label_sides(self, member_bus: Sequence[int]) -> list[str]:
        """Give the side of every microgrid's label: where buses, lines and labels are farthest."""
        places = self._feeder.layout.places
        along = [self._along(share) for share in (0.25, 0.5, 0.75)]
        taken = np.concatenate([np.array([places[bus] for bus in self._buses]), *along])
        low, span = taken.min(axis=0), np.maximum(np.ptp(taken, axis=0), 1e-9)
        taken = (taken - low) / span
        sides = []
        for bus in member_bus:
            own = (np.array(places[bus]) - low) / span
            labels = {side: own + shift for side, shift in _SIDES.items()}
            free = {side: _room(taken, label) for side, label in labels.items()}
            best = max(free, key=lambda side: free[side])
            taken = np.vstack([taken, labels[best]])
            sides.append(best)
        return sides

    def _along(self, share: float) -> FloatArray:
        """Give the points at a share of every line's length."""
        points: FloatArray = (1.0 - share) * self._ends[:, 0] + share * self._ends[:, 1]
        return points

    def _first_middles(self) -> dict[str, Any]:
        middles = self._ends.mean(axis=1)
        return {
            "x": middles[:, 0],
            "y": middles[:, 1],
            "mode": "markers",
            "showlegend": False,
            "marker": {"size": 14, "opacity": 0.0, "color": "#000000"},
            "text": [f"line {e.index}, bus {e.from_bus} to {e.to_bus}" for e in self._lines],
            "hovertemplate": "%{text}: %{customdata} %<extra></extra>",
        }

    def _first_buses(self) -> list[dict[str, Any]]:
        places = self._feeder.layout.places
        low_pu, high_pu = self._feeder.limits_pu
        member_bus = [self._feeder.microgrid_bus[name] for name in self._members]
        colours = [self._feeder.view.colours[name] for name in self._members]
        bar = {"title": "voltage<br>[pu]", "thickness": 14, "len": 0.45, "y": 0.0}
        return [
            {
                "x": [places[bus][0] for bus in self._buses],
                "y": [places[bus][1] for bus in self._buses],
                "mode": "markers",
                "showlegend": False,
                "text": [f"bus {bus}" for bus in self._buses],
                "hovertemplate": "%{text}: %{marker.color:.4f} pu<extra></extra>",
                "marker": {
                    "size": 14,
                    "colorscale": _VOLTAGES,
                    "cmin": low_pu,
                    "cmax": high_pu,
                    "line": {"color": "#555555", "width": 1},
                    "colorbar": {**bar, "yanchor": "bottom", "x": 1.01},
                },
            },
            {
                "x": [places[bus][0] for bus in member_bus],
                "y": [places[bus][1] for bus in member_bus],
                "mode": "markers+text",
                "showlegend": False,
                "textposition": self._label_sides(member_bus),
                "textfont": {"shadow": HALO},
                "hovertemplate": "%{text}<extra></extra>",
                "cliponaxis": False,
                "marker": {
                    "color": [faded(colour, 0.35) for colour in colours],
                    "line": {"color": colours, "width": 2},
                },
            },
        ]


_ARC = 21
"""Points of the arc of a tie."""
_HALF_LABEL = np.array([0.16, 0.025])
"""Half the width and height of a label, as parts of those of the map."""
_EDGE = np.array([0.2, 0.09])
"""Room around the buses, as a part of the width and height of the map."""
_SIDES = {
    "top center": np.array([0.0, 0.065]),
    "bottom center": np.array([0.0, -0.065]),
    "middle right": np.array([0.2, 0.0]),
    "middle left": np.array([-0.2, 0.0]),
}
"""Where the middle of a label is from its bus, as parts of the width and height of the map."""


def _tie(tie: DrawnTie, start: FloatArray, end: FloatArray, *, is_first: bool) -> dict[str, Any]:
    """Give a tie with its name: one beside the feeder as an arc, that nothing lies below it."""
    along = np.linspace(0.0, 1.0, _ARC)[:, None]
    points = (1.0 - along) * start + along * end
    if tie.is_private:
        across = np.array([start[1] - end[1], end[0] - start[0]])
        points = points + 0.6 * along * (1.0 - along) * across
    names = [""] * _ARC
    names[_ARC // 2] = f"<b>{tie.name}</b>"
    colour = POWERS["tie_out_kw"].colour
    return {
        "type": "scatter",
        "x": points[:, 0],
        "y": points[:, 1],
        "mode": "lines+text",
        "name": "tie line",
        "legendgroup": "tie",
        "showlegend": is_first,
        "line": {"color": colour, "dash": "dash", "width": 2.5},
        "text": names,
        "textposition": "top center",
        "textfont": {"color": colour, "shadow": HALO},
        "hovertemplate": f"{tie.told}<extra></extra>",
    }


def _room(taken: FloatArray, label: FloatArray) -> float:
    """Give how far what is taken is from a label; of labels that cover some, how little."""
    apart = np.abs(taken - label)
    outside = np.linalg.norm(np.maximum(apart - _HALF_LABEL, 0.0), axis=1)
    covered = float((outside == 0.0).sum())
    beyond = np.maximum(np.abs(label - 0.5) + _HALF_LABEL - 0.5 - _EDGE, 0.0).sum()
    return float(outside.min() - 0.1 * covered - beyond + 1e-3 * apart.sum(axis=1).min())


def _direction(kw: float) -> str:
    """Say what a microgrid does, in a few letters."""
    if abs(kw) < 0.05:
        return "0 kW"
    return f"{'sells' if kw > 0 else 'buys'} {abs(kw):,.0f} kW"


def _path(ends: FloatArray) -> tuple[Any, Any]:
    """Give x and y of separate strokes between pairs of points."""
    gaps = np.full((len(ends), 1, 2), np.nan)
    points = np.concatenate([ends, gaps], axis=1).reshape(-1, 2)
    return points[:, 0].astype(np.float32), points[:, 1].astype(np.float32)
