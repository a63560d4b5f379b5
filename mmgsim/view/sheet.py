"""What the page shows of a snapshot: tiles, pictures and the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from mmgsim.errors import NothingToDrawError
from mmgsim.plots import (
    FeederView,
    RunView,
    bills_figure,
    brief,
    exchange_figure,
    flag_events,
    meaning,
    messages_figure,
    moment_figure,
    plain,
    prices_figure,
    stored_figure,
    told_times,
)
from mmgsim.view.snapshot import Snapshot

__all__ = ["PICTURES", "Entry", "Sheet", "Tile", "draw_sheet"]

_MOST_ENTRIES = 60
"""Of the log: the last ones."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A number of the last step or of the run so far, as text with its unit."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log: a flag, a status other than ok, or a fault of a plug-in."""

    time: str
    who: str
    what: str
    meaning: str


@dataclass(frozen=True, eq=False)
class Sheet:
    """All that is shown of a run up to one of its steps.

    Parameters
    ----------
    now : str
        Local start of the last step, or what there is before the first.
    tiles : tuple of Tile
        Numbers.
    figures : mapping of str
        Plotly figures as JSON by name; of `PICTURES`.
    missing : mapping of str
        Why there is no figure, by name.
    log : tuple of Entry
        The newest first.
    """

    now: str
    tiles: tuple[Tile, ...]
    figures: Mapping[str, str]
    missing: Mapping[str, str]
    log: tuple[Entry, ...]


def draw_sheet(snapshot: Snapshot) -> Sheet:
    """Draw a run so far."""
    if snapshot.steps == 0:
        empty = dict.fromkeys(PICTURES, "Nothing is simulated yet: press play or step.")
        return Sheet("before the first step", (), {}, empty, ())
    view = RunView(snapshot)
    figures: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name, draw in PICTURES.items():
        try:
            figures[name] = str(_fitted(draw(view, snapshot), name).to_json())
        except NothingToDrawError as error:
            missing[name] = str(error)
    (now,) = told_times(view.frame("steps")["time"].tail(1), "%a %d %b %Y %H:%M")
    return Sheet(now, _tiles(view), figures, missing, _log(view))


# -------------------------------------------------------------------------------------- pictures
def _map(view: RunView, snapshot: Snapshot) -> go.Figure:
    """Draw the feeder at the last step, or the exchanges over time where there is no feeder."""
    if snapshot.layout is None:
        return exchange_figure(view)
    most_kw = float(view.frame("dispatch")["exchange_kw"].abs().max())
    feeder = FeederView(RunView(snapshot.only_now()), snapshot.layout)
    return moment_figure(feeder, most_kw=most_kw)


PICTURES: Mapping[str, Callable[[RunView, Snapshot], go.Figure]] = {
    "map": _map,
    "prices": lambda view, _: prices_figure(view),
    "stored": lambda view, _: stored_figure(view),
    "messages": lambda view, _: messages_figure(view),
    "costs": lambda view, _: bills_figure(view),
}
"""What is drawn, in the order of the page."""

_HEIGHTS = {"map": 660, "prices": 660, "stored": 400, "messages": 400, "costs": 460}
"""Neighbours on the page are equally high. [px]"""
_LEGEND_PX = {"map": 58, "prices": 150, "stored": 60, "messages": 60, "costs": 115}
"""Room for legends below the axis of time, where columns are narrowest. [px]"""
_AXIS_PX = 70
"""Room for the numbers and the title of an axis. [px]"""


def _fitted(figure: go.Figure, name: str) -> go.Figure:
    """Give a figure the size of its place; what a user has zoomed into stays as the run goes on."""
    # The first date below the axis of time is wide, and would touch the lowest number beside it.
    figure.update_xaxes(ticklabelstandoff=9)
    figure.update_layout(legend=_AT_BOTTOM, height=_HEIGHTS[name], uirevision=name)
    # Exchanges over time, in the place of a map, have an axis and no legend.
    has_axis = bool(figure.layout.xaxis.title.text)
    return figure.update_layout(margin_b=(_AXIS_PX if has_axis else 0) + _LEGEND_PX[name])


_AT_BOTTOM = {
    "orientation": "h",
    "x": 0,
    "y": 0,
    "yref": "container",
    "yanchor": "bottom",
}


# ----------------------------------------------------------------------------------------- tiles
def _tiles(view: RunView) -> tuple[Tile, ...]:
    """Give the state of the last step and the sums so far."""
    step = view.frame("steps").iloc[-1]
    dispatch = view.frame("dispatch")
    costs = sum(view.run.summary["cost_by_microgrid"].values())
    traded_kwh = float(dispatch["sold_kw"].sum()) * view.step_h
    tiles = [Tile("status", str(step["status"]).replace("_", " "))]
    if pd.notna(step["vm_min_pu"]):
        tiles += [
            Tile("lowest voltage", f"{step['vm_min_pu']:.4f} pu"),
            Tile("highest loading", f"{step['loading_max_percent']:.1f} %"),
            Tile("losses", f"{brief(float(step['loss_kw']))} kW"),
        ]
    tiles += [
        Tile("certified gap", _gap(view.frame("gates"))),
        Tile("messages so far", f"{int(view.frame('messages')['count'].sum()):,}"),
        Tile("traded so far", f"{brief(traded_kwh)} kWh"),
        Tile("cost so far", f"{plain(costs, 2)} {view.currency}"),
    ]
    return tuple(tiles)


def _gap(gates: pd.DataFrame) -> str:
    """Give the gap of the last gate. [%]"""
    if gates.empty or pd.isna(gates["gap"].iloc[-1]):
        return "not proven"
    return f"{plain(100.0 * gates['gap'].iloc[-1], 4)} %"


# ------------------------------------------------------------------------------------------- log
def _log(view: RunView) -> tuple[Entry, ...]:
    """Give the last flags and faults, the newest first."""
    flags = flag_events(view).assign(text=lambda rows: rows["flag"].map(meaning))
    faults = view.frame("faults").rename(
        columns={"agent": "who", "kind": "flag", "message": "text"}
    )
    parts = [part for part in (flags, faults) if not part.empty]
    if not parts:
        return ()
    events = pd.concat(parts, ignore_index=True).sort_values("time", kind="stable")
    newest = events.iloc[::-1].head(_MOST_ENTRIES)
    return tuple(
        Entry(time, str(row.who), str(row.flag), str(row.text))
        for time, row in zip(told_times(newest["time"]), newest.itertuples(), strict=True)
    )
