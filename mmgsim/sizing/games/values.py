"""What groups of players would pay on their own if they sized together, and how it is divided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray, frozen
from mmgsim.coordination import Split, divide, savings
from mmgsim.division import EXACT_MEMBERS, violations
from mmgsim.sizing.case import SizingCase
from mmgsim.sizing.games.descent import Minimiser, descend
from mmgsim.sizing.games.payoffs import Game, Share
from mmgsim.sizing.games.players import Players
from mmgsim.sizing.objectives import Terms
from mmgsim.sizing.yearly import YearSimulator

__all__ = ["SPLITS", "SizingGroups", "groups_of_microgrids", "groups_of_technologies"]

SPLITS: Final = (Split.EQUAL, Split.SHAPLEY, Split.NUCLEOLUS)
"""Rules by which the saving of all is divided."""
_ROUNDING = 1e-6
"""Of the largest cost: what minimisers leave of nothing."""


@dataclass(frozen=True, eq=False)
class SizingGroups:
    """What every group of players pays with the sizes that are best for it alone.

    Parameters
    ----------
    names : tuple of str
        Players, in the order of the bits of a group.
    costs : (2^n,) array
        Of every group. Nobody pays what there is without any of them: 0 between microgrids,
        between technologies the bill of all microgrids. [currency/year]
    sizes : (2^n, microgrids, 3) array
        Best for each group; 0 where it does not build. [kW], [kW], [kWh]
    """

    names: tuple[str, ...]
    costs: FloatArray
    sizes: FloatArray

    @property
    def nobody(self) -> float:
        """What there is to pay without any player. [currency/year]"""
        return float(self.costs[0])

    @property
    def total(self) -> float:
        """What all add to that together; negative where they save. [currency/year]"""
        return float(self._added[-1])

    @property
    def alone(self) -> FloatArray:
        """What each adds on its own: (n,) array. [currency/year]"""
        own: FloatArray = self._added[1 << np.arange(len(self.names))]
        return own

    @property
    def known(self) -> Mapping[int, float]:
        """What each group adds, by the bits of its members. [currency/year]"""
        return dict(enumerate(self._added.tolist()))

    def bills(self, split: Split) -> FloatArray:
        """Give what each player pays by a rule, together `total`: (n,) array. [currency/year]

        ``alone_i - share_i`` of what all save against each on its own; of technologies a bill is
        negative: what one saves the microgrids, its own capital taken off.
        """
        return frozen(self.alone - divide(split, savings(self._added), self.alone))

    @cached_property
    def divisions(self) -> pd.DataFrame:
        """One row a rule and player: `alone`, `bill` and `saving`. [currency/year]"""
        rows = [
            (str(split), name, alone, bill, alone - bill)
            for split in SPLITS
            for name, alone, bill in zip(self.names, self.alone, self.bills(split), strict=True)
        ]
        return pd.DataFrame(rows, columns=["rule", "player", "alone", "bill", "saving"])

    @cached_property
    def violations(self) -> pd.DataFrame:
        """One row a rule: the worst it does to `budget`, `rationality` and `core`. [currency/year]

        With `loser` and `group`, as in a division of a day. No division at all keeps to a core that
        the nucleolus does not keep to: that core is empty.
        """
        rounding = _ROUNDING * float(np.abs(self.costs).max())
        rows = {}
        for split in SPLITS:
            one = violations(self, self.bills(split), rounding=rounding)
            rows[str(split)] = {
                "budget": one.budget,
                "rationality": one.rationality,
                "core": one.core,
                "loser": one.loser,
                "group": " ".join(one.group),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")

    @cached_property
    def groups(self) -> pd.DataFrame:
        """One row a group: its `members` and `cost`. [currency/year]"""
        members = [
            " ".join(name for at, name in enumerate(self.names) if mask >> at & 1)
            for mask in range(len(self.costs))
        ]
        return pd.DataFrame({"members": members, "cost": self.costs})

    @cached_property
    def _added(self) -> FloatArray:
        return frozen(self.costs - self.costs[0])


def groups_of_microgrids(
    simulator: YearSimulator, terms: Terms, *, minimise: Minimiser = descend, seed: int = 0
) -> SizingGroups:
    """Find what every group of microgrids pays where it is alone with the grid.

    Parameters
    ----------
    simulator : YearSimulator
        Of all microgrids; its way of sharing holds inside each group.
    terms : Terms
        Whether sales count; the least own share is asked of nobody.
    minimise : callable
        Finds the best sizes of a group, once from those that are there and once from those of the
        parts that are cheapest apart. So no group is dearer than its parts, unless peers trade at
        a loss: those of a group trade whatever they have left over.
    seed : int
        For it.

    Raises
    ------
    ValueError
        If there are more than `EXACT_MEMBERS` of them.
    """
    case = simulator.case

    def best(mask: int, known: _Known) -> tuple[float, FloatArray]:
        rows = [row for row in range(case.members) if mask >> row & 1]
        part = simulator.only(rows)
        game = Game(part, terms, Players.microgrids(part.case), Share.FULL)
        starts = [_present(part.case)]
        if len(rows) > 1:
            apart = min(_splits(mask), key=lambda two: sum(known[one][0] for one in two))
            starts.append(np.sum([known[one][1][rows] for one in apart], axis=0))
        sizes = np.zeros(case.low.shape)
        cost, sizes[rows] = _cheapest(game, starts, minimise, seed)
        return cost, sizes

    return _groups(case.names, best, (0.0, np.zeros(case.low.shape)))


def groups_of_technologies(
    simulator: YearSimulator, terms: Terms, *, minimise: Minimiser = descend, seed: int = 0
) -> SizingGroups:
    """Find what all microgrids pay where only some technologies may be built.

    Sizes that are not free stay as they are in every group; free ones of other technologies are 0.

    Parameters
    ----------
    simulator : YearSimulator
        Of the case and the way of sharing.
    terms : Terms
        Whether sales count; the least own share is asked of nobody.
    minimise : callable
        Finds the best sizes of a group, once from those that are there and once from the cheapest
        with one technology less.
    seed : int
        For it.
    """
    case = simulator.case
    players = Players.technologies(case)
    game = Game(simulator, terms, players, Share.FULL)
    bare = np.where(case.is_free, 0.0, case.low)

    def best(mask: int, known: _Known) -> tuple[float, FloatArray]:
        block = [player for player in range(len(players.names)) if mask >> player & 1]
        owned = players.owned_by(block)
        fewer = min((mask & ~(1 << player) for player in block), key=lambda one: known[one][0])
        starts = [np.where(owned, _present(case), bare), known[fewer][1]]
        return _cheapest(game, starts, minimise, seed, block)

    return _groups(players.names, best, (float(game.annual_cost(bare[None])[0]), bare))


_Known = Mapping[int, tuple[float, FloatArray]]


def _groups(
    names: tuple[str, ...],
    best: Callable[[int, _Known], tuple[float, FloatArray]],
    nobody: tuple[float, FloatArray],
) -> SizingGroups:
    """Find the best of every group, smaller numbers first, so that its parts are known."""
    if len(names) > EXACT_MEMBERS:
        raise ValueError(f"{len(names)} players: all groups are sized for up to {EXACT_MEMBERS}")
    known = {0: nobody}
    for mask in range(1, 1 << len(names)):
        known[mask] = best(mask, known)
    costs, sizes = zip(*known.values(), strict=True)
    return SizingGroups(names, frozen(costs), frozen(np.stack(sizes)))


def _cheapest(
    game: Game,
    starts: Sequence[FloatArray],
    minimise: Minimiser,
    seed: int,
    block: Sequence[int] | None = None,
) -> tuple[float, FloatArray]:
    """Give the least annual cost that a block finds, and its sizes."""
    found: list[tuple[float, FloatArray]] = []
    for start in starts:
        problem = game.problem(range(len(game.players.names)) if block is None else block, start)
        best = minimise(problem, seed)
        found.append((best.cost, problem.sizes(best.vector[None])[0]))
    return min(found, key=lambda one: one[0])


def _present(case: SizingCase) -> FloatArray:
    """Give the sizes that are there, within limits."""
    return np.clip(case.present, case.low, case.high)


def _splits(mask: int) -> Iterator[tuple[int, int]]:
    """Give every way to split a group in two."""
    part = (mask - 1) & mask
    while part:
        yield part, mask ^ part
        part = (part - 1) & mask
