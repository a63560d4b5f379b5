"""Which offers to settle on where they cannot be mixed, because units are on or off in them.

Column generation then ends with mixtures that nobody can run. One offer of each such block is
chosen, by weight or by lot among the weights; the decisions in it are held, and a second exchange
of prices finds the best of what is left to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mmgsim.contracts import Offer
from mmgsim.coordination.price_loop import PriceLoop
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import Combination

__all__ = ["Holding", "choices", "held_offers"]

Choice = Mapping[int, int]
"""One offer of each indivisible block."""

# Choices drawn by lot; each is tried on the offers alone, without asking anybody.
DRAWS = 40

# Choices for which prices are exchanged.
TRIED = 3

# Rounds of an exchange in which decisions are held: it begins close to its end.
HELD_ROUNDS = 8


class Holding:
    """Exchanges of prices one after the other, with other decisions held in each.

    Parameters
    ----------
    free : PriceLoop
        In which decisions were free, at its end.
    alone, step : int
        As in `choices`.
    begin : callable
        Gives the loop of another exchange.

    Attributes
    ----------
    loop : PriceLoop
        Of the exchange under way.
    held : list
        Offers whose decisions are held in it; see `held_offers`.
    best : Combination
        The cheapest so far of all exchanges.
    is_over : bool
        True once the last exchange has ended.
    """

    best: Combination

    def __init__(
        self, free: PriceLoop, alone: int, step: int, begin: Callable[[], PriceLoop]
    ) -> None:
        self._left = [held_offers(free, choice) for choice in choices(free, alone, step)]
        self._begin = begin
        self._has_best = self.is_over = False
        self._next()

    def take(self, offers: Sequence[Offer], is_close: Callable[[PriceLoop], bool]) -> None:
        """Take a round of offers, and choose the next prices; hold other decisions at the end.

        Parameters
        ----------
        offers : sequence of Offer
            To the last queries of `loop`.
        is_close : callable
            Tells whether the bounds of a loop meet.
        """
        loop = self.loop
        loop.take(offers)
        assert loop.combination is not None
        if not self._has_best or loop.combination.cost < self.best.cost:
            self.best, self._has_best = loop.combination, True
        self._rounds += 1
        if not (loop.is_stuck or self._rounds >= HELD_ROUNDS or is_close(loop)):
            loop.look()
        elif self._left:
            self._next()
        else:
            self.is_over = True

    def _next(self) -> None:
        self.held, self._rounds = self._left.pop(0), 0
        self.loop = self._begin()


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
