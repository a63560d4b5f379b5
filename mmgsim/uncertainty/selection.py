"""Few scenarios that stand for many, with their probabilities.

The distance of a selection is that of Kantorovich: what it takes to carry the probability of every
scenario to the nearest one that is kept. Both methods are greedy; neither need find the best
selection of its size, which `medoids` does for few hundred scenarios.

References
----------
.. [1] H. Heitsch, W. Roemisch, Scenario reduction algorithms in stochastic programming,
   Computational Optimization and Applications 24, 2003, doi 10.1023/A:1021805924152.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from mmgsim.contracts import FloatArray, frozen

__all__ = ["Selection", "backward_reduction", "features", "forward_selection", "moment_errors"]

IntArray = NDArray[np.intp]

PROBABILITY_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Which scenarios are kept, and what the others are to them.

    Parameters
    ----------
    kept : (kept,) int array
        Positions among all, in the order in which they were chosen; from backward reduction,
        ascending.
    probability : (kept,) array
        Of each, with that of all it stands for.
    stands_for : (scenarios,) int array
        Position in `kept` of the one that stands for each scenario.
    distance : float
        Kantorovich distance of the selection from all scenarios, in the unit of the points.
    """

    kept: IntArray
    probability: FloatArray
    stands_for: IntArray
    distance: float


def features(series: Mapping[str, ArrayLike]) -> FloatArray:
    """Give scenarios as points whose distance counts every kind of quantity alike.

    Each kind is divided by the standard deviation of all its numbers, as metres per second and kW
    cannot be added. A kind that does not vary is left out by itself: it is the same everywhere.

    Parameters
    ----------
    series : mapping of (scenarios, ...) arrays
        By kind of quantity, for instance all wind speeds of all sites in one.

    Returns
    -------
    (scenarios, features) array
        Without unit.
    """
    parts = [np.asarray(values, dtype=float) for values in series.values()]
    if len({len(part) for part in parts}) != 1:
        raise ValueError("every kind of quantity has as many scenarios as the others")
    spread = [float(part.std()) for part in parts]
    return np.concatenate(
        [
            part.reshape(len(part), -1) / (sd if sd > 0.0 else 1.0)
            for part, sd in zip(parts, spread, strict=True)
        ],
        axis=1,
    )


def forward_selection(
    points: ArrayLike, count: int, *, probability: ArrayLike | None = None, order: float = 1.0
) -> Selection:
    """Choose scenarios one by one, each the one that brings the selection nearest to all.

    Fast forward selection, algorithm 2.4 of [1]_. Ties go to the lowest position.

    Parameters
    ----------
    points : (scenarios, features) array
        See `features`.
    count : int
        How many to keep, from 1 to all.
    probability : (scenarios,) array or None
        Adds up to 1; all alike if left out.
    order : float
        Power of the Euclidean distance.

    Returns
    -------
    Selection
        Memory is 8 bytes times the square of the number of scenarios.
    """
    place, weight = check_points(points, count, probability)
    apart = cdist(place, place) ** order
    nearest, kept, is_kept = np.full(len(place), np.inf), [], np.zeros(len(place), dtype=bool)
    buffer = np.empty_like(apart)
    for _ in range(count):
        np.minimum(apart, nearest, out=buffer)  # row u: how far all are if u is kept too
        left = buffer @ weight
        left[is_kept] = np.inf
        best = int(left.argmin())
        kept.append(best)
        is_kept[best] = True
        np.minimum(nearest, apart[best], out=nearest)
    return _selected(apart, np.array(kept, dtype=np.intp), weight)


def backward_reduction(
    points: ArrayLike, count: int, *, probability: ArrayLike | None = None, order: float = 1.0
) -> Selection:
    """Drop scenarios one by one, each the one whose loss moves the selection least.

    Simultaneous backward reduction, algorithm 2.2 of [1]_: those dropped before count, too. Ties go
    to the lowest position. Parameters and result are those of `forward_selection`.
    """
    place, weight = check_points(points, count, probability)
    apart = cdist(place, place) ** order
    everyone = np.arange(len(place))
    # By every scenario, all others from near to far, itself first even among copies of it.
    itself_first = apart.copy()
    itself_first[everyone, everyone] = -1.0
    by_distance = itself_first.argsort(axis=1, kind="stable")
    is_kept = np.ones(len(place), dtype=bool)
    rank = np.tile([0, 1], (len(place), 1))  # of the nearest one kept, and of the next
    for _ in range(len(place) - count):
        first, second = by_distance[everyone, rank[:, 0]], by_distance[everyone, rank[:, 1]]
        lost = weight * (apart[everyone, second] - apart[everyone, first])
        dearer = np.bincount(first, weights=lost, minlength=len(place))
        dearer[~is_kept] = np.inf
        dropped = int(dearer.argmin())
        is_kept[dropped] = False
        moved = np.flatnonzero((first == dropped) | (second == dropped))
        rank[moved] = _two_nearest(is_kept[by_distance[moved]])
    return _selected(apart, np.flatnonzero(is_kept), weight)


def moment_errors(values: ArrayLike, selection: Selection) -> tuple[FloatArray, FloatArray]:
    """Give by how much mean and standard deviation of a selection miss those of all scenarios.

    Parameters
    ----------
    values : (scenarios, ...) array
        In any unit, each scenario as likely as any other.
    selection : Selection
        Of them.

    Returns
    -------
    tuple of two (...) arrays
        Selection less all, in the unit of `values`. Standard deviations shrink: few are less apart
        than many.
    """
    everything = np.asarray(values, dtype=float)
    part, weight = everything[selection.kept], selection.probability
    mean = np.tensordot(weight, part, axes=1)
    sd = np.sqrt(np.tensordot(weight, (part - mean) ** 2, axes=1))
    return frozen(mean - everything.mean(axis=0)), frozen(sd - everything.std(axis=0))


def check_points(
    points: ArrayLike, count: int, probability: ArrayLike | None
) -> tuple[FloatArray, FloatArray]:
    """Give points and probabilities as arrays; refuse what cannot be selected from."""
    place = np.asarray(points, dtype=float)
    if place.ndim != 2 or not np.isfinite(place).all():
        raise ValueError("points are a finite (scenarios, features) array")
    if not 1 <= count <= len(place):
        raise ValueError(f"count is from 1 to {len(place)}, the number of scenarios, not {count}")
    if probability is None:
        return place, np.full(len(place), 1.0 / len(place))
    weight = np.asarray(probability, dtype=float)
    if weight.shape != (len(place),) or not (weight >= 0.0).all():
        raise ValueError("probability is one number for each scenario, none below 0")
    if abs(weight.sum() - 1.0) > PROBABILITY_TOLERANCE:
        raise ValueError(f"probabilities add up to 1, not {weight.sum():.12g}")
    return place, weight


def select(place: FloatArray, kept: IntArray, weight: FloatArray) -> Selection:
    """Give the selection of those that were chosen somewhere else."""
    return _selected(cdist(place, place), kept, weight)


def _selected(apart: FloatArray, kept: IntArray, weight: FloatArray) -> Selection:
    """Give every scenario's probability to the nearest one kept, ties to the lowest position."""
    ascending = np.sort(kept)
    nearest = ascending[apart[:, ascending].argmin(axis=1)]
    nearest[kept] = kept  # a copy of another one kept stands for itself
    position = np.empty(len(apart), dtype=np.intp)
    position[kept] = np.arange(len(kept))
    stands_for = position[nearest]
    probability = np.bincount(stands_for, weights=weight, minlength=len(kept))
    distance = float(weight @ apart[np.arange(len(apart)), nearest])
    for positions in (kept, stands_for):
        positions.flags.writeable = False
    return Selection(kept, frozen(probability), stands_for, distance)


def _two_nearest(in_order_kept: NDArray[np.bool_]) -> IntArray:
    """Give the positions of the first two that are kept; where there is one only, that twice."""
    rows = np.arange(len(in_order_kept))
    first = in_order_kept.argmax(axis=1)
    in_order_kept[rows, first] = False
    has_next = in_order_kept.any(axis=1)
    return np.stack([first, np.where(has_next, in_order_kept.argmax(axis=1), first)], axis=1)
