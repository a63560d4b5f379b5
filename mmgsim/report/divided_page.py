"""Writing `divide.html`: the table and the pictures of a division."""

from __future__ import annotations

from html import escape
from pathlib import Path

import plotly.graph_objects as go

from mmgsim.report.comparison_figures import bars
from mmgsim.report.comparison_page import sections_table
from mmgsim.report.divided import Divided, divided_rows
from mmgsim.report.page import Drawing, page
from mmgsim.tables import write_text

__all__ = ["division_figure", "write_division_page"]

# Okabe and Ito's palette, as in the report of a run; grey is where nothing is paid.
_COLOURS = {
    "none": "#8c8c8c",
    "midpoint": "#56B4E9",
    "marginal": "#0072B2",
    "nash": "#E69F00",
    "shapley": "#009E73",
    "nucleolus": "#CC79A7",
}


def write_division_page(path: Path, divided: Divided) -> None:
    """Draw a division.

    Parameters
    ----------
    path : Path
        The file to write.
    divided : Divided
        What to draw.
    """
    drawing = Drawing()
    rules = [escape(str(rule)) for rule in divided.bills]
    gain = float(divided.alone.sum()) - divided.total
    body = [
        f"<p>Each on its own they would pay {divided.alone.sum():,.2f} {divided.currency}, "
        f"together {divided.total:,.2f}: {gain:,.2f} to be divided.</p>",
        drawing.draw(division_figure(divided)),
        "<h2>In numbers</h2>",
        sections_table(rules, divided_rows(divided)),
        *(f'<p class="note">{escape(note)}</p>' for note in divided.notes),
    ]
    write_text(path, page(f"{divided.scenario} · divided", f"the day of {divided.day}", body))


def division_figure(divided: Divided) -> go.Figure:
    """Draw what each microgrid saves by every rule, with errors where bills are estimated."""
    figure, savings = go.Figure(), divided.savings
    for rule in savings:
        error = divided.standard_errors[rule]
        figure.add_bar(
            x=savings.index,
            y=savings[rule],
            name=str(rule),
            marker_color=_COLOURS.get(str(rule)),
            error_y={"type": "data", "array": error} if error.any() else None,
        )
    title = f"Saving against being alone, {divided.day}"
    return bars(figure, title, f"saving [{divided.currency}]")
