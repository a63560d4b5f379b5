"""Best responses in turns until nobody moves, and whether somebody still should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.profiles import stream
from mmgsim.sizing.games.descent import Minimiser, descend
from mmgsim.sizing.games.payoffs import Game
from mmgsim.sizing.games.players import Structure

__all__ = ["MOST_ROUNDS", "TOLERANCE", "Deviation", "Rest", "best_deviation", "settle"]

TOLERANCE: Final = 0.05
"""Nobody moves where no size changes by more in a full round. [kW], [kWh]"""
MOST_ROUNDS: Final = 50
"""Full rounds after which it is given up that nobody moves."""
_WORTHWHILE = 1e-9
"""Of what a block bears: who gains less by moving stays."""


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """Where best responses in turns came to.

    Parameters
    ----------
    sizes : (microgrids, 3) array
        [kW], [kW], [kWh]
    rounds : int
        Full rounds, the last one, in which nobody moved, included.
    is_settled : bool
        Whether nobody moved in the last one.
    step : float
        Which part of a response was made in the end: 1, less where responses went in circles.
    annual_costs : (rounds + 1,) array
        Of all together, at the beginning and after each round. [currency/year]
    """

    sizes: FloatArray
    rounds: int
    is_settled: bool
    step: float
    annual_costs: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Deviation:
    """The most that one block gains by other sizes of its own while the others stay.

    Parameters
    ----------
    gain : float
        At least 0: the epsilon of an epsilon-Nash equilibrium, as far as was looked.
        [currency/year]
    block : int
        Who gains it: position in the structure.
    sizes : (microgrids, 3) array
        With that move made. [kW], [kW], [kWh]
    """

    gain: float
    block: int
    sizes: FloatArray


def settle(
    game: Game,
    structure: Structure,
    start: FloatArray,
    *,
    minimise: Minimiser = descend,
    seed: int = 0,
    most_rounds: int = MOST_ROUNDS,
) -> Rest:
    """Let blocks answer one after the other until no size changes (paper 004, its steps 1 to 7).

    Where a round ends nearer to an earlier one than to the last, responses go in circles, and from
    then on half of each move is made.

    Parameters
    ----------
    game : Game
        Who bears what.
    structure : Structure
        Who decides together.
    start : (microgrids, 3) array
        Sizes to begin with. [kW], [kW], [kWh]
    minimise : callable
        Finds the best response of a block.
    seed : int
        For it.
    most_rounds : int
        When to give up.
    """
    sizes, step = np.array(start, dtype=np.float64), 1.0
    passed, costs = [sizes], [_annual_cost(game, sizes)]
    is_settled = False
    while not is_settled and len(passed) <= most_rounds:
        largest = 0.0
        for number, block in enumerate(structure):
            move = _response(game, block, sizes, minimise, seed + number) - sizes
            largest = max(largest, float(np.abs(move).max()))
            sizes = sizes + step * move
        is_settled = largest <= TOLERANCE
        if not is_settled and _is_circling(passed, sizes):
            step /= 2.0
        passed.append(sizes)
        costs.append(_annual_cost(game, sizes))
    return Rest(frozen(sizes), len(passed) - 1, is_settled, step, frozen(costs))


def best_deviation(
    game: Game,
    structure: Structure,
    sizes: FloatArray,
    *,
    draws: int = 1000,
    grid: int = 200,
    seed: int = 0,
) -> Deviation:
    """Look for a block that gains by moving alone.

    Each block tries `draws` random sizes of its own, half of them anywhere and half around where
    it is (at distances from 1e-4 to 1 of the range), and `grid` points along each of its sizes.

    Parameters
    ----------
    game : Game
        Who bears what.
    structure : Structure
        Who decides together.
    sizes : (microgrids, 3) array
        Where nobody should want to move. [kW], [kW], [kWh]
    draws : int
        Random deviations of each block.
    grid : int
        Points along each size, limits included.
    seed : int
        Of the draws.
    """
    found = Deviation(0.0, 0, sizes)
    rng = stream(seed, "sizing", "deviations")
    for number, block in enumerate(structure):
        problem = game.problem(block, sizes)
        here = sizes[problem.is_free]
        if not len(here):
            continue
        drawn = _drawn(here, problem.low, problem.high, draws, rng)
        along = _along_axes(here, problem.low, problem.high, grid)
        tried = np.vstack([here, drawn, along])
        costs = problem.costs(tried)
        at = int(costs.argmin())
        gain = float(costs[0] - costs[at])
        if gain > found.gain:
            found = Deviation(gain, number, frozen(problem.sizes(tried[at : at + 1])[0]))
    return found


def _annual_cost(game: Game, sizes: FloatArray) -> float:
    return float(game.annual_cost(sizes[None])[0])


def _response(
    game: Game, block: tuple[int, ...], sizes: FloatArray, minimise: Minimiser, seed: int
) -> FloatArray:
    """Give the sizes after the best response of a block; as they are where it gains nothing."""
    problem = game.problem(block, sizes)
    if not problem.is_free.any():
        return sizes
    here = float(problem.costs(sizes[problem.is_free][None])[0])
    best = minimise(problem, seed)
    if best.cost >= here - _WORTHWHILE * abs(here):
        return sizes
    moved: FloatArray = problem.sizes(best.vector[None])[0]
    return moved


def _is_circling(passed: list[FloatArray], sizes: FloatArray) -> bool:
    far = [float(np.abs(sizes - earlier).max()) for earlier in passed]
    return min(far) < far[-1]


def _drawn(
    here: FloatArray, low: FloatArray, high: FloatArray, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Give random vectors: half of them anywhere, half around `here`."""
    anywhere = rng.uniform(low, high, (draws - draws // 2, len(here)))
    scale = 10.0 ** rng.uniform(-4.0, 0.0, (draws // 2, 1)) * (high - low)
    around = here + scale * rng.standard_normal((draws // 2, len(here)))
    return np.vstack([anywhere, np.clip(around, low, high)])


def _along_axes(here: FloatArray, low: FloatArray, high: FloatArray, grid: int) -> FloatArray:
    """Give points along each axis: (free sizes * grid, free sizes)."""
    found = np.tile(here, (len(here), grid, 1))
    for axis in range(len(here)):
        found[axis, :, axis] = np.linspace(low[axis], high[axis], grid)
    return found.reshape(-1, len(here))
