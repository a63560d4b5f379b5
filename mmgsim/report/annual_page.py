"""Writing `year.html`: the table and the pictures of a year."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

import plotly.graph_objects as go

from mmgsim.report.annual import Annual, annual_rows
from mmgsim.report.comparison_figures import bars, run_colours
from mmgsim.report.comparison_page import linked, sections_table
from mmgsim.report.page import Drawing, page
from mmgsim.tables import write_text

__all__ = ["write_annual_page"]


def write_annual_page(path: Path, annual: Annual, pages: Mapping[str, str]) -> None:
    """Draw a year.

    Parameters
    ----------
    path : Path
        The file to write.
    annual : Annual
        What to draw.
    pages : mapping
        Where the comparison of each day is, as seen from the page, by the day's name.
    """
    body = [
        f'<p class="failed">{escape(what)} did not finish: {escape(why)}</p>'
        for what, why in annual.failed.items()
    ]
    links = ", ".join(linked(str(day), pages) for day in annual.days.index)
    names = [escape(name) for name in annual.kinds]
    body += [
        f"<p>Days, each with its coordinations side by side: {links}.</p>",
        "<h2>In numbers</h2>",
        sections_table(names, annual_rows(annual)),
    ]
    body += [f'<p class="note">{escape(note)}</p>' for note in annual.notes]
    drawing = Drawing()
    if len(annual.table):
        body.append(f"<h2>Who pays what in a year</h2>{drawing.draw(_costs(annual))}")
    body.append(f"<h2>Days side by side</h2>{drawing.draw(_days(annual))}")
    write_text(path, page(f"{annual.scenario} \u00b7 a year", annual.subtitle, body))


def _costs(annual: Annual) -> go.Figure:
    costs = annual.by_microgrid("cost").drop(index=annual.all_name).dropna(axis=1)
    figure, colours = go.Figure(), run_colours(annual.kinds)
    for name in costs:
        figure.add_bar(
            x=costs.index, y=costs[name], name=str(name), marker_color=colours[str(name)]
        )
    return bars(figure, "Cost of a year", f"cost [{annual.currency}/year]")


def _days(annual: Annual) -> go.Figure:
    costs = annual.cost_by_day()
    figure, colours = go.Figure(), run_colours(annual.kinds)
    told = [f"{name}<br>stands for {weight:g}" for name, weight in annual.days.weight.items()]
    for name in costs:
        has = costs[name].notna().to_numpy()
        figure.add_bar(
            x=[text for text, there in zip(told, has, strict=True) if there],
            y=costs[name][has],
            name=str(name),
            marker_color=colours[str(name)],
        )
    return bars(figure, "All microgrids, one day each", f"cost [{annual.currency}/day]")
