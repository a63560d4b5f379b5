"""What every solver of a compiled Pyomo model shares: numbers of its Params in, values out."""

from __future__ import annotations

from collections.abc import Iterable, MutableSet
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.linear_form import IndexArray, LinearForm, LinearRead

__all__ = ["CompiledForm"]


class CompiledForm:
    """A Pyomo LP or MILP read once; its mutable Params are written and its solution is read.

    Attributes
    ----------
    solution : (columns,) array
        Of the last solve.
    integers : (integers,) array
        Columns of the variables that are not continuous.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        With one active objective; linear in its variables. What changes between solves is a
        mutable Param; structure, fixed variables and plain numbers are taken as they are now.
    """

    def __init__(self, model: Any) -> None:
        self._form = form = LinearForm(model)
        self.integers = form.integers
        self._reads: dict[int, LinearRead] = {}
        self._places: dict[int, Any] = {}
        self._first_values = form.table.values.copy()
        self._moved: MutableSet[str] = set()
        self.solution: FloatArray = np.zeros(len(form.variables))

    def _forget(self) -> None:
        """Make the numbers of the Params and the solution as new."""
        self._form.table.values[: len(self._first_values)] = self._first_values
        self._moved.clear()
        self.solution = np.zeros(len(self._form.variables))

    # ------------------------------------------------------------------------- changing numbers
    def set(self, param: Any, values: ArrayLike) -> None:
        """Write one number, or an array in the order of the index, into a mutable Param."""
        if id(param) not in self._places:
            self._places[id(param)] = self._place_of(param)
        places, used, moved = self._places[id(param)]
        table = self._form.table.values
        if used is None:
            if (table[places] == values).all():
                return
            table[places] = values
        else:
            full = np.broadcast_to(np.asarray(values, dtype=np.float64), used.shape)
            table[places] = full[used]
            for one, value in zip(_data(param), full.tolist(), strict=True):
                one.set_value(value)  # nothing reads it yet; what does later finds it in Pyomo
        self._moved |= moved

    def _place_of(self, param: Any) -> tuple[Any, Any, frozenset[str]]:
        """Give where a Param stands in the table, which of its data do, and what moves with it."""
        positions = self._form.table.positions(param)
        used = positions >= 0
        places = positions[used]
        changed = np.zeros(len(self._form.table), dtype=bool)
        changed[places] = True
        numbers = {
            "rows": self._form.row_limits,
            "columns": self._form.column_limits,
            "costs": (self._form.costs,),
            "offset": (self._form.offset,),
            "entries": (self._form.entries,),
        }
        moved = frozenset(
            what for what, sides in numbers.items() if any(x.moves_with(changed) for x in sides)
        )
        return places, None if used.all() else used, moved

    # ------------------------------------------------------------------------- looking inside
    def get(self, component: Any) -> FloatArray:
        """Give the values of a Var or of a linear Expression, in the order of its index."""
        if id(component) not in self._reads:
            known = len(self._form.table)
            self._reads[id(component)] = LinearRead(
                _data(component), self._form.column, self._form.table
            )
            if len(self._form.table) > known:
                self._places.clear()
        return self._reads[id(component)].of(self.solution[: len(self._form.variables)])

    def rows(self, constraints: Iterable[Any]) -> IndexArray:
        """Give the positions of constraints among the rows."""
        return np.array(
            [self._form.row[id(constraint)] for constraint in constraints], dtype=np.int32
        )

    def columns(self, component: Any) -> IndexArray:
        """Give the positions of a Var's data among the columns; -1 for one that is never used."""
        positions = [self._form.column.get(id(one), -1) for one in _data(component)]
        return np.array(positions, dtype=np.int32)

    @property
    def has_constant_entries(self) -> bool:
        """True where no Param stands in the matrix."""
        return self._form.entries.is_constant

    def column_limits(self) -> tuple[FloatArray, FloatArray]:
        """Give the lower and upper limits of the compiled columns."""
        lower, upper = (side.values() for side in self._form.column_limits)
        return lower, upper

    def entries(self) -> Any:
        """Give the matrix of the compiled rows and columns, sparse by row."""
        shape = (len(self._form.constraints), len(self._form.variables))
        return sparse.csr_array((self._form.entries.values(), self._form.place), shape=shape)

    def pattern(self) -> Any:
        """Give where the matrix can differ from zero, whatever the Params; sparse by row."""
        shape = (len(self._form.constraints), len(self._form.variables))
        ones = np.ones(len(self._form.place[0]))
        return sparse.csr_array((ones, self._form.place), shape=shape)


def _data(component: Any) -> list[Any]:
    return list(component.values()) if component.is_indexed() else [component]
