"""Writing `sweep.html`: means with intervals, and pictures of keys against outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from mmgsim.plots import layout
from mmgsim.report.comparison_figures import run_colours
from mmgsim.report.page import Drawing, page, table
from mmgsim.report.swept import MOST_GROUPS, Swept, mean_rows
from mmgsim.tables import write_text

__all__ = ["write_swept_page"]

_MOST_SCATTERS, _MOST_AXES, _MOST_FAILURES = 6, 8, 20
_WIDE = 20.0
"""Values above 0 whose largest is so many times the smallest have a logarithmic axis."""
_SYMBOLS = ("circle", "diamond-open", "x-thin-open", "square-open", "cross-thin-open")
"""Seen through each other, where several parts have the same values."""
_LEGEND = {"orientation": "h", "y": -0.25, "x": 0}
_ALL = "all runs"


def write_swept_page(path: Path, swept: Swept) -> None:
    """Draw a sweep.

    Parameters
    ----------
    path : Path
        The file to write.
    swept : Swept
        What to draw.
    """
    body = [
        f'<p class="failed">Run {run} failed: {escape(why)}</p>'
        for run, why in list(swept.failed.items())[:_MOST_FAILURES]
    ]
    if len(swept.failed) > _MOST_FAILURES:
        body.append(f'<p class="failed">{len(swept.failed)} runs failed; see the table.</p>')
    drawing = Drawing()
    if len(swept.table):
        body += _means(swept, drawing)
        body += _pictures(swept, drawing)
    if swept.keeps_runs:
        body.append(
            '<p class="note">Each run has its folder in <code>runs</code>; its report is drawn by '
            "<code>mmgsim report</code> and the folder.</p>"
        )
    write_text(path, page(f"{swept.name} · a sweep", swept.subtitle, body))


def _means(swept: Swept, drawing: Drawing) -> list[str]:
    if swept.means is None:
        return []
    head, rows = mean_rows(swept)
    first = len(swept.groups)
    parts = [
        "<h2>Means over the seeds</h2>",
        "<p>Mean ± half of the 95 % interval (Student's t) of the runs that differ in seed, or in "
        "draw, alone; the mean alone where these change nothing, or there is one of them.</p>",
        drawing.draw(_mean_figure(swept)),
        table(head, rows, numbers=range(first, len(head))),
    ]
    groups = len(swept.means) // len(swept.figures)
    if groups > MOST_GROUPS:
        parts.append(f'<p class="note">The first {MOST_GROUPS} of {groups} groups.</p>')
    return parts


def _pictures(swept: Swept, drawing: Drawing) -> Iterator[str]:
    if len(swept.table) > 1 and swept.keys:
        yield "<h2>All runs</h2><p>One line a run. Drag along an axis to keep the lines there.</p>"
        yield drawing.draw(_parallel(swept))
    numbers = [key for key in swept.keys if _is_number(swept.table[key])]
    numbers = [key for key in numbers if key != "seed"] or numbers
    if numbers:
        yield "<h2>Keys against cost</h2>"
    for key in numbers[:_MOST_SCATTERS]:
        yield drawing.draw(_scatter(swept, key))


def _is_number(values: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values))


def _parts(swept: Swept) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Give the runs by the key that has colours, with the colour of each part."""
    key = swept.coloured_by
    if key is None:
        yield _ALL, swept.table, next(iter(run_colours({_ALL: ""}).values()))
        return
    names = [str(name) for name in swept.table[key].unique()]
    for name, colour in run_colours({name: name for name in names}).items():
        yield name, swept.table[swept.table[key] == name], colour


def _mean_figure(swept: Swept) -> go.Figure:
    """Draw the first figure of every group with its interval."""
    assert swept.means is not None
    name, colour_key = swept.figures[0], swept.coloured_by
    others = [key for key in swept.groups if key != colour_key and key in swept.keys]
    means = swept.means[swept.means.figure == name]
    figure = go.Figure()
    for part_name, _, colour in _parts(swept):
        of = means if colour_key is None else means[means[colour_key] == part_name]
        of = of.head(MOST_GROUPS)
        half = (of.high - of.low) / 2.0
        figure.add_scatter(
            x=_places(of, others, part_name),
            y=of["mean"],
            name=part_name,
            mode="markers",
            marker={"color": colour, "size": 9},
            error_y={"type": "data", "array": half.fillna(0.0), "visible": True},
        )
    title = f"Mean {swept.title_of(name)} with 95 % interval"
    # Dots, not bars: their axis need not begin at zero, where intervals are too short to be seen.
    layout(figure, title, scattermode="group", legend=_LEGEND, hovermode="closest", showlegend=True)
    figure.update_xaxes(type="category")
    low, high = means.low.fillna(means["mean"]).min(), means.high.fillna(means["mean"]).max()
    room = 0.08 * (high - low) or 1.0  # plotly itself would begin at zero
    return figure.update_yaxes(title=swept.title_of(name), range=[low - room, high + room])


def _places(means: pd.DataFrame, keys: list[str], name: str) -> list[str]:
    """Name every group by the keys that have no colour."""
    if not keys:
        return [name] * len(means)
    return ["<br>".join(f"{key} {_short(row[key])}" for key in keys) for _, row in means.iterrows()]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _scatter(swept: Swept, key: str) -> go.Figure:
    figure, name = go.Figure(), swept.figures[0]
    for at, (part_name, part, colour) in enumerate(_parts(swept)):
        figure.add_scatter(
            x=part[key],
            y=part[name],
            name=part_name,
            mode="markers",
            marker={"color": colour, "size": 9, "symbol": _SYMBOLS[at % len(_SYMBOLS)]},
            text=[f"run {run}" for run in part.run],
        )
    layout(figure, f"{name} against {key}", legend=_LEGEND, hovermode="closest", showlegend=True)
    low, high = swept.table[key].min(), swept.table[key].max()
    is_wide = key != "seed" and low > 0 and high > _WIDE * low
    figure.update_xaxes(title=key, type="log" if is_wide else "linear")
    return figure.update_yaxes(title=swept.title_of(name))


def _parallel(swept: Swept) -> go.Figure:
    """Draw every run as a line over its keys and figures."""
    table_, colour_key = swept.table, swept.coloured_by
    axes = [_axis(table_[key], key) for key in swept.keys[:_MOST_AXES]]
    # A line with a point missing is not drawn at all.
    whole = [name for name in swept.figures if table_[name].notna().all()]
    axes += [
        _axis(table_[name], swept.title_of(name))
        for name in whole[: max(_MOST_AXES - len(axes), 2)]
    ]
    if colour_key is None:
        line: dict[str, Any] = {"color": table_[swept.figures[0]], "colorscale": "Viridis"}
    else:
        line = _discrete(table_[colour_key], [colour for _, _, colour in _parts(swept)])
    figure = go.Figure(go.Parcoords(dimensions=axes, line=line))
    coloured = "" if colour_key is None else f", coloured by {colour_key}"
    layout(figure, f"Keys and outcomes{coloured}", height=460)
    return figure.update_layout(margin={"l": 90, "r": 70, "t": 110, "b": 40})


def _axis(values: pd.Series, label: str) -> dict[str, Any]:
    short = label if len(label) < 24 else f"...{label[-21:]}"
    if _is_number(values):
        return {"label": short, "values": values}
    codes, names = pd.factorize(values)
    return {
        "label": short,
        "values": codes,
        "tickvals": list(range(len(names))),
        "ticktext": [str(name) for name in names],
    }


def _discrete(values: pd.Series, colours: list[str]) -> dict[str, Any]:
    """Give one colour a value, as plotly takes them: a scale in steps."""
    codes, _ = pd.factorize(values)
    count = len(colours)
    scale = [(edge / count, colour) for at, colour in enumerate(colours) for edge in (at, at + 1)]
    return {"color": codes, "colorscale": scale, "cmin": -0.5, "cmax": count - 0.5}
