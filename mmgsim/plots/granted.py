"""What microgrids asked of the DNO, and what it granted."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import stepped
from mmgsim.plots.energy import clock_title
from mmgsim.plots.style import POWERS, layout, panel_titles
from mmgsim.plots.view import RunView

__all__ = ["NOBODY_ASKED", "granted_figure", "requests_table"]

NOBODY_ASKED = "Nobody asked the DNO for grants in this run; coordination hierarchical does."
"""Why there is nothing to draw of a run without grants."""
NOT_RECORDED = "The version of mmgsim that made this run recorded no requests."
REFUSED_KW = 1e-3
"""More than solvers leave of a request that is granted. [kW]"""
_ROW_PX = 26
_PARTS = ("asked_kw", "granted_kw", "refused_kw")
_TITLES = (
    "Asked in the first round: orange gives, blue takes",
    "Granted in the last round",
    "Asked and not granted",
)


def requests_table(view: RunView) -> pd.DataFrame:
    """Give what was asked and granted for every executed step and microgrid. [kW]

    Of the last gate before the step: what its first round asked and its last one granted. Columns
    `time`, `microgrid`; `asked_kw` and `granted_kw`, positive when leaving the microgrid, as its
    exchange; `asked_lack_kw` and `asked_surplus_kw`; `refused_lack_kw` and `refused_surplus_kw`,
    and `refused_kw`, both together.

    Raises
    ------
    NothingToDrawError
        If nobody asked.
    """
    if not view.has("requests"):
        has_grants = view.has("grants") and not view.frame("grants").empty
        raise NothingToDrawError(NOT_RECORDED if has_grants else NOBODY_ASKED)
    table = view.needs("requests", NOBODY_ASKED)
    keys = ["time", "microgrid", "offset"]
    rounds = table.sort_values("round", kind="stable").groupby(keys, sort=False)
    asked = ["asked_lack_kw", "asked_surplus_kw"]
    granted = ["granted_lack_kw", "granted_surplus_kw"]
    both = pd.concat([rounds[asked].first(), rounds[granted].last()], axis=1).reset_index()
    both["gate"] = both["time"]
    both["time"] += pd.to_timedelta(both["offset"] * view.step_h, unit="h")
    both = both.sort_values("gate", kind="stable")
    both = both.drop_duplicates(["time", "microgrid"], keep="last")
    both = both[both["time"].isin(view.frame("steps")["time"])]
    for side in ("lack", "surplus"):
        left_kw = both[f"asked_{side}_kw"] - both[f"granted_{side}_kw"]
        both[f"refused_{side}_kw"] = left_kw.where(left_kw > REFUSED_KW, 0.0)
    both["asked_kw"] = both["asked_surplus_kw"] - both["asked_lack_kw"]
    both["granted_kw"] = both["granted_surplus_kw"] - both["granted_lack_kw"]
    both["refused_kw"] = both["refused_lack_kw"] + both["refused_surplus_kw"]
    columns = ["time", "microgrid", *_PARTS, *asked, "refused_lack_kw", "refused_surplus_kw"]
    return both.sort_values(["time", "microgrid"], kind="stable", ignore_index=True)[columns]


def granted_figure(view: RunView) -> go.Figure:
    """Draw requests, grants and what was refused: a map of colours each, over time. [kW]"""
    table, names = requests_table(view), list(view.microgrids)
    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.12, subplot_titles=_TITLES
    )
    height = 3 * (_ROW_PX * len(names) + 50) + 130
    layout(figure, f"Asked and granted{view.blocks_told()}", height=height, hovermode="closest")
    panel_titles(figure)
    most_kw = max(float(table[["asked_kw", "granted_kw"]].abs().to_numpy().max()), 1e-3)
    for row, part in enumerate(_PARTS, 1):
        wide = table.pivot_table(index="time", columns="microgrid", values=part)
        wide = wide.reindex(view.frame("steps")["time"]).reindex(columns=names).rename_axis("time")
        shown = view.coarse(wide.reset_index())
        edges, _ = stepped(shown["time"], shown[names[0]], view.block * view.step_h)
        domain = figure.layout[f"yaxis{row if row > 1 else ''}"].domain
        is_refused = part == "refused_kw"
        figure.add_heatmap(
            x=edges,
            y=names,
            z=shown[names].to_numpy("float32").T,
            zmin=0.0 if is_refused else -most_kw,
            zmax=max(float(table[part].max()), 1e-3) if is_refused else most_kw,
            colorscale=_REFUSED if is_refused else _EXCHANGE,
            colorbar={
                "title": "[kW]",
                "thickness": 14,
                "nticks": 5,
                "y": sum(domain) / 2.0,
                "len": 1.15 * (domain[1] - domain[0]),
            },
            xgap=0 if len(shown) > 100 else 1,
            ygap=2,
            hovertemplate="%{y}, %{x|%a %d %b %H:%M}: %{z:,.1f} kW<extra></extra>",
            row=row,
            col=1,
        )
        figure.update_yaxes(
            title="microgrid", autorange="reversed", type="category", row=row, col=1
        )
    figure.update_yaxes(showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure.update_xaxes(title=clock_title(view), row=3, col=1)


_EXCHANGE = [
    (0.0, POWERS["import_kw"].colour),
    (0.5, "#f7f7f7"),
    (1.0, POWERS["pv_kw"].colour),
]
_REFUSED = [(0.0, "#f7f7f7"), (1.0, "#b2182b")]
