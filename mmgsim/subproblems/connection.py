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
from mmgsim.subproblems.solver import fill

__all__ = [
    "PublicPrices",
    "declare_connection",
    "exchange_limits",
    "public_cost",
    "public_cost_terms",
    "public_prices",
    "split_exchange",
    "update_connection",
]

# An award or an envelope that the devices cannot keep is missed by as little as possible; the
# price stands far above any energy or shedding price, so it never pays.
MISS_PRICE_PER_KWH = 1000.0


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
        return bool(np.any(self.sell_per_kwh > self.buy_per_kwh))


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
    block.grid_limit_kw = pyo.Param(mutable=True, initialize=0.0)
    block.import_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.export_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
    block.miss_kw = pyo.Var(block.time, domain=pyo.NonNegativeReals)
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
    # Where selling pays more than buying costs, only the connection itself limits the detour.
    block.import_limit = pyo.Constraint(
        block.time, rule=lambda b, t: b.import_kw[t] <= b.grid_limit_kw
    )
    block.export_limit = pyo.Constraint(
        block.time, rule=lambda b, t: b.export_kw[t] <= b.grid_limit_kw
    )
    if horizon.is_exclusive:
        _declare_exclusion(block)
    block.miss_cost = pyo.Expression(
        expr=horizon.step_h
        * MISS_PRICE_PER_KWH
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


def _declare_exclusion(block: Any) -> None:
    block.is_importing = pyo.Var(block.time, domain=pyo.Binary)
    block.import_only = pyo.Constraint(
        block.time, rule=lambda b, t: b.import_kw[t] <= b.grid_limit_kw * b.is_importing[t]
    )
    block.export_only = pyo.Constraint(
        block.time, rule=lambda b, t: b.export_kw[t] <= b.grid_limit_kw * (1 - b.is_importing[t])
    )


def update_connection(
    block: Any, prices: PublicPrices, low_kw: FloatArray, high_kw: FloatArray, *, limit_kw: float
) -> None:
    """Write prices, limits of the exchange, and the largest import or export. [kW]"""
    fill(block.buy_per_kwh, prices.buy_per_kwh)
    fill(block.sell_per_kwh, prices.sell_per_kwh)
    fill(block.low_kw, low_kw)
    fill(block.high_kw, high_kw)
    block.grid_limit_kw.set_value(limit_kw)
