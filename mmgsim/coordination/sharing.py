"""How a gain that only a group makes is divided among its members.

A game is one array: the worth of every coalition, by the bits of its position. Player ``i`` is in
coalition ``S`` where ``S >> i & 1``; ``worth[0]`` is nobody's and 0, ``worth[-1]`` that of all.
Every rule gives shares that add up to ``worth[-1]``.

.. [1] L. S. Shapley, "A value for n-person games", Contributions to the Theory of Games II, 1953.
.. [2] D. Schmeidler, "The nucleolus of a characteristic function game", SIAM J. Appl. Math. 17(6),
   1969, doi:10.1137/0117107.
.. [3] B. Peleg and P. Sudhoelter, "Introduction to the Theory of Cooperative Games", 2nd ed.,
   Springer, 2007, doi:10.1007/978-3-540-72945-7 (the sequence of linear programs).
"""

from __future__ import annotations

from enum import StrEnum
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import SubproblemError

__all__ = [
    "Split",
    "divide",
    "equal_shares",
    "nucleolus",
    "proportional_shares",
    "savings",
    "shapley_value",
]

# Of the largest worth: below it, a dual or a distance is the rounding of a solver.
_TOLERANCE = 1e-9

BoolArray = NDArray[np.bool_]


class Split(StrEnum):
    """By which rule a gain is divided."""

    EQUAL = "equal"
    SHAPLEY = "shapley"
    NUCLEOLUS = "nucleolus"
    PROPORTIONAL = "proportional"


def savings(cost: FloatArray) -> FloatArray:
    """Give what every coalition saves against its members on their own: (2^n,) array.

    ``worth(S) = sum_{i in S} cost({i}) - cost(S)``

    Parameters
    ----------
    cost : (2^n,) array
        Of every coalition, 0 of nobody.
    """
    players = _players(cost)
    alone = cost[1 << np.arange(players)]
    return frozen(_members(players) @ alone - cost)


def divide(rule: Split, worth: FloatArray, alone: FloatArray) -> FloatArray:
    """Divide a gain among the players by a rule: (n,) array.

    Parameters
    ----------
    rule : Split
        Which one.
    worth : (2^n,) array
        Gain of every coalition.
    alone : (n,) array
        What each player pays on its own; it only matters for `Split.PROPORTIONAL`.
    """
    if rule is Split.SHAPLEY:
        return shapley_value(worth)
    if rule is Split.NUCLEOLUS:
        return nucleolus(worth)
    if rule is Split.PROPORTIONAL:
        return proportional_shares(float(worth[-1]), alone)
    return equal_shares(worth)


def equal_shares(worth: FloatArray) -> FloatArray:
    """Give everybody the same: (n,) array."""
    players = _players(worth)
    return frozen(np.full(players, worth[-1] / players))


def proportional_shares(gain: float, alone: FloatArray) -> FloatArray:
    """Divide a gain in proportion to what each pays on its own: (n,) array.

    Raises
    ------
    ValueError
        If somebody's cost is negative, as a seller's is: it would then pay for the others' gain.
        If nobody pays anything.
    """
    if (alone < 0.0).any():
        least = ", ".join(f"{cost:g}" for cost in alone)
        raise ValueError(
            f"costs {least}: a gain is not divided in proportion to costs of which one is "
            "negative; use equal, shapley or nucleolus"
        )
    if not alone.sum() > 0.0:
        raise ValueError("nobody pays anything, so that nothing is in proportion; use equal")
    return frozen(gain * alone / alone.sum())


def shapley_value(worth: FloatArray) -> FloatArray:
    """Give everybody what it adds, averaged over all orders in which the group may form [1]_.

    ``share_i = sum_{S without i} |S|! (n - |S| - 1)! / n! * (worth(S with i) - worth(S))``

    Exact: every coalition is looked at once for each player.

    Parameters
    ----------
    worth : (2^n,) array
        Of every coalition.

    Returns
    -------
    (n,) array
    """
    players = _players(worth)
    masks = np.arange(len(worth))
    size = _members(players).sum(axis=1).astype(np.int64)
    weight = np.array(
        [factorial(k) * factorial(players - k - 1) / factorial(players) for k in range(players)]
    )
    shares = np.zeros(players)
    for player in range(players):
        without = masks[(masks >> player & 1) == 0]
        added = worth[without | 1 << player] - worth[without]
        shares[player] = weight[size[without]] @ added
    return frozen(shares)


def nucleolus(worth: FloatArray) -> FloatArray:
    """Make the least content coalition as content as possible, then the next one, and so on [2]_.

    A sequence of linear programs [3]_: ``max t`` subject to ``x(S) - worth(S) >= t`` for all
    coalitions that are not settled, and ``x(S)`` as found for those that are; the ones with a dual
    are settled at every optimum. Nobody is held to ``x_i >= worth({i})``: where joining costs
    nobody anything, as among microgrids that may stay on their own, it follows.

    Parameters
    ----------
    worth : (2^n,) array
        Of every coalition.

    Returns
    -------
    (n,) array
    """
    players = _players(worth)
    scale = float(np.abs(worth).max())
    if scale == 0.0:
        return frozen(np.zeros(players))
    members, least = _members(players)[1:-1], worth[1:-1] / scale
    settled, paid = np.ones((1, players)), np.array([worth[-1] / scale])
    is_open = np.ones(len(members), dtype=np.bool_)
    while len(settled) < players:
        content, duals = _least_content(members[is_open], least[is_open], settled, paid)
        found = np.flatnonzero(is_open)[duals > _TOLERANCE]
        for coalition in found[np.argsort(-duals[duals > _TOLERANCE], kind="stable")]:
            if not _is_spanned(members[coalition][None], settled)[0]:
                settled = np.vstack([settled, members[coalition]])
                paid = np.append(paid, least[coalition] + content)
        is_open &= ~_is_spanned(members, settled)
    shares = scale * np.linalg.solve(settled, paid)
    return frozen(shares + (worth[-1] - shares.sum()) / players)


def _least_content(
    members: FloatArray, least: FloatArray, settled: FloatArray, paid: FloatArray
) -> tuple[float, FloatArray]:
    """Give how content the least content open coalition can be, and the duals of them all."""
    players = members.shape[1]
    found = linprog(
        np.append(np.zeros(players), -1.0),
        A_ub=np.column_stack([-members, np.ones(len(members))]),
        b_ub=-least,
        A_eq=np.column_stack([settled, np.zeros(len(settled))]),
        b_eq=paid,
        bounds=(None, None),
        method="highs",
    )
    if not found.success:
        raise SubproblemError("the division of a gain", 0, str(found.message))
    return float(found.x[-1]), -np.asarray(found.ineqlin.marginals, dtype=np.float64)


def _is_spanned(rows: FloatArray, basis: FloatArray) -> BoolArray:
    """Tell of each row whether it is a sum of multiples of the rows of a basis."""
    directions = np.linalg.qr(basis.T)[0]
    rest = rows - rows @ directions @ directions.T
    return np.asarray(np.abs(rest).max(axis=1) < np.sqrt(_TOLERANCE))


def _players(worth: FloatArray) -> int:
    """Give how many players a game has.

    Raises
    ------
    ValueError
        If there is not one number for every coalition, or nobody is worth something.
    """
    players = len(worth).bit_length() - 1
    if players < 1 or len(worth) != 1 << players:
        raise ValueError(f"{len(worth)} coalitions; of n players there are 2^n, with nobody")
    if worth[0] != 0.0:
        raise ValueError(f"the coalition of nobody is worth {worth[0]:g}, not 0")
    return players


def _members(players: int) -> FloatArray:
    """Give who is in every coalition: (2^n, n) array of 0 and 1."""
    masks = np.arange(1 << players)
    return np.asarray(masks[:, None] >> np.arange(players) & 1, dtype=np.float64)
