"""The pictures of a comparison, as plotly figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mmgsim.plots import brief, layout, local_time, stamps, twice_told
from mmgsim.report.compared import Compared

__all__ = ["COMPARISON_FIGURES", "bars", "comparison_figures", "run_colours"]

# Okabe and Ito's palette, as in the report of a run, then dark ones of Tol's muted scheme: a colour
# for every coordination that comes with mmgsim. Grey is who trades with nobody.
_ISOLATED = "#8c8c8c"
_CENTRAL = "#0072B2"
_OTHERS = (
    *("#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442"),
    *("#332288", "#882255", "#999933", "#661100"),
)
_SENDERS = {"microgrid": "#D55E00", "market": "#a6a6a6", "dno": "#d9d9d9"}
_SOLVED = 1e-6
"""A gap that tolerances of solvers may leave: the scale on which gates are compared."""
_ROOM, _ROOM_LYING = 18, 72
"""So many numbers can be written beside each other, and above each other at lying bars."""
_LYING_PX = 20
"""Height of a lying bar with its number."""
_CENT = 0.01
_FEW = 8
"""Up to so many rounds, each has its tick."""
_HEIGHT = 400
_LEGEND = {"orientation": "h", "y": -0.3, "x": 0}


def _cost(compared: Compared) -> go.Figure:
    table = compared.table
    kinds = {"objective cost": table.objective_cost}
    if table.energy_left_value.abs().max() >= _CENT:
        kinds["objective cost less<br>the value of energy left"] = (
            table.objective_cost_incl_energy_left
        )
    kinds |= {"cost of the members": table.members_cost, "cost of the system": table.system_cost}
    figure = go.Figure()
    for name, colour in _colours(compared).items():
        heights = [costs[name] for costs in kinds.values()]
        figure.add_bar(x=list(kinds), y=heights, name=name, marker_color=colour)
    return bars(figure, "Cost of every run", f"cost [{compared.currency}]")


def _bills(compared: Compared) -> go.Figure:
    bills, figure = compared.by_microgrid, go.Figure()
    for name, colour in _colours(compared).items():
        figure.add_bar(x=bills.index, y=bills[name], name=name, marker_color=colour)
    return bars(figure, "Bill of every microgrid", f"bill [{compared.currency}]")


def _gains(compared: Compared) -> go.Figure:
    bills, base, figure = compared.by_microgrid, _base(compared), go.Figure()
    for name, colour in _colours(compared).items():
        if name != base:
            gain = bills[base] - bills[name]
            figure.add_bar(x=bills.index, y=gain, name=name, marker_color=colour)
    return bars(figure, f"Gain against {base}", f"gain [{compared.currency}]")


def _gaps(compared: Compared) -> go.Figure:
    figure = go.Figure()
    for name, part, colour in _gates(compared):
        if part.gap.notna().any():
            gap_percent = 100.0 * part.gap.clip(lower=_SOLVED)
            _add_line(figure, compared, part.time, gap_percent, name=name, colour=colour)
    floor = 100.0 * _SOLVED
    highest = 100.0 * max(compared.gates.gap.fillna(0.0).max(), _SOLVED)
    decades = [math.log10(floor) - 0.1, max(math.log10(highest) + 0.1, 0.0)]
    axis = {"type": "log", "exponentformat": "none", "dtick": 1, "range": decades}
    return _over_time(compared, figure, "Certified gap", {**axis, "title": "gap [% of gross cost]"})


def _rounds(compared: Compared) -> go.Figure:
    figure = go.Figure()
    for name, part, colour in _gates(compared):
        _add_line(figure, compared, part.time, part.rounds, name=name, colour=colour)
    few = {"dtick": 1} if compared.gates.rounds.max() <= _FEW else {}
    axis = {"title": "rounds", "rangemode": "tozero", **few}
    return _over_time(compared, figure, "Rounds of messages", axis)


def _sent(compared: Compared) -> go.Figure:
    sent, figure = compared.sent / 1000.0, go.Figure()
    for role, colour in _SENDERS.items():
        if role in sent:
            figure.add_bar(x=sent.index, y=sent[role], name=f"by {role}", marker_color=colour)
    layout(figure, "Bytes by sender", height=_HEIGHT, barmode="stack", bargap=0.4, legend=_LEGEND)
    return figure.update_yaxes(title="disclosed [kB]")


COMPARISON_FIGURES = {
    "cost": _cost,
    "bills": _bills,
    "gains": _gains,
    "gaps": _gaps,
    "rounds": _rounds,
    "sent": _sent,
}
"""Figures by name."""


def comparison_figures(compared: Compared) -> list[tuple[str, str, go.Figure]]:
    """Give heading, text and figure of every section."""
    proven = compared.gates.groupby("run", sort=False).gap.count()
    words = {
        "cost": ("What it cost", "All microgrids together, over the whole run."),
        "bills": (
            "Who paid what",
            "Net bill of each microgrid, value of shed load included.",
        ),
        "gains": (
            "Who gained",
            f"What each microgrid paid less than under {_base(compared)}.",
        ),
        "gaps": (
            "Gap of each gate",
            "How far the plans may be from the best there is. Gaps below 0.0001 % are rounding and "
            "drawn at that line. " + _without_bound(proven.index[proven == 0]),
        ),
        "rounds": ("Rounds of each gate", "Exchanges of messages until the window was planned."),
        "sent": ("What was disclosed", "All messages of the run, by who sent them."),
    }
    if len(compared.table) < 2:
        del words["gains"]
    if not proven.any():
        del words["gaps"]
    return [(*text, COMPARISON_FIGURES[name](compared)) for name, text in words.items()]


def _without_bound(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"Without a bound, and so not drawn: {listed}." if listed else ""


# ------------------------------------------------------------------------------------- in common
def _base(compared: Compared) -> str:
    """Give the run that the others are held against: isolated, or else the first."""
    coordination = compared.table.coordination
    isolated = coordination.index[coordination == "isolated"]
    return str(isolated[0] if len(isolated) == 1 else coordination.index[0])


def run_colours(kinds: Mapping[str, str]) -> dict[str, str]:
    """Give every run its colour, from the kinds of coordination by the runs' names."""
    colours: dict[str, str] = {}
    used = 0
    for name, coordination in kinds.items():
        fixed = {"isolated": _ISOLATED, "central": _CENTRAL}.get(coordination)
        if fixed is None or fixed in colours.values():
            fixed = _OTHERS[used % len(_OTHERS)]
            used += 1
        colours[name] = fixed
    return colours


def _colours(compared: Compared) -> dict[str, str]:
    return run_colours({str(k): str(v) for k, v in compared.table.coordination.items()})


def _gates(compared: Compared) -> list[tuple[str, pd.DataFrame, str]]:
    gates = compared.gates
    return [(name, gates[gates.run == name], colour) for name, colour in _colours(compared).items()]


def _add_line(
    figure: go.Figure,
    compared: Compared,
    times: pd.Series,
    values: pd.Series,
    *,
    name: str,
    colour: str,
) -> None:
    """Draw what holds from each gate to the next, and from the last one to the end."""
    run_h = float(compared.table.steps[name]) * compared.step_h
    end = pd.Series([times.iloc[0] + pd.Timedelta(hours=run_h)])
    figure.add_scatter(
        x=stamps(local_time(pd.concat([times, end], ignore_index=True), compared.timezone)),
        y=[*values, values.iloc[-1]],
        name=name,
        mode="lines",
        line={"color": colour, "shape": "hv"},
    )


def _over_time(
    compared: Compared, figure: go.Figure, title: str, y_axis: dict[str, Any]
) -> go.Figure:
    ticks = {"ticks": "outside", "tickcolor": "#ccc"}  # keeps the labels of both axes apart
    layout(figure, title, height=_HEIGHT, showlegend=True, legend=_LEGEND)
    told = twice_told(local_time(compared.gates["time"], compared.timezone))
    figure.update_xaxes(title=f"gate, time [{compared.timezone}]{told}", **ticks)
    return figure.update_yaxes(**ticks, **y_axis)


def bars(figure: go.Figure, title: str, y_title: str) -> go.Figure:
    """Give bars in groups, with their values written at them; many of them lie, to be read."""
    count = sum(len(bar.x) for bar in figure.data)
    if count <= _ROOM_LYING:
        figure.for_each_trace(lambda bar: bar.update(text=[brief(y) for y in bar.y]))
        figure.update_traces(
            textposition="outside", textangle=0, textfont_size=12, cliponaxis=False
        )
    layout(figure, title, height=_HEIGHT, barmode="group", bargap=0.25, legend=_LEGEND)
    figure.update_layout(showlegend=True).update_yaxes(title=y_title)
    return _lying(figure, y_title, count) if _ROOM < count <= _ROOM_LYING else figure


def _lying(figure: go.Figure, title: str, count: int) -> go.Figure:
    """Lay bars down: the first group at the top, every bar as high as its number."""
    figure.for_each_trace(lambda bar: bar.update(x=bar.y, y=bar.x, orientation="h"))
    height = _LYING_PX * count + 180
    return figure.update_layout(
        height=height,
        hovermode="y unified",
        legend={"y": -100 / height, "traceorder": "normal"},
        xaxis_title=title,
        yaxis={"title": None, "autorange": "reversed"},
        margin={"r": 60},
    )
