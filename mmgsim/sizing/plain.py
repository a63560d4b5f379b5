"""The rule in numpy: all candidates at once, hour after hour. Slow, and needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.coordination import matched_by_distance
from mmgsim.sizing.case import BATTERY
from mmgsim.sizing.rule import RuleInputs
from mmgsim.sizing.totals import QUANTITIES

__all__ = ["by_step", "plain_totals"]

_AT_ONCE = 32
"""Candidates: their hourly flows are held in memory together."""


def plain_totals(rule: RuleInputs, sizes: FloatArray) -> FloatArray:
    """Give the sums over the year: (candidates, members, quantities).

    Parameters
    ----------
    rule : RuleInputs
        The case.
    sizes : (candidates, microgrids, 3) array
        [kW], [kW], [kWh]
    """
    parts = [
        _summed(rule, sizes[at : at + _AT_ONCE]) for at in range(0, max(len(sizes), 1), _AT_ONCE)
    ]
    return np.concatenate(parts)


def _summed(rule: RuleInputs, sizes: FloatArray) -> FloatArray:
    flows = by_step(rule, sizes)
    sums: FloatArray = np.zeros((len(sizes), rule.members, len(QUANTITIES)))
    prices = {
        "purchases": ("imported", rule.buy_per_kwh[:, None]),
        "sales": ("exported", rule.sell_per_kwh[:, None]),
        "local_charges": ("bought", rule.local_charge_per_kwh[:, None]),
        "peer_income": ("sold", rule.peer_per_kwh),
    }
    for at, quantity in enumerate(QUANTITIES):
        if quantity == "left_kwh":
            sums[:, :, at] = flows["stored_kwh"][-1]
        elif quantity == "peer_payments":
            sums[:, :, at] = rule.step_h * flows["peer_payments_per_h"].sum(axis=0)
        elif quantity in prices:
            flow, price = prices[quantity]
            paid = flows[f"{flow}_kw"] * price[:, None, :]
            sums[:, :, at] = rule.step_h * paid.sum(axis=0)
        else:
            flow_kw = flows[quantity.replace("_kwh", "_kw")]
            sums[:, :, at] = rule.step_h * flow_kw.sum(axis=0)
    return sums


def by_step(rule: RuleInputs, sizes: FloatArray) -> Mapping[str, FloatArray]:
    """Give every flow of every step: arrays of (steps, candidates, members).

    Parameters
    ----------
    rule : RuleInputs
        The case.
    sizes : (candidates, microgrids, 3) array
        [kW], [kW], [kWh]

    Returns
    -------
    mapping
        Of the quantities of `Totals` that are energies, as powers [kW]; besides `load_kw`,
        `stored_kwh` at the end of each step, and `peer_payments_per_h` [currency/h].
    """
    generated_kw, load_kw = _generated(rule, sizes), rule.load_kw[:, None, :]
    charged_kw, discharged_kw, stored_kwh = _own_battery(rule, sizes, generated_kw - load_kw)
    left_kw = generated_kw - load_kw - charged_kw + discharged_kw
    surplus_kw, lack_kw = np.maximum(left_kw, 0.0), np.maximum(-left_kw, 0.0)
    sold_kw, bought_kw, payments_per_h = _with_peers(rule, surplus_kw, lack_kw)
    open_kw, over_kw = lack_kw - bought_kw, surplus_kw - sold_kw
    imported_kw = np.minimum(open_kw, rule.import_limit_kw)
    exported_kw = np.minimum(over_kw, rule.export_limit_kw)
    return {
        "load_kw": np.broadcast_to(load_kw, generated_kw.shape),
        "generated_kw": generated_kw,
        "charged_kw": charged_kw,
        "discharged_kw": discharged_kw,
        "stored_kwh": stored_kwh,
        "sold_kw": sold_kw,
        "bought_kw": bought_kw,
        "imported_kw": imported_kw,
        "exported_kw": exported_kw,
        "unserved_kw": open_kw - imported_kw,
        "spilled_kw": over_kw - exported_kw,
        "own_use_kw": load_kw - lack_kw,
        "peer_payments_per_h": payments_per_h,
    }


def _generated(rule: RuleInputs, sizes: FloatArray) -> FloatArray:
    """Give available wind and sun by member. [kW]"""
    found = np.zeros((len(rule.load_kw), len(sizes), rule.members))
    for microgrid, member in enumerate(rule.member_of):
        pu = rule.yield_pu[:, microgrid]
        size_kw = sizes[:, microgrid, :BATTERY]
        found[:, :, member] += pu[:, :1] * size_kw[:, 0] + pu[:, 1:] * size_kw[:, 1]
    return found


def _own_battery(
    rule: RuleInputs, sizes: FloatArray, net_kw: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give charge, discharge, and what is stored at the end of each step. [kW], [kW], [kWh]"""
    size_kwh = np.zeros((len(sizes), rule.members))
    for microgrid, member in enumerate(rule.member_of):
        size_kwh[:, member] += sizes[:, microgrid, BATTERY]
    power_kw, floor_kwh = rule.power_per_kwh * size_kwh, rule.level_min * size_kwh
    into, out_of, hours = rule.charge_efficiency, rule.discharge_efficiency, rule.step_h
    energy_kwh = rule.level_start * size_kwh
    charged, discharged, stored = (np.zeros_like(net_kw) for _ in range(3))
    for step, net in enumerate(net_kw):
        room_kw = (size_kwh - energy_kwh) / (into * hours)
        held_kw = (energy_kwh - floor_kwh) * out_of / hours
        charge = np.maximum(np.minimum(np.minimum(net, power_kw), room_kw), 0.0)
        discharge = np.maximum(np.minimum(np.minimum(-net, power_kw), held_kw), 0.0)
        energy_kwh = energy_kwh + hours * (into * charge - discharge / out_of)
        charged[step], discharged[step], stored[step] = charge, discharge, energy_kwh
    return charged, discharged, stored


def _with_peers(
    rule: RuleInputs, surplus_kw: FloatArray, lack_kw: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Give what is sold and bought, and what buyers pay sellers. [kW], [kW], [currency/h]"""
    nothing = np.zeros_like(surplus_kw)
    if not len(rule.sellers):
        return nothing, nothing, nothing
    by_member = (rule.members, -1)
    for_sale_kw = np.where(rule.may_sell[:, None, :], surplus_kw, 0.0)
    traded_kw = matched_by_distance(
        np.moveaxis(for_sale_kw, 2, 0).reshape(by_member),
        np.moveaxis(lack_kw, 2, 0).reshape(by_member),
        np.where(rule.rank_of_pair >= 0, rule.rank_of_pair, np.inf),
    ).reshape(rule.members, rule.members, *surplus_kw.shape[:2])
    sold_kw, bought_kw = (np.moveaxis(traded_kw.sum(axis=side), 0, 2) for side in (1, 0))
    paid = np.einsum("sbtc,ts->tcb", traded_kw, rule.peer_per_kwh)
    return sold_kw, bought_kw, paid
