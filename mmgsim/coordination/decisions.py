"""Which offers to settle on where they cannot be mixed, because units are on or off in them.

Column generation then ends with mixtures that nobody can run. One offer of each such block is
chosen, by weight or by lot among the weights; the decisions in it are held, and a second exchange
of prices finds the best of what is left to choose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmgsim.coordination.price_loop import PriceLoop
from mmgsim.errors import SubproblemError

__all__ = ["choices", "held_offers"]

Choice = Mapping[int, int]
"""One offer of each indivisible block."""

# Choices drawn by lot; each is tried on the offers alone, without asking anybody.
DRAWS = 40

# Choices for which prices are exchanged.
TRIED = 3


def choices(loop: PriceLoop, alone: int, step: int) -> list[Choice]:
    """Give the choices worth an exchange of prices: the heaviest offers, then the cheapest.

    Drawn by lot from the weights of the last combination; with them the heaviest offers, and what
    everybody would do alone, which always fits the envelopes.

    Parameters
    ----------
    loop : PriceLoop
        At its end.
    alone : int
        The offer without local trade, counted from the first one.
    step : int
        First step of the window; the lot is the same whenever it is drawn for it.
    """
    shares = {block: _shares(loop.master.weights(block)) for block in loop.indivisible}
    rng = np.random.default_rng([step, DRAWS])
    drawn: list[Choice] = [
        {block: max(one, key=one.__getitem__) for block, one in shares.items()},
        dict.fromkeys(shares, alone),
    ]
    for _ in range(DRAWS):
        draw = {
            block: int(rng.choice(list(one), p=list(one.values()))) for block, one in shares.items()
        }
        if draw not in drawn:
            drawn.append(draw)
    costs = [_cost(loop, choice, step) for choice in drawn]
    # The heaviest offers first: with decisions held they often end below what they cost here.
    others = 1 + np.argsort(costs[1:], kind="stable")
    fitting = [place for place in (0, *others.tolist()) if np.isfinite(costs[place])]
    return [drawn[place] for place in fitting[:TRIED]]


def _shares(weights: Mapping[int, float]) -> dict[int, float]:
    total = sum(weights.values())
    return {offer: weight / total for offer, weight in weights.items()}


def _cost(loop: PriceLoop, choice: Choice, step: int) -> float:
    """Give what a choice costs with the offers there are, infinite where they do not fit."""
    with loop.master.only(choice):
        try:
            return loop.master.combine(step, explains=False).cost
        except SubproblemError:
            return np.inf


def held_offers(loop: PriceLoop, choice: Choice) -> list[tuple[int, ...] | None]:
    """Give for each microgrid the offers in which its blocks took the decisions to be held.

    Returns
    -------
    list of tuples
        -1 for blocks without such decisions; None for microgrids without.
    """
    if loop.stack is None:
        raise RuntimeError("decisions are held after the first offers")
    held: list[tuple[int, ...] | None] = []
    for member in range(loop.stack.hourly_kw.shape[1]):
        blocks = np.flatnonzero(loop.stack.owner == member).tolist()
        offers = tuple(choice.get(block, -1) for block in blocks)
        held.append(offers if max(offers, default=-1) >= 0 else None)
    return held
