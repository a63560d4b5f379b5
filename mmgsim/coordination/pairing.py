"""The orders of one step, matched in pairs: who sells to whom, each pair at a price of its own.

A pair gains what the buyer bids less what the seller asks, less what the network charges this pair
more than others. All gain by the same amount what the pair gains per kWh, whichever the split, so
that both rank their partners alike and there is always a pair of which each is the other's best.
It agrees, and the next pair does with what is left: the best pairs first, which is a stable
matching [1]_. The price splits the gain between the two [2]_.

Of pairs that gain the same the nearest come first; those that are as near as well share in
proportion on both sides, so that nothing hangs on names.

What it reaches: nobody can find a partner with whom both would gain more per kWh than with one
that they have. Where the network charges all pairs alike, it is the largest sum of gains there is,
that of an auction: the cheapest ask meets the dearest bid, and so on. Where it does not, it is at
least half of the largest sum, as a kWh of a pair keeps at most two others from being traded, each
of which would gain no more. (Of microgrids that could both sell and buy in the step, which side
they take is the best pair's choice; then the half is not promised.)

References
----------
.. [1] Gale, Shapley, "College admissions and the stability of marriage", The American Mathematical
   Monthly 69 (1962), doi:10.2307/2312726.
.. [2] Nash, "The bargaining problem", Econometrica 18 (1950), doi:10.2307/1907266: of two with
   money to pass between them, each gets half of the gain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, Order, Side
from mmgsim.coordination.nearest import shared_among

__all__ = ["Pairs", "match_pairs"]

BoolArray = NDArray[np.bool_]

# Gains of less are the rounding of prices: no reason to trade, or to prefer. [currency/kWh]
LEAST_PER_KWH = 1e-9
_PRICE_DIGITS = 9

# Ways that differ by less than a millimetre are equally long.
_KM_DIGITS = 6

# Of an order: what is left of it by rounding alone.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What comes of the orders of one step, (sellers, buyers) arrays over the same members.

    Parameters
    ----------
    kw : array
        What passes from one to the other. [kW]
    paid_per_h : array
        What the buyer pays the seller for it, without any charge. [currency/h]
    gained_per_h : array
        What the two gain by it. [currency/h]
    """

    kw: FloatArray
    paid_per_h: FloatArray
    gained_per_h: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Quotes:
    """The orders of one side: whose each is, how much, and for how much."""

    owner: NDArray[np.int_]
    kw: FloatArray
    price_per_kwh: FloatArray


def match_pairs(
    orders: Mapping[str, Iterable[Order]],
    extra_per_kwh: FloatArray,
    *,
    km: FloatArray,
    split: float = 0.5,
) -> Pairs:
    """Match the orders of one step, pairs that gain most first.

    Nobody trades on both sides: the side of its best pair is the one that it takes. Who would sell
    and buy in pairs of one rank sells.

    Parameters
    ----------
    orders : mapping
        By name of microgrid, in the order of the members; nobody bids above an ask of its own.
    extra_per_kwh : (sellers, buyers) array
        What the network charges a pair beyond what bids have been lowered by already; infinite
        where the two do not trade. [currency/kWh]
    km : (members, members) array
        How far they are apart. [km]
    split : float
        The seller's share of what a pair gains.
    """
    asks, bids = (_quotes(orders, side) for side in (Side.SELL, Side.BUY))
    members = len(extra_per_kwh)
    pair = np.ix_(asks.owner, bids.owner)
    gain = bids.price_per_kwh[None, :] - asks.price_per_kwh[:, None] - extra_per_kwh[pair]
    gain = np.where(asks.owner[:, None] == bids.owner[None, :], -np.inf, gain)
    kw = _filled(asks, bids, gain, km[pair])
    gained = kw * np.where(kw > 0.0, gain, 0.0)
    paid = kw * asks.price_per_kwh[:, None] + split * gained
    sums = (_by_owner(values, asks.owner, bids.owner, members) for values in (kw, paid, gained))
    return Pairs(*sums)


def _quotes(orders: Mapping[str, Iterable[Order]], side: Side) -> _Quotes:
    """Give the orders of a side."""
    quotes = [
        (owner, order.kw, order.price_per_kwh)
        for owner, own in enumerate(orders.values())
        for order in own
        if order.side is side and order.kw > 0.0
    ]
    owner, kw, price = zip(*quotes, strict=True) if quotes else ((), (), ())
    return _Quotes(np.array(owner, dtype=np.int_), np.array(kw, float), np.array(price, float))


def _filled(asks: _Quotes, bids: _Quotes, gain: FloatArray, km: FloatArray) -> FloatArray:
    """Give how much of which ask meets which bid: (asks, bids). [kW]"""
    filled = np.zeros_like(gain)
    left, wanted = asks.kw.copy(), bids.kw.copy()
    for rank in _ranks(gain, km):
        while (part := _agreed(rank, asks.owner, bids.owner, left, wanted)).any():
            filled += part
            left, wanted = left - part.sum(axis=1), wanted - part.sum(axis=0)
            left = np.where(left > _ROUNDING * asks.kw, left, 0.0)
            wanted = np.where(wanted > _ROUNDING * bids.kw, wanted, 0.0)
            # Who has sold is a seller in this step, who has bought a buyer.
            left[np.isin(asks.owner, bids.owner[part.any(axis=0)])] = 0.0
            wanted[np.isin(bids.owner, asks.owner[part.any(axis=1)])] = 0.0
    return filled


def _ranks(gain: FloatArray, km: FloatArray) -> Sequence[BoolArray]:
    """Give the pairs that gain anything, the best first, as masks of pairs that are as good."""
    is_worth = gain > LEAST_PER_KWH
    loss, way = -np.round(gain, _PRICE_DIGITS), np.round(km, _KM_DIGITS)
    ranks = sorted(set(zip(loss[is_worth].tolist(), way[is_worth].tolist(), strict=True)))
    return [is_worth & (loss == one) & (way == far) for one, far in ranks]


def _agreed(
    rank: BoolArray,
    sellers: NDArray[np.int_],
    buyers: NDArray[np.int_],
    left_kw: FloatArray,
    wanted_kw: FloatArray,
) -> FloatArray:
    """Give what pairs of one rank agree on, who could do both selling: (asks, bids). [kW]

    Where that leaves nobody to buy, nobody trades. It cannot, unless charges pay for power that
    goes round: gains around a circle add up to bids less asks of the same microgrids, which is not
    above zero, less the charges.
    """
    is_open = rank & (left_kw > 0.0)[:, None] & (wanted_kw > 0.0)[None, :]
    may_buy = ~np.isin(buyers, sellers[is_open.any(axis=1)])
    is_open &= may_buy[None, :]
    if not is_open.any():
        return np.zeros(is_open.shape)
    on, off = is_open.any(axis=1), is_open.any(axis=0)
    part = np.zeros(is_open.shape)
    shared = shared_among(left_kw[on, None], wanted_kw[off, None], is_open[np.ix_(on, off)])
    part[np.ix_(on, off)] = shared[:, :, 0]
    return part


def _by_owner(
    values: FloatArray, sellers: NDArray[np.int_], buyers: NDArray[np.int_], members: int
) -> FloatArray:
    """Add up pairs of orders to pairs of members: (sellers, buyers)."""
    sums = np.zeros((members, members))
    np.add.at(sums, np.ix_(sellers, buyers), values)
    sums.setflags(write=False)
    return sums
