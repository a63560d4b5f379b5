"""Shapley values from a sample of the orders in which a group may form, with their errors.

.. [1] J. Castro, D. Gomez, J. Tejada, "Polynomial calculation of the Shapley value based on
   sampling", Computers & Operations Research 36(5), 2009, doi:10.1016/j.cor.2008.04.004.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import FloatArray, frozen

__all__ = ["SampledShares", "sampled_shapley"]


@dataclass(frozen=True, slots=True, eq=False)
class SampledShares:
    """Estimates of shares.

    Parameters
    ----------
    shares, standard_error : (n,) array
        Mean over the orders, and how far it is off by chance.
    """

    shares: FloatArray
    standard_error: FloatArray


def sampled_shapley(
    worth: Callable[[int], float],
    players: int,
    *,
    orders: int,
    rng: np.random.Generator,
    progress: Callable[[int, int], None] | None = None,
) -> SampledShares:
    """Estimate Shapley values by what each adds in orders drawn at random [1]_.

    Every order gives shares that add up to the worth of all, so that their mean does too.

    Parameters
    ----------
    worth : callable
        Gives the worth of a group by the bits of its members; asked again for groups that come
        again, so it had better remember.
    players : int
        How many there are.
    orders : int
        How many are drawn, at least 2: one alone says nothing of its error.
    rng : Generator
        Draws them.
    progress : callable or None
        Called with the orders that are done, and all.
    """
    if orders < 2:
        raise ValueError(f"orders is at least 2, not {orders}: one has no error")
    added = np.zeros((orders, players))
    for row in range(orders):
        mask, before = 0, 0.0
        for player in rng.permutation(players).tolist():
            mask |= 1 << player
            after = worth(mask)
            added[row, player] = after - before
            before = after
        if progress is not None:
            progress(row + 1, orders)
    error = added.std(axis=0, ddof=1) / np.sqrt(orders)
    return SampledShares(frozen(added.mean(axis=0)), frozen(np.asarray(error)))
