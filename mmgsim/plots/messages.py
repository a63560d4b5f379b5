"""What agents said to each other, by kind of message."""

from __future__ import annotations

import plotly.graph_objects as go

from mmgsim.plots.clock import stamps, widths_ms
from mmgsim.plots.energy import clock_title
from mmgsim.plots.style import layout
from mmgsim.plots.view import RunView

__all__ = ["messages_figure"]

# Okabe and Ito's palette again: kinds of messages are neither quantities nor microgrids.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")


def messages_figure(view: RunView) -> go.Figure:
    """Draw how many messages of every kind were sent in every step."""
    messages = view.needs("messages", "Nothing was said.")
    counts = messages.pivot_table(
        index="time", columns="kind", values="count", aggfunc="sum", fill_value=0
    )
    shown = view.coarse(counts.reset_index())
    widths = widths_ms(shown["time"], view.block * view.step_h)
    figure = go.Figure()
    for at, kind in enumerate(counts.columns):
        figure.add_bar(
            x=stamps(shown["time"]),
            y=shown[kind].to_numpy("float32"),
            name=str(kind),
            marker={"color": _COLOURS[at % len(_COLOURS)], "line_width": 0},
            offset=0,
            width=widths,
            hovertemplate="%{y:,.0f}",
        )
    title = f"Messages by kind{view.blocks_told()}"
    layout(figure, title, height=380, barmode="stack", bargap=0)
    figure.update_yaxes(title="messages [1/step]", rangemode="tozero")
    return figure.update_xaxes(title=clock_title(view))
