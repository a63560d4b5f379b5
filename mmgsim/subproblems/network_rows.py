"""The DNO's answer to a pattern of exchanges: tangents of the limits that it breaks, and losses.

Where limits are convex in the exchanges, tangents at ever better patterns close in on what the
network carries from outside (J. E. Kelley, "The cutting-plane method for solving convex programs",
J. SIAM 8(4), 1960, doi:10.1137/0108053). Low voltages are so. A high voltage rises ever more
slowly with what is sent out, so that its tangent promises more rise than there is and cuts off a
little too much. A current is the apparent power over the voltage: it rises ever faster with what is
drawn, but where power flows back the voltage rises with it, and the current ever more slowly. So
a tangent goes where the next one of the same limit leaves more room at its own point; a bound holds
within those that are left.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import (
    FloatArray,
    LimitKind,
    LinearisedStep,
    NetworkQuery,
    NetworkRows,
    frozen,
)
from mmgsim.subproblems.operator import LimitBlock, limit_blocks

__all__ = ["NEAR_SHARE", "network_rows"]

MARGIN_SHARE = 1e-5
"""Part of a limit that its tangents leave free.

Patterns come to a limit from outside and stop just beyond their tangents: within the limit then.
"""

NEAR_SHARE = {LimitKind.VOLTAGE_MAX: 2e-3, LimitKind.VOLTAGE_MIN: 2e-3, LimitKind.CURRENT: 2e-2}
"""So near to a limit, as a share of it, its tangent is told along with those that are broken.

The next pattern often moves on to the neighbours of what it is kept from.
"""

WEAKEST_PER_KW = 1e-9
"""A limit that no microgrid moves by more, as a share of it per kW, is left to the DNO."""


def network_rows(
    query: NetworkQuery, points: Sequence[LinearisedStep | None], members: tuple[str, ...]
) -> NetworkRows:
    """Give the rows of a window around a pattern of exchanges.

    Parameters
    ----------
    query : NetworkQuery
        With the pattern.
    points : sequence of LinearisedStep
        Around it; a step without a power flow has none, or one around something else, whose
        tangents are then told as far as the pattern breaks them.
    members : tuple of str
        Names in the order of the columns.
    """
    exchange_kw = np.stack([query.exchange_kw[name] for name in members], axis=1)
    again: dict[int, set[tuple[LimitKind, int]]] = {}
    for offset, kind, element in query.again:
        again.setdefault(offset, set()).add((kind, element))
    found = [
        _Rows.none(len(members)) if point is None else _step(kw, point, again.get(k, set()))
        for k, (kw, point) in enumerate(zip(exchange_kw, points, strict=True))
    ]
    steps = range(len(found))
    return NetworkRows(
        window=query.window,
        members=members,
        offset=tuple(k for k in steps for _ in found[k].kind),
        limit_kind=tuple(kind for one in found for kind in one.kind),
        element=tuple(element for one in found for element in one.element),
        coefficient=frozen(np.concatenate([one.coefficient for one in found])),
        limit=frozen(np.concatenate([one.limit for one in found])),
        share_per_kw=frozen(np.concatenate([one.share_per_kw for one in found])),
        loss_kw=frozen([np.nan if p is None else p.loss_kw for p in points]),
        loss_per_kw=frozen(
            [np.full(len(members), np.nan) if p is None else p.loss_per_kw for p in points]
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows of one step; see `NetworkRows`."""

    kind: tuple[LimitKind, ...]
    element: tuple[int, ...]
    coefficient: FloatArray
    limit: FloatArray
    share_per_kw: FloatArray

    @classmethod
    def none(cls, members: int) -> _Rows:
        return cls((), (), np.zeros((0, members)), np.zeros(0), np.zeros(0))


def _step(
    exchange_kw: FloatArray, point: LinearisedStep, again: Collection[tuple[LimitKind, int]]
) -> _Rows:
    """Give the rows of a step: where all limits are kept, only those asked for again."""
    blocks = limit_blocks(point)
    excess = [_excess_share(block, point, exchange_kw) for block in blocks]
    is_kept = max(float(one.max(initial=-np.inf)) for one in excess) <= 0.0
    parts = []
    for block, one in zip(blocks, excess, strict=True):
        told = np.array([(block.kind, k) in again for k in block.element.tolist()], dtype=bool)
        told &= np.isfinite(one)
        if not is_kept:
            told |= one > -NEAR_SHARE[block.kind]
        parts.append(_told(block, told, point))
    return _Rows(
        kind=tuple(kind for part in parts for kind in part.kind),
        element=tuple(element for part in parts for element in part.element),
        coefficient=np.concatenate([part.coefficient for part in parts]),
        limit=np.concatenate([part.limit for part in parts]),
        share_per_kw=np.concatenate([part.share_per_kw for part in parts]),
    )


def _excess_share(block: LimitBlock, point: LinearisedStep, exchange_kw: FloatArray) -> FloatArray:
    """Give by how much a pattern breaks the tangents of limits, as shares of them.

    Limits that nobody moves, or that are not known, are not broken by anybody.
    """
    per_kw = np.abs(block.per_kw).max(axis=1, initial=0.0)
    taken = block.per_kw @ (exchange_kw - point.exchange_kw)
    excess = (taken - block.room) / block.limit
    is_moved = np.isfinite(excess) & (per_kw / block.limit > WEAKEST_PER_KW)
    return np.asarray(np.where(is_moved, excess, -np.inf))


def _told(block: LimitBlock, told: NDArray[np.bool_], point: LinearisedStep) -> _Rows:
    """Give some of the tangents, in kW of who moves them most."""
    per_kw = block.per_kw[told]
    scale = np.abs(per_kw).max(axis=1, initial=0.0)
    margin = MARGIN_SHARE * np.broadcast_to(block.limit, told.shape)[told]
    room = (block.room[told] - margin + per_kw @ point.exchange_kw) / scale
    return _Rows(
        kind=(block.kind,) * int(told.sum()),
        element=tuple(block.element[told].tolist()),
        coefficient=per_kw / scale[:, None],
        limit=np.maximum(room, 0.0),
        share_per_kw=scale / np.broadcast_to(block.limit, told.shape)[told],
    )
