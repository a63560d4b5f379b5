"""Writing `judge.html`: what plans cost in the same futures."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmgsim.plots import layout
from mmgsim.report.comparison_figures import run_colours
from mmgsim.report.judged import Judged, verdict_rows
from mmgsim.report.page import Drawing, page, table
from mmgsim.tables import write_text

__all__ = ["judgement_figures", "write_judged_page"]

_MOST_FAILURES = 20
_LEGEND = {"orientation": "h", "y": -0.2, "x": 0}


def write_judged_page(path: Path, judged: Judged) -> None:
    """Draw a judgement.

    Parameters
    ----------
    path : Path
        The file to write.
    judged : Judged
        What to draw.
    """
    body = [
        f'<p class="failed">{escape(what)} failed: {escape(why)}</p>'
        for what, why in list(judged.failed.items())[:_MOST_FAILURES]
    ]
    if len(judged.failed) > _MOST_FAILURES:
        body.append(f'<p class="failed">{len(judged.failed)} failed; see judge.json.</p>')
    drawing = Drawing()
    if len(judged.verdicts):
        head, rows = verdict_rows(judged)
        body.append(table(head, rows, numbers=range(1, len(head))))
        body += [f'<p class="note">{escape(note)}</p>' for note in judged.notes]
        for heading, figure in judgement_figures(judged):
            body += [f"<h2>{escape(heading)}</h2>", drawing.draw(figure)]
    write_text(path, page(f"{judged.scenario} · plans against futures", judged.subtitle, body))


def judgement_figures(judged: Judged) -> Iterator[tuple[str, go.Figure]]:
    """Give heading and figure of every section."""
    cost = judged.table.pivot(index="future", columns="plan", values="cost")
    cost = cost[[*judged.verdicts.index]].dropna()
    yield "How costs are spread", _spread(judged, cost)
    if cost.shape[1] > 1:
        yield "Against the first plan", _against_first(judged, cost)


def _spread(judged: Judged, cost: pd.DataFrame) -> go.Figure:
    """Draw the share of futures in which a plan costs no more, with its mean and its tail."""
    figure = go.Figure()
    for name, colour in _colours(cost).items():
        _add_steps(figure, cost[name], name, colour)
        row = judged.verdicts.loc[name]
        for value, symbol, what in (
            (row["mean"], "diamond", "mean"),
            (row.cvar, "triangle-right", f"CVaR {100 * judged.level:.3g} %"),
        ):
            share = float((cost[name] <= value).mean())
            figure.add_scatter(
                x=[value],
                y=[share],
                mode="markers",
                marker={"color": colour, "size": 11, "symbol": symbol, "line": {"width": 1}},
                name=f"{name}: {what}",
                showlegend=False,
            )
    layout(
        figure,
        "Futures in which a plan costs no more (diamond: mean, triangle: CVaR)",
        legend=_LEGEND,
        hovermode="closest",
        showlegend=True,
    )
    figure.update_xaxes(title=f"cost [{judged.currency}]")
    return figure.update_yaxes(title="share of futures", range=[0, 1.02], tickformat=".0%")


def _against_first(judged: Judged, cost: pd.DataFrame) -> go.Figure:
    """Draw how much cheaper than the first plan the others are, future by future."""
    figure, first = go.Figure(), cost.columns[0]
    for name, colour in _colours(cost).items():
        if name != first:
            _add_steps(figure, cost[first] - cost[name], name, colour)
    layout(
        figure,
        f"How much less than {first}: share of futures in which it is no more",
        legend=_LEGEND,
        hovermode="closest",
        showlegend=True,
    )
    figure.add_vline(x=0.0, line={"color": "#222", "width": 1})
    figure.update_xaxes(title=f"saved against {first} [{judged.currency}]")
    return figure.update_yaxes(title="share of futures", range=[0, 1.02], tickformat=".0%")


def _add_steps(figure: go.Figure, values: pd.Series, name: str, colour: str) -> None:
    ordered = np.sort(values.to_numpy())
    figure.add_scatter(
        x=ordered,
        y=np.arange(1, len(ordered) + 1) / len(ordered),
        name=name,
        mode="lines",
        line={"color": colour, "width": 2, "shape": "hv"},
    )


def _colours(cost: pd.DataFrame) -> dict[str, str]:
    return run_colours({name: name for name in cost.columns})
