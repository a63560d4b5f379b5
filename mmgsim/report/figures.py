"""The pictures of a run, as plotly figures."""

from __future__ import annotations

import plotly.graph_objects as go

from mmgsim.report.style import layout, local_time
from mmgsim.tables import Results

__all__ = ["figures"]

# Okabe and Ito's palette can be told apart with any kind of colour vision.
_COLOURS = {
    "load": "#000000",
    "pv_kw": "#E69F00",
    "wind_kw": "#56B4E9",
    "diesel_kw": "#7f7f7f",
    "discharge_kw": "#009E73",
    "bought_kw": "#CC79A7",
    "import_kw": "#0072B2",
    "charge_kw": "#009E73",
    "sold_kw": "#CC79A7",
    "export_kw": "#0072B2",
}
_SOURCES = ("pv_kw", "wind_kw", "diesel_kw", "discharge_kw", "bought_kw", "import_kw")
_SINKS = ("charge_kw", "sold_kw", "export_kw")


def figures(results: Results) -> list[tuple[str, str, go.Figure]]:
    """Give heading, text and figure of every section."""
    sections = [
        (
            "What it cost",
            "Net bill of each microgrid over the run, value of shed load included.",
            _costs(results),
        ),
        (
            "Energy of all microgrids together",
            "Above zero what supplies them, below zero where surplus goes; the line is served "
            "demand.",
            _energy(results),
        ),
        (
            "Exchange of each microgrid",
            "Net power at each connection point, positive when it leaves the microgrid.",
            _exchange(results),
        ),
        (
            "Stored energy",
            "At the end of each step, all batteries of a microgrid.",
            _stored(results),
        ),
        (
            "Prices",
            "Of energy from the grid with its network charge, to the grid, and of local trade.",
            _prices(results),
        ),
    ]
    if len(results.buses):
        sections.append(
            (
                "The feeder",
                "Lowest and highest voltage, and highest loading, of every step.",
                _feeder(results),
            )
        )
    return sections


def _costs(results: Results) -> go.Figure:
    costs = results.summary["cost_by_microgrid"]
    figure = go.Figure(go.Bar(x=list(costs), y=list(costs.values()), marker_color="#0072B2"))
    return layout(figure, f"cost [{results.manifest['currency']}]")


def _energy(results: Results) -> go.Figure:
    dispatch = results.dispatch
    total = dispatch.groupby("time").sum(numeric_only=True)
    time = local_time(total.index.to_series(), results.manifest["timezone"])
    figure = go.Figure()
    for columns, sign in ((_SOURCES, 1.0), (_SINKS, -1.0)):
        for name in columns:
            if total[name].max() > 0.0:
                label = name.removesuffix("_kw")
                figure.add_bar(
                    x=time, y=sign * total[name], name=label, marker_color=_COLOURS[name]
                )
    served = total.load_kw - total.shed_kw
    figure.add_scatter(
        x=time,
        y=served,
        name="served demand",
        mode="lines",
        line={"color": _COLOURS["load"], "shape": "hv"},
    )
    return layout(figure, "power [kW]", barmode="relative", bargap=0)


def _lines_by_microgrid(results: Results, column: str, y_title: str) -> go.Figure:
    figure = go.Figure()
    for name, part in results.dispatch.groupby("microgrid", sort=False):
        figure.add_scatter(
            x=local_time(part.time, results.manifest["timezone"]),
            y=part[column],
            name=str(name),
            mode="lines",
            line={"shape": "hv"},
        )
    return layout(figure, y_title)


def _exchange(results: Results) -> go.Figure:
    return _lines_by_microgrid(results, "exchange_kw", "exchange [kW]")


def _stored(results: Results) -> go.Figure:
    return _lines_by_microgrid(results, "soc_kwh", "stored energy [kWh]")


def _prices(results: Results) -> go.Figure:
    prices = results.prices
    mean = prices.groupby("time").mean(numeric_only=True)
    time = local_time(mean.index.to_series(), results.manifest["timezone"])
    figure = go.Figure()
    rows = (
        ("from the grid, with charge", mean.import_price + mean.network_charge, "#0072B2"),
        ("local", mean.local_price, "#CC79A7"),
        ("to the grid", mean.export_price, "#E69F00"),
    )
    for name, values, colour in rows:
        figure.add_scatter(
            x=time, y=values, name=name, mode="lines", line={"color": colour, "shape": "hv"}
        )
    return layout(figure, f"price [{results.manifest['currency']}/kWh]")


def _feeder(results: Results) -> go.Figure:
    steps = results.steps
    time = local_time(steps.time, results.manifest["timezone"])
    figure = go.Figure()
    figure.add_scatter(
        x=time, y=steps.vm_min_pu, name="lowest voltage", mode="lines", line={"color": "#0072B2"}
    )
    figure.add_scatter(
        x=time, y=steps.vm_max_pu, name="highest voltage", mode="lines", line={"color": "#56B4E9"}
    )
    figure.add_scatter(
        x=time,
        y=steps.loading_max_percent,
        name="highest loading",
        mode="lines",
        line={"color": "#D55E00"},
        yaxis="y2",
    )
    return layout(
        figure,
        "voltage [pu]",
        yaxis2={
            "title": "loading [%]",
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "showgrid": False,
        },
    )
