"""Surplus and lack matched over the shortest distances first, and shared where these are equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray

__all__ = ["matched_by_distance", "shared_among"]

# Ways that differ by less than a millimetre are equally long: the rounding of their sums.
_KM_DIGITS = 6

# Of what a member began with: what is left of it by rounding alone.
_ROUNDING = 1e-12


def matched_by_distance(
    surplus_kw: FloatArray, lack_kw: FloatArray, distance_km: FloatArray
) -> FloatArray:
    """Match surplus with lack, the shortest pairs first, until one side has nothing left. [kW]

    As distances are the same both ways, every seller and every buyer then comes to its own nearest
    peers first. Pairs at one distance share in proportion (`shared_among`), so that nothing hangs
    on the order of the members.

    Parameters
    ----------
    surplus_kw, lack_kw : (members, steps) arrays
        Non-negative; of each member one of them is zero in every step. [kW]
    distance_km : (members, members) array
        Symmetric. Pairs that are infinitely far apart are not matched. [km]

    Returns
    -------
    (sellers, buyers, steps) array
        With nothing on its diagonal. [kW]

    References
    ----------
    .. [1] Paper 004, peer-to-peer rule: own load, own battery, nearest prosumer, others, grid.
    """
    members, steps = surplus_kw.shape
    left_kw, open_kw = surplus_kw.copy(), lack_kw.copy()
    least_left_kw, least_open_kw = _ROUNDING * surplus_kw, _ROUNDING * lack_kw
    traded_kw = np.zeros((members, members, steps))
    far_km = np.round(distance_km, _KM_DIGITS)
    np.fill_diagonal(far_km, np.inf)
    for level_km in np.unique(far_km[np.isfinite(far_km)]):
        is_pair = far_km == level_km
        # Who is at this distance from anybody: the same on both sides.
        near = np.flatnonzero(is_pair.any(axis=0))
        part_kw = shared_among(left_kw[near], open_kw[near], is_pair[np.ix_(near, near)])
        traded_kw[np.ix_(near, near)] += part_kw
        left_kw[near] -= part_kw.sum(axis=1)
        open_kw[near] -= part_kw.sum(axis=0)
        left_kw[left_kw <= least_left_kw] = 0.0
        open_kw[open_kw <= least_open_kw] = 0.0
    return traded_kw


def shared_among(
    left_kw: FloatArray, open_kw: FloatArray, is_pair: NDArray[np.bool_]
) -> FloatArray:
    """Share surplus and lack among pairs of equal rank, in proportion on both sides. [kW]

    In turns: a seller offers its surplus to its buyers in proportion to their lack, a buyer asks
    its sellers in proportion to their surplus, and a pair trades the smaller of the two,
    ``surplus lack / max(lack around the seller, surplus around the buyer)``. Where everybody may
    trade with everybody, one turn is all and the longer side is served in proportion. Otherwise
    every turn ends somebody, namely whoever sees the largest of these sums, so there are no more
    turns than members on both sides.

    Parameters
    ----------
    left_kw, open_kw : (sellers, steps) and (buyers, steps) arrays
        Surplus and lack that are left. [kW]
    is_pair : (sellers, buyers) array
        Who may trade with whom.

    Returns
    -------
    (sellers, buyers, steps) array
        [kW]
    """
    may_trade = is_pair.astype(np.float64)
    traded_kw = np.zeros((*may_trade.shape, left_kw.shape[1]))
    least_left_kw, least_open_kw = _ROUNDING * left_kw, _ROUNDING * open_kw
    for _ in range(len(left_kw) + len(open_kw)):
        around_seller_kw, around_buyer_kw = may_trade @ open_kw, may_trade.T @ left_kw
        longer_kw = np.maximum(around_seller_kw[:, None], around_buyer_kw[None, :])
        product = may_trade[:, :, None] * left_kw[:, None] * open_kw[None, :]
        part_kw = np.divide(product, longer_kw, out=np.zeros_like(product), where=product > 0.0)
        if not part_kw.any():
            break
        traded_kw += part_kw
        left_kw, open_kw = left_kw - part_kw.sum(axis=1), open_kw - part_kw.sum(axis=0)
        left_kw = np.where(left_kw > least_left_kw, left_kw, 0.0)
        open_kw = np.where(open_kw > least_open_kw, open_kw, 0.0)
    return traded_kw
