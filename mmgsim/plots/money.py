"""What it cost, who gained, who paid whom, at which prices."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from mmgsim.contracts import Party
from mmgsim.errors import NothingToDrawError
from mmgsim.plots.clock import stamps, stepped, widths_ms
from mmgsim.plots.energy import clock_title, with_tie_ways
from mmgsim.plots.numbers import brief
from mmgsim.plots.sankey import FAINT, SOLID, Node, Stream, sankey
from mmgsim.plots.style import COSTS, NEUTRAL, POWERS, PRICES, Look, faded, layout, panel_titles
from mmgsim.plots.view import RunView

__all__ = [
    "bills_by_item",
    "bills_figure",
    "gains_figure",
    "gains_table",
    "money_figure",
    "prices_figure",
]

_CENT = 0.005
_ENERGY_ITEMS = (
    "import",
    "network_charge",
    "export",
    "local_trade",
    "local_charge",
    "tie",
    "saving_share",
)
_PLACE = {Party.DNO: (1, 0), Party.MARKET: (1, 1), Party.GRID: (2, 0), Party.OPERATIONS: (2, 1)}
"""Column and rank of the parties between those who pay and those who get."""
_PARTY = {
    Party.MARKET: ("local market", COSTS["local_trade"].colour),
    Party.DNO: ("DNO", "#5b5b5b"),
    Party.OPERATIONS: ("operation of devices", COSTS["wear"].colour),
    Party.GRID: ("grid", COSTS["import"].colour),
}


def bills_by_item(view: RunView) -> pd.DataFrame:
    """Give what every microgrid paid less what it got: one row each, one column an item.

    With the value of shed load, which is no payment, rows add up to `cost_by_microgrid`. [currency]
    """
    ledger = view.frame("ledger")
    paid, got = (
        ledger.pivot_table(index=side, columns="item", values="amount", aggfunc="sum")
        for side in ("payer", "payee")
    )
    net = paid.sub(got, fill_value=0.0)
    bills = net.reindex(list(view.microgrids)).fillna(0.0)
    costs = pd.Series(view.run.summary["cost_by_microgrid"])
    shed_value = costs.reindex(bills.index) - bills.sum(axis=1)
    if shed_value.max() > _CENT:
        bills["shed_value"] = shed_value
    order = [item for item in COSTS if item in bills]
    return bills[[*order, *(item for item in bills if item not in order)]].rename_axis("microgrid")


def bills_figure(view: RunView) -> go.Figure:
    """Draw the bill of every microgrid, item by item, and its sum. [currency]"""
    bills = bills_by_item(view)
    figure = go.Figure()
    for item in bills:
        if bills[item].abs().max() >= _CENT:
            look = COSTS.get(str(item), Look(str(item), NEUTRAL))
            figure.add_bar(
                x=bills.index,
                y=bills[item],
                name=look.label,
                marker={"color": look.colour, "pattern_shape": look.hatch},
                hovertemplate="%{y:,.2f} " + view.currency,
            )
    net = bills.sum(axis=1)
    figure.add_scatter(
        x=net.index,
        y=net,
        name="bill",
        mode="markers",
        marker={"symbol": "diamond", "size": 10, "color": "#000000", "line": _RIM},
        hovertemplate="%{y:,.2f} " + view.currency,
    )
    figure.add_scatter(
        x=net.index,
        y=bills.clip(lower=0.0).sum(axis=1),
        mode="text",
        text=[f"<b>{brief(amount)}</b><br> " for amount in net],  # a line above the diamond
        textposition="top center",
        showlegend=False,
        hoverinfo="skip",
        cliponaxis=False,
    )
    layout(figure, "Bills: what is paid above, what is earned below 0", barmode="relative")
    figure.update_layout(bargap=0.5, height=460)
    figure.update_yaxes(title=f"over the run [{view.currency}]")
    return figure.update_xaxes(title="microgrid", type="category")


_RIM = {"color": "#ffffff", "width": 1.5}


# ----------------------------------------------------------------------------------------- gains
def gains_table(view: RunView) -> pd.DataFrame:
    """Give what every microgrid paid, and what it would have paid at the tariff. [currency]

    Columns: `bill`; `gain_from_trade`, what the same exchanges, those through ties included, would
    have cost more with the grid alone, shares of a joint saving included; `demand_at_tariff`, all
    its demand bought from the grid at the tariff, charges included, without any device. What
    devices would have done without trade is in neither.
    """
    h = view.step_h
    both = with_tie_ways(view.frame("dispatch")).merge(
        view.frame("prices"), on=["time", "microgrid"]
    )
    buy_price = both["import_price"] + both["network_charge"]
    alone = (both["import_kw"] + both["bought_kw"] + both["tie_in_kw"]) * buy_price
    alone -= (both["export_kw"] + both["sold_kw"] + both["tie_out_kw"]) * both["export_price"]
    frame = pd.DataFrame(
        {"microgrid": both["microgrid"], "alone": h * alone, "all": h * both["load_kw"] * buy_price}
    )
    sums = frame.groupby("microgrid").sum().reindex(list(view.microgrids))
    bills = bills_by_item(view)
    energy = bills[[item for item in _ENERGY_ITEMS if item in bills]].sum(axis=1)
    fixed = bills.get("fixed_charge", 0.0)
    return pd.DataFrame(
        {
            "bill": bills.sum(axis=1),
            "gain_from_trade": sums["alone"] - energy,
            "demand_at_tariff": sums["all"] + fixed,
        }
    )


def gains_figure(view: RunView) -> go.Figure:
    """Draw what devices and trade are worth to every microgrid, against the tariff. [currency]"""
    table = gains_table(view)
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.14,
        subplot_titles=(
            "The bill, and all demand bought at the tariff",
            "Gain from local trade: the same exchanges with the grid alone, less the bill",
        ),
    )
    unit = view.currency
    for column, name, colour in (
        ("demand_at_tariff", "all demand at the tariff", "#c9c9c9"),
        ("bill", "bill", "#000000"),
    ):
        figure.add_bar(
            x=table.index,
            y=table[column],
            name=name,
            marker_color=colour,
            hovertemplate="%{y:,.2f} " + unit,
            row=1,
            col=1,
        )
    figure.add_bar(
        x=table.index,
        y=table["gain_from_trade"],
        name="gain from local trade",
        marker_color=[view.colours[name] for name in table.index],
        text=[brief(gain) for gain in table["gain_from_trade"]],
        textposition="outside",
        cliponaxis=False,
        showlegend=False,
        hovertemplate="%{y:,.2f} " + unit,
        row=2,
        col=1,
    )
    layout(figure, "Who gained", height=580, barmode="group", bargap=0.35)
    panel_titles(figure)
    figure.update_yaxes(title=f"[{unit}]")
    figure.update_xaxes(type="category")
    return figure.update_xaxes(title="microgrid", row=2, col=1)


# ----------------------------------------------------------------------------------------- flows
def money_figure(view: RunView) -> go.Figure:
    """Draw who paid whom for what over the run; every party stands once or twice. [currency]"""
    ledger = view.needs("ledger", "Nobody paid anybody in this run.")
    keys = ["payer", "payee", "item"]
    sums = ledger.groupby(keys, sort=False, as_index=False)["amount"].sum()
    streams = []
    for payer, payee, item, amount in sums[[*keys, "amount"]].itertuples(index=False):
        if abs(amount) < _CENT:
            continue
        source, target = (payer, payee) if amount > 0.0 else (payee, payer)
        look = COSTS.get(item, Look(item, NEUTRAL))
        ends = _paying(view, source), _paid(view, target)
        if (source, target) == (Party.MARKET, Party.DNO):  # both stand in one column
            ends = ends[0], Node("DNO gets", _PARTY[Party.DNO][1], 3, len(view.microgrids))
        is_faint = bool(look.hatch)
        streams.append(Stream(*ends, abs(float(amount)), look.label, look.colour, is_faint))
    if not streams:
        raise NothingToDrawError("Nobody paid anybody in this run.")
    kept = float(view.run.summary.get("market_kept", 0.0))  # missing in older results
    if kept >= _CENT:
        look = COSTS["surplus"]
        end = Node("kept by the market", look.colour, 3, len(view.microgrids))
        streams.append(Stream(_party(Party.MARKET), end, kept, look.label, look.colour))
    return _with_legend(sankey(streams, "Money: who paid whom", unit=view.currency), streams)


def _with_legend(figure: go.Figure, streams: Sequence[Stream]) -> go.Figure:
    """Say which colour is which item: marks that stand in the legend alone."""
    faint = {stream.what: stream.is_faint for stream in streams}
    for what, is_faint in faint.items():
        (colour,) = {stream.colour for stream in streams if stream.what == what}
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=what,
            marker={
                "symbol": "square",
                "size": 13,
                "color": faded(colour, FAINT if is_faint else SOLID),
            },
        )
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    legend = {"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0.5, "xanchor": "center"}
    bottom = 40 + 22 * (1 + len(faint) // 5)
    return figure.update_layout(
        legend=legend, margin_b=bottom, height=figure.layout.height + bottom - 20
    )


def _paying(view: RunView, name: str) -> Node:
    if name in view.microgrids:
        return Node(f"{name} pays", view.colours[name], 0, view.microgrids.index(name))
    return _party(name)


def _paid(view: RunView, name: str) -> Node:
    if name in view.microgrids:
        return Node(f"{name} gets", view.colours[name], 3, view.microgrids.index(name))
    return _party(name)


def _party(name: str) -> Node:
    label, colour = _PARTY[Party(name)]
    return Node(label, colour, *_PLACE[Party(name)])


# ---------------------------------------------------------------------------------------- prices
def prices_figure(view: RunView) -> go.Figure:
    """Draw the prices of energy over time, and how much was traded at them. [currency/kWh], [kW]"""
    prices = view.needs("prices", "No step was simulated.")
    mean, is_uneven = _mean_prices(view), _are_uneven(prices)
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.72, 0.28]
    )
    hours, is_short = view.block * view.step_h, len(mean) <= _FEW_STEPS
    for column, dash, width in _PRICE_LINES:
        if mean[column].notna().any():
            look = PRICES[column]
            x, y = stepped(mean["time"], mean[column], hours)
            line = {
                "color": look.colour,
                "shape": "hv",
                "dash": dash,
                "width": width if is_short else 1.5,
            }
            figure.add_scatter(
                x=x,
                y=y,
                name=look.label + (", mean by kWh" if is_uneven and column in _LOCAL else ""),
                mode="lines",
                line=line,
                hovertemplate="%{y:.4f}",
                row=1,
                col=1,
            )
    _add_band(figure, view)
    totals = view.coarse(view.totals())
    figure.add_bar(
        x=stamps(totals["time"]),
        y=totals["sold_kw"].to_numpy("float32"),
        name="traded locally",
        marker_color=POWERS["bought_kw"].colour,
        offset=0,
        width=widths_ms(totals["time"], hours),
        hovertemplate="%{y:,.1f} kW",
        row=2,
        col=1,
    )
    layout(figure, f"Prices and local trade{view.blocks_told()}", height=520, bargap=0)
    figure.update_yaxes(title=f"price [{view.currency}/kWh]", row=1, col=1)
    figure.update_yaxes(title="traded [kW]", rangemode="tozero", row=2, col=1)
    figure.update_xaxes(title=clock_title(view), row=2, col=1)
    return figure.update_layout(legend=_BELOW)


_FEW_STEPS = 200
"""Of longer runs, wide lines would cover each other."""
_PRICE_LINES = (
    ("import", "solid", 5.0),
    ("import_price", "dot", 2.0),
    ("export_price", "solid", 5.0),
    ("local", "solid", 2.0),
    ("local_price", "solid", 2.0),
)
"""Column, dash and width [px]: what local prices often equal is wide, so that both are seen."""
_BELOW = {"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0}


_LOCAL = ("local", "local_price")
_EVEN_PER_KWH = 1e-6
"""Local prices of microgrids that differ by less are the same."""


def _are_uneven(prices: pd.DataFrame) -> bool:
    """Tell whether microgrids have different local prices in a step."""
    groups = prices.groupby("time")["local_price"]
    return bool((groups.max() - groups.min()).max() > _EVEN_PER_KWH)


def _mean_prices(view: RunView) -> pd.DataFrame:
    """Give the mean over all microgrids, charges added. [currency/kWh]

    Local prices count by what each sold, and with the charge by what each bought; in steps without
    trade all microgrids count alike.
    """
    prices = view.frame("prices")
    traded = view.frame("dispatch")[["time", "microgrid", "sold_kw", "bought_kw"]]
    both = prices.merge(traded, on=["time", "microgrid"], how="left")
    both["local"] = both["local_price"] + both["local_charge"]
    weighed = {"local_price": "sold_kw", "local": "bought_kw"}
    for column, kw in weighed.items():
        both[f"{column}_worth"] = both[column] * both[kw]
    mean = view.coarse(both.groupby("time", sort=True).mean(numeric_only=True).reset_index())
    mean["import"] = mean["import_price"] + mean["network_charge"]
    for column, kw in weighed.items():
        is_traded = mean[kw] > _TRADED_KW
        by_kwh = mean[f"{column}_worth"] / mean[kw].where(is_traded)
        mean[column] = by_kwh.fillna(mean[column])
    return mean


_TRADED_KW = 1e-6


def _add_band(figure: go.Figure, view: RunView) -> None:
    """Shade between the lowest and highest local price where microgrids have different ones."""
    prices = view.frame("prices")
    if not _are_uneven(prices):  # nor where there is no local price
        return
    groups = prices.groupby("time", sort=True)["local_price"]
    band = view.coarse(groups.agg(["min", "max"]).reset_index(), {"min": "min", "max": "max"})
    hours = view.block * view.step_h
    colour = PRICES["local_price"].colour
    extremes = {"min": groups.transform("min"), "max": groups.transform("max")}
    for column, fill in (("min", None), ("max", "tonexty")):
        x, y = stepped(band["time"], band[column], hours)
        names = _who_has(prices, extremes[column]) if view.block == 1 else []
        figure.add_scatter(
            x=x,
            y=y,
            name="local: lowest to highest of the microgrids",
            mode="lines",
            line={"width": 0, "shape": "hv", "color": colour},
            fill=fill,
            fillcolor=faded(colour, 0.2),
            showlegend=fill is not None,
            customdata=[*names, *names[-1:]],
            hovertemplate=f"{_EXTREMES[column]} %{{y:.4f}}"
            + (": %{customdata}" if names else "")
            + "<extra></extra>",
            row=1,
            col=1,
        )


_EXTREMES = {"min": "lowest local", "max": "highest local"}


def _who_has(prices: pd.DataFrame, wanted: pd.Series) -> list[str]:
    """Name the microgrids that have the wanted price, step by step."""
    has = (prices["local_price"] - wanted).abs() <= _EVEN_PER_KWH
    names = prices["microgrid"].where(has, "").groupby(prices["time"], sort=True)
    return [", ".join(filter(None, own)) for _, own in names]
