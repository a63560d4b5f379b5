"""How every picture looks."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

__all__ = ["layout", "local_time"]


def local_time(times: pd.Series, timezone: str) -> pd.Series:
    """Give UTC stamps on the scenario's clock; plotly draws naive stamps as they are."""
    local: pd.Series = times.dt.tz_convert(timezone).dt.tz_localize(None)
    return local


def layout(figure: go.Figure, y_title: str, **more: Any) -> go.Figure:
    """Give a figure the look of all."""
    settings = {
        "template": "plotly_white",
        "height": 380,
        "margin": {"l": 70, "r": 20, "t": 20, "b": 50},
        "hovermode": "x unified",
        "yaxis_title": y_title,
        "legend": {"orientation": "h", "y": -0.2},
    }
    figure.update_layout(**{**settings, **more})
    return figure
