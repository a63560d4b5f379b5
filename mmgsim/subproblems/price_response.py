"""How what somebody exchanges changes with a price: the steps of it, each found where it is.

At a price ``p`` the least cost is ``F(p) = min over plans of cost - p * exchange``: a minimum of
straight lines, so it is concave, and the exchange of the best plan only grows with the price. Two
plans tell where the step between them must be: where their lines cross. If no plan is better
there, that is the step; otherwise the better plan splits it into two (the method of Eisner and
Severance, J. ACM 23(4), 1976, doi 10.1145/321978.321982).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["PricedExchange", "ResponseStep", "response_steps"]

# Of costs: larger than the rounding of a solver. What a step found this way can be off in cost.
TOLERANCE = 1e-7

# Below this, exchanges are the same up to the rounding of a solver. [kW]
TOLERANCE_KW = 1e-6


@dataclass(frozen=True, slots=True)
class PricedExchange:
    """The best plan at a price.

    Parameters
    ----------
    price_per_kwh : float
        Paid for what is exchanged. [currency/kWh]
    exchange_kw : float
        Of the plan, positive when it leaves. [kW]
    cost : float
        Of the plan less what the exchange earns. [currency]
    """

    price_per_kwh: float
    exchange_kw: float
    cost: float

    def cost_at(self, price_per_kwh: float, step_h: float) -> float:
        """Give what the same plan costs at another price. [currency]"""
        return self.cost - step_h * self.exchange_kw * (price_per_kwh - self.price_per_kwh)


@dataclass(frozen=True, slots=True)
class ResponseStep:
    """A step of the exchange, at a price that lies between two.

    Parameters
    ----------
    from_kw, to_kw : float
        Exchange below and above the price. [kW]
    low_per_kwh, high_per_kwh : float
        Where the price lies; the same where it was found. [currency/kWh]
    """

    from_kw: float
    to_kw: float
    low_per_kwh: float
    high_per_kwh: float


def response_steps(
    lowest: PricedExchange,
    highest: PricedExchange,
    answer: Callable[[float], PricedExchange],
    *,
    step_h: float,
    most_answers: int,
) -> tuple[ResponseStep, ...]:
    """Give the steps of the exchange between two prices, in rising order.

    Parameters
    ----------
    lowest, highest : PricedExchange
        The best plans at the two prices.
    answer : callable
        Gives the best plan at a price between them.
    step_h : float
        For how long power is exchanged. [h]
    most_answers : int
        How many prices may be tried. Steps that are not found by then have the two prices next to
        them that were tried.
    """
    steps, pairs = [], deque([(lowest, highest)])
    while pairs:
        below, above = pairs.popleft()
        if above.exchange_kw - below.exchange_kw <= TOLERANCE_KW:
            continue
        price = _crossing(below, above, step_h)
        is_inside = below.price_per_kwh < price < above.price_per_kwh
        if is_inside and most_answers > 0:
            most_answers -= 1
            between = _ordered(answer(price), below, above)
            slack = TOLERANCE * (1.0 + abs(between.cost))
            if between.cost < below.cost_at(price, step_h) - slack:
                pairs += [(below, between), (between, above)]
                continue
        elif is_inside:
            steps.append(_step(below, above, below.price_per_kwh, above.price_per_kwh))
            continue
        steps.append(_step(below, above, price, price))
    return tuple(sorted(steps, key=lambda step: step.from_kw))


def _crossing(below: PricedExchange, above: PricedExchange, step_h: float) -> float:
    """Give the price at which two plans cost the same, between their own. [currency/kWh]"""
    rise_kw = above.exchange_kw - below.exchange_kw
    apart = above.cost_at(below.price_per_kwh, step_h) - below.cost
    price = below.price_per_kwh + apart / (step_h * rise_kw)
    return min(max(price, below.price_per_kwh), above.price_per_kwh)


def _ordered(
    between: PricedExchange, below: PricedExchange, above: PricedExchange
) -> PricedExchange:
    """Give a plan with an exchange between two others: those of a rule of thumb may not grow."""
    exchange_kw = min(max(between.exchange_kw, below.exchange_kw), above.exchange_kw)
    return replace(between, exchange_kw=exchange_kw)


def _step(
    below: PricedExchange, above: PricedExchange, low_per_kwh: float, high_per_kwh: float
) -> ResponseStep:
    return ResponseStep(below.exchange_kw, above.exchange_kw, low_per_kwh, high_per_kwh)
