"""What mechanisms with a common pool share: matching, trades, prices, cost of the plans."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    MarketView,
    Message,
    Objective,
    Party,
    Plan,
    Request,
    Round,
    ShadowPrices,
    Tariff,
    TieFlow,
    Trade,
    Window,
    frozen,
    net_tie_kw,
)
from mmgsim.subproblems import public_cost_terms, public_prices

__all__ = [
    "Prices",
    "charges_apart",
    "local_price",
    "match_pool",
    "plan_costs",
    "pool_awards",
    "pool_clearing",
    "pool_trades",
    "price_of",
]


def match_pool(
    exchange_kw: Mapping[str, FloatArray], tariff: Tariff, *, loss_factor: float = 0.0
) -> dict[str, FloatArray]:
    """Match what some microgrids have left over with what others lack.

    The smaller of total surplus and total lack is traded wherever that is cheaper than going
    through the grid (``sell < buy - local charge``); the longer side shares it in proportion.
    With one tariff for all, no other division of the same volume costs less.

    Parameters
    ----------
    exchange_kw : mapping of (steps,) arrays
        By name of microgrid, positive when it leaves. [kW]
    tariff : Tariff
        As published.
    loss_factor : float
        Of what sellers put in, the share that buyers do not get, and a kWh has to be worth more
        to its buyer by as much.

    Returns
    -------
    mapping of (steps,) arrays
        Sold minus bought by name of microgrid; they add up to what is lost. [kW]
    """
    names, arrives = list(exchange_kw), 1.0 - loss_factor
    net_kw = np.stack([exchange_kw[name] for name in names])
    surplus_kw, lack_kw = np.maximum(net_kw, 0.0), np.maximum(-net_kw, 0.0)
    floor, ceiling = _alternatives(tariff, loss_factor)
    volume_kw = np.where(
        floor < ceiling, np.minimum(arrives * surplus_kw.sum(0), lack_kw.sum(0)), 0.0
    )
    trade_kw = _shares(surplus_kw) * volume_kw / arrives - _shares(lack_kw) * volume_kw
    return {name: trade_kw[row] for row, name in enumerate(names)}


def _alternatives(tariff: Tariff, loss_factor: float) -> tuple[FloatArray, FloatArray]:
    """Give what a kWh that arrives earns and saves at the grid. [currency/kWh]"""
    floor = tariff.export_per_kwh / (1.0 - loss_factor)
    return floor, tariff.buy_per_kwh - tariff.local_charge_per_kwh


def _shares(kw: FloatArray) -> FloatArray:
    total = kw.sum(0)
    shares: FloatArray = np.divide(kw, total, out=np.zeros_like(kw), where=total > 0.0)
    return shares


def local_price(
    rule: str, tariff: Tariff, dual_per_kwh: FloatArray, *, loss_factor: float = 0.0
) -> FloatArray:
    """Give the price of local trade, of a kWh as it is bought. [currency/kWh]

    Parameters
    ----------
    rule : str
        ``marginal``: the dual of the local balance; ``midpoint``: midway between what the seller
        would get and what the buyer would save elsewhere.
    tariff : Tariff
        As published.
    dual_per_kwh : (steps,) array
        Dual of the local balance. [currency/kWh]
    loss_factor : float
        As of `match_pool`.
    """
    floor, ceiling = _alternatives(tariff, loss_factor)
    if rule == "midpoint":
        return np.asarray((floor + ceiling) / 2.0)
    # A dual outside the two alternatives comes from a step without trade, or with a missed level.
    return np.clip(dual_per_kwh, np.minimum(floor, ceiling), np.maximum(floor, ceiling))


Prices = FloatArray | Mapping[str, FloatArray]
"""One price of local trade for all, or one for each microgrid by name, over the steps."""


def price_of(price_per_kwh: Prices, name: str) -> FloatArray:
    """Give the price of one microgrid. [currency/kWh]"""
    return price_per_kwh[name] if isinstance(price_per_kwh, Mapping) else price_per_kwh


def pool_trades(trade_kw: Mapping[str, FloatArray], price_per_kwh: Prices) -> tuple[Trade, ...]:
    """Give the trades of every microgrid with the market, (steps,) arrays; none where all zero."""
    trades = []
    for name, kw in trade_kw.items():
        for seller, buyer, part in ((name, Party.MARKET, kw), (Party.MARKET, name, -kw)):
            if np.any(part > 0.0):
                volume = frozen(np.maximum(part, 0.0))
                trades.append(
                    Trade(str(seller), str(buyer), volume, frozen(price_of(price_per_kwh, name)))
                )
    return tuple(trades)


def pool_awards(
    window: Window,
    exchange_kw: Mapping[str, FloatArray | None],
    trades: tuple[Trade, ...],
    *,
    ties: tuple[TieFlow, ...] = (),
    grants: Mapping[str, Request] | None = None,
    binding: Collection[str] = (),
) -> list[Message]:
    """Give everybody its own trades, its exchange where that is fixed, and what passes its ties.

    Where the DNO was asked, everybody is told its own grant too: it holds whatever is planned.
    `binding` names those whose exchange limits of the network hang on.
    """
    at_ties = {name for flow in ties for name in (flow.sender, flow.receiver)}
    return [
        Award(
            to=name,
            window=window,
            trades=tuple(trade for trade in trades if name in (trade.seller, trade.buyer)),
            exchange_kw=kw,
            tie_kw=frozen(net_tie_kw(ties, name, window.steps)) if name in at_ties else None,
            granted=None if grants is None else grants[name],
            is_binding=name in binding,
        )
        for name, kw in exchange_kw.items()
    ]


def plan_costs(
    view: MarketView, plans: Mapping[str, Plan], trade_kw: Mapping[str, FloatArray]
) -> tuple[float, float]:
    """Give the objective cost of the plans and its gross cost. [currency]

    Gross cost is the sum of the absolute cost terms: the scale of gaps and tolerances.
    """
    prices = public_prices(view.tariff, view.objective)
    cost = gross = 0.0
    for name, plan in plans.items():
        terms = public_cost_terms(plan.exchange_kw, trade_kw[name], prices, view.window.step_h)
        cost += plan.private_cost + float(terms.sum())
        gross += abs(plan.private_cost) + float(np.abs(terms).sum())
    return cost, gross


def charges_apart(view: MarketView, trades: Sequence[Trade]) -> tuple[float, float]:
    """Give what trades with charges of their own cost beyond the tariff's local charge.

    `plan_costs` counts every trade at the local charge; this comes on top, with its absolute terms
    for the gross cost. Under the objective ``system`` charges are transfers. [currency]
    """
    if view.objective is Objective.SYSTEM:
        return 0.0, 0.0
    tariff, step_h = view.tariff, view.window.step_h
    apart = [
        step_h * trade.kw * (trade.charged_per_kwh(tariff) - tariff.local_charge_per_kwh)
        for trade in trades
        if trade.charge_per_kwh is not None and trade.buyer not in (Party.MARKET, Party.DNO)
    ]
    return float(sum(map(np.sum, apart))), float(sum(np.abs(one).sum() for one in apart))


def pool_clearing(  # noqa: PLR0913  one parameter per thing that a gate ends with
    view: MarketView,
    plans: Mapping[str, Plan],
    trade_kw: Mapping[str, FloatArray],
    price_per_kwh: Prices | None,
    *,
    lower: float | None,
    rounds: tuple[Round, ...] = (),
    memory: Mapping[str, Any] | None = None,
    loss_cost: float = 0.0,
    shadow_prices: ShadowPrices | None = None,
    ties: tuple[TieFlow, ...] = (),
    flags: tuple[str, ...] = (),
) -> Clearing:
    """Clear with the plans that the awards led to; their cost is the upper bound.

    Parameters
    ----------
    view : MarketView
        Of the gate.
    plans : mapping
        By name of microgrid.
    trade_kw : mapping of (steps,) arrays
        As `match_pool` gives them. [kW]
    price_per_kwh : (steps,) array, mapping of such by name of microgrid, or None
        Of local trade, where there is any. [currency/kWh]
    lower : float or None
        What no plan can cost less than, where that is known. [currency]
    rounds : tuple of Round
        Before the awards.
    memory : mapping or None
        For the next gate.
    loss_cost : float
        Of the network's losses, where they count. [currency]
    shadow_prices : ShadowPrices or None
        What limits of the network were worth, where that is known.
    ties : tuple of TieFlow
        As awarded.
    flags : tuple of str
        What was out of the ordinary.
    """
    upper, gross = (cost + loss_cost for cost in plan_costs(view, plans, trade_kw))
    residual_kw = float(np.abs(sum(trade_kw.values())).max())
    return Clearing(
        window=view.window,
        plans=plans,
        trades=() if price_per_kwh is None else pool_trades(trade_kw, price_per_kwh),
        prices_per_kwh={}
        if price_per_kwh is None
        else {name: price_of(price_per_kwh, name) for name in plans},
        upper=upper,
        lower=lower,
        gross_cost=gross,
        rounds=(*rounds, Round(upper=upper, lower=lower, residual_kw=residual_kw)),
        residual_kw=residual_kw,
        memory={} if memory is None else memory,
        shadow_prices=shadow_prices,
        ties=ties,
        flags=flags,
    )
