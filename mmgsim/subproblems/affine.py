"""Numbers of a Pyomo model as an exact affine map of its mutable Params.

``numbers = base + matrix @ params``, found once; afterwards other Params cost one sparse product.
Expressions that are not affine (a product of two Params, a maximum) are evaluated one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.common.numeric_types import native_numeric_types
from pyomo.core.expr.numeric_expr import (
    NPV_DivisionExpression,
    NPV_NegationExpression,
    NPV_ProductExpression,
    NPV_SumExpression,
)
from pyomo.core.expr.visitor import identify_mutable_parameters, replace_expressions
from pyomo.repn import generate_standard_repn
from scipy import sparse

from mmgsim.contracts import FloatArray

__all__ = ["AffineNumbers", "ParamTable"]


class ParamTable:
    """The mutable Params of a model, in the order in which they are met, and their values.

    Attributes
    ----------
    values : (params,) array
        Current values; the Pyomo Params themselves are only written where something is evaluated.
    """

    def __init__(self) -> None:
        self._params: list[Any] = []
        self._position: dict[int, int] = {}
        self._stand_ins = pyo.ConcreteModel()
        self._stand_ins.variable = pyo.VarList()
        self.values: FloatArray = np.zeros(0)
        self._is_pulled = False

    def __len__(self) -> int:
        """Count the Params."""
        return len(self._params)

    def position(self, param: Any) -> int:
        """Give the position of a Param, a new one at the end."""
        if id(param) not in self._position:
            self._position[id(param)] = len(self._params)
            self._params.append(param)
            self._stand_ins.variable.add()
            if self._is_pulled:  # first met in something that is only read
                self.values = np.append(self.values, pyo.value(param))
        return self._position[id(param)]

    def positions(self, component: Any) -> np.ndarray[Any, np.dtype[np.intp]]:
        """Give the positions of all data of a Param, in its order; -1 for those never used."""
        data = component.values() if component.is_indexed() else [component]
        return np.array([self._position.get(id(one), -1) for one in data], dtype=np.intp)

    def stand_in(self, param: Any) -> Any:
        """Give the variable that stands for a Param while an affine map is read off."""
        return self._stand_ins.variable[self.position(param) + 1]

    def position_of_stand_in(self, variable: Any) -> int:
        """Give the position of the Param that a variable stands for."""
        return int(variable.index()) - 1

    def pull(self) -> None:
        """Take the values from Pyomo."""
        self.values = np.array([pyo.value(param) for param in self._params], dtype=np.float64)
        self._is_pulled = True

    def push(self) -> None:
        """Write the values into Pyomo."""
        for param, value in zip(self._params, self.values.tolist(), strict=True):
            param.set_value(value)


class AffineNumbers:
    """Expressions in Params, turned into one sparse affine map.

    Parameters
    ----------
    expressions : sequence
        Numbers or Pyomo expressions without variables.
    table : ParamTable
        Gets the Params that they hold.
    """

    def __init__(self, expressions: Sequence[Any], table: ParamTable) -> None:
        self._table = table
        self.base = np.zeros(len(expressions))
        self._evaluated: list[tuple[int, Any]] = []
        rows: list[int] = []
        columns: list[int] = []
        slopes: list[float] = []
        for row, expression in enumerate(expressions):
            if type(expression) in native_numeric_types:
                self.base[row] = expression
                continue
            if expression.is_parameter_type():  # most are, and are read off at once
                rows.append(row)
                columns.append(table.position(expression))
                slopes.append(1.0)
                continue
            plain = _plain_form(expression)
            if plain is not None:  # nearly all others, in a tenth of Pyomo's time
                self.base[row], terms = plain
                for param, slope in terms:
                    rows.append(row)
                    columns.append(table.position(param))
                    slopes.append(slope)
                continue
            affine = self._read_off(expression)
            if affine is None:
                self._evaluated.append((row, expression))
                continue
            self.base[row] = affine.constant
            for variable, slope in zip(affine.linear_vars, affine.linear_coefs, strict=True):
                rows.append(row)
                columns.append(table.position_of_stand_in(variable))
                slopes.append(float(slope))
        self._triplets = (slopes, (rows, columns))
        self._used = np.unique(np.array(columns, dtype=np.intp))
        self._matrix: Any = None

    def _read_off(self, expression: Any) -> Any:
        """Give the linear form of an expression in its Params, None where there is none."""
        params = list(identify_mutable_parameters(expression))
        stand_ins = {id(param): self._table.stand_in(param) for param in params}
        replaced = replace_expressions(expression, stand_ins, descend_into_named_expressions=True)
        try:
            form = generate_standard_repn(replaced)
        except ValueError:  # a function of a Param that Pyomo cannot take apart
            return None
        return form if form.is_linear() else None

    @property
    def is_constant(self) -> bool:
        """True where no Param occurs."""
        return not self._triplets[0] and not self._evaluated

    def moves_with(self, changed: NDArray[np.bool_]) -> bool:
        """Tell whether a number can differ when these Params of the table do."""
        return bool(self._evaluated) or bool(changed[self._used].any())

    def slopes(self, params: int) -> Any:
        """Give what each number gains by a Param's unit: a sparse (numbers, params) array.

        Raises
        ------
        ValueError
            If a number is no affine map of the Params.
        """
        if self._evaluated:
            raise ValueError(f"{self._evaluated[0][1]} is not affine in its Params")
        return sparse.csr_array(self._triplets, shape=(len(self.base), params))

    def values(self) -> FloatArray:
        """Give the numbers at the table's current values."""
        if self.is_constant:
            return self.base
        if self._matrix is None or self._matrix.shape[1] != len(self._table):
            shape = (len(self.base), len(self._table))
            self._matrix = sparse.csr_array(self._triplets, shape=shape)
        numbers: FloatArray = self.base + self._matrix @ self._table.values
        if self._evaluated:
            self._table.push()
            for row, expression in self._evaluated:
                numbers[row] = pyo.value(expression)
        return numbers


def _plain_form(expression: Any) -> tuple[float, list[tuple[Any, float]]] | None:
    """Give constant, Params and slopes of sums, multiples and parts of Params; else None."""
    if _is_number(expression):
        return float(expression), []
    if not expression.is_potentially_variable() and expression.is_parameter_type():
        return 0.0, [(expression, 1.0)]
    if isinstance(expression, NPV_NegationExpression):
        return _times(_plain_form(expression.arg(0)), -1.0)
    if isinstance(expression, NPV_ProductExpression):
        left, right = expression.args
        if _is_number(left):
            return _times(_plain_form(right), float(left))
        return _times(_plain_form(left), float(right)) if _is_number(right) else None
    if isinstance(expression, NPV_DivisionExpression) and _is_number(expression.arg(1)):
        return _times(_plain_form(expression.arg(0)), 1.0 / float(expression.arg(1)))
    if isinstance(expression, NPV_SumExpression):
        parts = [_plain_form(part) for part in expression.args]
        known = [part for part in parts if part is not None]
        if len(known) == len(parts):
            return sum(part[0] for part in known), [term for _, terms in known for term in terms]
    return None


def _is_number(expression: Any) -> bool:
    return type(expression) in native_numeric_types


def _times(
    form: tuple[float, list[tuple[Any, float]]] | None, factor: float
) -> tuple[float, list[tuple[Any, float]]] | None:
    if form is None:
        return None
    return factor * form[0], [(param, factor * slope) for param, slope in form[1]]
