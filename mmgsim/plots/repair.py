"""What first plans would have done to the feeder, and what was executed instead."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import told_times
from mmgsim.plots.feeder_view import FeederView
from mmgsim.plots.style import LIMIT, NEUTRAL, layout, panel_titles
from mmgsim.plots.view import RunView

__all__ = ["repair_figure", "repaired_steps"]

NO_REVIEW = (
    "Nobody looked at plans before they were executed: repair.rounds is 0, so there is no before "
    "and after."
)
DNO_PLANNED = (
    "Nothing was reviewed after it was planned (repair.rounds is 0): the DNO planned an AC flow of "
    "every step before it granted anything."
)
DNO_ASKED = (
    "Nothing was reviewed after it was planned (repair.rounds is 0): the coordination asked the "
    "DNO what its network carries while it planned."
)
NOTHING_BROKEN = "No step was planned against a limit of the feeder: there was nothing to repair."
_MOST_STEPS = 40
_EXECUTED = "#0072B2"
_LOADING, _LOW, _HIGH = "highest loading", "lowest voltage", "highest voltage"


def repaired_steps(feeder: FeederView) -> pd.DataFrame:
    """Give the extremes of the feeder by the first plan and as executed.

    One row a step and extreme, of the steps whose first plan was reviewed and breaks a limit:
    `time`; `extreme`, which is ``highest loading``, ``lowest voltage`` or ``highest voltage``;
    `first` and `executed` [%] or [pu]; `first_at` and `executed_at`, the line or bus that has it;
    `beyond`, how far the first plan is past the limit, as a part of the limit or of the half band
    of voltages. The bus of the upstream grid is not among them.

    Raises
    ------
    NothingToDrawError
        If no plan was reviewed, or none broke a limit.
    """
    view = feeder.view
    if not view.run.scenario["repair"]["rounds"]:
        raise NothingToDrawError(_why_none(view))
    table = view.needs("first_plans", NOTHING_BROKEN)
    sources = list(feeder.layout.sources)
    first = {
        quantity: rows.pivot_table(index="time", columns="index", values="value", dropna=False)
        for quantity, rows in table.groupby("quantity")
    }
    times = first["vm_pu"].index
    loading = (first["loading_percent"], feeder.loading_percent.loc[times])
    voltage = (
        first["vm_pu"].drop(columns=sources, errors="ignore"),
        feeder.vm_pu.loc[times].drop(columns=sources, errors="ignore"),
    )
    low_pu, high_pu = feeder.limits_pu
    half_pu = (high_pu - low_pu) / 2.0
    rows = [
        _extreme(_LOADING, *loading).assign(beyond=lambda t: t["first"] / 100.0 - 1.0),
        _extreme(_LOW, *voltage).assign(beyond=lambda t: (low_pu - t["first"]) / half_pu),
        _extreme(_HIGH, *voltage).assign(beyond=lambda t: (t["first"] - high_pu) / half_pu),
    ]
    return pd.concat(rows, ignore_index=True)


def _why_none(view: RunView) -> str:
    """Say why no plan was reviewed: whether the DNO saw it while it was made."""
    if view.has("grants") and not view.frame("grants").empty:
        return DNO_PLANNED
    asked = view.has("messages") and (view.frame("messages")["kind"] == "NetworkRows").any()
    return DNO_ASKED if asked else NO_REVIEW


def _extreme(name: str, first: pd.DataFrame, executed: pd.DataFrame) -> pd.DataFrame:
    """Give an extreme of every step, and where it is."""
    how = "min" if name == _LOW else "max"
    return pd.DataFrame(
        {
            "time": first.index,
            "extreme": name,
            "first": first.agg(how, axis=1).to_numpy(),
            "executed": executed.agg(how, axis=1).to_numpy(),
            "first_at": getattr(first, f"idx{how}")(axis=1).to_numpy(),
            "executed_at": getattr(executed, f"idx{how}")(axis=1).to_numpy(),
        }
    )


def repair_figure(feeder: FeederView) -> go.Figure:
    """Draw loading and voltages by the first plan and as executed, step by step."""
    table = repaired_steps(feeder)
    worst = table.groupby("time")["beyond"].max().sort_values(ascending=False, kind="stable")
    shown = table[table["time"].isin(worst.index[:_MOST_STEPS])]
    told = f" (the {_MOST_STEPS} worst of {len(worst)})" if len(worst) > _MOST_STEPS else ""
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.1,
        subplot_titles=("Line of highest loading", "Buses of lowest and of highest voltage"),
    )
    layout(figure, f"Steps planned against a limit, before and after repair{told}", height=640)
    panel_titles(figure)
    for name, row in ((_LOADING, 1), (_LOW, 2), (_HIGH, 2)):
        _add_pairs(figure, feeder, shown[shown["extreme"] == name], row=row)
    figure.add_hline(y=100.0, line=_LIMIT_LINE, annotation=_named("rating"), row=1, col=1)
    for limit_pu in feeder.limits_pu:
        note = _named(f"limit {limit_pu:g} pu")
        figure.add_hline(y=limit_pu, line=_LIMIT_LINE, annotation=note, row=2, col=1)
    is_loading = shown["extreme"] == _LOADING
    _set_range(figure, shown[is_loading], (100.0,), "loading [%]", row=1)
    _set_range(figure, shown[~is_loading], feeder.limits_pu, "voltage [pu]", row=2)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(type="category")
    return figure.update_xaxes(title="step", row=2, col=1)


_LIMIT_LINE = {"color": LIMIT, "dash": "dash", "width": 1.5}


def _set_range(
    figure: go.Figure, rows: pd.DataFrame, limits: Sequence[float], title: str, *, row: int
) -> None:
    """Give all marks and limits room, with their names."""
    marks = rows[["first", "executed"]].to_numpy()
    low, high = min(np.nanmin(marks), *limits), max(np.nanmax(marks), *limits)
    room = 0.12 * (high - low)
    figure.update_yaxes(title=title, range=[low - room, high + room], row=row, col=1)


def _named(text: str) -> dict[str, object]:
    return {"text": text, "font": {"color": LIMIT, "size": 11}}


def _add_pairs(figure: go.Figure, feeder: FeederView, rows: pd.DataFrame, *, row: int) -> None:
    """Draw two marks a step, of the first plan and as executed, and a stroke between them."""
    name = str(rows["extreme"].iloc[0])
    is_loading = name == _LOADING
    unit, digits = ("%", ".1f") if is_loading else ("pu", ".4f")
    ends = {e.index: (e.from_bus, e.to_bus) for e in feeder.layout.edges if e.kind == "line"}
    steps = told_times(rows["time"])
    strokes = [
        point for pair in zip(rows["first"], rows["executed"], strict=True) for point in pair
    ]
    figure.add_scatter(
        x=[step for label in steps for step in (label, label, None)],
        y=[y for k in range(len(rows)) for y in (*strokes[2 * k : 2 * k + 2], None)],
        mode="lines",
        line={"color": NEUTRAL, "width": 2},
        hoverinfo="skip",
        showlegend=False,
        row=row,
        col=1,
    )
    number = f"{name} %{{y:{digits}}} {unit}"
    looks = {
        "first": (
            "by the first plan",
            {"symbol": "diamond-open", "color": LIMIT, "line_width": 2, "size": 11},
        ),
        "executed": ("as executed", {"symbol": "circle", "color": _EXECUTED, "size": 7}),
    }
    for column, (label, marker) in looks.items():
        places = [
            f"line {at}, bus {ends[at][0]} to {ends[at][1]}" if is_loading else f"bus {at}"
            for at in rows[f"{column}_at"].astype(int)
        ]
        figure.add_scatter(
            x=list(steps),
            y=rows[column],
            name=label,
            meta=name,
            mode="markers",
            marker=marker,
            text=places,
            hovertemplate=f"%{{x}}, {label}: {number}, %{{text}}<extra></extra>",
            legendgroup=column,
            showlegend=is_loading,
            row=row,
            col=1,
        )
