"""What a kWh was worth at every bus, and what the price is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.plots.clock import stepped
from mmgsim.plots.energy import clock_title
from mmgsim.plots.style import layout, panel_titles
from mmgsim.plots.view import RunView

__all__ = ["dlmp_figure"]

NO_PRICES = (
    "No bus has a price of its own: coordinations price the network with network: rows, on feeders "
    "without loops."
)
_PARTS = {
    "loss": "losses",
    "congestion": "currents at their limits",
    "voltage": "voltages at their limits",
    "residual": "not explained by the parts",
}
_ABOVE, _BELOW, _NONE = "#b2182b", "#2166ac", "#f7f7f7"
_ROUNDING_PER_KWH = 1e-9
_TOLD_SHARE = 1e-3  # of the price: parts that are always smaller are left out
_PANEL_PX, _ROW_PX = 150, 5


def dlmp_figure(view: RunView) -> go.Figure:
    """Draw the price at every bus over time, and each part that is not nothing."""
    table = view.needs("dlmp", NO_PRICES)
    prices = _wide(view, table, "price")
    usual = max(_most(prices), _ROUNDING_PER_KWH)
    panels = {"price": prices} | {
        part: wide
        for part in _PARTS
        if _most(wide := _wide(view, table, part)) > _TOLD_SHARE * usual
    }
    titles = ["price", *(_PARTS[part] for part in panels if part != "price")]
    figure = make_subplots(
        rows=len(panels),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.25 / max(len(panels), 2),
        subplot_titles=titles,
    )
    buses = len(prices.columns) - 1
    height = len(panels) * (_PANEL_PX + min(_ROW_PX * buses, 300)) + 60
    layout(figure, f"What a kWh is worth at every bus{view.blocks_told()}", height=height)
    panel_titles(figure)
    for row, (part, wide) in enumerate(panels.items(), 1):
        domain = figure.layout[f"yaxis{row if row > 1 else ''}"].domain
        figure.add_trace(_map(view, wide, part, domain), row=row, col=1)
        figure.update_yaxes(**_bus_axis(view, wide), row=row, col=1)
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(showgrid=False)
    return figure.update_xaxes(title=clock_title(view), row=len(panels), col=1)


def _wide(view: RunView, table: pd.DataFrame, part: str) -> pd.DataFrame:
    """Give one row a step and one column a bus; steps without prices are empty."""
    wide = table.pivot_table(index="time", columns="bus", values=part)
    wide = wide.reindex(view.frame("steps")["time"]).rename_axis("time")
    return view.coarse(wide.reset_index())


def _bus_axis(view: RunView, wide: pd.DataFrame) -> dict[str, Any]:
    """Give an axis of all buses that names those of microgrids."""
    labels = [view.bus_label(int(bus)) for bus in wide.columns if bus != "time"]
    named = [label for label in labels if not label.isdigit()]
    ticks = {"tickvals": named, "tickfont_size": 11} if named else {"nticks": 12}
    return {"title": "bus", "type": "category", "showgrid": False, **ticks}


def _most(wide: pd.DataFrame) -> float:
    return float(np.nanmax(wide.drop(columns="time").abs().to_numpy(), initial=0.0))


def _map(view: RunView, wide: pd.DataFrame, part: str, domain: tuple[float, float]) -> go.Heatmap:
    buses = [column for column in wide.columns if column != "time"]
    edges, _ = stepped(wide["time"], wide[buses[0]], view.block * view.step_h)
    values = wide[buses].to_numpy("float32").T
    is_price = part == "price"
    most = _most(wide)
    return go.Heatmap(
        x=edges,
        y=[view.bus_label(int(bus)) for bus in buses],
        z=values,
        zmin=None if is_price else -most,
        zmax=None if is_price else most,
        colorscale="Cividis" if is_price else [(0.0, _BELOW), (0.5, _NONE), (1.0, _ABOVE)],
        colorbar={
            "title": f"[{view.currency}/kWh]",
            "thickness": 14,
            "nticks": 5,
            "exponentformat": "e",
            "y": sum(domain) / 2.0,
            "len": domain[1] - domain[0],
        },
        hovertemplate="bus %{y}, %{x|%a %d %b %H:%M}: %{z:.4f}<extra></extra>",
    )
