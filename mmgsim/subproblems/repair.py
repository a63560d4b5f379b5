r"""The cut of a review: limits of one step that keep the network where a plan does not.

Around the AC point of the plan ``x`` the broken limits are rows ``a x > b``, exact there and
linear nearby. Afterwards the microgrids plan again, anywhere inside their new limits, so the new
limits have to keep the rows; but limits that keep them at whatever anybody could do would cut
those who do no harm. The rule stands between:

1. A microgrid *loads* a row if its planned exchange adds to it, ``a_i x_i >= 0``, and its hold on
   the row is not weak, ``|a_i| >= 0.02 max_j |a_j|``. All others are expected to go on as planned
   and are left alone.
2. Who loads a row gets its planned exchange as limit on that side, so that nobody fills the room
   that another one makes. The other side of its connection stays as it was.
3. From there the least total cut is made such that every exchange of the loading microgrids within
   their limits keeps the rows (`mmgsim.subproblems.least_cut`).
4. A row that is still broken when all who load it stand still belongs to the background: it is
   left out, for cutting would shed load for nothing.

Voltage and current are curved, and the tangent at the plan promises too much; the cut therefore
relieves a row by 5 % more than it is broken. What the curvature and the others' new plans leave is
for the next round. Limits only shrink and always contain zero exchange.
"""

from __future__ import annotations

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.operator import LimitRows, least_cut

__all__ = ["halfway_limits", "loading_rows", "repaired_limits"]

WEAK_HOLD = 0.02
OVERCUT = 0.05
_TOLERANCE = 1e-9

Limits = tuple[FloatArray, FloatArray]


def repaired_limits(
    rows: LimitRows, limits: Limits, plan_kw: FloatArray, *, least: Limits, step: int
) -> Limits:
    """Give limits ``(low, high)`` of one step within the former ones, so that the rows are kept.

    Parameters
    ----------
    rows : LimitRows
        Around the plan.
    limits : pair of (members,) arrays
        Limits so far, ``low <= 0 <= high``. [kW]
    plan_kw : (members,) array
        Planned exchange. [kW]
    least : pair of (members,) arrays
        Limits that are never cut, ``low <= 0 <= high``. [kW]
    step : int
        For messages.
    """
    low_kw, high_kw = limits
    loading = loading_rows(rows, plan_kw)
    if not len(loading.room):
        return limits
    ends_low, ends_high = np.minimum(plan_kw, 0.0), np.maximum(plan_kw, 0.0)
    floor_low, floor_high = np.maximum(least[0], low_kw), np.minimum(least[1], high_kw)
    is_low, is_high = ((loading.coefficient * sign > 0.0).any(axis=0) for sign in (-1.0, 1.0))
    low_kw = np.where(is_low, np.clip(ends_low, low_kw, floor_low), low_kw)
    high_kw = np.where(is_high, np.clip(ends_high, floor_high, high_kw), high_kw)
    # Only what lies beyond the floors can be cut, so the problem is stated in that part.
    beyond = LimitRows(loading.coefficient, -loading.worst(floor_low, floor_high))
    low_cut, high_cut = least_cut(
        beyond, low_kw - floor_low, high_kw - floor_high, least_share=0.0, step=step
    )
    return floor_low + low_cut, floor_high + high_cut


def loading_rows(rows: LimitRows, plan_kw: FloatArray) -> LimitRows:
    """Give the rows that the plan breaks and a cut can mend, in the exchanges that load them.

    What the other microgrids add or relieve as planned is part of the room.
    """
    excess = rows.coefficient @ plan_kw - rows.room
    broken = excess > _TOLERANCE
    coefficient, excess = rows.coefficient[broken], excess[broken]
    part = coefficient * plan_kw
    size = np.abs(coefficient)
    loads = (part >= 0.0) & (size >= WEAK_HOLD * size.max(axis=1, keepdims=True, initial=0.0))
    room = rows.room[broken] - np.where(loads, 0.0, part).sum(axis=1)
    mendable = LimitRows(np.where(loads, coefficient, 0.0), room)
    margin = OVERCUT * excess[room >= 0.0]
    kept = mendable.kept_at_zero()
    return LimitRows(kept.coefficient, np.maximum(kept.room - margin, 0.0))


def halfway_limits(limits: Limits, plan_kw: FloatArray, *, least: Limits) -> Limits:
    """Give limits of a step whose plan has no power flow: half the plan, on both sides."""
    low_kw, high_kw = limits
    floor_low, floor_high = np.maximum(least[0], low_kw), np.minimum(least[1], high_kw)
    return (
        np.clip(0.5 * np.minimum(plan_kw, 0.0), low_kw, floor_low),
        np.clip(0.5 * np.maximum(plan_kw, 0.0), floor_high, high_kw),
    )
