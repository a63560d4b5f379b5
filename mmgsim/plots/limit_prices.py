"""Which limits of the feeder had a price, and when."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import stepped
from mmgsim.plots.dlmp import NO_PRICES
from mmgsim.plots.energy import clock_title
from mmgsim.plots.feeder_view import FeederView
from mmgsim.plots.limits import FULL_PERCENT
from mmgsim.plots.style import layout

__all__ = ["limit_prices_figure", "limit_prices_table"]

NO_PRICE = "No limit of the network had a price: with more room nothing would have cost less."
NOT_RECORDED = "The version of mmgsim that made this run recorded no prices of limits."
_MOST_ROWS = 15
_KINDS = {"voltage_max": "highest voltage", "voltage_min": "lowest voltage"}


def limit_prices_table(feeder: FeederView) -> pd.DataFrame:
    """Give the limits that had a price, that of most worth first.

    One row a limit: `name`; `per_percent`, what one percent more of it would have saved in all its
    steps, as far as prices hold [currency]; `most_per_h` [currency/h] and `most_at`; `times` of the
    steps with a price; `full`, those in which a line was at its rating without one.

    Raises
    ------
    NothingToDrawError
        If the coordination does not price the network, or no limit had a price.
    """
    table, step_h = _priced(feeder), feeder.view.step_h
    rows = []
    for key in dict.fromkeys(zip(table["limit"], table["element"], table["index"], strict=True)):
        kind, element, index = str(key[0]), str(key[1]), int(key[2])
        is_own = (table["limit"] == kind) & (table["element"] == element)
        own = table[is_own & (table["index"] == index)]
        rows.append(
            {
                "name": _name(feeder, kind, element, index),
                "per_percent": 0.01 * step_h * float(own["price_per_h"].sum()),
                "most_per_h": float(own["price_per_h"].max()),
                "most_at": own["time"].iloc[int(own["price_per_h"].argmax())],
                "times": own["time"].tolist(),
                "full": _full(feeder, element, index, own["time"]),
            }
        )
    return pd.DataFrame(rows).sort_values(
        "per_percent", ascending=False, kind="stable", ignore_index=True
    )


def limit_prices_figure(feeder: FeederView) -> go.Figure:
    """Draw the price of every limit over time, as a map of colours. [currency/h]"""
    names = limit_prices_table(feeder)["name"].head(_MOST_ROWS).tolist()
    view, table = feeder.view, _priced(feeder)
    named = table.assign(
        name=[
            _name(feeder, *key)
            for key in zip(table["limit"], table["element"], table["index"], strict=True)
        ]
    )
    wide = named.pivot_table(index="time", columns="name", values="price_per_h", aggfunc="sum")
    wide = wide.reindex(view.frame("steps")["time"]).reindex(columns=names).rename_axis("time")
    shown = view.coarse(wide.reset_index(), "max")
    edges, _ = stepped(shown["time"], shown[names[0]], view.block * view.step_h)
    figure = go.Figure(
        go.Heatmap(
            x=edges,
            y=names,
            z=shown[names].to_numpy("float32").T,
            zmin=0.0,
            zmax=float(np.nanmax(shown[names].to_numpy())),
            colorscale=[(0.0, "#fee8c8"), (1.0, "#7f0000")],
            colorbar={"title": f"[{view.currency}/h]", "thickness": 14, "nticks": 4},
            xgap=0 if len(shown) > 100 else 1,
            ygap=2,
            hovertemplate="%{y}, %{x|%a %d %b %H:%M}: %{z:,.2f} "
            f"{view.currency}/h<extra></extra>",
        )
    )
    title = f"Limits that had a price{view.blocks_told('highest in')}"
    layout(figure, title, height=190 + 28 * len(names), hovermode="closest")
    figure.update_yaxes(autorange="reversed", title="limit", showgrid=False, type="category")
    return figure.update_xaxes(title=clock_title(view), showgrid=False, range=[edges[0], edges[-1]])


def _priced(feeder: FeederView) -> pd.DataFrame:
    view = feeder.view
    is_recorded = view.has("limit_prices")
    if is_recorded and not view.frame("limit_prices").empty:
        return view.frame("limit_prices")
    if not view.has("dlmp") or view.frame("dlmp").empty:
        raise NothingToDrawError(NO_PRICES)
    raise NothingToDrawError(NO_PRICE if is_recorded else NOT_RECORDED)


def _name(feeder: FeederView, kind: str, element: str, index: int) -> str:
    """Name a limit by what it is about, such as ``line 5 to 25: current``."""
    if element == "bus":
        return f"bus {feeder.view.bus_label(index)}: {_KINDS.get(kind, kind)}"
    edges = {(edge.kind, edge.index): edge for edge in feeder.layout.edges}
    edge = edges.get((element, index))
    what = "transformer" if element == "trafo" else element
    ends = f"{index}" if edge is None else f"{edge.from_bus} to {edge.to_bus}"
    return f"{what} {ends}: current"


def _full(feeder: FeederView, element: str, index: int, priced: pd.Series) -> list[pd.Timestamp]:
    """Give the steps in which a line was full and had no price."""
    if element != "line" or index not in feeder.loading_percent:
        return []
    loading = feeder.loading_percent[index]
    full = loading.index[loading >= FULL_PERCENT]
    return [time for time in full if time not in set(priced)]
