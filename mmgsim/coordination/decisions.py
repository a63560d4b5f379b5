"""Which offers to settle on where they cannot be mixed, because units are on or off in them.

Column generation then ends with mixtures that nobody can run. One offer of each such block is
chosen, by weight or by lot among the weights; the decisions in it are held, and a second exchange
of prices finds the best of what is left to choose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.coordination.price_loop import PriceLoop
from mmgsim.errors import SubproblemError

__all__ = ["choices", "held_prices"]

Choice = Mapping[int, int]
"""One offer of each indivisible block."""

# Choices drawn by lot; each is tried on the offers alone, without asking anybody.
DRAWS = 40

# Choices for which prices are exchanged.
TRIED = 3


def choices(loop: PriceLoop, step: int) -> list[Choice]:
    """Give the choices worth an exchange of prices: the heaviest offers, and the best drawn.

    Parameters
    ----------
    loop : PriceLoop
        At its end.
    step : int
        First step of the window; the lot is the same whenever it is drawn for it.
    """
    shares = {block: loop.shares(block) for block in loop.indivisible}
    heaviest: Choice = {
        block: max(one, key=lambda offer: one[offer]) for block, one in shares.items()
    }
    rng = np.random.default_rng([step, DRAWS])
    drawn: list[Choice] = [
        {block: int(rng.choice(list(one), p=list(one.values()))) for block, one in shares.items()}
        for _ in range(DRAWS)
    ]
    by_cost = sorted(drawn, key=lambda choice: _cost(loop, choice, step))
    found: list[Choice] = [heaviest]
    for choice in by_cost:
        if len(found) < TRIED and choice not in found:
            found.append(choice)
    return found


def _cost(loop: PriceLoop, choice: Choice, step: int) -> float:
    """Give what a choice costs with the offers there are, infinite where they do not fit."""
    with loop.master.only(choice):
        try:
            return loop.master.combine(step, explains=False).cost
        except SubproblemError:
            return np.inf


def held_prices(loop: PriceLoop, choice: Choice) -> list[FloatArray | None]:
    """Give for each microgrid the prices at which its blocks took the decisions to be held.

    Returns
    -------
    list of (blocks, steps) arrays
        NaN for blocks without such decisions; None for microgrids without. [currency/kWh]
    """
    if loop.stack is None:
        raise RuntimeError("decisions are held after the first offers")
    owner, steps = loop.stack.owner, loop.stack.block_kw.shape[2]
    held: list[FloatArray | None] = []
    for member in range(loop.stack.hourly_kw.shape[1]):
        blocks = np.flatnonzero(owner == member).tolist()
        if not any(block in choice for block in blocks):
            held.append(None)
            continue
        prices = np.full((len(blocks), steps), np.nan)
        for row, block in enumerate(blocks):
            if block in choice:
                prices[row] = loop.asked_at(block, choice[block])
        held.append(prices)
    return held
