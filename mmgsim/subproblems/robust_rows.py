"""Rows that follow from whole doors, and cut off what lies between open and shut.

With `demand` and `sun` of one unknown, and `need` their difference, in every step of a microgrid

- something else covers the need where no door lets power in: ``cover >= need * (1 - doors in)``;
- what a door lets in serves the need, or is absorbed: ``flow <= need * door + absorb + spilled``;
- what a door lets out is surplus, or comes from elsewhere: ``flow <= surplus * door + cover``.

All hold at every decision as nobody passes power on. Doors stand beside numbers of the unknown, so
that the rows have a place in copies of the recourse and not in the recourse itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.doors import Door
from mmgsim.subproblems.recourse import Recourse
from mmgsim.subproblems.robust_unknowns import RobustUnknowns

__all__ = ["StrongerRows"]

Rows = tuple[Any, Any, FloatArray]
"""On the recourse, on decisions, and what they reach at least."""


class StrongerRows:
    """Gives the rows of one unknown.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        Of the recourse.
    recourse : Recourse
        Read from it.
    doors : sequence of Door
        In the order of decisions.
    unknowns : RobustUnknowns
        What may happen.
    """

    def __init__(
        self, model: Any, recourse: Recourse, doors: Sequence[Door], unknowns: RobustUnknowns
    ) -> None:
        self._unknowns = unknowns
        self._shape = (len(recourse.costs), recourse.on_first.shape[1])
        self._flow = recourse.columns(model.flow_kw)
        self._sums = {
            name: np.stack([recourse.columns(getattr(m, name)) for m in model.member.values()])
            for name in ("cover_kw", "absorb_kw", "sun_kw")
        }
        row = {name: i for i, name in enumerate(model.member)}
        self._ends = {
            side: np.array(
                [
                    (k, row[name], door.step)
                    for k, door in enumerate(doors)
                    if (name := getattr(door, side))
                ],
                dtype=np.intp,
            ).reshape(-1, 3)
            for side in ("target", "source")
        }

    def at(self, unknown: FloatArray) -> Rows:
        """Give the rows of an unknown."""
        sun_kw, demand_kw = self._unknowns.sun_kw(unknown), self._unknowns.demand_kw(unknown)
        need_kw = demand_kw - sun_kw
        blocks = [
            self._cover(np.maximum(need_kw, 0.0)),
            self._enter(np.maximum(need_kw, 0.0), sun_kw),
            self._leave(np.maximum(-need_kw, 0.0)),
        ]
        on_y, on_first, least = zip(*blocks, strict=True)
        return sparse.vstack(on_y), sparse.vstack(on_first), np.concatenate(least)

    def _cover(self, need_kw: FloatArray) -> Rows:
        cells = np.argwhere(need_kw > 0.0)
        place = np.full(need_kw.shape, -1)
        place[tuple(cells.T)] = np.arange(len(cells))
        door, member, step = self._ends["target"].T
        at = place[member, step]
        used = at >= 0
        need = need_kw[tuple(cells.T)]
        columns = self._sums["cover_kw"][tuple(cells.T)]
        on_y = self._matrix(0, np.arange(len(cells)), columns, np.ones(len(cells)), len(cells))
        on_first = self._matrix(1, at[used], door[used], need[at[used]], len(cells))
        return on_y, on_first, need

    def _enter(self, need_kw: FloatArray, sun_kw: FloatArray) -> Rows:
        door, member, step = self._ends["target"].T
        rows = np.arange(len(door))
        ones = np.ones(len(door))
        count = len(door)
        on_y = (
            self._matrix(0, rows, self._sums["absorb_kw"][member, step], ones, count)
            - self._matrix(0, rows, self._sums["sun_kw"][member, step], ones, count)
            - self._matrix(0, rows, self._flow[door], ones, count)
        )
        on_first = self._matrix(1, rows, door, need_kw[member, step], count)
        return on_y, on_first, -sun_kw[member, step]

    def _leave(self, surplus_kw: FloatArray) -> Rows:
        door, member, step = self._ends["source"].T
        rows, ones, count = np.arange(len(door)), np.ones(len(door)), len(door)
        on_y = self._matrix(
            0, rows, self._sums["cover_kw"][member, step], ones, count
        ) - self._matrix(0, rows, self._flow[door], ones, count)
        on_first = self._matrix(1, rows, door, surplus_kw[member, step], count)
        return on_y, on_first, np.zeros(count)

    def _matrix(self, side: int, rows: Any, columns: Any, values: Any, count: int) -> Any:
        return sparse.csr_array((values, (rows, columns)), shape=(count, self._shape[side]))
