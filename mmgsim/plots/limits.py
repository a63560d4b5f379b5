"""Where and when the feeder was tight."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.plots.clock import stepped, told_spans, told_times
from mmgsim.plots.energy import clock_title
from mmgsim.plots.feeder_view import FeederView
from mmgsim.plots.style import HALO, LIMIT, NEUTRAL, layout, panel_titles

__all__ = ["FULL_PERCENT", "limits_figure", "tightest_buses", "tightest_figure", "tightest_lines"]

_MOST_ROWS, _MOST_SPANS = 12, 6
FULL_PERCENT = 99.9
"""From here on a line is called full. [%]"""
_LOW, _HIGH, _LOADING = "#0072B2", "#56B4E9", "#993404"


_TEXT = {"size": 11, "shadow": HALO}


def tightest_buses(feeder: FeederView) -> pd.DataFrame:
    """Give the buses that came nearest to a limit of the voltage, the nearest first.

    One row a bus: `low_pu`, `high_pu` over the run; `margin_pu` to the nearer limit, below zero
    where it was broken; `at`, the step in which it came nearest; `steps_outside`. The bus of the
    upstream grid is not among them.
    """
    low_pu, high_pu = feeder.limits_pu
    vm_pu = feeder.vm_pu.drop(columns=list(feeder.layout.sources), errors="ignore")
    table = pd.DataFrame({"low_pu": vm_pu.min(), "high_pu": vm_pu.max()})
    below, above = table["low_pu"] - low_pu, high_pu - table["high_pu"]
    table["margin_pu"] = pd.concat([below, above], axis=1).min(axis=1)
    supplied = vm_pu.dropna(axis=1, how="all")
    table["at"] = supplied.idxmin().where(below <= above, supplied.idxmax())
    table["steps_outside"] = ((vm_pu < low_pu - 1e-6) | (vm_pu > high_pu + 1e-6)).sum()
    return table.dropna().sort_values("margin_pu", kind="stable").head(_MOST_ROWS)


def tightest_lines(feeder: FeederView) -> pd.DataFrame:
    """Give the lines of highest loading, the highest first; unrated ones are not among them.

    One row a line: `most_percent`, `mean_percent`, `steps_above` 100 %, `from_bus`, `to_bus`; `at`,
    the first step of highest loading; `when`, the hours in which it was full, in words.
    """
    loading = feeder.loading_percent
    ends = {e.index: (e.from_bus, e.to_bus) for e in feeder.layout.edges if e.kind == "line"}
    table = pd.DataFrame({"most_percent": loading.max(), "mean_percent": loading.mean()})
    table["steps_above"] = (loading > 100.0 + 1e-4).sum()
    table = table[(table["most_percent"] > 0.0) & table.index.isin(list(ends))]
    table["from_bus"] = [ends[line][0] for line in table.index]
    table["to_bus"] = [ends[line][1] for line in table.index]
    table = table.sort_values("most_percent", ascending=False, kind="stable").head(_MOST_ROWS)
    table["at"] = [loading[line].idxmax() for line in table.index]
    table["when"] = [_when_full(feeder, loading[line]) for line in table.index]
    return table


def _when_full(feeder: FeederView, loading: pd.Series) -> str:
    """Say when a line was full, and nothing where it never was."""
    times = loading.index[loading >= FULL_PERCENT].to_series()
    spans = told_spans(times, feeder.view.step_h)
    more = f" and {len(spans) - _MOST_SPANS} more" if len(spans) > _MOST_SPANS else ""
    return ", ".join(spans[:_MOST_SPANS]) + more


def tightest_figure(feeder: FeederView) -> go.Figure:
    """Draw the buses nearest to a limit of the voltage, and the lines of highest loading."""
    buses, lines = tightest_buses(feeder), tightest_lines(feeder)
    figure = make_subplots(
        rows=2,
        cols=1,
        vertical_spacing=0.2,
        subplot_titles=(
            "Buses nearest to a limit: lowest to highest voltage, and when it came nearest",
            "Lines of highest loading: mean (dot) and highest (bar), and when it was highest first",
        ),
    )
    layout(figure, "Where the feeder was tight", height=660, showlegend=False, bargap=0.45)
    panel_titles(figure)
    names = [f"bus {feeder.view.bus_label(int(bus))}" for bus in buses.index]
    figure.add_bar(
        x=names,
        y=buses["high_pu"] - buses["low_pu"],
        base=buses["low_pu"],
        marker_color=[LIMIT if margin < -1e-6 else _LOW for margin in buses["margin_pu"]],
        text=_told(buses["at"]),
        textposition="outside",
        textfont=_TEXT,
        constraintext="none",
        cliponaxis=False,
        customdata=buses[["low_pu", "high_pu", "steps_outside"]].to_numpy(),
        hovertemplate="%{x}: %{customdata[0]:.4f} to %{customdata[1]:.4f} pu, outside in "
        "%{customdata[2]:.0f} steps, nearest to a limit %{text}<extra></extra>",
        row=1,
        col=1,
    )
    for limit_pu, side in zip(feeder.limits_pu, ("bottom", "top"), strict=True):
        _add_limit(figure, limit_pu, f"limit {limit_pu:g} pu", row=1, side=side)
    low_pu, high_pu = feeder.limits_pu
    outer = [min(low_pu, buses["low_pu"].min()), max(high_pu, buses["high_pu"].max())]
    room_pu = 0.12 * (outer[1] - outer[0])
    voltages = [outer[0] - room_pu, outer[1] + room_pu]
    figure.update_yaxes(title="voltage [pu]", range=voltages, row=1, col=1)
    _add_lines(figure, lines)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(type="category")
    figure.update_xaxes(title="bus, the tightest first", row=1, col=1)
    return figure.update_xaxes(title="line, the tightest first", row=2, col=1)


def _add_lines(figure: go.Figure, lines: pd.DataFrame) -> None:
    names = [f"{row.from_bus} to {row.to_bus}" for row in lines.itertuples()]
    most = lines["most_percent"]
    figure.add_bar(
        x=names,
        y=most,
        marker_color=[LIMIT if percent > 100.0 + 1e-4 else _LOADING for percent in most],
        text=[
            f"<b>{percent:.0f} %</b><br>{at}"
            for percent, at in zip(most, _told(lines["at"]), strict=True)
        ],
        textposition="outside",
        textfont=_TEXT,
        constraintext="none",
        customdata=lines[["mean_percent", "steps_above", "when"]].reset_index().to_numpy(),
        hovertemplate="line %{customdata[0]}, bus %{x}: highest %{y:.1f} %, mean "
        "%{customdata[1]:.1f} %, above 100 % in %{customdata[2]} steps<br>full: "
        "%{customdata[3]}<extra></extra>",
        row=2,
        col=1,
    )
    figure.add_scatter(
        x=names,
        y=lines["mean_percent"],
        mode="markers",
        marker={"color": "#ffffff", "size": 9, "line": {"color": "#000000", "width": 1.5}},
        hoverinfo="skip",
        row=2,
        col=1,
    )
    _add_limit(figure, 100.0, "rating", row=2, side="top")
    highest = max(100.0, float(most.max()) if len(most) else 0.0)
    figure.update_yaxes(title="loading [%]", range=[0.0, 1.3 * highest], row=2, col=1)


def _told(times: pd.Series) -> list[str]:
    return [] if times.empty else told_times(times, "%d %b %H:%M")


def _add_limit(figure: go.Figure, value: float, text: str, *, row: int, side: str) -> None:
    """Draw a limit across a panel, its name at the right end on the outer side."""
    figure.add_hline(
        y=value,
        line={"color": LIMIT, "dash": "dash", "width": 1.5},
        annotation={"text": text, "font": {"color": LIMIT, "size": 11}},
        annotation_position=f"{side} right",
        row=row,
        col=1,
    )


def limits_figure(feeder: FeederView) -> go.Figure:
    """Draw voltages, loading and power of the feeder over time. [pu], [%], [kW]"""
    view = feeder.view
    extremes = {"vm_min_pu": "min", "vm_max_pu": "max", "loading_max_percent": "max"}
    means = {"substation_kw": "mean", "loss_kw": "mean", "background_kw": "mean"}
    steps = view.coarse(view.frame("steps"), {**extremes, **means})
    figure = make_subplots(
        rows=3,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.08,
        subplot_titles=("Voltages", "Highest loading of a line or transformer", "Power"),
    )
    told = view.blocks_told("extremes and means over")
    layout(figure, f"The feeder over time{told}", height=740)
    panel_titles(figure)
    rows = (
        ("vm_min_pu", "lowest voltage", _LOW, 1, "%{y:.4f} pu"),
        ("vm_max_pu", "highest voltage", _HIGH, 1, "%{y:.4f} pu"),
        ("loading_max_percent", "highest loading", _LOADING, 2, "%{y:.1f} %"),
        ("substation_kw", "from the upstream grid", "#0072B2", 3, "%{y:,.1f} kW"),
        ("background_kw", "background demand", NEUTRAL, 3, "%{y:,.1f} kW"),
        ("loss_kw", "losses", "#b5a900", 3, "%{y:,.2f} kW"),
    )
    hours = view.block * view.step_h
    for column, name, colour, row, hover in rows:
        x, y = stepped(steps["time"], steps[column], hours)
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines",
            line={"color": colour, "shape": "hv", "width": 2},
            hovertemplate=hover,
            legend=f"legend{row}" if row > 1 else "legend",
            row=row,
            col=1,
        )
    for limit_pu, side in zip(feeder.limits_pu, ("bottom", "top"), strict=True):
        _add_limit(figure, limit_pu, f"limit {limit_pu:g}", row=1, side=side)
    _add_limit(figure, 100.0, "rating", row=2, side="top")
    for row, title in enumerate(("voltage [pu]", "loading [%]", "power [kW]"), 1):
        number = "" if row == 1 else str(row)
        top = figure.layout[f"yaxis{number}"].domain[1]
        figure.update_layout({f"legend{number}": {"y": top, "yanchor": "top", "x": 1.01}})
        figure.update_yaxes(title=title, row=row, col=1)
    figure.update_yaxes(rangemode="tozero", row=2, col=1)
    return figure.update_xaxes(title=clock_title(view), row=3, col=1)
