"""The rule of paper 004 for all candidates at once: numbers that both of its engines read.

Own load, own battery, peers, grid (paper 004, equations 7 to 12 and the order of its section on
trading). Of the repairs in it: a battery is neither overfilled nor emptied below its floor, both
of which the printed (7) allows, and the surplus of a step is stored in that step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.sizing.case import Sharing, SizingCase

__all__ = ["RuleInputs", "rule_inputs"]

_KM_DIGITS = 6


@dataclass(frozen=True, slots=True, eq=False)
class RuleInputs:
    """A case as contiguous arrays, with microgrids put together into members.

    Parameters
    ----------
    member_of : (microgrids,) array of int
        Every microgrid is a member, or all of them are one.
    step_h : float
        [h]
    load_kw : (steps, members) array
        [kW]
    yield_pu : (steps, microgrids, 2) array
        [kW/kW]
    buy_per_kwh, sell_per_kwh, local_charge_per_kwh : (steps,) arrays
        [currency/kWh]
    peer_per_kwh : (steps, members) array
        [currency/kWh]
    may_sell : (steps, members) array of bool
        Where a member sells to peers.
    import_limit_kw, export_limit_kw : (members,) arrays
        [kW]
    charge_efficiency, discharge_efficiency, power_per_kwh, level_min, level_start : arrays
        (members,)
    unserved_per_kwh, wear_per_kwh : (members,) arrays
        Value of lost load, price of wear; of a pool, of the load the mean by demand. [currency/kWh]
    rank_of_pair : (members, members) array of int
        Of the distance between two members, nearest first; -1 where they do not trade.
    sellers, buyers : (pairs,) arrays of int
        All pairs that trade, both ways, nearest first.
    rank_ends : (ranks,) array of int
        Where in them each rank ends.

    Notes
    -----
    Arrays are contiguous and writable, so that one compiled form of the rule fits all.
    """

    member_of: NDArray[np.int64]
    step_h: float
    load_kw: FloatArray
    yield_pu: FloatArray
    buy_per_kwh: FloatArray
    sell_per_kwh: FloatArray
    local_charge_per_kwh: FloatArray
    peer_per_kwh: FloatArray
    may_sell: NDArray[np.bool_]
    import_limit_kw: FloatArray
    export_limit_kw: FloatArray
    charge_efficiency: FloatArray
    discharge_efficiency: FloatArray
    power_per_kwh: FloatArray
    level_min: FloatArray
    level_start: FloatArray
    unserved_per_kwh: FloatArray
    wear_per_kwh: FloatArray
    rank_of_pair: NDArray[np.int64]
    sellers: NDArray[np.int64]
    buyers: NDArray[np.int64]
    rank_ends: NDArray[np.int64]

    @property
    def members(self) -> int:
        """How many members there are."""
        return int(self.load_kw.shape[1])


def rule_inputs(case: SizingCase, sharing: Sharing) -> RuleInputs:
    """Give the numbers of a case under one way of sharing.

    Raises
    ------
    ValueError
        If batteries that differ are to be pooled.
    """
    is_pool = sharing is Sharing.POOL
    if is_pool and not case.stores.are_alike:
        raise ValueError("batteries that differ in efficiency, power or levels cannot be pooled")
    stores, first = case.stores, slice(0, 1) if is_pool else slice(None)
    rank_of_pair = _ranks(case.distance_km, may_trade=sharing is Sharing.PEERS)[first, first]
    sellers, buyers, rank_ends = _by_rank(rank_of_pair)
    members = np.zeros(case.members) if is_pool else np.arange(case.members)
    return RuleInputs(
        member_of=members.astype(np.int64),
        step_h=case.step_h,
        load_kw=_own(_gathered(case.load_kw, is_pool=is_pool).T),
        yield_pu=_own(np.moveaxis(case.yield_pu, 2, 0)),
        buy_per_kwh=_own(case.buy_per_kwh),
        sell_per_kwh=_own(case.sell_per_kwh),
        local_charge_per_kwh=_own(case.local_charge_per_kwh),
        peer_per_kwh=_own(case.peer_per_kwh[first].T),
        may_sell=np.array(case.may_sell[first].T, order="C"),
        import_limit_kw=_own(_gathered(case.import_limit_kw, is_pool=is_pool)),
        export_limit_kw=_own(_gathered(case.export_limit_kw, is_pool=is_pool)),
        charge_efficiency=_own(stores.charge_efficiency[first]),
        discharge_efficiency=_own(stores.discharge_efficiency[first]),
        power_per_kwh=_own(stores.power_per_kwh[first]),
        level_min=_own(stores.level_min[first]),
        level_start=_own(stores.level_start[first]),
        unserved_per_kwh=_unserved(case, is_pool=is_pool),
        wear_per_kwh=_own(stores.wear_per_kwh[first]),
        rank_of_pair=rank_of_pair,
        sellers=sellers,
        buyers=buyers,
        rank_ends=rank_ends,
    )


def _own(values: FloatArray) -> FloatArray:
    """Give a copy, contiguous and writable."""
    copy: FloatArray = np.array(values, dtype=np.float64, order="C")
    return copy


def _gathered(values: FloatArray, *, is_pool: bool) -> FloatArray:
    """Give values by member."""
    return values.sum(axis=0, keepdims=True) if is_pool else values


def _unserved(case: SizingCase, *, is_pool: bool) -> FloatArray:
    """Give the value of lost load by member. [currency/kWh]"""
    if not is_pool:
        return _own(case.unserved_per_kwh)
    weights = case.load_kwh if case.load_kwh.any() else None
    return np.array([np.average(case.unserved_per_kwh, weights=weights)])


def _ranks(distance_km: FloatArray, *, may_trade: bool) -> NDArray[np.int64]:
    """Give the rank of every distance among all, -1 for pairs that do not trade."""
    far_km = np.round(np.array(distance_km), _KM_DIGITS)
    np.fill_diagonal(far_km, np.inf)
    found = np.full(far_km.shape, -1, np.int64)
    if may_trade:
        for rank, km in enumerate(np.unique(far_km[np.isfinite(far_km)])):
            found[far_km == km] = rank
    return found


def _by_rank(
    rank_of_pair: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Give sellers and buyers of all pairs by rank, and where each rank ends."""
    sellers, buyers = np.nonzero(rank_of_pair >= 0)
    ranks = rank_of_pair[sellers, buyers]
    order = np.argsort(ranks, kind="stable")
    return sellers[order], buyers[order], np.cumsum(np.bincount(ranks)).astype(np.int64)
