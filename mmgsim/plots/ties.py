"""What passed the tie lines between microgrids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import stepped
from mmgsim.plots.energy import clock_title
from mmgsim.plots.feeder_view import FeederView
from mmgsim.plots.style import LIMIT, POWERS, layout, panel_titles
from mmgsim.plots.view import RunView

__all__ = ["DrawnTie", "drawn_ties", "tie_flows", "ties_figure"]

NO_TIES = "The scenario has no tie lines between microgrids."
_PANEL_PX = 170


@dataclass(frozen=True, slots=True)
class DrawnTie:
    """A tie line of the scenario.

    Parameters
    ----------
    name : str
        Its name.
    ends : pair of str
        The microgrids.
    is_private : bool
        Whether a coordination decides its flow, beside the feeder.
    limit_kw : float or None
        The most that either end sends. [kW]
    close_line : int or None
        The open line of the net that was closed.
    """

    name: str
    ends: tuple[str, str]
    is_private: bool
    limit_kw: float | None
    close_line: int | None

    @property
    def told(self) -> str:
        """Name, kind and ends in words."""
        kind = "private" if self.is_private else "ac, a line of the feeder"
        return f"{self.name}, {kind}: {self.ends[0]} - {self.ends[1]}"


def drawn_ties(scenario: Mapping[str, Any]) -> tuple[DrawnTie, ...]:
    """Give the ties of a resolved scenario; older ones know none."""
    return tuple(
        DrawnTie(
            name=str(tie["name"]),
            ends=(str(tie["between"][0]), str(tie["between"][1])),
            is_private=tie["mode"] == "private",
            limit_kw=tie["limit_kw"],
            close_line=tie["close_line"],
        )
        for tie in scenario.get("ties", ())
    )


def tie_flows(view: RunView) -> pd.DataFrame:
    """Give what enters every tie: one row a step, one column a tie; positive from the first end.

    Of a private tie what is sent, of an ac one what the power flow says at its end there. [kW]

    Raises
    ------
    NothingToDrawError
        If there are no ties.
    """
    ties = drawn_ties(view.run.scenario)
    if not ties:
        raise NothingToDrawError(NO_TIES)
    times = view.frame("steps")["time"]
    flows = {
        tie.name: (_sent_kw(view, tie) if tie.is_private else _carried_kw(view, tie))
        for tie in ties
    }
    return pd.DataFrame({name: kw.reindex(times) for name, kw in flows.items()})


def _sent_kw(view: RunView, tie: DrawnTie) -> pd.Series:
    own = view.frame("ties")
    own = own[own["tie"] == tie.name]
    sign = (own["sender"] == tie.ends[0]).map({True: 1.0, False: -1.0})
    sent_kw: pd.Series = (own["sent_kw"] * sign).groupby(own["time"]).sum()
    return sent_kw.reindex(view.frame("steps")["time"], fill_value=0.0)


def _carried_kw(view: RunView, tie: DrawnTie) -> pd.Series:
    feeder = FeederView(view)
    buses = {feeder.microgrid_bus[end] for end in tie.ends}
    lines = [
        edge
        for edge in feeder.layout.edges
        if edge.kind == "line" and {edge.from_bus, edge.to_bus} == buses
    ]
    if not lines:  # out of service
        return pd.Series(float("nan"), view.frame("steps")["time"])
    # A line that the tie brought came last.
    line = max(lines, key=lambda edge: (edge.index == tie.close_line, edge.index))
    table = view.frame("lines")
    own = table[table["line"] == line.index].set_index("time")["p_from_kw"]
    sign = 1.0 if line.from_bus == feeder.microgrid_bus[tie.ends[0]] else -1.0
    return sign * own


def ties_figure(view: RunView) -> go.Figure:
    """Draw what passed every tie over time, a panel each. [kW]"""
    flows, ties = tie_flows(view), drawn_ties(view.run.scenario)
    shown = view.coarse(flows.rename_axis("time").reset_index())
    figure = make_subplots(
        rows=len(ties),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.3 / max(len(ties), 2),
        subplot_titles=[f"{tie.told}; above 0 from {tie.ends[0]}" for tie in ties],
    )
    height = _PANEL_PX * len(ties) + 130
    layout(figure, f"Tie lines{view.blocks_told()}", height=height, showlegend=False)
    panel_titles(figure)
    for row, tie in enumerate(ties, 1):
        x, y = stepped(shown["time"], shown[tie.name], view.block * view.step_h)
        figure.add_scatter(
            x=x,
            y=y,
            name=tie.name,
            mode="lines",
            line={"color": POWERS["tie_out_kw"].colour, "shape": "hv", "width": 2},
            fill="tozeroy",
            hovertemplate="%{y:,.1f} kW",
            row=row,
            col=1,
        )
        figure.update_yaxes(title="power [kW]", rangemode="tozero", row=row, col=1)
        if tie.limit_kw is not None:
            _add_limits(figure, tie.limit_kw, flows[tie.name], row=row)
    return figure.update_xaxes(title=clock_title(view), row=len(ties), col=1)


def _add_limits(figure: go.Figure, limit_kw: float, flow_kw: pd.Series, *, row: int) -> None:
    """Draw the limit of each way that was used, or of the first."""
    ways = [sign for sign in (1.0, -1.0) if (sign * flow_kw).max() > 0.0] or [1.0]
    for sign in ways:
        figure.add_hline(
            y=sign * limit_kw,
            line={"color": LIMIT, "dash": "dash", "width": 1.5},
            annotation={"text": f"limit {limit_kw:g} kW", "font": {"color": LIMIT, "size": 11}},
            annotation_position="top right" if sign > 0.0 else "bottom right",
            row=row,
            col=1,
        )
