"""All structures of a game side by side: who decides together, what it costs, who bears it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray, frozen
from mmgsim.profiles import stream
from mmgsim.sizing.case import KINDS
from mmgsim.sizing.games.descent import Minimiser, descend
from mmgsim.sizing.games.payoffs import Game
from mmgsim.sizing.games.players import Structure, everybody, singletons, structures
from mmgsim.sizing.games.responses import Deviation, Rest, best_deviation, settle
from mmgsim.sizing.objectives import Appraisal, appraise

__all__ = ["EPSILON", "Equilibrium", "Played", "equilibrium", "play"]

EPSILON: Final = 1e-6
"""Of the annual cost: what a block may gain by moving in what is taken for an equilibrium."""
_TRIES = 3
"""How often a deviation that gains more than that is made, and the game goes on from there."""


@dataclass(frozen=True, slots=True, eq=False)
class Equilibrium:
    """Where a structure comes to.

    Parameters
    ----------
    structure : Structure
        Who decides together.
    sizes : (microgrids, 3) array
        [kW], [kW], [kWh]
    appraisal : Appraisal
        Of these sizes; one candidate.
    payoffs : (players,) array
        What each player would bear if it decided alone, at these sizes. [currency/year]
    capital : (players,) array
        Own devices. [currency/year]
    rounds : int
        Of best responses, all tries included.
    is_settled : bool
        Whether nobody moved in the last round.
    deviation : Deviation
        The most that one block gains by moving alone, and which.
    dearest : float
        Annual cost of the dearest point at which one of the starts came to rest. [currency/year]
    """

    structure: Structure
    sizes: FloatArray
    appraisal: Appraisal
    payoffs: FloatArray
    capital: FloatArray
    rounds: int
    is_settled: bool
    deviation: Deviation
    dearest: float

    @property
    def annual_cost(self) -> float:
        """What all together pay. [currency/year]"""
        return float(self.appraisal.annual_cost[0])

    @property
    def is_equilibrium(self) -> bool:
        """Whether nobody moved, and nobody gains more than `EPSILON` by moving, as was looked."""
        return self.is_settled and self.deviation.gain <= EPSILON * abs(self.annual_cost)


@dataclass(frozen=True, eq=False)
class Played:
    """All structures of a game.

    Parameters
    ----------
    game : Game
        Who bears what.
    equilibria : tuple of Equilibrium
        One a structure, all together first.
    """

    game: Game
    equilibria: tuple[Equilibrium, ...]

    @property
    def cooperative(self) -> Equilibrium:
        """All decide together: the joint optimum."""
        return self._of(everybody(len(self.game.players.names)))

    @property
    def noncooperative(self) -> Equilibrium:
        """Everybody decides alone."""
        return self._of(singletons(len(self.game.players.names)))

    @cached_property
    def structures(self) -> pd.DataFrame:
        """One row a structure.

        `share`, `annual_cost`, `above_joint` (of the joint optimum), `capital`, `reliability`
        (purchases and value of lost load), `dearest` [currency/year], `lcoe_per_kwh`
        [currency/kWh], `rounds`, `is_settled`, `gain` (the most that a block gains by moving alone)
        [currency/year] and `gainer`, empty where nobody gains.
        """
        best = self.cooperative.annual_cost
        rows = [
            {
                "structure": self.game.players.label(one.structure),
                "share": str(self.game.share),
                "annual_cost": one.annual_cost,
                "above_joint": one.annual_cost / best - 1.0,
                "capital": float(one.appraisal.capital[0]),
                "reliability": float(one.appraisal.reliability[0]),
                "lcoe_per_kwh": float(one.appraisal.lcoe_per_kwh[0]),
                "dearest": one.dearest,
                "rounds": one.rounds,
                "is_settled": one.is_settled,
                "gain": one.deviation.gain,
                "gainer": self._gainer(one),
            }
            for one in self.equilibria
        ]
        return pd.DataFrame(rows)

    @cached_property
    def payoffs(self) -> pd.DataFrame:
        """One row a structure and player: `capital` and `payoff`. [currency/year]"""
        rows = [
            (self.game.players.label(one.structure), str(self.game.share), *numbers)
            for one in self.equilibria
            for numbers in zip(self.game.players.names, one.capital, one.payoffs, strict=True)
        ]
        return pd.DataFrame(rows, columns=["structure", "share", "player", "capital", "payoff"])

    @cached_property
    def sizes(self) -> pd.DataFrame:
        """One row a structure and microgrid: `wind` and `pv` [kW], `battery` [kWh]."""
        rows = [
            (self.game.players.label(one.structure), str(self.game.share), name, *own)
            for one in self.equilibria
            for name, own in zip(self.game.case.names, one.sizes, strict=True)
        ]
        return pd.DataFrame(rows, columns=["structure", "share", "microgrid", *KINDS])

    def _of(self, structure: Structure) -> Equilibrium:
        return next(one for one in self.equilibria if one.structure == structure)

    def _gainer(self, one: Equilibrium) -> str:
        block = one.structure[one.deviation.block]
        return self.game.players.block_label(block) if one.deviation.gain > 0.0 else ""


def play(
    game: Game,
    *,
    minimise: Minimiser = descend,
    starts: int = 3,
    seed: int = 0,
    known: Iterable[FloatArray] = (),
) -> Played:
    """Let every structure of the players come to rest.

    That of all together comes last and begins where the others came to rest too, so that no
    structure is cheaper than the joint optimum that is found.

    Parameters
    ----------
    game : Game
        Who bears what.
    minimise : callable
        Finds the best response of a block.
    starts : int
        From how many sizes each structure begins: those of the scenario, the others drawn.
    seed : int
        Of what is drawn.
    known : iterable of (microgrids, 3) arrays
        From which all together begin too: joint optima found elsewhere. With the same ones, games
        of other shares and players are held against the same joint optimum. [kW], [kW], [kWh]

    Raises
    ------
    ValueError
        If there are more players than structures are played for.
    """
    whole, *others = structures(len(game.players.names))
    begin = _starts(game, starts, seed)
    found = [equilibrium(game, one, begin, minimise=minimise, seed=seed) for one in others]
    more = [*begin, *known, *(one.sizes for one in found)]
    return Played(game, (equilibrium(game, whole, more, minimise=minimise, seed=seed), *found))


def equilibrium(
    game: Game,
    structure: Structure,
    starts: Iterable[FloatArray],
    *,
    minimise: Minimiser = descend,
    seed: int = 0,
) -> Equilibrium:
    """Let a structure come to rest from several sizes, and look at the cheapest of these points.

    A block that still gains more than `EPSILON` there moves, and responses go on from that.

    Parameters
    ----------
    game : Game
        Who bears what.
    structure : Structure
        Who decides together.
    starts : iterable of (microgrids, 3) arrays
        Sizes to begin with. [kW], [kW], [kWh]
    minimise : callable
        Finds the best response of a block.
    seed : int
        Of responses and of the deviations that are looked at.
    """
    rests = [settle(game, structure, start, minimise=minimise, seed=seed) for start in starts]
    rest = min(rests, key=lambda one: (not one.is_settled, one.annual_costs[-1]))
    deviation, rounds = best_deviation(game, structure, rest.sizes, seed=seed), rest.rounds
    for _ in range(_TRIES):
        if deviation.gain <= EPSILON * abs(rest.annual_costs[-1]):
            break
        rest = settle(game, structure, deviation.sizes, minimise=minimise, seed=seed)
        rounds += rest.rounds
        deviation = best_deviation(game, structure, rest.sizes, seed=seed)
    settled = [one.annual_costs[-1] for one in (*rests, rest) if one.is_settled]
    return _judged(game, structure, rest, rounds, deviation, max(settled, default=np.nan))


def _judged(
    game: Game,
    structure: Structure,
    rest: Rest,
    rounds: int,
    deviation: Deviation,
    dearest: float,
) -> Equilibrium:
    sizes = rest.sizes[None]
    return Equilibrium(
        structure=structure,
        sizes=rest.sizes,
        appraisal=appraise(game.simulator, sizes, game.terms),
        payoffs=frozen(game.payoffs(sizes, singletons(len(game.players.names)))[0]),
        capital=frozen(game.capital(sizes)[0]),
        rounds=rounds,
        is_settled=rest.is_settled,
        deviation=deviation,
        dearest=dearest,
    )


def _starts(game: Game, count: int, seed: int) -> list[FloatArray]:
    """Give sizes to begin with: those that are there, within limits, and drawn ones."""
    low, high = game.case.low, game.case.high
    rng = stream(seed, "sizing", "starts")
    drawn = [rng.uniform(low, high) for _ in range(count - 1)]
    return [np.clip(game.case.present, low, high), *drawn]
