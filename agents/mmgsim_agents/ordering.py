"""Orders of a microgrid at its opportunity values: what a kWh of a step is worth to it.

For each traded step the own plan is made at several prices of what it exchanges in that step; how
much leaves or enters at which price is a step function, and each of its steps is an order. What
would be exchanged with the grid anyway is ordered at what the grid pays or takes, so that any
price between the two is a gain.

The bound of it: storage links the steps of a window, and each step is ordered as if the others were
traded at the last prices, or else at the grid. Where one step is traded at a gate, nobody who is
filled at its orders' prices loses; where several are, the same stored kWh may be sold twice, and
the grid then makes up for it at its own prices. What is on or off as a whole (diesel) is worth its
price as a whole; an order that is filled in part may lose. Each price then takes a MILP, and so it
does where binaries keep storage honest (negative prices, selling above buying): few are tried, and
steps that are not found are ordered at the price next to them that is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mmgsim.contracts import Diesel, FloatArray, Order, OrderQuery, Orders, Side, View
from mmgsim.subproblems import (
    MicrogridPlan,
    PricedExchange,
    PublicPrices,
    ResponseStep,
    Terms,
    public_cost,
    response_steps,
)

__all__ = ["nearer_to_grid", "opportunity_orders", "price_range"]

# Prices that are tried in a traded step between its two ends; most steps take less than ten. Where
# every price takes a MILP there are fewer.
MOST_PRICES = 30
MOST_PRICES_WITH_INTEGERS = 5

# Below this, an order is the rounding of a solver. [kW]
LEAST_KW = 1e-6

Plans = Callable[[View, Terms], MicrogridPlan]
"""How a microgrid plans on given terms."""


def price_range(view: View) -> tuple[FloatArray, FloatArray]:
    """Give the least and the most that a local price can be to anybody: (steps,) arrays each.

    Below what the grid pays nobody sells; above what it takes, less the local charge, nobody buys.
    [currency/kWh]
    """
    tariff = view.tariff
    return tariff.export_per_kwh, tariff.buy_per_kwh - tariff.local_charge_per_kwh


def nearer_to_grid(order: Order, view: View, markup: float) -> Order:
    """Give a true order at a better price: nearer to what the other side has at the grid.

    Parameters
    ----------
    order : Order
        At its true value.
    view : View
        Of who places it.
    markup : float
        How far the price moves towards the best that the grid leaves to the other side, from 0 for
        the true value to 1: an ask towards what buying from the grid costs less the local charge, a
        bid towards what selling to it earns.
    """
    floor, ceiling = price_range(view)
    end = float((ceiling if order.side is Side.SELL else floor)[order.offset])
    price = (1.0 - markup) * order.price_per_kwh + markup * end
    return replace(order, price_per_kwh=price)


def opportunity_orders(view: View, query: OrderQuery, plan: Plans) -> Orders:
    """Give orders at what each kWh is worth to who plans like this.

    Parameters
    ----------
    view : View
        Of the microgrid.
    query : OrderQuery
        Which steps are traded, and what is known of prices and firm trades.
    plan : callable
        Makes the plans; they need not be optimal, but orders are as good as they are.
    """
    floor, ceiling = price_range(view)
    terms = _terms(view, query)
    orders: list[Order] = []
    for offset in query.offsets:
        low, high = float(floor[offset]), float(ceiling[offset])
        if low < high:
            answer = partial(_answer, view, terms, plan, offset)
            orders += _orders_of(offset, _response(view, answer, low, high))
    return Orders(orders=tuple(orders))


def _response(
    view: View, answer: Callable[[float], tuple[PricedExchange, bool]], low: float, high: float
) -> tuple[ResponseStep, ...]:
    """Give how much is exchanged at which price between two, and what is ordered at these."""
    (lowest, is_first_integer), (highest, is_last_integer) = answer(low), answer(high)
    # Only one of them, as at a price below zero: then most between take none.
    is_integer = (is_first_integer and is_last_integer) or _has_units(view)
    steps = response_steps(
        lowest,
        highest,
        lambda price: answer(price)[0],
        step_h=view.window.step_h,
        most_answers=MOST_PRICES_WITH_INTEGERS if is_integer else MOST_PRICES,
    )
    return _with_ends(lowest, steps, high)


def _terms(view: View, query: OrderQuery) -> Terms:
    """Give the terms of planning: at the last prices where there are any, else at the grid."""
    terms = Terms.of(view, trade_kw=query.firm_kw)
    if query.last_prices_per_kwh is None:
        return terms
    floor, ceiling = price_range(view)
    last = np.clip(query.last_prices_per_kwh, floor, ceiling)
    is_known = np.isfinite(last) & (floor < ceiling)
    buy = np.where(is_known, last + view.tariff.local_charge_per_kwh, terms.prices.buy_per_kwh)
    sell = np.where(is_known, last, terms.prices.sell_per_kwh)
    return replace(terms, prices=replace(terms.prices, buy_per_kwh=buy, sell_per_kwh=sell))


def _answer(
    view: View, terms: Terms, plan: Plans, offset: int, price: float
) -> tuple[PricedExchange, bool]:
    """Plan with a price of what is traded in one step; a buyer owes the local charge on top.

    Tell too whether binaries were needed.
    """
    local = terms.prices.local_per_kwh
    buy, sell = terms.prices.buy_per_kwh.copy(), terms.prices.sell_per_kwh.copy()
    buy[offset], sell[offset] = price + local[offset], price
    priced = replace(terms, prices=PublicPrices(buy, sell, local))
    planned = plan(view, priced)
    cost = public_cost(planned.exchange_kw, terms.trade_kw, priced.prices, view.window.step_h)
    open_kw = float(planned.exchange_kw[offset] - terms.trade_kw[offset])
    priced_exchange = PricedExchange(price, open_kw, planned.private_cost + cost)
    return priced_exchange, "exclusive" in planned.flags


def _has_units(view: View) -> bool:
    """Tell whether something is on or off as a whole, which no flag of a plan says."""
    return any(isinstance(device, Diesel) for device in view.devices)


def _with_ends(
    lowest: PricedExchange, steps: Sequence[ResponseStep], high: float
) -> tuple[ResponseStep, ...]:
    """Add what is sold at the lowest price already, and what is bought at the highest one still."""
    low, least_kw = lowest.price_per_kwh, lowest.exchange_kw
    most_kw = steps[-1].to_kw if steps else least_kw
    return (
        ResponseStep(min(least_kw, 0.0), least_kw, low, low),
        *steps,
        ResponseStep(most_kw, max(most_kw, 0.0), high, high),
    )


def _orders_of(offset: int, steps: Sequence[ResponseStep]) -> Iterator[Order]:
    """Sell what is above zero of each step, from its higher price; buy what is below, to its lower.

    A step whose place was not found is ordered so that no price between can be a loss.
    """
    for step in steps:
        sold_kw = max(step.to_kw, 0.0) - max(step.from_kw, 0.0)
        bought_kw = max(-step.from_kw, 0.0) - max(-step.to_kw, 0.0)
        if sold_kw > LEAST_KW:
            yield Order(offset, Side.SELL, sold_kw, step.high_per_kwh)
        if bought_kw > LEAST_KW:
            yield Order(offset, Side.BUY, bought_kw, step.low_per_kwh)
