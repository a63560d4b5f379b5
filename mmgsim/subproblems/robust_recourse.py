"""What microgrids can still do once the sun is known, with doors that were opened before.

    ``exchange + lacking - excess = sum of flows out - sum of flows in``  for every microgrid,
    ``0 <= flow[k] <= most[k] * first[k]``  through every door,  pool in = pool out.

Devices are the blocks of `declare_microgrid`. Whatever they decide by binaries, such as whether a
unit is on, is decided beforehand as well. Energy that lacks, and energy that nobody can take, has
one price and no limit, so that something is left to do whatever was decided and whatever comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike
from scipy import sparse

from mmgsim.contracts import Disclosure, Envelope, FloatArray, Load, Renewable, Window
from mmgsim.subproblems.block import declare_microgrid, update_microgrid
from mmgsim.subproblems.connection import PublicPrices
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.doors import Door, RobustRules, ServiceCharge, doors_of
from mmgsim.subproblems.linear_form import LinearForm
from mmgsim.subproblems.linear_program import propagated

__all__ = ["RobustModel", "declare_recourse"]

# What a door lets pass where the devices have no limit of their own. [kW]
_ANY_KW = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class RobustModel:
    """A recourse as a Pyomo LP.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        With the Param ``first``: the doors, then what devices decide by binaries.
    doors : tuple of Door
        In the order of ``first`` and of the Var ``flow_kw``.
    committed : tuple of (str, int)
        The other decisions: their variable's name without its step, and their step.
    most_kw : (doors,) array
        What doors let pass. [kW]
    import_per_kwh : mapping
        Of doors from the grid that let in all that the devices behind them ever take, by position:
        what a kWh through them costs, where that is not below zero. [currency/kWh]
    """

    model: Any
    doors: tuple[Door, ...]
    committed: tuple[tuple[str, int], ...]
    most_kw: FloatArray
    import_per_kwh: Mapping[int, float]


def declare_recourse(
    declared: Mapping[str, Disclosure],
    envelopes: Mapping[str, Envelope],
    prices: PublicPrices,
    *,
    window: Window,
    rules: RobustRules,
) -> RobustModel:
    """Declare what is left to do.

    Parameters
    ----------
    declared, envelopes : mappings
        By name of microgrid; demand and available power are the most there may be.
    prices : PublicPrices
        Of the window.
    window : Window
        The steps ahead.
    rules : RobustRules
        What is decided beforehand.
    """
    horizon = Horizon(window.steps, window.step_h, rules.commits_storage)
    model = _declare_members(declared, horizon)
    reach_in_kw, reach_out_kw = _reach_kw(model, declared)
    most_in_kw = {n: np.minimum(kw, envelopes[n].import_limit_kw) for n, kw in reach_in_kw.items()}
    most_out_kw = {
        n: np.minimum(kw, envelopes[n].export_limit_kw) for n, kw in reach_out_kw.items()
    }
    doors = doors_of(list(declared), window.steps, rules)
    most_kw = np.array(
        [
            min(side[name][door.step] for side, name in _ends(door, most_out_kw, most_in_kw))
            for door in doors
        ]
    )
    committed = _commit(model, len(doors))
    _declare_flows(model, doors, most_kw)
    _declare_balances(model, doors, most_in_kw, most_out_kw)
    per_kwh = _declare_cost(model, doors, prices, rules, horizon.step_h)
    ample = {
        k: per_kwh[k]
        for k, door in enumerate(doors)
        if door.target
        and not door.is_local
        and per_kwh[k] >= 0.0
        and most_kw[k] >= reach_in_kw[door.target][door.step]
    }
    return RobustModel(model, doors, committed, most_kw, ample)


def _ends(
    door: Door, most_out_kw: Mapping[str, FloatArray], most_in_kw: Mapping[str, FloatArray]
) -> list[tuple[Mapping[str, FloatArray], str]]:
    ends = [(most_out_kw, door.source), (most_in_kw, door.target)]
    return [(side, name) for side, name in ends if name]


class _ParamWriter:
    """Writes into Params as a solver does, before there is one."""

    def set(self, param: Any, values: ArrayLike) -> None:
        data = list(param.values())
        for one, value in zip(data, np.broadcast_to(values, len(data)).tolist(), strict=True):
            one.set_value(float(value))


def _declare_members(declared: Mapping[str, Disclosure], horizon: Horizon) -> Any:
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, horizon.steps - 1)
    model.member = pyo.Block(list(declared))
    writer: Any = _ParamWriter()
    for name, disclosure in declared.items():
        member = model.member[name]
        member.own = pyo.Block()
        declare_microgrid(member.own, disclosure.devices, horizon)
        update_microgrid(writer, member.own, disclosure)
        _declare_slack(member, disclosure, model.time)
    return model


def _declare_slack(member: Any, disclosure: Disclosure, time: Any) -> None:
    """Declare what lacks and what is in excess, and three sums that strengthening rows are about.

    ``cover``: what else than sun and wind there is against the demand: storage, units, demand not
    served. ``absorb``: what else than demand takes power. ``sun``: what is used of sun and wind.
    """
    units = member.own.device
    by_weather = [one.name for one in disclosure.devices if isinstance(one, Renewable)]
    loads = [one.name for one in disclosure.devices if isinstance(one, Load)]
    others = [one.name for one in disclosure.devices if not isinstance(one, Load | Renewable)]
    for name in ("lacking_kw", "excess_kw", "cover_kw", "absorb_kw", "sun_kw"):
        setattr(member, name, pyo.Var(time, domain=pyo.NonNegativeReals))
    member.covers = pyo.Constraint(
        time,
        rule=lambda b, t: (
            b.cover_kw[t]
            == b.lacking_kw[t]
            + pyo.quicksum(units[name].out_kw[t] for name in others)
            + pyo.quicksum(units[name].shed_kw[t] for name in loads)
        ),
    )
    member.absorbs = pyo.Constraint(
        time,
        rule=lambda b, t: (
            b.absorb_kw[t] == b.excess_kw[t] + pyo.quicksum(units[name].in_kw[t] for name in others)
        ),
    )
    member.unserved_kw = pyo.Expression(
        time,
        rule=lambda b, t: (
            b.lacking_kw[t]
            + b.excess_kw[t]
            + pyo.quicksum(units[name].shed_kw[t] for name in loads)
        ),
    )
    member.shines = pyo.Constraint(
        time,
        rule=lambda b, t: b.sun_kw[t] == pyo.quicksum(units[name].out_kw[t] for name in by_weather),
    )


def _reach_kw(
    model: Any, declared: Mapping[str, Disclosure]
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Give the most that the devices of each microgrid can take and give out. [kW]"""
    model.nothing = pyo.Objective(
        expr=pyo.quicksum(model.member[name].own.private_cost for name in declared)
    )
    form = LinearForm(model)
    model.del_component("nothing")
    shape = (len(form.constraints), len(form.variables))
    low, high = propagated(
        _matrix(form, shape),
        (form.row_limits[0].values(), form.row_limits[1].values()),
        (form.column_limits[0].values(), form.column_limits[1].values()),
    )
    most_in_kw, most_out_kw = {}, {}
    for name in declared:
        at = [form.column[id(one)] for one in model.member[name].own.exchange_kw.values()]
        most_in_kw[name] = np.clip(-low[at], 0.0, _ANY_KW)
        most_out_kw[name] = np.clip(high[at], 0.0, _ANY_KW)
    return most_in_kw, most_out_kw


def _matrix(form: LinearForm, shape: tuple[int, int]) -> Any:
    return sparse.csr_array((form.entries.values(), form.place), shape=shape)


def _commit(model: Any, doors: int) -> tuple[tuple[str, int], ...]:
    """Have what devices decide by binaries be decided beforehand; give what that is."""
    binaries = [
        one
        for one in model.component_data_objects(pyo.Var, descend_into=True)
        if not one.is_continuous()
    ]
    for one in binaries:
        one.domain = pyo.Reals
        one.setlb(0.0)
        one.setub(1.0)
    model.first = pyo.Param(
        pyo.RangeSet(0, doors + len(binaries) - 1), mutable=True, initialize=0.0
    )
    model.held = pyo.Constraint(
        pyo.RangeSet(0, len(binaries) - 1),
        rule=lambda m, k: binaries[k] == m.first[doors + k],
    )
    return tuple((one.parent_component().name, int(one.index())) for one in binaries)


def _declare_flows(model: Any, doors: Sequence[Door], most_kw: FloatArray) -> None:
    places = pyo.RangeSet(0, len(doors) - 1)
    model.flow_kw = pyo.Var(places, domain=pyo.NonNegativeReals)
    model.through = pyo.Constraint(
        places, rule=lambda m, k: m.flow_kw[k] <= float(most_kw[k]) * m.first[k]
    )
    pool: list[list[tuple[int, int]]] = [[] for _ in model.time]
    for k, door in enumerate(doors):
        if door.is_local and not (door.source and door.target):
            pool[door.step].append((k, 1 if door.source else -1))
    used = [t for t in model.time if pool[t]]
    model.pool = pyo.Constraint(
        used, rule=lambda m, t: pyo.quicksum(sign * m.flow_kw[k] for k, sign in pool[t]) == 0.0
    )


def _declare_balances(
    model: Any,
    doors: Sequence[Door],
    most_in_kw: Mapping[str, FloatArray],
    most_out_kw: Mapping[str, FloatArray],
) -> None:
    leaving: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for k, door in enumerate(doors):
        for name, sign in ((door.source, 1), (door.target, -1)):
            if name:
                leaving.setdefault((name, door.step), []).append((k, sign))
    for name, member in model.member.items():

        def net(t: int, name: str = name) -> Any:
            return pyo.quicksum(s * model.flow_kw[k] for k, s in leaving[name, t])

        member.leaving_kw = pyo.Var(model.time)
        member.leaves = pyo.Constraint(
            model.time, rule=lambda b, t, net=net: b.leaving_kw[t] == net(t)
        )
        member.balance = pyo.Constraint(
            model.time,
            rule=lambda b, t: (
                b.own.exchange_kw[t] + b.lacking_kw[t] - b.excess_kw[t] == b.leaving_kw[t]
            ),
        )
        for t in model.time:
            member.leaving_kw[t].setlb(-float(most_in_kw[name][t]))
            member.leaving_kw[t].setub(float(most_out_kw[name][t]))


def _declare_cost(
    model: Any, doors: Sequence[Door], prices: PublicPrices, rules: RobustRules, step_h: float
) -> list[float]:
    """Declare who pays what; give what a kWh through each door costs. [currency/kWh]"""
    by_kwh = rules.service_charge == ServiceCharge.PER_KWH
    price = [_price(door, prices) for door in doors]
    charge = [door.charge(rules) if by_kwh else 0.0 for door in doors]
    # Each microgrid's own part, and what passes its doors to the grid or lets power in.
    for name, member in model.member.items():
        own = [k for k, door in enumerate(doors) if _payer(door) == name]
        member.cost = pyo.Expression(
            expr=member.own.private_cost
            + member.own.miss_cost
            + step_h * pyo.quicksum(price[k] * model.flow_kw[k] for k in own)
            + step_h
            * rules.lost_load_per_kwh
            * pyo.quicksum(member.lacking_kw[t] + member.excess_kw[t] for t in model.time)
        )
    # Service charges weigh what passes, and are on nobody's bill.
    charges = step_h * pyo.quicksum(one * model.flow_kw[k] for k, one in enumerate(charge))
    model.cost = pyo.Objective(expr=pyo.quicksum(m.cost for m in model.member.values()) + charges)
    return [sum(both) for both in zip(price, charge, strict=True)]


def _price(door: Door, prices: PublicPrices) -> float:
    """Give what a kWh through a door costs all microgrids together. [currency/kWh]"""
    if not door.is_local:
        side = prices.buy_per_kwh if door.target else -prices.sell_per_kwh
        return float(side[door.step])
    return float(prices.local_per_kwh[door.step]) if door.target else 0.0


def _payer(door: Door) -> str:
    """Give who pays for what passes a door: who lets it in, or else who sells it."""
    return door.target or door.source
