"""Column generation from its first prices to the point where its bounds meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmgsim.contracts import FloatArray, Offer
from mmgsim.coordination.price_search import PriceSearch
from mmgsim.coordination.public_side import PublicSide
from mmgsim.errors import SubproblemError
from mmgsim.subproblems import Combination, Master, OfferStack

__all__ = ["PriceLoop"]


class PriceLoop:
    """Takes offers, moves both bounds, and chooses the next prices.

    Parameters
    ----------
    public : PublicSide
        Of the gate.
    master : Master
        Combines the offers; whatever it held is dropped.
    search : PriceSearch
        Chooses the prices.

    Attributes
    ----------
    combination : Combination or None
        The best combination of all offers so far; its cost is infinite where none of them keeps
        the rows of the network.
    stack : OfferStack or None
        The offers taken last.
    is_stuck : bool
        True where the last offers moved neither bound: more rounds will not either.
    """

    def __init__(self, public: PublicSide, master: Master, search: PriceSearch) -> None:
        self.master, self.search = master, search
        self.combination: Combination | None = None
        self.stack: OfferStack | None = None
        self.is_stuck = False
        self._said: list[tuple[FloatArray, Sequence[Offer]]] = []
        self._failed = 0
        self._start(public)

    def _start(self, public: PublicSide) -> None:
        self._public = public
        limits_kw = (public.import_limit_kw, public.export_limit_kw)
        self.master.start(public.prices, *limits_kw, limits=public.limits)

    def take(self, offers: Sequence[Offer]) -> OfferStack:
        """Add the offers to the last queries, and move both bounds."""
        search, stack = self.search, OfferStack.of(offers)
        new, before = self.master.add(stack), search.lower
        self._said.append((search.queries_per_kwh, offers))
        proven = self._public.lower_bounds(search.queries_per_kwh, search.multipliers, offers)
        search.learn(proven)
        self.combination = self._combine()
        is_feasible = np.isfinite(self.combination.cost)
        self.is_stuck = bool(is_feasible and new == 0 and search.lower <= before)
        self.stack = stack
        return stack

    def restrict(self, public: PublicSide) -> None:
        """Go on with other rows of the network, and with all that was offered.

        What was proven without them is proven again at their new multipliers.
        """
        self._start(public)
        for _, offers in self._said:
            self.master.add(OfferStack.of(offers))
        self.combination = self._combine()
        found = [
            public.lower_bounds(
                queries, np.tile(self.combination.multipliers, (len(queries), 1)), offers
            ).max()
            for queries, offers in self._said
        ]
        self.search.restart(max(found, default=-np.inf), self.combination.multipliers)
        self.is_stuck = False

    def _combine(self) -> Combination:
        """Combine all offers; where none keep the network, look for prices at which some would."""
        step = self._public.window.first_step
        if not self._public.rows:
            return self.master.combine(step)
        try:
            found = self.master.combine(step, explains=False)
        except SubproblemError:
            self._failed += 1
            box = self.search.wide_box(self._failed)
            return replace(self.master.combine(step, box), cost=np.inf)
        self._failed = 0
        return found

    def look(self) -> None:
        """Choose the next prices."""
        if self.combination is None:
            raise RuntimeError("prices are chosen after the first offers")
        self.search.look(self.master, self.combination)

    # ----------------------------------------------------- decisions that cannot be mixed
    @property
    def indivisible(self) -> list[int]:
        """The blocks whose offers cannot be mixed."""
        return [] if self.stack is None else np.flatnonzero(self.stack.indivisible).tolist()
