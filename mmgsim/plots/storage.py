"""What is stored, over time."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import stamps
from mmgsim.plots.energy import clock_title
from mmgsim.plots.style import layout
from mmgsim.plots.view import RunView

__all__ = ["stored_figure", "stored_percent"]


def stored_percent(view: RunView) -> pd.DataFrame:
    """Give the state of charge at the end of every step: one column a microgrid with storage. [%]

    Raises
    ------
    NothingToDrawError
        If nobody has storage.
    """
    capacity_kwh = {
        microgrid["name"]: sum(
            float(device["energy_kwh"])
            for device in microgrid["devices"]
            if device["kind"] == "battery"
        )
        for microgrid in view.run.scenario["microgrids"]
    }
    members = [name for name in view.microgrids if capacity_kwh[name] > 0.0]
    if not members:
        raise NothingToDrawError("No microgrid has storage.")
    dispatch = view.frame("dispatch")
    stored_kwh = dispatch.pivot_table(index="time", columns="microgrid", values="soc_kwh")
    return 100.0 * stored_kwh[members] / pd.Series(capacity_kwh)[members]


def stored_figure(view: RunView) -> go.Figure:
    """Draw the state of charge of every microgrid with storage. [%]"""
    percent = view.coarse(stored_percent(view).reset_index(), "last")
    # Stored energy is known at the end of a step.
    ends = stamps(percent["time"] + pd.Timedelta(hours=view.block * view.step_h))
    figure = go.Figure()
    for name in percent.columns.drop("time"):
        figure.add_scatter(
            x=ends,
            y=percent[name].to_numpy("float32"),
            name=str(name),
            showlegend=True,
            mode="lines+markers" if len(percent) < _FEW_STEPS else "lines",
            marker={"size": 5},
            line={"color": view.colours[str(name)], "width": 2},
            hovertemplate="%{y:.1f} %",
        )
    layout(figure, "State of charge", height=320)
    figure.update_yaxes(title="of capacity [%]", range=[-4, 104])
    return figure.update_xaxes(title=clock_title(view))


_FEW_STEPS = 30
"""Of shorter runs, the ends of the steps are marked."""
