"""How gates were cleared: rounds, messages, bytes, bounds and gaps."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.errors import NothingToDrawError, ResultsError
from mmgsim.plots.clock import stamps, told_times
from mmgsim.plots.energy import clock_title
from mmgsim.plots.style import GAP, LOWER, NEUTRAL, UPPER, faded, layout, panel_titles
from mmgsim.plots.view import RunView

__all__ = ["bounds_choice_figure", "bounds_figure", "chosen_gates", "convergence_figure"]

SOLVED = 1e-6
"""A gap that tolerances of solvers may leave: the floor of logarithmic axes."""
NO_BOUND = "No gate has proven a bound, as under isolated: how far plans are from best is unknown."
_NO_GATES = "No gate was cleared."
_MOST_GATES = 6
_FEW_ROUNDS = 12
"""Up to so many rounds, each has its tick."""


def convergence_figure(view: RunView) -> go.Figure:
    """Draw gap, rounds, messages and bytes of every gate. [%], [1], [1], [kB]"""
    gates = view.needs("gates", _NO_GATES)
    panels = [
        ("rounds of messages", "rounds", "rounds", NEUTRAL, "%{y:.0f} rounds"),
        ("messages", "messages", "messages", "#56B4E9", "%{y:.0f} messages"),
        ("bytes disclosed", "kB", "kilobytes", "#009E73", "%{y:,.1f} kB"),
    ]
    gates = gates.assign(kilobytes=gates["bytes"] / 1000.0)
    has_gap = bool(gates["gap"].notna().any())
    titles = (["certified gap"] if has_gap else []) + [panel[0] for panel in panels]
    figure = make_subplots(
        rows=len(titles), cols=1, shared_xaxes=True, vertical_spacing=0.09, subplot_titles=titles
    )
    if has_gap:
        _add_gap(figure, gates)
    for row, (_, title, column, colour, hover) in enumerate(panels, 1 + has_gap):
        figure.add_scatter(
            x=stamps(gates["time"]),
            y=gates[column].to_numpy("float32"),
            name=column,
            mode="lines+markers",
            line={"color": colour, "width": 1.5},
            marker_size=4,
            hovertemplate=hover,
            row=row,
            col=1,
        )
        figure.update_yaxes(title=title, rangemode="tozero", row=row, col=1)
        if column == "rounds" and gates["rounds"].max() <= _FEW_ROUNDS:
            figure.update_yaxes(dtick=1 if gates["rounds"].max() < 4 else 2, row=row, col=1)
    height = 140 + 140 * len(titles)
    layout(figure, "How every gate was cleared", height=height, showlegend=False)
    panel_titles(figure)
    return figure.update_xaxes(title=f"gate, {clock_title(view)}", row=len(titles), col=1)


def _add_gap(figure: go.Figure, gates: pd.DataFrame) -> None:
    figure.add_scatter(
        x=stamps(gates["time"]),
        y=100.0 * gates["gap"].clip(lower=SOLVED),
        name="gap",
        mode="lines+markers",
        line={"color": GAP, "width": 1.5},
        marker_size=4,
        hovertemplate="%{y:.4f} %",
        row=1,
        col=1,
    )
    axis = {"type": "log", "exponentformat": "none", "dtick": 1, "range": [-4.2, 0.2]}
    highest = float(gates["gap"].max())
    if highest > 1e-2:
        axis["range"] = [-4.2, np.log10(100.0 * highest) + 0.2]
    figure.update_yaxes(title="gap [%]", row=1, col=1, **axis)


# ---------------------------------------------------------------------------------------- bounds
def chosen_gates(view: RunView) -> list[pd.Timestamp]:
    """Give the first gate, those of most rounds, and those of the largest gaps, by time."""
    gates = view.needs("gates", _NO_GATES)
    if not gates["lower"].notna().any():
        raise NothingToDrawError(NO_BOUND)
    proven = gates[gates["lower"].notna()]
    most = proven.sort_values(["rounds", "time"], ascending=[False, True])["time"]
    worst = proven.sort_values(["gap", "time"], ascending=[False, True])["time"]
    picked = [proven["time"].iloc[0], *most[:3], *worst[:3]]
    return sorted(dict.fromkeys(picked[: _MOST_GATES + 1]))


def bounds_figure(view: RunView, gate: str | datetime | None = None) -> go.Figure:
    """Draw the bounds of one gate round by round, those of most rounds if none is named."""
    times = chosen_gates(view)
    gates = view.frame("gates")
    if gate is None:
        most = gates[gates["time"].isin(times)].sort_values(["rounds", "time"])
        chosen = most["time"].iloc[-1]
    else:
        chosen = _check_gate(view, gate)
    figure = go.Figure(_bound_traces(view, chosen))
    (name,) = told_times(pd.Series([chosen]))
    return _bounds_layout(figure, f"Bounds of the gate at {name}", view)


def bounds_choice_figure(view: RunView) -> go.Figure:
    """Draw the bounds of chosen gates round by round, one at a time."""
    times = chosen_gates(view)
    groups = [_bound_traces(view, time) for time in times]
    figure = go.Figure([trace for group in groups for trace in group])
    rounds = view.frame("gates").set_index("time")["rounds"]
    first = max(range(len(times)), key=lambda at: rounds.loc[times[at]])
    buttons = []
    for at, (time, name) in enumerate(zip(times, told_times(pd.Series(times)), strict=True)):
        shown = [place == at for place, group in enumerate(groups) for _ in group]
        label = f"gate {name}, {rounds.loc[time]} rounds"
        buttons.append({"label": label, "method": "restyle", "args": [{"visible": shown}]})
        if at == first:
            for trace, is_shown in zip(figure.data, shown, strict=True):
                trace.visible = is_shown
    menu = {
        "buttons": buttons,
        "active": first,
        "x": 0.0,
        "y": 1.02,
        "xanchor": "left",
        "yanchor": "bottom",
        "bgcolor": "#ffffff",
    }
    _bounds_layout(figure, "Bounds round by round", view)
    return figure.update_layout(updatemenus=[menu], margin_t=100)


def _bounds_layout(figure: go.Figure, title: str, view: RunView) -> go.Figure:
    layout(figure, title, height=420, legend={"orientation": "h", "y": -0.18, "x": 0})
    is_few = all(len(trace.x) <= _FEW_ROUNDS for trace in figure.data)
    figure.update_xaxes(title="round", **({"dtick": 1} if is_few else {"tickformat": "d"}))
    title = f"cost of the window [{view.currency}]"
    return figure.update_yaxes(title=title, tickformat=",.2f")


def _bound_traces(view: RunView, time: pd.Timestamp) -> list[go.Scatter]:
    rounds = view.frame("rounds")
    own = rounds[rounds["time"] == time]
    looks = (
        ("lower", "proven: no plans cost less", LOWER, None),
        ("upper", "best plans so far", UPPER, "tonexty"),
    )
    return [
        go.Scatter(
            x=own["round"],
            y=own[column].round(6),  # or axes would show what is rounding
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            fill=fill,
            fillcolor=faded(NEUTRAL, 0.15),
            hovertemplate="%{y:,.2f} " + view.currency,
        )
        for column, name, colour, fill in looks
    ]


def _check_gate(view: RunView, gate: str | datetime) -> pd.Timestamp:
    times = view.frame("gates")["time"]
    try:
        asked = pd.Timestamp(gate)
    except (ValueError, TypeError):
        found: list[pd.Timestamp] = []
    else:
        is_naive = asked.tzinfo is None
        found = [time for time in times if asked == (time.tz_localize(None) if is_naive else time)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ResultsError(f"there are two gates at {gate!r}: {' and '.join(map(str, found))}")
    raise ResultsError(
        f"there is no gate at {gate!r}; they are from {times.iloc[0]} to {times.iloc[-1]}, "
        "on the scenario's clock"
    )
