"""How every picture looks: one colour per quantity and per microgrid, told apart by anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import plotly.graph_objects as go

__all__ = [
    "COSTS",
    "GAP",
    "GRID_LINE",
    "HALO",
    "LIMIT",
    "LOWER",
    "NEUTRAL",
    "POWERS",
    "PRICES",
    "UPPER",
    "Look",
    "faded",
    "layout",
    "microgrid_colours",
    "panel_titles",
]


@dataclass(frozen=True, slots=True)
class Look:
    """How a quantity is called and drawn.

    Parameters
    ----------
    label : str
        In words.
    colour : str
        As ``#rrggbb``.
    hatch : str
        Pattern of its bars; what is charged on a flow of energy has that flow's colour, hatched.
    """

    label: str
    colour: str
    hatch: str = ""


# Okabe and Ito's palette can be told apart with any kind of colour vision. Of pairs, the dark tone
# is what leaves the microgrid or its use.
_BLUE, _NAVY = "#0072B2", "#00375a"
_PINK, _PLUM = "#CC79A7", "#7a2f5a"
_GREEN, _PINE = "#009E73", "#00543d"
_ORANGE, _SKY, _GREY, _BLACK = "#E69F00", "#56B4E9", "#8c8c8c", "#000000"
_VERMILION, _YELLOW = "#D55E00", "#F0E442"

POWERS: Mapping[str, Look] = MappingProxyType(
    {
        "pv_kw": Look("PV", _ORANGE),
        "wind_kw": Look("wind", _SKY),
        "diesel_kw": Look("diesel", _GREY),
        "discharge_kw": Look("from storage", _GREEN),
        "ev_discharge_kw": Look("from vehicles", _GREEN, "x"),
        "bought_kw": Look("bought locally", _PINK),
        "tie_in_kw": Look("from tie lines", _PINK, "/"),
        "import_kw": Look("from the grid", _BLUE),
        "load_kw": Look("demand", _BLACK),
        "shed_kw": Look("demand shed", _VERMILION),
        "spilled_kw": Look("spilled", _VERMILION, "/"),
        "charge_kw": Look("into storage", _PINE),
        "ev_charge_kw": Look("into vehicles", _PINE, "x"),
        "sold_kw": Look("sold locally", _PLUM),
        "tie_out_kw": Look("into tie lines", _PLUM, "/"),
        "export_kw": Look("to the grid", _NAVY),
    }
)
"""Columns of the table `dispatch`, and the two directions of its `tie_kw`."""

COSTS: Mapping[str, Look] = MappingProxyType(
    {
        "import": Look("energy from the grid", _BLUE),
        "network_charge": Look("network charge on it", _BLUE, "/"),
        "local_trade": Look("local trade", _PINK),
        "local_charge": Look("network charge on local trade", _PINK, "/"),
        "tie": Look("energy through tie lines", _PLUM, "x"),
        "export": Look("energy to the grid", _NAVY),
        "fixed_charge": Look("fixed charge", "#c9c9c9"),
        "saving_share": Look("share of a joint saving", _PLUM),
        "upstream": Look("the DNO's energy from upstream", _BLUE, "x"),
        "losses": Look("losses of the feeder", _YELLOW),
        "loss_share": Look("share of losses", _YELLOW),
        "imbalance": Look("imbalance", _SKY),
        "surplus": Look("surplus of the market", _PLUM),
        "fuel": Look("fuel", _GREY),
        "start_up": Look("start-ups", _GREY, "/"),
        "wear": Look("wear of storage", _GREEN),
        "shed_value": Look("value of shed load", _VERMILION),
    }
)
"""Items of the ledger, and what shed load is worth."""

PRICES: Mapping[str, Look] = MappingProxyType(
    {
        "import": Look("from the grid, with network charge", _BLUE),
        "import_price": Look("from the grid, energy alone", _BLUE),
        "export_price": Look("to the grid", _NAVY),
        "local": Look("local, with network charge: what buyers pay", _PINK),
        "local_price": Look("local: what sellers get", _PLUM),
    }
)
"""Prices of energy."""

UPPER, LOWER, GAP = _VERMILION, _BLUE, _BLACK
"""Of the cost of plans, of what no plans can be cheaper than, and of the difference."""
LIMIT, NEUTRAL, GRID_LINE = _VERMILION, _GREY, "#e6e6e6"
HALO = ", ".join(["0 0 3px #ffffff"] * 4)
"""Around labels, so that a line below one does not run through its letters."""

# Paul Tol's muted palette: nine colours for any colour vision, other ones than the quantities'.
_MICROGRIDS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
)
_FONT = {
    "family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "size": 13,
    "color": "#222222",
}


def microgrid_colours(names: Sequence[str]) -> dict[str, str]:
    """Give every microgrid its colour; from the tenth on they come again."""
    return {name: _MICROGRIDS[at % len(_MICROGRIDS)] for at, name in enumerate(names)}


def faded(colour: str, opacity: float) -> str:
    """Give a colour ``#rrggbb`` that lets through what is behind it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def layout(figure: go.Figure, title: str, *, height: int = 420, **more: Any) -> go.Figure:
    """Give a figure its title and the look of all.

    Parameters
    ----------
    figure : Figure
        Changed in place.
    title : str
        What the picture shows.
    height : int
        [px]
    more : Any
        Settings of plotly's layout.
    """
    axis = {"gridcolor": GRID_LINE, "zerolinecolor": "#bdbdbd", "automargin": True}
    figure.update_layout(
        template="plotly_white",
        font=_FONT,
        title={
            "text": f"<b>{title}</b>",
            "x": 0,
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "font_size": 15,
            "pad": {"l": 8, "t": 14},
        },
        height=height,
        margin={"l": 70, "r": 20, "t": 50, "b": 50},
        hovermode="x unified",
        hoverlabel_font_size=12,
        legend={"traceorder": "normal"},
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure.update_layout(**more)


def panel_titles(figure: go.Figure) -> go.Figure:
    """Put the titles of panels at their left ends, apart from the title of the figure."""
    figure.update_annotations(x=0, xanchor="left", font_size=13)
    return figure.update_layout(margin_t=75)
