"""What a microgrid expected at the gates of a day, how sure it was, and what came true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mmgsim.errors import NothingToDrawError, ResultsError, near_miss
from mmgsim.plots.clock import stamps, told_times
from mmgsim.plots.energy import clock_title
from mmgsim.plots.style import NEUTRAL, POWERS, UPPER, Look, faded, layout, panel_titles
from mmgsim.plots.view import RunView

__all__ = ["outlook_choice_figure", "outlook_figure"]

NOTHING = "Nothing is uncertain in this scenario, so everybody knows what comes."
_LOOKS = {"load": POWERS["load_kw"], "pv": POWERS["pv_kw"], "wind": POWERS["wind_kw"]}
_BANDS = (
    ("p05_kw", "p95_kw", 0.15, "9 of 10 futures"),
    ("p25_kw", "p75_kw", 0.3, "5 of 10 futures"),
)
_MOST_CHOICES = 40
_GAP = 0.03


def outlook_figure(
    view: RunView,
    microgrid: str | None = None,
    device: str | None = None,
    day: str | date | None = None,
) -> go.Figure:
    """Draw one device at the gates of a day that were written down, the first ones by default."""
    table = _outlooks(view)
    chosen = view.check_day(day or view.days[0])
    name = view.check_microgrid(microgrid or str(table["microgrid"].iloc[0]))
    own = table.loc[table["microgrid"] == name, "device"].unique().tolist()
    if device is not None and device not in own:
        what = f"{name} has no uncertain device {device!r}"
        raise ResultsError(f"{what}; {near_miss(device, own)}" if own else what)
    if not own:
        raise ResultsError(f"{name} has no uncertain device")
    of_day = _of_day(table, chosen)
    figure = _empty(f"{name}: {device or own[0]}, expected and come true", view, of_day)
    figure.add_traces(list(_traces(view, of_day, (name, device or own[0]))))
    return figure


def outlook_choice_figure(view: RunView) -> go.Figure:
    """Draw the first day with a choice of device; of many devices the first ones."""
    of_day = _of_day(_outlooks(view), view.days[0])
    pairs = of_day[["microgrid", "device"]].drop_duplicates().head(_MOST_CHOICES)
    keys = list(pairs.itertuples(index=False, name=None))
    figure = _empty("Expected and come true", view, of_day)
    groups = [list(_traces(view, of_day, key)) for key in keys]
    for at, group in enumerate(groups):
        for trace in group:
            trace.visible = at == 0
    figure.add_traces([trace for group in groups for trace in group])
    buttons = []
    for at, key in enumerate(keys):
        shown = [place == at for place, group in enumerate(groups) for _ in group]
        label = ": ".join(key)
        buttons.append({"label": label, "method": "restyle", "args": [{"visible": shown}]})
    menu = {"x": 0.0, "y": 1.1, "xanchor": "left", "yanchor": "bottom", "bgcolor": "#ffffff"}
    return figure.update_layout(updatemenus=[{"buttons": buttons, **menu}], margin_t=135)


def _outlooks(view: RunView) -> pd.DataFrame:
    """Give the table, where the run has one with rows; earlier versions wrote none."""
    if not view.has("outlooks"):
        raise NothingToDrawError(NOTHING)
    return view.needs("outlooks", NOTHING)


def _of_day(table: pd.DataFrame, day: str) -> pd.DataFrame:
    chosen: pd.DataFrame = table[table["time"].dt.date.astype(str) == day]
    return chosen


def _empty(title: str, view: RunView, of_day: pd.DataFrame) -> go.Figure:
    """Give a panel for each gate, all at one axis of power."""
    gates = told_times(of_day["time"].drop_duplicates(), "%H:%M")
    figure = layout(go.Figure(), title, height=430)
    width = (1.0 + _GAP) / len(gates) - _GAP
    for at, gate in enumerate(gates):
        left, number = at * (width + _GAP), "" if at == 0 else str(at + 1)
        axis = {**figure.layout.xaxis.to_plotly_json(), "anchor": "y", "nticks": 5}
        axis |= {"domain": [left, left + width], "tickformat": "%H:%M\n%d %b"}
        figure.update_layout({f"xaxis{number}": axis})
        figure.add_annotation(
            text=f"seen at {gate}", x=left, y=1.0, xref="paper", yref="paper", yanchor="bottom"
        )
    figure.update_annotations(showarrow=False)
    panel_titles(figure)
    for at, annotation in enumerate(figure.layout.annotations):
        annotation.x = at * (width + _GAP)
    figure.update_xaxes(title=clock_title(view), selector=0)
    figure.update_yaxes(title="power [kW]", rangemode="nonnegative")
    return figure.update_layout(legend={"orientation": "h", "x": 0, "y": -0.3, "yanchor": "top"})


def _traces(view: RunView, of_day: pd.DataFrame, key: tuple[str, str]) -> Iterator[go.Scatter]:
    """Give the fans of one device, gate by gate, and what came true of each."""
    own = of_day[(of_day["microgrid"] == key[0]) & (of_day["device"] == key[1])]
    look, true = _look(view, key), _came_true(view, key)
    half = pd.Timedelta(hours=view.step_h / 2.0)
    for at, (_, fan) in enumerate(own.groupby("time", sort=True), 1):
        axes = {"xaxis": f"x{at}", "showlegend": at == 1}
        hours = pd.to_timedelta(fan["offset"] * view.step_h, unit="h")
        times: pd.Series = fan["time"] + hours + half
        for low, high, opacity, label in _BANDS:
            for column, fill in ((high, None), (low, "tonexty")):
                yield go.Scatter(
                    x=stamps(times),
                    y=fan[column].to_numpy("float32"),
                    name=label,
                    mode="lines",
                    line={"width": 0, "color": look.colour},
                    fill=fill,
                    fillcolor=faded(look.colour, opacity),
                    hoverinfo="skip",
                    legendgroup=label,
                    **axes | {"showlegend": at == 1 and fill is not None},
                )
        dashed = {"color": look.colour, "width": 2, "dash": "dash"}
        yield _line(times, fan["expected_kw"], "expected", dashed, axes)
        came, firm = true[(true["time"] + half).isin(times)], {"color": UPPER, "width": 2}
        yield _line(came["time"] + half, came["value"], "came true", firm, axes)


def _line(
    times: pd.Series, values: pd.Series, label: str, line: dict[str, Any], axes: dict[str, Any]
) -> go.Scatter:
    return go.Scatter(
        x=stamps(times),
        y=values.to_numpy("float32"),
        name=label,
        mode="lines",
        line=line,
        hovertemplate="%{y:,.1f} kW",
        legendgroup=label,
        **axes,
    )


def _look(view: RunView, key: tuple[str, str]) -> Look:
    """Give how a kind of device is drawn."""
    for microgrid in view.run.scenario["microgrids"]:
        for device in microgrid["devices"]:
            if (microgrid["name"], device["name"]) == key:
                return _LOOKS[device["kind"]]
    return Look(key[1], NEUTRAL)


def _came_true(view: RunView, key: tuple[str, str]) -> pd.DataFrame:
    """Give what was available or asked for in every step of the run. [kW]"""
    devices = view.frame("devices")
    is_own = (devices["microgrid"] == key[0]) & (devices["device"] == key[1])
    true: pd.DataFrame = devices[is_own & (devices["quantity"] == "available_kw")]
    return true
