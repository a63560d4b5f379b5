"""Where energy comes from and goes to: all microgrids over the run."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from mmgsim.contracts import Party
from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import stamps, stepped, twice_told, widths_ms
from mmgsim.plots.sankey import Node, Stream, sankey
from mmgsim.plots.style import NEUTRAL, POWERS, layout
from mmgsim.plots.view import RunView

__all__ = ["SINKS", "SOURCES", "energy_figure", "exchange_figure", "flows_figure", "trades_figure"]

SOURCES = (
    "pv_kw",
    "wind_kw",
    "diesel_kw",
    "discharge_kw",
    "ev_discharge_kw",
    "bought_kw",
    "tie_in_kw",
    "import_kw",
)
"""What supplies a microgrid; columns of `dispatch`, and what comes through ties."""
SINKS = ("charge_kw", "ev_charge_kw", "sold_kw", "tie_out_kw", "export_kw")
"""Where energy goes besides its demand."""

_ROUNDING_KWH = _ROUNDING_KW = 1e-6
NO_TRADES = "Nothing was traded locally in this run."


def flows_figure(view: RunView) -> go.Figure:
    """Draw the energy balance of every microgrid: from where, and to where. [kWh]"""
    dispatch = view.needs("dispatch", "No step was simulated.")
    sums = (
        with_tie_ways(dispatch).groupby("microgrid", sort=False).sum(numeric_only=True)
        * view.step_h
    )
    sums["load_kw"] -= sums["shed_kw"]
    streams = []
    for rank, column in enumerate((*SOURCES, "load_kw", *SINKS)):
        look = POWERS[column]
        is_source = column in SOURCES
        label = "demand served" if column == "load_kw" else look.label
        end = Node(label, look.colour, 0 if is_source else 2, rank)
        for place, (name, kwh) in enumerate(sums[column].items()):
            if kwh > _ROUNDING_KWH:
                middle = Node(str(name), view.colours[str(name)], 1, place)
                ends = (end, middle) if is_source else (middle, end)
                streams.append(Stream(*ends, float(kwh), label, look.colour))
    if not streams:
        raise NothingToDrawError("No energy flowed in this run.")
    return sankey(streams, "Energy: from where, through whom, to where", unit="kWh")


def with_tie_ways(frame: pd.DataFrame) -> pd.DataFrame:
    """Give `dispatch` with what came and left through ties: `tie_in_kw` and `tie_out_kw`. [kW]

    Of all microgrids together what leaves is what ties lose. Earlier runs knew no ties.
    """
    tie_kw = frame["tie_kw"] if "tie_kw" in frame else 0.0 * frame["load_kw"]
    return frame.assign(tie_in_kw=(-tie_kw).clip(lower=0.0), tie_out_kw=tie_kw.clip(lower=0.0))


def trades_figure(view: RunView) -> go.Figure:
    """Draw who sold to whom, over the run. [kWh]"""
    trades = view.needs("trades", NO_TRADES)
    sums = trades.groupby(["seller", "buyer"], sort=False, as_index=False)["kw"].sum()
    streams = []
    for seller, buyer, kw in zip(sums["seller"], sums["buyer"], sums["kw"], strict=True):
        kwh = kw * view.step_h
        if kwh > _ROUNDING_KWH:
            member = seller if seller in view.microgrids else buyer
            ends = _trader(view, seller, 0), _trader(view, buyer, 2)
            colour = view.colours.get(member, NEUTRAL)
            streams.append(Stream(*ends, float(kwh), "local trade", colour))
    if not streams:
        raise NothingToDrawError(NO_TRADES)
    return sankey(streams, "Local trade: who sold, who bought", unit="kWh")


def _trader(view: RunView, name: str, column: int) -> Node:
    if name == Party.DNO:
        return Node("kept for losses", NEUTRAL, column, len(view.microgrids))
    if name not in view.microgrids:
        return Node("local market", POWERS["bought_kw"].colour, 1)
    does, rank = "sells" if column == 0 else "buys", view.microgrids.index(name)
    return Node(f"{name} {does}", view.colours[name], column, rank)


def energy_figure(view: RunView) -> go.Figure:
    """Draw what supplies all microgrids together, and where surplus goes, over time. [kW]"""
    totals = view.coarse(view.totals())
    figure = go.Figure(balance_bars(totals, hours=view.block * view.step_h))
    title = f"All microgrids together: supply above 0, use of surplus below{view.blocks_told()}"
    layout(figure, title, height=440, barmode="relative", bargap=0)
    figure.update_yaxes(title="power [kW]")
    return figure.update_xaxes(title=clock_title(view))


def balance_bars(frame: pd.DataFrame, *, hours: float) -> list[go.Bar | go.Scatter]:
    """Give stacked bars of what supplies and what takes, and the line of served demand.

    Parameters
    ----------
    frame : DataFrame
        One row a step, with the columns of `dispatch`. [kW]
    hours : float
        Length of a step. [h]
    """
    frame = with_tie_ways(frame)
    shown, widths = stamps(frame["time"]), widths_ms(frame["time"], hours)
    traces: list[go.Bar | go.Scatter] = []
    for columns, sign in ((SOURCES, 1.0), (SINKS, -1.0)):
        for column in columns:
            if frame[column].max() <= _ROUNDING_KW:
                continue
            look = POWERS[column]
            traces.append(
                go.Bar(
                    x=shown,
                    y=(sign * frame[column]).to_numpy("float32"),
                    name=look.label,
                    marker={
                        "color": look.colour,
                        "pattern_shape": look.hatch,
                        "line_width": 0,
                    },
                    offset=0,
                    width=widths,
                    hovertemplate="%{y:,.1f} kW",
                )
            )
    x, y = stepped(frame["time"], frame["load_kw"] - frame["shed_kw"], hours)
    line = {"color": POWERS["load_kw"].colour, "shape": "hv", "width": 2}
    hover = "%{y:,.1f} kW"
    traces.append(
        go.Scatter(x=x, y=y, name="demand served", mode="lines", line=line, hovertemplate=hover)
    )
    return traces


def exchange_figure(view: RunView) -> go.Figure:
    """Draw the exchange of every microgrid as a map of colours over time. [kW]"""
    dispatch = view.needs("dispatch", "No step was simulated.")
    table = dispatch.pivot_table(index="time", columns="microgrid", values="exchange_kw")
    table = view.coarse(table.reset_index())
    edges, _ = stepped(table["time"], table[view.microgrids[0]], view.block * view.step_h)
    most_kw = max(float(table[list(view.microgrids)].abs().to_numpy().max()), 1e-3)
    figure = go.Figure(
        go.Heatmap(
            x=edges,
            y=list(view.microgrids),
            z=table[list(view.microgrids)].to_numpy("float32").T,
            zmin=-most_kw,
            zmax=most_kw,
            colorscale=[
                (0.0, POWERS["import_kw"].colour),
                (0.5, "#f7f7f7"),
                (1.0, POWERS["pv_kw"].colour),
            ],
            colorbar={"title": "exchange<br>[kW]", "thickness": 14, "nticks": 5},
            xgap=0 if len(table) > 100 else 1,
            ygap=2,
            hovertemplate="%{y}, %{x|%a %d %b %H:%M}: %{z:,.1f} kW<extra></extra>",
        )
    )
    title = f"Exchange: orange sells, blue buys{view.blocks_told()}"
    height = 150 + 30 * len(view.microgrids)
    layout(figure, title, height=max(height, 300), hovermode="closest")
    figure.update_yaxes(autorange="reversed", title="microgrid", showgrid=False, type="category")
    figure.update_xaxes(title=clock_title(view), showgrid=False)
    return figure


def clock_title(view: RunView) -> str:
    """Give the title of an axis of time."""
    told = twice_told(view.frame("steps")["time"])
    return f"time [{view.run.manifest['timezone']}]{told}"
