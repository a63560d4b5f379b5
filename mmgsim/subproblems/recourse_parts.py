"""Parts of a recourse that share nothing: what is best in one does not depend on the others.

While vehicles are away an hour has nothing to do with the next one, so that a recourse falls into
parts. A part only knows its own unknowns: where two courses of what may happen agree on those, one
copy of the part serves both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.linear_program import propagated
from mmgsim.subproblems.recourse import Recourse

__all__ = ["RecoursePart", "parts_of"]

# Columns whose limits are this close are held: vehicles that are away hold nothing.
_HELD = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class RecoursePart:
    """Rows and columns that share nothing with others but columns that are held anyhow.

    Parameters
    ----------
    rows, columns : int arrays
        Of the recourse.
    unknowns : int array
        On which its right-hand sides depend.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    unknowns: NDArray[np.intp]

    def key(self, unknown: FloatArray) -> bytes:
        """Give what tells apart unknowns that differ for this part."""
        return unknown[self.unknowns].tobytes()


def parts_of(recourse: Recourse) -> tuple[RecoursePart, ...]:
    """Give the parts of a recourse; those that nothing uncertain reaches are one."""
    rows = recourse.matrix.shape[0]
    moving = sparse.csr_array(
        recourse.matrix @ sparse.diags_array((~_is_held(recourse)).astype(float))
    )
    moving.eliminate_zeros()
    _, label = connected_components(
        sparse.block_array([[None, moving], [moving.T, None]]), directed=False
    )
    reached = sparse.coo_array(recourse.on_unknown)
    pairs = np.unique(np.stack([label[reached.row], reached.col]), axis=1)
    is_certain = ~np.isin(label, pairs[0])
    label = np.where(is_certain, -1, label)
    return tuple(
        RecoursePart(
            rows=np.flatnonzero(label[:rows] == one),
            columns=np.flatnonzero(label[rows:] == one),
            unknowns=pairs[1][pairs[0] == one],
        )
        for one in np.unique(label)
    )


def _is_held(recourse: Recourse) -> NDArray[np.bool_]:
    """Tell which columns have one value, whatever is decided and whatever comes."""
    moves = sum(
        np.asarray(abs(on).sum(axis=1)).ravel() for on in (recourse.on_first, recourse.on_unknown)
    )
    least = np.where(moves > 0.0, -np.inf, recourse.base)
    most = np.where((moves > 0.0) | ~recourse.is_equation, np.inf, recourse.base)
    low = np.where(recourse.is_free, -np.inf, 0.0)
    low, high = propagated(recourse.matrix, (least, most), (low, np.full(len(low), np.inf)))
    return np.asarray(high - low <= _HELD)
