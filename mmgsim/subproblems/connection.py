"""What lies beyond the connection point and is public: import, export, trade and their prices.

The same block stands in the microgrid's own problem (where trades are given) and in the joint
problem (where they are decided). `members` and `system` differ only in the prices pushed into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import Envelope, FloatArray, Objective, Tariff
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.solver import Solver

__all__ = [
    "PublicPrices",
    "declare_connection",
    "declare_one_way",
    "exchange_limits",
    "public_cost",
    "public_cost_terms",
    "public_prices",
    "split_exchange",
    "update_connection",
    "update_one_way",
]

# More than any device can exchange: takes the limit off what may be missed. [kW]
_ANY_KW = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class PublicPrices:
    """What passes of energy beyond the connection point cost, (steps,) arrays. [currency/kWh]

    Parameters
    ----------
    buy_per_kwh, sell_per_kwh : (steps,) array
        An imported kWh costs `buy`, an exported kWh earns `sell`.
    local_per_kwh : (steps,) array
        Charge on a locally bought kWh. Local trade itself cancels between the microgrids.
    """

    buy_per_kwh: FloatArray
    sell_per_kwh: FloatArray
    local_per_kwh: FloatArray

    @property
    def is_arbitrage(self) -> bool:
        """True where selling earns more than buying costs: an LP would do both at once."""
        return bool(np.any(self.sell_per_kwh > self.buy_per_kwh) or np.any(self.local_per_kwh < 0))


def public_prices(tariff: Tariff, objective: Objective = Objective.MEMBERS) -> PublicPrices:
    """Give the prices that make the public cost the one of `objective`.

    `members`: the bill, without fixed charge, loss share and imbalance. `system`: upstream energy;
    charges and tariff margins are transfers and drop out.
    """
    if objective is Objective.SYSTEM:
        return PublicPrices(
            buy_per_kwh=tariff.upstream_per_kwh,
            sell_per_kwh=tariff.upstream_per_kwh,
            local_per_kwh=np.zeros_like(tariff.upstream_per_kwh),
        )
    return PublicPrices(
        buy_per_kwh=tariff.buy_per_kwh,
        sell_per_kwh=tariff.export_per_kwh,
        local_per_kwh=tariff.local_charge_per_kwh,
    )


def split_exchange(
    exchange_kw: FloatArray, trade_kw: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Split an exchange into import, export and locally bought power. [kW]

    ``exchange = export + sold - import - bought`` with ``trade = sold - bought``; of import and
    export, and of sold and bought, one is zero.
    """
    grid_kw = exchange_kw - trade_kw
    return np.maximum(-grid_kw, 0.0), np.maximum(grid_kw, 0.0), np.maximum(-trade_kw, 0.0)


def public_cost_terms(
    exchange_kw: FloatArray, trade_kw: FloatArray, prices: PublicPrices, step_h: float
) -> FloatArray:
    """Give the cost of import, the revenue of export (negative) and the local charge. [currency]

    Returns
    -------
    (3, steps) array
    """
    import_kw, export_kw, bought_kw = split_exchange(exchange_kw, trade_kw)
    return step_h * np.stack(
        [
            prices.buy_per_kwh * import_kw,
            -prices.sell_per_kwh * export_kw,
            prices.local_per_kwh * bought_kw,
        ]
    )


def public_cost(
    exchange_kw: FloatArray, trade_kw: FloatArray, prices: PublicPrices, step_h: float
) -> float:
    """Give what an exchange costs beyond the connection point. [currency]"""
    return float(public_cost_terms(exchange_kw, trade_kw, prices, step_h).sum())


def exchange_limits(
    envelope: Envelope, award_kw: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Give the limits of the exchange: the envelope, or the award where the mechanism fixes it."""
    if award_kw is not None:
        return award_kw, award_kw
    return -envelope.import_limit_kw, envelope.export_limit_kw


def declare_connection(block: Any, exchange_kw: Any, trade_kw: Any, horizon: Horizon) -> None:
    """Declare ``exchange = export - import + trade`` within limits, and its public cost.

    Limits on both sides of zero are kept: every device can stand still. Others, such as an award
    that fixes the exchange, are missed by as little as possible where the devices cannot do it.

    Parameters
    ----------
    block : pyomo Block
        Where to declare.
    exchange_kw, trade_kw : indexed Pyomo components
        Net power at the connection point and the part of it that is traded, positive when it
        leaves. [kW]
    horizon : Horizon
        Size of the problem.
    """
    block.time = pyo.RangeSet(0, horizon.steps - 1)
    for name in ("buy_per_kwh", "sell_per_kwh", "low_kw", "high_kw"):
        setattr(block, name, pyo.Param(block.time, mutable=True, initialize=0.0))
    block.import_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.export_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.miss_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.miss_limit_kw = pyo.Param(block.time, mutable=True, initialize=0.0)
    block.miss_price_per_kwh = pyo.Param(mutable=True, initialize=0.0)
    block.miss_limit = pyo.Constraint(
        block.time, rule=lambda b, t: b.miss_kw[t] <= b.miss_limit_kw[t]
    )
    block.split = pyo.Constraint(
        block.time,
        rule=lambda b, t: exchange_kw[t] == b.export_kw[t] - b.import_kw[t] + trade_kw[t],
    )
    block.low = pyo.Constraint(
        block.time, rule=lambda b, t: exchange_kw[t] + b.miss_kw[t] >= b.low_kw[t]
    )
    block.high = pyo.Constraint(
        block.time, rule=lambda b, t: exchange_kw[t] - b.miss_kw[t] <= b.high_kw[t]
    )
    block.miss_cost = pyo.Expression(
        expr=horizon.step_h
        * block.miss_price_per_kwh
        * pyo.quicksum(block.miss_kw[t] for t in block.time)
    )
    block.cost = pyo.Expression(
        expr=horizon.step_h
        * pyo.quicksum(
            block.buy_per_kwh[t] * block.import_kw[t] - block.sell_per_kwh[t] * block.export_kw[t]
            for t in block.time
        )
        + block.miss_cost
    )


def declare_one_way(block: Any, entering_kw: Any, leaving_kw: Any) -> None:
    """Declare that in each step power only enters or only leaves.

    ``entering <= most_in * is_entering``, ``leaving <= most_out * (1 - is_entering)``, where what
    is missed of the limits of the exchange comes on top of them.
    """
    for name in ("most_in_kw", "most_out_kw"):
        setattr(block, name, pyo.Param(block.time, mutable=True, initialize=0.0))
    block.is_entering = pyo.Var(block.time, domain=pyo.Binary)
    block.enter_only = pyo.Constraint(
        block.time,
        rule=lambda b, t: entering_kw[t] - b.miss_kw[t] <= b.most_in_kw[t] * b.is_entering[t],
    )
    block.leave_only = pyo.Constraint(
        block.time,
        rule=lambda b, t: leaving_kw[t] - b.miss_kw[t] <= b.most_out_kw[t] * (1 - b.is_entering[t]),
    )


def update_connection(
    solver: Solver,
    block: Any,
    prices: PublicPrices,
    low_kw: FloatArray,
    high_kw: FloatArray,
    *,
    miss_price_per_kwh: float = 0.0,
) -> None:
    """Write prices and limits of the exchange. [currency/kWh], [kW]

    `miss_price_per_kwh` is what missing limits on one side of zero costs.
    """
    has_zero = (low_kw <= 0.0) & (high_kw >= 0.0)
    solver.set(block.miss_limit_kw, np.where(has_zero, 0.0, _ANY_KW))
    solver.set(block.miss_price_per_kwh, miss_price_per_kwh)
    solver.set(block.buy_per_kwh, prices.buy_per_kwh)
    solver.set(block.sell_per_kwh, prices.sell_per_kwh)
    solver.set(block.low_kw, low_kw)
    solver.set(block.high_kw, high_kw)


def update_one_way(solver: Solver, block: Any, low_kw: FloatArray, high_kw: FloatArray) -> None:
    """Write the most that may enter and leave, where `declare_one_way` has been. [kW]"""
    if block.component("is_entering") is not None:
        solver.set(block.most_in_kw, np.maximum(-low_kw, 0.0))
        solver.set(block.most_out_kw, np.maximum(high_kw, 0.0))
