"""The messages of proximal coordination: a price, and a pull towards a point."""

from __future__ import annotations

from dataclasses import dataclass

from mmgsim.contracts.messages import Message
from mmgsim.contracts.window import FloatArray, Window

__all__ = ["ProximalOffer", "ProximalQuery"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProximalQuery(Message):
    """What would you exchange at this price, if leaving a point cost you something?

    The answer minimises ``private cost - step_h * sum_t (price[t] * exchange[t]
    - penalty / 2 * (exchange[t] - target[t])**2)`` inside the own envelope.

    Parameters
    ----------
    price_per_kwh : (steps,) array
        At the addressee's own connection point, paid for what leaves it. [currency/kWh]
    target_kw : (steps,) array
        The point. [kW]
    penalty_per_kwh_kw : float
        What a kWh costs more for every kW away from the point; above zero. [currency/kWh/kW]
    """

    window: Window
    price_per_kwh: FloatArray
    target_kw: FloatArray
    penalty_per_kwh_kw: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProximalOffer(Message):
    """The answer to a `ProximalQuery`.

    Parameters
    ----------
    exchange_kw : (steps,) array
        Inside the envelope. [kW]
    private_cost : float
        Fuel, wear, shedding at that exchange. [currency]
    is_relaxed : bool
        True where it is the answer of an LP relaxation: what it says of units on or off, or of
        storage that has to be kept honest, need not be feasible.
    """

    exchange_kw: FloatArray
    private_cost: float
    is_relaxed: bool = False
