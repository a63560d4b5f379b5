"""What can still be done once the unknown is known, as numbers read from a Pyomo LP.

    ``min costs @ y + offset``  over  ``matrix @ y >= base + on_first @ x + on_unknown @ u``,

with equations in place of some of the rows, and with ``y >= 0`` in place of free for some columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.affine import AffineNumbers
from mmgsim.subproblems.linear_form import LinearForm

__all__ = ["Recourse"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Recourse:
    """The second stage of a two-stage problem.

    Parameters
    ----------
    costs : (columns,) array
        Of the recourse variables y.
    offset : float
        Added to them.
    matrix : sparse (rows, columns) array
        On y.
    base : (rows,) array
        Right-hand sides where first decisions and unknowns are zero.
    on_first, on_unknown : sparse (rows, decisions) and (rows, unknowns) arrays
        What they add to the right-hand sides.
    is_equation : (rows,) array of bool
        The others are "at least".
    is_free : (columns,) array of bool
        The others are not below zero.
    column : mapping
        Position of a Pyomo variable by its id, for as long as its model lives.
    """

    costs: FloatArray
    offset: float
    matrix: Any
    base: FloatArray
    on_first: Any
    on_unknown: Any
    is_equation: BoolArray
    is_free: BoolArray
    column: Mapping[int, int] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: Any, *, first: Any, unknown: Any) -> Recourse:
        """Read a Pyomo LP.

        Parameters
        ----------
        model : pyomo.environ.ConcreteModel
            To be minimised, without integers.
        first, unknown : mutable Pyomo Params
            The decisions of the first stage and the unknowns. They may stand on right-hand sides
            and in limits of variables, each by itself; all other Params are taken as they are.

        Raises
        ------
        ValueError
            If it is no such LP.
        """
        form = LinearForm(model)
        if len(form.integers) or form.is_maximised:
            raise ValueError("what is left to do is an LP to be minimised, without integers")
        decided, found = (form.table.positions(param) for param in (first, unknown))
        movable = np.concatenate([decided, found])
        if form.costs.moves_with(_among(movable, form)) or form.entries.moves_with(
            _among(movable, form)
        ):
            raise ValueError(
                "first decisions and unknowns stand on right-hand sides and in limits of "
                "variables, not beside variables or in the objective"
            )
        return _Reader(form, decided, found).recourse()

    def columns(self, component: Any) -> NDArray[np.intp]:
        """Give the positions of a Var's data among the columns."""
        data = component.values() if component.is_indexed() else [component]
        return np.array([self.column[id(one)] for one in data], dtype=np.intp)

    def right_hand_side(self, first: FloatArray, unknown: FloatArray) -> FloatArray:
        """Give what the rows have to reach."""
        sides: FloatArray = self.base + self.on_first @ first + self.on_unknown @ unknown
        return sides


def _among(positions: NDArray[np.intp], form: LinearForm) -> BoolArray:
    changed = np.zeros(len(form.table), dtype=bool)
    changed[positions[positions >= 0]] = True
    return changed


class _Reader:
    """Gathers rows of the normal form: limits of rows first, then those of columns."""

    def __init__(
        self, form: LinearForm, decided: NDArray[np.intp], found: NDArray[np.intp]
    ) -> None:
        self._form, self._decided, self._found = form, decided, found
        shape = (len(form.constraints), len(form.variables))
        self._entries = sparse.csr_array((form.entries.values(), form.place), shape=shape)
        self._blocks: list[tuple[Any, FloatArray, Any, Any, bool]] = []

    def recourse(self) -> Recourse:
        form = self._form
        self._take(self._entries, form.row_limits, np.ones((2, self._entries.shape[0]), dtype=bool))
        one_each = sparse.eye_array(len(form.variables), format="csr")
        low = form.column_limits[0].values()
        is_zero = (low == 0.0) & ~self._moves(form.column_limits[0])
        self._take(one_each, form.column_limits, np.stack([~is_zero, np.full(len(low), True)]))
        matrix, base, on_first, on_unknown, equations = zip(*self._blocks, strict=True)
        return Recourse(
            costs=form.costs.values(),
            offset=float(form.offset.values()[0]),
            matrix=sparse.csr_array(sparse.vstack(matrix)),
            base=np.concatenate(base),
            on_first=sparse.csr_array(sparse.vstack(on_first)),
            on_unknown=sparse.csr_array(sparse.vstack(on_unknown)),
            is_equation=np.repeat(equations, [len(side) for side in base]),
            is_free=~is_zero,
            column=form.column,
        )

    def _take(self, entries: Any, limits: Sequence[AffineNumbers], chosen: BoolArray) -> None:
        """Take the finite sides of rows; those with both sides the same are equations."""
        values = [side.values() for side in limits]
        slopes = [self._slopes(side) for side in limits]
        is_same = (values[0] == values[1]) & ~_differ(*slopes)
        both = is_same & chosen.all(axis=0)
        self._add(entries, values[0], slopes[0], both, is_equation=True)
        for side, sign in ((0, 1.0), (1, -1.0)):
            rows = np.isfinite(values[side]) & ~both & chosen[side]
            self._add(sign * entries, sign * values[side], sign * slopes[side], rows)

    def _add(
        self,
        entries: Any,
        values: FloatArray,
        slopes: Any,
        rows: BoolArray,
        *,
        is_equation: bool = False,
    ) -> None:
        at = np.flatnonzero(rows)
        on = [_columns(slopes[at], where) for where in (self._decided, self._found)]
        now = [
            part @ np.where(where >= 0, self._form.table.values[where], 0.0)
            for part, where in zip(on, (self._decided, self._found), strict=True)
        ]
        self._blocks.append((entries[at], values[at] - now[0] - now[1], *on, is_equation))

    def _slopes(self, numbers: AffineNumbers) -> Any:
        return numbers.slopes(len(self._form.table))

    def _moves(self, numbers: AffineNumbers) -> BoolArray:
        movable = np.concatenate([self._decided, self._found])
        return np.asarray(abs(_columns(self._slopes(numbers), movable)).sum(axis=1) > 0.0).ravel()


def _columns(matrix: Any, positions: NDArray[np.intp]) -> Any:
    """Give columns of a matrix; empty ones for Params that are never used."""
    part = matrix[:, np.where(positions >= 0, positions, 0)]
    return sparse.csr_array(part @ sparse.diags_array((positions >= 0).astype(float)))


def _differ(one: Any, other: Any) -> BoolArray:
    return np.asarray(abs(one - other).sum(axis=1) > 0.0).ravel()
