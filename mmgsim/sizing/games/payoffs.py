"""What a size costs whom: own devices, and a share of what all together pay.

Payoffs are costs, which everybody makes small; paper 004 prints ``argmax`` in its equations 17 to
20 for payoffs that are costs (21 to 23), which is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray  # noqa: F401  of an inherited annotation, which pdoc reads here

from mmgsim.contracts import FloatArray
from mmgsim.sizing.case import Sharing, SizingCase
from mmgsim.sizing.games.players import Players, Structure
from mmgsim.sizing.objectives import Objective, Terms
from mmgsim.sizing.problem import Problem
from mmgsim.sizing.yearly import YearSimulator

__all__ = ["BlockProblem", "Game", "Share", "yearly_bills"]


class Share(StrEnum):
    """What a player bears of the bills of all microgrids.

    Attributes
    ----------
    FULL
        All of them, as all others do. Whatever a block changes in its own payoff it changes in the
        annual cost: an exact potential game, and a block of all finds the joint optimum.
    EQUAL
        One part in as many as there are players; a block bears the parts of its members. Who
        builds gets a part of what that saves, so that too little is built: free riding.
    OWN
        Its own bill, with what it pays peers and less what they pay it; of microgrids only.
    """

    FULL = "full"
    EQUAL = "equal"
    OWN = "own"


def yearly_bills(simulator: YearSimulator, sizes: FloatArray, terms: Terms) -> FloatArray:
    """Give what members pay besides capital: (candidates, members). [currency/year]

    Purchases, value of lost load, wear, local charges, payments to peers less income from them,
    and less sales to the grid where they count. Between all of them what peers pay cancels, so
    that bills and capital add up to the annual cost of an `Appraisal`.
    """
    totals, rule = simulator.totals(sizes), simulator.rule
    of = totals.of
    bills = of("purchases") + of("local_charges") + of("peer_payments") - of("peer_income")
    bills = bills + of("unserved_kwh") * rule.unserved_per_kwh
    bills = bills + of("discharged_kwh") * rule.wear_per_kwh
    if terms.is_export_counted:
        bills = bills - of("sales")
    yearly: FloatArray = bills / simulator.case.years
    return yearly


@dataclass(frozen=True, slots=True, eq=False)
class BlockProblem(Problem):
    """What one block of players makes small while the others stay as they are.

    Parameters
    ----------
    payoff : callable
        Of sizes (candidates, microgrids, 3): what the block bears, (candidates,). [currency/year]
    """

    payoff: Callable[[FloatArray], FloatArray]

    def costs(self, vectors: FloatArray) -> FloatArray:
        """Give what the block bears: (candidates,). [currency/year]"""
        return self.payoff(self.sizes(vectors))


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """Players, and what they bear.

    Parameters
    ----------
    simulator : YearSimulator
        Of the case and the way of sharing.
    terms : Terms
        Whether sales count. The least own share binds nobody: it is asked of all together.
    players : Players
        Who decides on what.
    share : Share
        What each bears of the bills.

    Raises
    ------
    ValueError
        If own bills are asked for where players are no microgrids, or microgrids are one pool.
    """

    simulator: YearSimulator
    terms: Terms
    players: Players
    share: Share

    def __post_init__(self) -> None:
        """Refuse own bills of who has none."""
        is_pool = self.simulator.sharing is Sharing.POOL
        if self.share is Share.OWN and (is_pool or not self.players.are_microgrids):
            raise ValueError(
                "only microgrids that are no pool have own bills; take the share full or equal"
            )

    @property
    def case(self) -> SizingCase:
        """The year."""
        return self.simulator.case

    def capital(self, sizes: FloatArray) -> FloatArray:
        """Give what the devices of each player cost: (candidates, players). [currency/year]"""
        yearly = self.case.capital(sizes) / self.case.years
        owned: FloatArray = np.einsum("cmk,pmk->cp", yearly, self.players.owns.astype(np.float64))
        return owned

    def annual_cost(self, sizes: FloatArray) -> FloatArray:
        """Give what all together pay: (candidates,). [currency/year]

        With full shares the potential of the game [1]_.

        References
        ----------
        .. [1] D. Monderer and L. S. Shapley, "Potential games", Games and Economic Behavior 14,
           1996, doi:10.1006/game.1996.0044.
        """
        bills = yearly_bills(self.simulator, sizes, self.terms)
        cost: FloatArray = self.capital(sizes).sum(axis=1) + bills.sum(axis=1)
        return cost

    def payoffs(self, sizes: FloatArray, structure: Structure) -> FloatArray:
        """Give what each block bears: (candidates, blocks). [currency/year]

        ``capital of its members + share * bills of all``, where the share is 1, or its part of the
        players; with own bills ``capital + bills of its members``. A block of several bears the
        bills of all once, not once a member.
        """
        bills = yearly_bills(self.simulator, sizes, self.terms)
        capital = self.capital(sizes)
        return np.stack([self._borne(capital, bills, block) for block in structure], axis=1)

    def problem(self, block: Sequence[int], at: FloatArray) -> BlockProblem:
        """Give the problem of a block while all others stay as they are in `at`."""
        is_free = self.case.is_free & self.players.owned_by(block)
        cost = Objective.ANNUAL_COST
        own: Structure = (tuple(block),)
        return BlockProblem(
            self.simulator,
            self.terms,
            cost,
            is_free,
            at,
            payoff=lambda sizes: self.payoffs(sizes, own)[:, 0],
        )

    def _borne(self, capital: FloatArray, bills: FloatArray, block: Sequence[int]) -> FloatArray:
        members = list(block)
        if self.share is Share.OWN:
            borne: FloatArray = bills[:, members].sum(axis=1)
        else:
            parts = 1 if self.share is Share.FULL else len(members) / len(self.players.names)
            borne = parts * bills.sum(axis=1)
        cost: FloatArray = capital[:, members].sum(axis=1) + borne
        return cost
