"""Writing `size.html`: sizes, what they are worth, and how they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.plots import layout
from mmgsim.plots.style import COSTS, LIMIT, NEUTRAL, POWERS, microgrid_colours
from mmgsim.report.page import Drawing, page, table
from mmgsim.report.sized import SHARING, Sized, size_rows, worth_rows
from mmgsim.tables import write_text

__all__ = ["sizing_figures", "write_sized_page"]

_LARGE = 1e3
"""From here on, numbers of tables have no decimals."""
_LEGEND = {"orientation": "h", "y": -0.2, "x": 0}
_LOOKS = {"wind": POWERS["wind_kw"], "pv": POWERS["pv_kw"], "battery": POWERS["discharge_kw"]}
_PARTS = {
    "capital": ("devices", NEUTRAL),
    "purchases": ("energy from the grid", COSTS["import"].colour),
    "unserved_cost": ("demand not served", COSTS["shed_value"].colour),
    "wear": ("wear of storage", COSTS["wear"].colour),
    "local_charges": ("network charge on local trade", COSTS["local_trade"].colour),
}
_SERVED = {
    "own_use_kwh": ("own devices", POWERS["discharge_kw"].colour),
    "bought_kwh": ("peers", POWERS["bought_kw"].colour),
    "imported_kwh": ("the grid", POWERS["import_kw"].colour),
    "unserved_kwh": ("nobody", POWERS["shed_kw"].colour),
}


def write_sized_page(path: Path, sized: Sized) -> None:
    """Draw a sizing.

    Parameters
    ----------
    path : Path
        The file to write.
    sized : Sized
        What to draw.
    """
    drawing = Drawing()
    names, rows = worth_rows(sized)
    body = [
        "<h2>Sizes</h2>",
        drawing.draw(_sizes(sized)),
        table(*size_rows(sized), numbers=range(2, 6)),
        "<h2>What they are worth</h2>",
        drawing.draw(_costs(sized)),
        table(["", *names], [[label, *texts] for label, texts in rows], numbers=range(1, 7)),
    ]
    body += [f'<p class="note">{escape(note)}</p>' for note in sized.all_notes]
    for heading, text, figure in sizing_figures(sized):
        body += [f"<h2>{escape(heading)}</h2>", f"<p>{escape(text)}</p>", drawing.draw(figure)]
    body += _games(sized, drawing)
    title = f"{sized.scenario} · sizes for {sized.title}"
    write_text(path, page(title, sized.subtitle, body))


def sizing_figures(sized: Sized) -> Iterator[tuple[str, str, go.Figure]]:
    """Give heading, text and figure of every section that there is something to draw for."""
    drawn: tuple[tuple[str, str, str, Callable[[Sized], go.Figure]], ...] = (
        ("months", "The year", "Who serves the load, month by month.", _months),
        ("rounds", "How they were found", "The best so far after every round.", _rounds),
        (
            "sensitivity",
            "What hangs on prices and on the rate",
            "Kept: the sizes found above, judged anew. Found anew: the best for the change.",
            _sensitivity,
        ),
        (
            "front",
            "Levelised cost against reliability",
            "Every point is a set of sizes; none is better than another in both.",
            _front,
        ),
        (
            "check",
            "In the full simulator",
            "Bills of days that stand for the year: agents, solvers and ledger against the rule.",
            _check,
        ),
    )
    for name, heading, text, figure in drawn:
        if len(sized.tables.get(name, ())):
            yield heading, text, figure(sized)


def _sizes(sized: Sized) -> go.Figure:
    """Draw sizes as they are, pale, and as found, with the largest that there may be."""
    sizes = sized.tables["sizes"]
    kinds = [kind for kind in _LOOKS if (sizes.kind == kind).any()]
    titles = [f"{_LOOKS[k].label if k != 'battery' else 'batteries'}" for k in kinds]
    figure = make_subplots(1, len(kinds), subplot_titles=titles)
    for at, kind in enumerate(kinds, start=1):
        own = sizes[sizes.kind == kind]
        for column, name, opacity in (("present", "as it is", 0.35), ("found", "found", 1.0)):
            figure.add_bar(
                x=own.microgrid,
                y=own[column],
                name=name,
                opacity=opacity,
                marker_color=_LOOKS[kind].colour,
                legendgroup=name,
                showlegend=at == 1,
                row=1,
                col=at,
            )
        figure.add_scatter(
            x=own.microgrid,
            y=own.high,
            mode="markers",
            marker={"symbol": "line-ew", "size": 26, "line": {"width": 2, "color": LIMIT}},
            name="largest",
            legendgroup="largest",
            showlegend=at == 1,
            row=1,
            col=at,
        )
        figure.update_yaxes(title=f"[{own.unit.iloc[0]}]", rangemode="tozero", row=1, col=at)
    return layout(figure, "Sizes by microgrid", barmode="group", legend=_LEGEND)


def _costs(sized: Sized) -> go.Figure:
    """Draw what makes up the annual cost."""
    costs, figure = sized.tables["costs"], go.Figure()
    names, _ = worth_rows(sized)
    for column, (label, colour) in _PARTS.items():
        if costs[column].any():
            figure.add_bar(x=names, y=costs[column], name=label, marker_color=colour)
    if sized.bound is not None:
        figure.add_hline(
            y=sized.bound,
            line={"color": LIMIT, "width": 2, "dash": "dash"},
            annotation_text=f"no sizes cost less {SHARING[sized.sharing]}",
            annotation_position="top right",
            annotation_bgcolor="rgba(255,255,255,0.8)",
        )
    layout(figure, "Annual cost, income from the grid aside", barmode="stack", legend=_LEGEND)
    return figure.update_yaxes(title=f"[{sized.currency}/year]")


def _months(sized: Sized) -> go.Figure:
    by_month = sized.tables["months"].groupby("month").sum(numeric_only=True) / 1e3
    figure = go.Figure()
    for column, (label, colour) in _SERVED.items():
        if by_month[column].any():
            figure.add_bar(x=by_month.index, y=by_month[column], name=label, marker_color=colour)
    figure.add_scatter(
        x=by_month.index,
        y=by_month.generated_kwh,
        name="available from wind and sun",
        mode="lines+markers",
        line={"color": "#222222", "width": 2, "dash": "dot"},
    )
    layout(figure, "Load of all, by who serves it", barmode="stack", legend=_LEGEND)
    figure.update_xaxes(type="category")
    return figure.update_yaxes(title="[MWh/month]")


def _rounds(sized: Sized) -> go.Figure:
    rounds = sized.tables["rounds"]
    figure = go.Figure()
    figure.add_scatter(
        x=rounds["round"],
        y=rounds.best.where(rounds.best < float("inf")),
        mode="lines",
        line={"width": 2, "shape": "hv", "color": COSTS["import"].colour},
        name=sized.method,
    )
    layout(figure, f"Best so far: {sized.objective.replace('-', ' ')}", showlegend=False)
    figure.update_xaxes(title="round")
    return figure.update_yaxes(title=_unit(sized))


def _unit(sized: Sized) -> str:
    return {
        "weighted": "weighted objective",
        "lcoe": f"levelised cost [{sized.currency}/kWh]",
    }.get(sized.objective, f"[{sized.currency}/year]")


def _sensitivity(sized: Sized) -> go.Figure:
    found = sized.tables["sensitivity"]
    figure = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.06)
    for at, what in enumerate(("price", "discount_rate"), start=1):
        own = found[found.what == what]
        for column, name, dash in (
            ("kept", "kept", "dot"),
            ("found_anew", "found anew", "solid"),
        ):
            figure.add_scatter(
                x=100.0 * own.value,
                y=own[column],
                mode="lines+markers",
                line={"dash": dash, "width": 2, "color": COSTS["import"].colour},
                name=name,
                legendgroup=name,
                showlegend=at == 1,
                row=1,
                col=at,
            )
    figure.update_xaxes(title="price of the grid [% of today's]", row=1, col=1)
    figure.update_xaxes(title="discount rate [%/year]", row=1, col=2)
    figure.update_yaxes(title=_unit(sized), row=1, col=1)
    return layout(figure, "Objective when one number is another one", legend=_LEGEND)


def _front(sized: Sized) -> go.Figure:
    front, costs = sized.tables["front"], sized.tables["costs"]
    own = costs[(costs.sizes == "found") & (costs.sharing == sized.sharing)]
    figure = go.Figure()
    figure.add_scatter(
        x=front.lcoe_per_kwh,
        y=front.reliability,
        mode="markers",
        name="front",
        marker={"color": COSTS["import"].colour, "size": 7},
    )
    figure.add_scatter(
        x=own.lcoe_per_kwh,
        y=own.reliability,
        mode="markers",
        name="found above",
        marker={"color": LIMIT, "size": 13, "symbol": "star"},
    )
    layout(figure, "What levelised cost and reliability index can be together", legend=_LEGEND)
    figure.update_xaxes(title=f"levelised cost [{sized.currency}/kWh]")
    return figure.update_yaxes(title=f"reliability index [{sized.currency}/year]")


def _check(sized: Sized) -> go.Figure:
    days = sized.tables["check"]
    told = [f"{row['day']}<br>stands for {row['weight']:g}" for row in days.to_dict("records")]
    colours = microgrid_colours(["run", "rule"])
    figure = go.Figure()
    for column, name in (("run", "full simulator"), ("rule", "rule of the year")):
        figure.add_bar(x=told, y=days[column], name=name, marker_color=colours[column])
    layout(figure, "Bills of all on days that stand for the year", barmode="group", legend=_LEGEND)
    return figure.update_yaxes(title=f"[{sized.currency}/day]")


_GAMES = {
    "payoffs": "What each player bears in every structure, alone with its payoff",
    "divisions": "What the grand coalition saves, divided: bill = alone - saving",
    "violations": "What each rule fails to keep; zero is kept",
}


def _games(sized: Sized, drawing: Drawing) -> Iterator[str]:
    """Give the part about who decides with whom."""
    structures = sized.tables.get("structures")
    if structures is None:
        return
    yield "<h2>Who decides with whom</h2>"
    yield (
        "<p>Each technology is a player that owns it everywhere. A block of players makes its own "
        "devices and its share of all bills small, in turns, until nobody moves. With full shares "
        "everybody bears all bills; with equal shares one part each, so that who builds gets a "
        "part of what that saves.</p>"
    )
    yield drawing.draw(_structures(structures, sized.currency))
    yield _plain_table(structures)
    for name, text in _GAMES.items():
        if name in sized.tables:
            yield f"<p>{escape(text)}.</p>"
            yield _plain_table(sized.tables[name])


def _structures(structures: pd.DataFrame, currency: str) -> go.Figure:
    figure, colours = go.Figure(), microgrid_colours([*structures.share.unique()])
    for share, own in structures.groupby("share", sort=False):
        figure.add_bar(
            x=own.structure,
            y=own.annual_cost,
            name=f"{share} shares",
            marker_color=colours[str(share)],
        )
    best = float(structures.annual_cost.min())
    figure.add_hline(y=best, line={"color": LIMIT, "width": 2, "dash": "dash"})
    layout(
        figure,
        "Annual cost by coalition structure (dashed: the least)",
        barmode="group",
        legend=_LEGEND,
    )
    return figure.update_yaxes(title=f"[{currency}/year]")


def _plain_number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.4g}"


def _plain_table(frame: pd.DataFrame) -> str:
    rows = [
        [_plain_number(value) if isinstance(value, float) else str(value) for value in row]
        for row in frame.itertuples(index=False)
    ]
    numbers = [at for at, dtype in enumerate(frame.dtypes) if dtype.kind in "fi"]
    return table([str(name).replace("_", " ") for name in frame.columns], rows, numbers=numbers)
