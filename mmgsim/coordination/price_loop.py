"""Column generation from its first prices to the point where its bounds meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgsim.contracts import Offer
from mmgsim.coordination.price_search import PriceSearch
from mmgsim.coordination.public_side import PublicSide
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
        The best combination of all offers so far.
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
        self._public = public
        master.start(public.prices, public.import_limit_kw, public.export_limit_kw)

    def take(self, offers: Sequence[Offer]) -> OfferStack:
        """Add the offers to the last queries, and move both bounds."""
        search, stack = self.search, OfferStack.of(offers)
        new, before = self.master.add(stack), search.lower
        search.learn(self._public.lower_bounds(search.queries_per_kwh, offers))
        self.combination = self.master.combine(self._public.window.first_step)
        self.is_stuck = new == 0 and search.lower <= before
        self.stack = stack
        return stack

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
