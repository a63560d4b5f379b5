"""What mechanisms with trades from microgrid to microgrid share: prices, pairs, bills, clearing.

Everything is by position of the members; power from one to another is a (sellers, buyers, steps)
array with nothing on its diagonal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    MarketView,
    Message,
    Plan,
    Round,
    Trade,
    frozen,
)
from mmgsim.coordination.pool import charges_apart, plan_costs
from mmgsim.subproblems import public_cost, public_prices

__all__ = [
    "TradePrice",
    "bilateral_awards",
    "bilateral_clearing",
    "bilateral_trades",
    "bills",
    "mean_price",
    "net_trade_kw",
    "seller_prices",
    "shared_out",
    "sold_in_proportion",
]

TradePrice = Literal["lcoe", "lcoe-or-export"]


def seller_prices(view: MarketView, rule: TradePrice) -> FloatArray:
    """Give what each microgrid gets for a kWh that it sells: (members, steps). [currency/kWh]

    ``lcoe``: its levelised cost, as printed in paper 000; ``lcoe-or-export``: no less than the
    export price of the step, so that selling to a neighbour never earns less than the grid pays.
    Who states no cost gets the export price.
    """
    export = view.tariff.export_per_kwh
    prices = np.empty((len(view.members), len(export)))
    for row, member in enumerate(view.members):
        if member.lcoe_per_kwh is None:
            prices[row] = export
        elif rule == "lcoe":
            prices[row] = member.lcoe_per_kwh
        else:
            prices[row] = np.maximum(member.lcoe_per_kwh, export)
    return frozen(prices)


def net_trade_kw(traded_kw: FloatArray) -> FloatArray:
    """Give sold minus bought of each: (members, steps). [kW]"""
    net: FloatArray = traded_kw.sum(axis=1) - traded_kw.sum(axis=0)
    return net


def sold_in_proportion(trade_kw: FloatArray) -> FloatArray:
    """Give who sells what to whom, everybody buying from all sellers in proportion. [kW]

    ``e[i, j] = sold[i] * bought[j] / total``: what the members trade in all does not tell the
    pairs, and this way they do not hang on a solver's vertex.

    Parameters
    ----------
    trade_kw : (members, steps) array
        Sold minus bought; adds up to zero in every step. [kW]
    """
    sold_kw, bought_kw = np.maximum(trade_kw, 0.0), np.maximum(-trade_kw, 0.0)
    total_kw = sold_kw.sum(axis=0)
    shares = np.divide(sold_kw, total_kw, out=np.zeros_like(sold_kw), where=total_kw > 0.0)
    traded_kw: FloatArray = shares[:, None, :] * bought_kw[None, :, :]
    return traded_kw


def shared_out(sellable_kw: FloatArray, wanted_kw: FloatArray) -> FloatArray:
    """Match surplus with lack; the longer side is served in proportion. [kW]

    Parameters
    ----------
    sellable_kw, wanted_kw : (members, steps) arrays
        Non-negative; of each member one of them is zero in every step. [kW]
    """
    volume_kw = np.minimum(sellable_kw.sum(axis=0), wanted_kw.sum(axis=0))
    sides = []
    for kw in (sellable_kw, wanted_kw):
        total_kw = kw.sum(axis=0)
        share = np.divide(volume_kw, total_kw, out=np.zeros_like(total_kw), where=total_kw > 0.0)
        sides.append(kw * share)
    return sold_in_proportion(sides[0] - sides[1])


def bilateral_trades(
    names: Sequence[str],
    traded_kw: FloatArray,
    price_per_kwh: FloatArray,
    charge_per_kwh: FloatArray | None = None,
) -> tuple[Trade, ...]:
    """Give the trades of all pairs; none where all zero.

    Parameters
    ----------
    names : sequence of str
        Of the members, in their order.
    traded_kw : (sellers, buyers, steps) array
        [kW]
    price_per_kwh : (sellers, buyers, steps) or (sellers, 1, steps) array
        What each seller gets from each buyer, or from anybody. [currency/kWh]
    charge_per_kwh : (sellers, buyers, steps) array or None
        What each buyer owes the DNO on top; None for the tariff's local charge. [currency/kWh]
    """
    prices = np.broadcast_to(price_per_kwh, traded_kw.shape)
    return tuple(
        Trade(
            seller,
            buyer,
            frozen(traded_kw[i, j]),
            frozen(prices[i, j]),
            None if charge_per_kwh is None else frozen(charge_per_kwh[i, j]),
        )
        for i, seller in enumerate(names)
        for j, buyer in enumerate(names)
        if np.any(traded_kw[i, j] > 0.0)
    )


def bilateral_awards(
    view: MarketView,
    trades: Sequence[Trade],
    exchange_kw: Mapping[str, FloatArray] | None = None,
) -> list[Message]:
    """Tell everybody its own trades; import and export stay its own choice where not given."""
    fixed_kw = exchange_kw or {}
    return [
        Award(
            to=member.name,
            window=view.window,
            trades=tuple(t for t in trades if member.name in (t.seller, t.buyer)),
            exchange_kw=fixed_kw.get(member.name),
        )
        for member in view.members
    ]


def bills(
    view: MarketView,
    plans: Mapping[str, Plan],
    traded_kw: FloatArray,
    price_per_kwh: FloatArray,
) -> FloatArray:
    """Give what each microgrid pays with its plan: operations, grid, trades. [currency]

    Without fixed charge, loss share and imbalance, which trades do not change.
    """
    prices, step_h = public_prices(view.tariff), view.window.step_h
    trade_kw = net_trade_kw(traded_kw)
    paid = step_h * np.einsum("ijt,it->ij", traded_kw, price_per_kwh)
    totals = paid.sum(axis=0) - paid.sum(axis=1)
    for row, member in enumerate(view.members):
        plan = plans[member.name]
        totals[row] += plan.private_cost
        totals[row] += public_cost(plan.exchange_kw, trade_kw[row], prices, step_h)
    return np.asarray(totals)


def bilateral_clearing(  # noqa: PLR0913  one parameter per thing that a gate ends with
    view: MarketView,
    plans: Mapping[str, Plan],
    trades: Sequence[Trade],
    *,
    lower: float | None,
    rounds: Sequence[Round],
    memory: Mapping[str, Any],
    flags: tuple[str, ...] = (),
) -> Clearing:
    """Clear with the plans that the awards led to; their cost is the upper bound.

    The local price of a microgrid is the mean of what it buys and sells at, by volume.
    """
    names, steps = [member.name for member in view.members], view.window.steps
    trade_kw = {name: np.zeros(steps) for name in names}
    for trade in trades:
        trade_kw[trade.seller] = trade_kw[trade.seller] + trade.kw
        trade_kw[trade.buyer] = trade_kw[trade.buyer] - trade.kw
    upper, gross = plan_costs(view, plans, trade_kw)
    apart, apart_gross = charges_apart(view, trades)
    upper, gross = upper + apart, gross + apart_gross
    return Clearing(
        window=view.window,
        plans=plans,
        trades=tuple(trades),
        prices_per_kwh={name: mean_price(trades, name, steps) for name in names},
        upper=upper,
        lower=lower,
        gross_cost=gross,
        rounds=(*rounds, Round(upper=upper, lower=lower, residual_kw=0.0)),
        residual_kw=0.0,
        memory=memory,
        flags=flags,
    )


def mean_price(trades: Sequence[Trade], name: str, steps: int) -> FloatArray:
    """Give the mean price of somebody's trades by volume, NaN where it has none."""
    own = [trade for trade in trades if name in (trade.seller, trade.buyer)]
    if not own:
        return frozen(np.full(steps, np.nan))
    kw = np.stack([trade.kw for trade in own])
    price_per_kwh = np.stack([trade.price_per_kwh for trade in own])
    total_kw = kw.sum(axis=0)
    shares = np.divide(kw, total_kw, out=np.full(kw.shape, np.nan), where=total_kw > 0.0)
    mean = (shares * price_per_kwh).sum(axis=0)
    # Of trades at one price it is that price to the last digit.
    lowest = np.where(kw > 0.0, price_per_kwh, np.inf).min(axis=0)
    highest = np.where(kw > 0.0, price_per_kwh, -np.inf).max(axis=0)
    return frozen(np.where(total_kw > 0.0, np.clip(mean, lowest, highest), np.nan))
