"""Steps 1 to 4 of paper 000 as printed, with the signs of trade repaired: they bound nothing.

The lower level has switching of batteries as its only cost and no energy balance, so that batteries
stand still. The upper level pays for every trade and cannot change what the substation draws, so
that it trades nothing. "UB" is the cost of the lower level and "LB" the one of both levels; their
difference is the energy bill with its sign turned, which is below any tolerance as soon as all
microgrids together buy more than they sell.

References
----------
.. [1] Paper 000: (1) and (3) upper level, (4) lower level, Steps 1 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import Disclosure, FloatArray, Load, MarketView, Renewable
from mmgsim.coordination.pair_trades import shared_out

__all__ = ["PrintedSteps", "printed_steps"]


@dataclass(frozen=True, slots=True, eq=False)
class PrintedSteps:
    """What Steps 1 to 4 end with.

    Parameters
    ----------
    traded_kw : (sellers, buyers, steps) array
        Of the upper level. [kW]
    bounds : tuple of pairs
        "UB" and "LB" of every iteration. [currency]
    """

    traded_kw: FloatArray
    bounds: tuple[tuple[float, float], ...]


def printed_steps(
    view: MarketView,
    declared: Mapping[str, Disclosure],
    price_per_kwh: FloatArray,
    *,
    tolerance: float,
    max_rounds: int,
) -> PrintedSteps:
    """Go through the steps until UB - LB is within the tolerance, or the rounds are over.

    Parameters
    ----------
    view : MarketView
        Of the gate.
    declared : mapping
        By name of microgrid; units that the paper's model does not have stay off.
    price_per_kwh : (sellers, steps) array
        Of trades. [currency/kWh]
    tolerance : float
        [currency]
    max_rounds : int
        At most.
    """
    net_kw = np.stack([_idle_kw(declared[member.name]) for member in view.members])
    bounds: list[tuple[float, float]] = []
    while True:
        # Step 1, (4): without switching no cost; nothing else depends on the batteries.
        members_cost = 0.0
        # Step 2, (1): batteries as they are, trades change no power, each costs its price.
        sellable_kw = np.where(price_per_kwh < 0.0, np.maximum(net_kw, 0.0), 0.0)
        traded_kw = shared_out(sellable_kw, np.maximum(-net_kw, 0.0))
        substation_kw = -net_kw.sum(axis=0)
        paid = float(np.einsum("ijt,it->", traded_kw, price_per_kwh))
        drawn = float(view.tariff.upstream_per_kwh @ substation_kw)
        network_cost = view.window.step_h * (drawn + paid) + members_cost
        # Steps 3 and 4: the lower level does not see the trades, so the next round is the same.
        bounds.append((members_cost, network_cost))
        if members_cost - network_cost <= tolerance or len(bounds) >= max_rounds:
            return PrintedSteps(traded_kw, tuple(bounds))


def _idle_kw(declared: Disclosure) -> FloatArray:
    """Give what a microgrid exchanges while its batteries stand still: (steps,). [kW]"""
    net_kw = np.zeros(declared.window.steps)
    for device in declared.devices:
        if isinstance(device, Renewable):
            net_kw = net_kw + declared.forecast_kw[device.name]
        elif isinstance(device, Load):
            net_kw = net_kw - declared.forecast_kw[device.name]
    return net_kw
