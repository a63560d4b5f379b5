"""Who decides on which sizes, and which of them decide together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mmgsim.sizing.case import KINDS, BoolArray, SizingCase

__all__ = ["MOST_PLAYERS", "Players", "Structure", "everybody", "singletons", "structures"]

MOST_PLAYERS: Final = 5
"""Up to so many players all structures are played: five have 52, six have 203."""

Structure = tuple[tuple[int, ...], ...]
"""Blocks of players, by their positions: every player is in one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Players:
    """Who owns which sizes.

    Parameters
    ----------
    names : tuple of str
        One a player.
    owns : (players, microgrids, 3) array of bool
        Which sizes each decides on and pays for; what costs anything has one owner.
    are_microgrids : bool
        Whether players are the microgrids of the case, in its order.
    """

    names: tuple[str, ...]
    owns: BoolArray
    are_microgrids: bool

    @classmethod
    def technologies(cls, case: SizingCase) -> Players:
        """Give one player for each kind that is sized: all devices of it, wherever they are.

        The players of paper 004 (WT, PP and SB).
        """
        sized = [at for at, technology in enumerate(case.technologies) if technology is not None]
        owns = np.zeros((len(sized), case.members, len(KINDS)), dtype=np.bool_)
        owns[range(len(sized)), :, sized] = True
        return cls(tuple(KINDS[at] for at in sized), owns, are_microgrids=False)

    @classmethod
    def microgrids(cls, case: SizingCase) -> Players:
        """Give one player for each microgrid: all that it has."""
        owns = np.zeros((case.members, case.members, len(KINDS)), dtype=np.bool_)
        owns[range(case.members), range(case.members)] = True
        return cls(case.names, owns, are_microgrids=True)

    def owned_by(self, block: Sequence[int]) -> BoolArray:
        """Give what a block of players decides on: (microgrids, 3)."""
        owned: BoolArray = np.logical_or.reduce(self.owns[list(block)], axis=0)
        return owned

    def label(self, structure: Structure) -> str:
        """Give a structure as text, like ``{wind, pv} {battery}``."""
        return " ".join(self.block_label(block) for block in structure)

    def block_label(self, block: Sequence[int]) -> str:
        """Give a block as text, like ``{wind, pv}``."""
        return f"{{{', '.join(self.names[player] for player in block)}}}"


def everybody(players: int) -> Structure:
    """Give the structure in which all decide together."""
    return (tuple(range(players)),)


def singletons(players: int) -> Structure:
    """Give the structure in which everybody decides alone."""
    return tuple((player,) for player in range(players))


def structures(players: int) -> Iterator[Structure]:
    """Give every way in which players may come together, from all to nobody with anybody.

    As many as the Bell number of the players says: 1, 2, 5, 15, 52.

    Raises
    ------
    ValueError
        If there are more than `MOST_PLAYERS`, or none.
    """
    if not 1 <= players <= MOST_PLAYERS:
        raise ValueError(f"{players} players: structures are played for 1 to {MOST_PLAYERS}")
    found = [tuple(map(tuple, blocks)) for blocks in _partitions(players)]
    yield from sorted(found, key=lambda blocks: (len(blocks), [-len(b) for b in blocks], blocks))


def _partitions(players: int) -> Iterator[list[list[int]]]:
    """Give every partition of the first players: the last one joins a block or begins one."""
    if players == 0:
        yield []
        return
    for blocks in _partitions(players - 1):
        for at in range(len(blocks)):
            yield [*blocks[:at], [*blocks[at], players - 1], *blocks[at + 1 :]]
        yield [*blocks, [players - 1]]
