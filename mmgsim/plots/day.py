"""A day of a microgrid: what was available, planned and done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.plots.clock import stamps, stepped
from mmgsim.plots.energy import balance_bars, clock_title
from mmgsim.plots.style import LIMIT, NEUTRAL, POWERS, faded, layout, panel_titles
from mmgsim.plots.view import RunView, device_names

__all__ = ["choice_figure", "day_figure", "days_in_choice"]

_MOST_ROWS = 3200
"""So many steps times microgrids are put into a page with a choice."""

_PANELS = (
    "Supply, and use of surplus",
    "Devices: available (area), planned (circles), realised (line)",
    "Exchange with the feeder: positive when selling",
    "State of charge at the end of the step",
)
_HEIGHTS = (0.32, 0.28, 0.22, 0.18)
_GAP = 0.07
_KINDS = ("pv", "wind", "diesel", "battery", "ev", "load", "flexible")
_FOUND = ("pv", "wind")
"""What the weather makes available."""
_KIND_LOOKS = {
    "pv": POWERS["pv_kw"],
    "wind": POWERS["wind_kw"],
    "diesel": POWERS["diesel_kw"],
    "battery": POWERS["discharge_kw"],
    "ev": POWERS["ev_charge_kw"],
    "load": POWERS["load_kw"],
    "flexible": POWERS["bought_kw"],
}
_KIND_LABELS = {
    "battery": "storage",
    "ev": "vehicles",
    "flexible": "flexible load",
    "load": "demand",
    "pv": "PV",
}
_DRAWN = ("load", "flexible")
"""What draws power: it counts as positive among the devices."""


def day_figure(
    view: RunView, microgrid: str | None = None, day: str | date | None = None
) -> go.Figure:
    """Draw one day of one microgrid, the first ones if none are named. [kW], [kWh]"""
    name = view.check_microgrid(microgrid or view.microgrids[0])
    chosen = view.check_day(day or view.days[0])
    figure = _empty(f"{name} on {_day_name(chosen)}", view)
    figure.add_traces(list(_traces(view, name, _of_day(view, chosen))))
    return figure.update_xaxes(range=_range(chosen))


def choice_figure(view: RunView) -> go.Figure:
    """Draw the days of all microgrids, with a choice of both.

    Of a long run the first days are in it, `_MOST_ROWS` at most; `day_figure` draws any.
    """
    days = days_in_choice(view)
    steps = view.frame("steps")
    times = steps["time"][steps["time"].dt.date.astype(str) <= days[-1]]
    groups = [list(_traces(view, name, times)) for name in view.microgrids]
    figure = _empty("A day of a microgrid", view)
    for at, group in enumerate(groups):
        for trace in group:
            trace.visible = at == 0
    figure.add_traces([trace for group in groups for trace in group])
    figure.update_xaxes(range=_range(days[0]))
    menus = [_microgrid_menu(view.microgrids, groups)]
    if len(days) > 1:
        menus.append(_day_menu(days))
    return figure.update_layout(updatemenus=menus, margin_t=125)


def days_in_choice(view: RunView) -> tuple[str, ...]:
    """Give the days that `choice_figure` shows."""
    steps_a_day = len(view.frame("steps")) / len(view.days)
    most = int(_MOST_ROWS / steps_a_day / len(view.microgrids))
    return view.days[: max(most, 1)]


# ----------------------------------------------------------------------------------------- choice
def _microgrid_menu(names: Sequence[str], groups: Sequence[Sequence[Any]]) -> dict[str, Any]:
    counts = [len(group) for group in groups]
    buttons = []
    for at, name in enumerate(names):
        shown = [place == at for place, count in enumerate(counts) for _ in range(count)]
        buttons.append({"label": name, "method": "restyle", "args": [{"visible": shown}]})
    return {"buttons": buttons, "x": 0.0, **_MENU}


def _day_menu(days: Sequence[str]) -> dict[str, Any]:
    whole = [_range(days[0])[0], _range(days[-1])[1]]
    ranges = [(_day_name(day), _range(day)) for day in days]
    buttons = [
        {"label": label, "method": "relayout", "args": [{"xaxis.range": ends}]}
        for label, ends in [*ranges, ("all days", whole)]
    ]
    return {"buttons": buttons, "x": 0.2, **_MENU}


_MENU = {"y": 1.03, "xanchor": "left", "yanchor": "bottom", "pad": {"b": 18}, "bgcolor": "#ffffff"}


def _range(day: str) -> list[str]:
    return [day, str((pd.Timestamp(day) + pd.Timedelta(days=1)).date())]


def _day_name(day: str) -> str:
    return f"{pd.Timestamp(day):%a %d %b %Y}"


def _of_day(view: RunView, day: str) -> pd.Series:
    times = view.frame("steps")["time"]
    chosen: pd.Series = times[times.dt.date.astype(str) == day]
    return chosen


# ----------------------------------------------------------------------------------------- panels
def _empty(title: str, view: RunView) -> go.Figure:
    """Give the panels, each with its own legend beside it."""
    figure = make_subplots(
        rows=len(_PANELS),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=_GAP,
        row_heights=list(_HEIGHTS),
        subplot_titles=_PANELS,
    )
    layout(figure, title, height=1000, barmode="relative", bargap=0)
    for row in range(1, len(_PANELS) + 1):
        number = "" if row == 1 else str(row)
        top = figure.layout[f"yaxis{number}"].domain[1]
        figure.update_layout({f"legend{number}": {"y": top, "yanchor": "top", "x": 1.01}})
        title_y = "stored [kWh]" if row == len(_PANELS) else "power [kW]"
        figure.update_yaxes(title=title_y, row=row, col=1)
    panel_titles(figure)
    figure.update_yaxes(rangemode="nonnegative", row=len(_PANELS), col=1)
    figure.update_xaxes(matches="x")
    for start, end in _event_spans(view):
        shade = {"fillcolor": NEUTRAL, "opacity": 0.15, "line_width": 0, "layer": "below"}
        figure.add_shape(x0=start, x1=end, y0=0, y1=1, yref="paper", **shade)  # of all panels
    return figure.update_xaxes(title=clock_title(view), row=len(_PANELS), col=1)


def _event_spans(view: RunView) -> Iterator[tuple[str, str]]:
    """Give from when to when something happens in the run, on the scenario's clock."""
    days = [date.fromisoformat(day) for day in view.days]
    first, last = str(days[0]), str(days[-1] + timedelta(days=1))
    for event in view.run.scenario.get("events", ()):  # missing in older results
        start, end = max(event["start"], first), min(event["end"], last)
        if start < end:
            yield start, end


def _traces(view: RunView, name: str, times: pd.Series) -> Iterator[go.Bar | go.Scatter]:
    """Give everything about one microgrid in the steps that begin at `times`."""
    dispatch, prices = view.frame("dispatch"), view.frame("prices")
    own = dispatch[(dispatch["microgrid"] == name) & dispatch["time"].isin(times)]
    for trace in balance_bars(own, hours=view.step_h):
        yield trace.update(xaxis="x", yaxis="y", legend="legend")
    yield from _device_traces(view, name, times)
    limits = prices[(prices["microgrid"] == name) & prices["time"].isin(times)]
    for column, sign, label in (
        ("export_limit_kw", 1.0, "envelope"),
        ("import_limit_kw", -1.0, None),
    ):
        line = {"color": LIMIT, "dash": "dot", "shape": "hv", "width": 1.5}
        yield _line(view, limits["time"], sign * limits[column], line, panel=3, label=label)
    yield _circles(view, own["time"], own["planned_exchange_kw"], view.colours[name], panel=3)
    line = {"color": view.colours[name], "shape": "hv", "width": 2.5}
    yield _line(view, own["time"], own["exchange_kw"], line, panel=3, label="realised")
    ends = own["time"] + pd.Timedelta(hours=view.step_h)
    yield go.Scatter(
        x=stamps(ends),
        y=own["soc_kwh"].to_numpy("float32"),
        name="all batteries" if "battery" in _kinds(view, name).values() else "no battery",
        mode="lines",
        line={"color": POWERS["discharge_kw"].colour, "width": 2.5},
        fill="tozeroy",
        fillcolor=faded(POWERS["discharge_kw"].colour, 0.12),
        hovertemplate="%{y:,.1f} kWh",
        xaxis="x4",
        yaxis="y4",
        legend="legend4",
    )

    yield from _vehicle_traces(view, name, times)


def _vehicle_traces(view: RunView, name: str, times: pd.Series) -> Iterator[go.Scatter]:
    """Draw what all vehicles that are there hold together."""
    names = [device for device, kind in _kinds(view, name).items() if kind == "ev"]
    if not names:
        return
    devices = view.frame("devices")
    held = devices[
        (devices["microgrid"] == name)
        & (devices["quantity"] == "energy_kwh")
        & devices["device"].isin(names)
        & devices["time"].isin(times)
    ]
    held_kwh = held.groupby("time")["value"].sum().reindex(times, fill_value=0.0)
    ends = times + pd.Timedelta(hours=view.step_h)
    yield go.Scatter(
        x=stamps(ends),
        y=held_kwh.to_numpy("float32"),
        name="vehicles plugged in",
        mode="lines",
        line={"color": POWERS["ev_charge_kw"].colour, "width": 2.5},
        hovertemplate="%{y:,.1f} kWh",
        xaxis="x4",
        yaxis="y4",
        legend="legend4",
    )


def _device_traces(view: RunView, name: str, times: pd.Series) -> Iterator[go.Scatter]:
    """Draw the sums over all devices of a kind; demand counts as positive here."""
    powers = _powers_by_kind(view, name, times)
    for kind in _KINDS:
        if kind not in powers.index.get_level_values("kind"):
            continue
        look, label = _KIND_LOOKS[kind], _KIND_LABELS.get(kind, kind)
        table = powers.xs(kind, level="kind").reindex(times)
        sign, had = (-1.0, "asked for") if kind in _DRAWN else (1.0, "available")
        has_area = _is_short(table) if kind == "load" else kind in _FOUND
        if has_area and "available_kw" in table:
            area = {"width": 0, "shape": "hv", "color": look.colour}
            yield _line(
                view, times, table["available_kw"], area, panel=2, label=f"{label} {had}"
            ).update(fill="tozeroy", fillcolor=faded(look.colour, 0.15))
        if "planned_kw" in table:
            planned_kw, planned = sign * table["planned_kw"], f"{label} planned"
            yield _circles(view, times, planned_kw, look.colour, panel=2, label=planned)
        if "power_kw" in table:
            line = {"color": look.colour, "shape": "hv", "width": 2}
            yield _line(view, times, sign * table["power_kw"], line, panel=2, label=label)


def _is_short(table: Any) -> bool:
    """Tell whether demand was not served somewhere."""
    return bool((table["available_kw"] + table["power_kw"]).max() > 1e-3)


def _powers_by_kind(view: RunView, name: str, times: pd.Series) -> pd.DataFrame:
    """Give the quantities of all devices of a kind together, by kind and time. [kW]"""
    devices = view.frame("devices")
    own = devices[
        (devices["microgrid"] == name)
        & devices["quantity"].isin(["available_kw", "planned_kw", "power_kw"])
        & devices["time"].isin(times)
    ]
    kinds = own["device"].map(_kinds(view, name))
    return own.assign(kind=kinds).pivot_table(
        index=["kind", "time"], columns="quantity", values="value", aggfunc="sum"
    )


def _kinds(view: RunView, name: str) -> dict[str, str]:
    """Give the kind of every device by its name; vehicles of a fleet have names of their own."""
    kinds: dict[str, str] = {}
    for microgrid in view.run.scenario["microgrids"]:
        for device in microgrid["devices"] if microgrid["name"] == name else ():
            kinds |= dict.fromkeys(device_names(device), str(device["kind"]))
    return kinds


def _line(
    view: RunView,
    times: pd.Series,
    values: pd.Series,
    line: dict[str, Any],
    *,
    panel: int,
    label: str | None,
) -> go.Scatter:
    x, y = stepped(times, values, view.step_h)
    return go.Scatter(
        x=x,
        y=y,
        name=label or "envelope",
        mode="lines",
        line=line,
        showlegend=label is not None,
        hovertemplate="%{y:,.1f} kW",
        xaxis=f"x{panel}",
        yaxis=f"y{panel}",
        legend=f"legend{panel}",
    )


def _circles(
    view: RunView,
    times: pd.Series,
    values: pd.Series,
    colour: str,
    *,
    panel: int,
    label: str = "planned",
) -> go.Scatter:
    """Give plans as circles in the middle of their steps: they show where they are kept too."""
    middles = times + pd.Timedelta(hours=view.step_h / 2.0)
    return go.Scatter(
        x=stamps(middles),
        y=values.to_numpy("float32"),
        name=label,
        mode="markers",
        marker={"symbol": "circle-open", "size": 6, "color": colour},
        hovertemplate="%{y:,.1f} kW",
        xaxis=f"x{panel}",
        yaxis=f"y{panel}",
        legend=f"legend{panel}",
    )
