"""What a coordination knows of the network: rows on the exchanges, gathered pattern by pattern.

    ``sum_i a[row, i] * exchange[i, t] <= limit[row]``

and, where losses cost something, ``loss[t] >= loss0 + sum_i g[i] (exchange[i, t] - exchange0[i])``:
losses are convex in the exchanges, so tangents lie below them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mmgsim.contracts import FloatArray, LimitKind, NetworkRows, ShadowPrices, Window, frozen
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.linear_form import IndexArray

__all__ = ["NetworkLimits", "push_limits"]

LOSS = "loss"
"""Kind of the rows about losses, beside those of `LimitKind`."""

KEPT_KW = 1e-4
"""A row is kept that is broken by no more; what is left is the rounding of a solver."""

ROOM_SHARE = 1e-3
"""A limit has moved on where its tangent leaves so much room, as a share of its limit."""

STRAY_SHARE = 1e-4
"""A tangent that leaves less room than there is, by this share of its limit, is dropped."""

MOVING = frozenset({LimitKind.VOLTAGE_MAX, LimitKind.CURRENT})
"""Kinds of limits whose tangents may cut off what the network carries; see `network_rows`."""

Key = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkLimits:
    """Rows that hold in a gate.

    Parameters
    ----------
    loss_per_kwh : (steps,) array
        What a lost kWh costs; 0 where losses are nobody's concern. [currency/kWh]
    offset : (rows,) int array
        Position of the step in the window.
    key : tuple of (str, int)
        Kind of each row's limit, and its bus or branch.
    coefficient : (rows, members) array
        Per kW that leaves a microgrid.
    limit : (rows,) array
        [kW]
    share_per_kw : (rows,) array
        Part of the whole limit of the bus or branch that a kW of the row is.
    """

    loss_per_kwh: FloatArray
    offset: NDArray[np.intp]
    key: tuple[Key, ...]
    coefficient: FloatArray
    limit: FloatArray
    share_per_kw: FloatArray

    @classmethod
    def none(cls, members: int, loss_per_kwh: FloatArray) -> NetworkLimits:
        """Give no rows. Losses that would earn something are left out: nobody could bound them."""
        price, nothing = np.maximum(loss_per_kwh, 0.0), np.zeros(0)
        return cls(price, np.zeros(0, np.intp), (), np.zeros((0, members)), nothing, nothing)

    def __len__(self) -> int:
        return len(self.limit)

    @property
    def is_loss(self) -> NDArray[np.bool_]:
        """Which rows are about losses."""
        return np.array([kind == LOSS for kind, _ in self.key], dtype=bool)

    # --------------------------------------------------------------------------------- learning
    def learn(self, rows: NetworkRows, exchange_kw: FloatArray) -> NetworkLimits:
        """Give these rows and those of a pattern.

        An older tangent stays as long as it leaves no less room at the pattern than the new one of
        the same limit, which is true there: where it leaves less, it cuts off what is carried.

        Parameters
        ----------
        rows : NetworkRows
            The DNO's answer.
        exchange_kw : (members, steps) array
            The pattern. [kW]
        """
        new = self._of(rows, exchange_kw)
        told = dict(zip(new._limits(), new._room_share(exchange_kw), strict=True))
        is_kept = np.array(
            [
                limit[1][0] == LOSS or room >= told.get(limit, -np.inf) - STRAY_SHARE
                for limit, room in zip(self._limits(), self._room_share(exchange_kw), strict=True)
            ],
            dtype=bool,
        )
        return self.only(is_kept).joined(new)

    def _of(self, rows: NetworkRows, exchange_kw: FloatArray) -> NetworkLimits:
        """Give an answer as rows, those about losses where these cost something."""
        priced = np.flatnonzero((self.loss_per_kwh > 0.0) & np.isfinite(rows.loss_kw))
        slope = rows.loss_per_kw[priced]
        spent_kw = np.einsum("ti,it->t", slope, exchange_kw[:, priced]) - rows.loss_kw[priced]
        keys = [(str(k), e) for k, e in zip(rows.limit_kind, rows.element, strict=True)]
        return replace(
            self,
            offset=np.concatenate([np.array(rows.offset, dtype=np.intp), priced]),
            key=(*keys, *((LOSS, 0) for _ in priced)),
            coefficient=np.concatenate([rows.coefficient, slope]),
            limit=np.concatenate([rows.limit, spent_kw]),
            share_per_kw=np.concatenate([rows.share_per_kw, np.ones(len(priced))]),
        )

    def only(self, chosen: NDArray[np.bool_]) -> NetworkLimits:
        """Give some of the rows."""
        return replace(
            self,
            offset=self.offset[chosen],
            key=tuple(key for key, is_in in zip(self.key, chosen, strict=True) if is_in),
            coefficient=self.coefficient[chosen],
            limit=self.limit[chosen],
            share_per_kw=self.share_per_kw[chosen],
        )

    def joined(self, other: NetworkLimits) -> NetworkLimits:
        """Give these rows and others of the same window."""
        return replace(
            self,
            offset=np.concatenate([self.offset, other.offset]),
            key=(*self.key, *other.key),
            coefficient=np.concatenate([self.coefficient, other.coefficient]),
            limit=np.concatenate([self.limit, other.limit]),
            share_per_kw=np.concatenate([self.share_per_kw, other.share_per_kw]),
        )

    # ---------------------------------------------------------------------------------- judging
    def _taken_kw(self, exchange_kw: FloatArray) -> FloatArray:
        taken: FloatArray = (self.coefficient * exchange_kw[:, self.offset].T).sum(axis=1)
        return taken

    def _limits(self) -> list[tuple[int, Key]]:
        """Give whose limits the rows are: step in the window, kind and bus or branch."""
        return list(zip(self.offset.tolist(), self.key, strict=True))

    def _room_share(self, exchange_kw: FloatArray) -> FloatArray:
        """Give what a pattern leaves of each row, as a share of the whole limit."""
        return np.asarray((self.limit - self._taken_kw(exchange_kw)) * self.share_per_kw)

    def are_broken(self, exchange_kw: FloatArray) -> bool:
        """Tell whether exchanges, (members, steps) [kW], break a limit."""
        over_kw = (self._taken_kw(exchange_kw) - self.limit)[~self.is_loss]
        return bool(over_kw.max(initial=-np.inf) > KEPT_KW)

    def members_at_limits(self, exchange_kw: FloatArray) -> NDArray[np.bool_]:
        """Tell who is part of a limit that exchanges, (members, steps) [kW], leave no room.

        In any step, and by however little: each kW of a member that is part of it counts.
        """
        is_full = (self.limit - self._taken_kw(exchange_kw) <= KEPT_KW) & ~self.is_loss
        return np.asarray((self.coefficient[is_full] != 0.0).any(axis=0))

    def gained_room(self, before: NetworkLimits, exchange_kw: FloatArray) -> bool:
        """Tell whether a pattern is at a limit that has since moved on, or is none any more."""
        now_kw: dict[tuple[int, Key], float] = {}
        rooms_kw = self.limit - self._taken_kw(exchange_kw)
        for at, key, room in zip(self.offset.tolist(), self.key, rooms_kw, strict=True):
            if key[0] != LOSS:
                now_kw[at, key] = min(room, now_kw.get((at, key), np.inf))
        room_kw = before.limit - before._taken_kw(exchange_kw)
        return any(
            room <= KEPT_KW and now_kw.get((at, key), np.inf) > ROOM_SHARE * max(limit, 1.0)
            for at, key, room, limit in zip(
                before.offset.tolist(), before.key, room_kw, before.limit, strict=True
            )
            if key[0] != LOSS
        )

    def moving(self) -> NetworkLimits:
        """Give the rows whose tangents may cut off too much."""
        return self.only(np.array([kind in MOVING for kind, _ in self.key], dtype=bool))

    def places(self) -> tuple[tuple[int, LimitKind, int], ...]:
        """Give whose limits the rows are: step in the window, kind, bus or branch."""
        return tuple(
            dict.fromkeys(
                (int(at), LimitKind(kind), place)
                for at, (kind, place) in zip(self.offset, self.key, strict=True)
                if kind != LOSS
            )
        )

    def loss_kw(self, exchange_kw: FloatArray) -> FloatArray:
        """Give the least losses that the rows allow for exchanges: (steps,) array. [kW]"""
        least_kw = np.zeros(len(self.loss_per_kwh))
        is_loss = self.is_loss
        over_kw = (self._taken_kw(exchange_kw) - self.limit)[is_loss]
        np.maximum.at(least_kw, self.offset[is_loss], over_kw)
        return least_kw

    def loss_cost(self, exchange_kw: FloatArray, step_h: float) -> float:
        """Give what those losses cost. [currency]"""
        return step_h * float(self.loss_per_kwh @ self.loss_kw(exchange_kw))

    # ---------------------------------------------------------------------------------- pricing
    def charges_per_kwh(self, multipliers: FloatArray, step_h: float) -> FloatArray:
        """Give what one more kWh leaving each microgrid costs the network.

        Parameters
        ----------
        multipliers : (..., rows) array
            What one more kW of room is worth. [currency/kW]
        step_h : float
            Length of a step. [h]

        Returns
        -------
        (..., members, steps) array
            [currency/kWh]
        """
        shape = (*multipliers.shape[:-1], self.coefficient.shape[1], len(self.loss_per_kwh))
        if not len(self):
            return np.zeros(shape)
        weighted = multipliers[..., None, :] * self.coefficient.T
        charges: FloatArray = (weighted.reshape(-1, len(self)) @ self._of_step) / step_h
        return charges.reshape(shape)

    def bounded(self, multipliers: FloatArray, step_h: float) -> FloatArray:
        """Give multipliers, (..., rows), at which the least cost of losses is not minus infinity.

        In each step those of losses add up to the price of losses at most.
        """
        is_loss = self.is_loss
        found = np.maximum(multipliers, 0.0)
        total: FloatArray = (found * is_loss) @ self._of_step
        most = step_h * self.loss_per_kwh
        share = np.divide(most, total, out=np.ones_like(total), where=total > most)
        return np.where(is_loss, found * share[..., self.offset], found)

    @property
    def _of_step(self) -> Any:
        """Give the (rows, steps) matrix that adds up the rows of each step."""
        rows = np.arange(len(self))
        shape = (len(self), len(self.loss_per_kwh))
        return sparse.csr_array((np.ones(len(self)), (rows, self.offset)), shape=shape)

    def worth(
        self,
        multipliers: FloatArray,
        window: Window,
        energy_per_kwh: FloatArray,
        names: Sequence[str],
    ) -> ShadowPrices:
        """Give what the limits were worth at some multipliers, with the prices around them."""
        prices = energy_per_kwh - self.charges_per_kwh(multipliers, window.step_h)
        chosen = np.flatnonzero((multipliers > 0.0) & ~self.is_loss)
        return ShadowPrices(
            window=window,
            energy_per_kwh=frozen(energy_per_kwh),
            loss_per_kwh=frozen(self.loss_per_kwh),
            prices_per_kwh={n: frozen(own) for n, own in zip(names, prices, strict=True)},
            offset=tuple(self.offset[chosen].tolist()),
            limit_kind=tuple(LimitKind(self.key[row][0]) for row in chosen),
            element=tuple(self.key[row][1] for row in chosen),
            worth_per_h=frozen(multipliers[chosen] / self.share_per_kw[chosen] / window.step_h),
        )

    # ------------------------------------------------------------------------- from gate to gate
    def memory(self, multipliers: FloatArray, window: Window) -> dict[str, Any]:
        """Give what the next gate may begin with: limits that had a price."""
        part = self.only((multipliers > 0.0) & ~self.is_loss)
        return {
            "step": part.offset + window.first_step,
            "key": part.key,
            "coefficient": part.coefficient,
            "limit": part.limit,
            "share_per_kw": part.share_per_kw,
        }

    def remembering(self, memory: Mapping[str, Any], window: Window) -> NetworkLimits:
        """Give these rows and those of an earlier gate that are about steps of this window."""
        if not memory or memory["coefficient"].shape[1] != self.coefficient.shape[1]:
            return self
        at = np.asarray(memory["step"]) - window.first_step
        rows = {name: memory[name] for name in ("key", "coefficient", "limit", "share_per_kw")}
        old = NetworkLimits(self.loss_per_kwh, at, **rows)
        return self.joined(old.only((at >= 0) & (at < window.steps)))


def push_limits(
    solver: CompiledHighs,
    limits: NetworkLimits,
    leaving: IndexArray,
    *,
    entering: IndexArray | None = None,
    step_h: float,
) -> IndexArray:
    """Add the rows, and columns for losses, to a solver without added rows; give their positions.

    Parameters
    ----------
    solver : CompiledHighs
        Of the problem.
    limits : NetworkLimits
        The rows.
    leaving, entering : (members, steps) int arrays
        Columns whose difference is the exchange; without `entering`, the first alone is.
    step_h : float
        Length of a step. [h]
    """
    if not len(limits):
        return np.zeros(0, dtype=np.int32)
    is_loss = limits.is_loss
    priced = np.unique(limits.offset[is_loss])
    height, first = solver.shape
    if len(priced):
        nothing = sparse.csc_array((height, len(priced)))
        solver.add_columns(step_h * limits.loss_per_kwh[priced], nothing)
    places = np.zeros((len(limits), len(limits.loss_per_kwh)), dtype=np.intp)
    places[:, priced] = first + np.arange(len(priced))
    row, member = np.nonzero(limits.coefficient)
    value, at, about = limits.coefficient[row, member], limits.offset[row], np.flatnonzero(is_loss)
    parts: list[tuple[Any, Any, Any]] = [
        (row, leaving[member, at], value),
        (about, places[about, limits.offset[about]], np.full(len(about), -1.0)),
    ]
    if entering is not None:
        parts.append((row, entering[member, at], -value))
    rows, columns, values = (np.concatenate(side) for side in zip(*parts, strict=True))
    entries = sparse.csr_array((values, (rows, columns)), shape=(len(limits), solver.shape[1]))
    return solver.add_rows(np.full(len(limits), -np.inf), limits.limit, entries)
