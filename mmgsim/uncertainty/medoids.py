"""The few points that are nearest to all: k-medoids, solved to the optimum.

What k-medoids minimise, the sum of all distances to the nearest one kept, is the Kantorovich
distance that `selection` lowers greedily. Here it is a MILP, in the formulation of [1]_, which the
library tsam builds with Pyomo and HiGHS solves: no heuristic, no seed. tsam, under the MIT licence,
is the extra `kmedoids`.

References
----------
.. [1] L. Kotzur, P. Markewitz, M. Robinius, D. Stolten, Impact of different time series aggregation
   methods on optimal energy system design, Renewable Energy 117, 2018,
   doi 10.1016/j.renene.2017.10.017.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mmgsim.contracts import FloatArray
from mmgsim.errors import MissingExtraError
from mmgsim.uncertainty.selection import IntArray, Selection, check_points, select

__all__ = ["k_medoids"]

_DAY_H = 24
_LEAST_WEIGHT = 1e-6
"""tsam has no smaller weights of columns."""
_OPTIMAL = {"mip_rel_gap": 0.0}
"""Of HiGHS, whose own default would be content with a ten-thousandth."""


def k_medoids(points: ArrayLike, count: int) -> Selection:
    """Choose the scenarios that are nearest to all, together: the best selection of its size.

    ``min sum_j d(j, kept)`` over all sets of `count` scenarios, each as likely as any other.

    Parameters
    ----------
    points : (scenarios, features) array
        See `features`. A feature whose range is below a millionth of the widest one's counts for
        nothing.
    count : int
        How many to keep, from 1 to all.

    Returns
    -------
    Selection
        Kept ones in ascending order.

    Raises
    ------
    MissingExtraError
        If tsam is not installed.
    """
    place, weight = check_points(points, count, None)
    reach = np.ptp(place, axis=0)
    differing = reach > _LEAST_WEIGHT * reach.max(initial=0.0)
    if not differing.any():
        kept = np.arange(count, dtype=np.intp)  # all are the same
    else:
        kept = _by_tsam(place[:, differing], reach[differing], count)
    return select(place, kept, weight)


def _by_tsam(place: FloatArray, reach: FloatArray, count: int) -> IntArray:
    """Have tsam choose among days of a single step."""
    tsam = _tsam()
    table = pd.DataFrame(
        place,
        index=pd.date_range("2001-01-01", periods=len(place), freq="D"),
        columns=[f"feature {at}" for at in range(place.shape[1])],
    )
    found = tsam.aggregate(
        table,
        count,
        period_duration=_DAY_H,
        temporal_resolution=_DAY_H,
        cluster=tsam.ClusterConfig(
            method=tsam.KMedoids(solver="highs", options=dict(_OPTIMAL)), representation="medoid"
        ),
        # It divides every column by its range, which is taken back: distances are the caller's.
        weights=dict(zip(table.columns, (reach / reach.max()).tolist(), strict=True)),
        preserve_column_means=False,
        numerical_tolerance=np.inf,  # of a check of the days that it computes, which nobody reads
    )
    return np.sort(np.asarray(found.clustering.cluster_centers, dtype=np.intp))


def _tsam() -> Any:
    try:
        return importlib.import_module("tsam")
    except ModuleNotFoundError as error:
        if error.name != "tsam":
            raise  # it is there; what it imports is not
        raise MissingExtraError("kmedoids", ["tsam"]) from error
