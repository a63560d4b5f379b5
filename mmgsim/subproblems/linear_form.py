"""The numbers of a linear Pyomo model, by row and column, as maps of its mutable Params."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from pyomo.repn import generate_standard_repn
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.affine import AffineNumbers, ParamTable

__all__ = ["LINEAR_CURE", "IndexArray", "LinearForm", "LinearRead"]

IndexArray = NDArray[np.int32]

_INFINITY = highspy.kHighsInf

LINEAR_CURE = "write it with linear terms and integer variables only, a curve by its tangents"


class _Matrix:
    """A sparse matrix whose entries are numbers or expressions in Params."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.entries: list[Any] = []

    def add(self, row: int, column: int, entry: Any) -> None:
        self.rows.append(row)
        self.columns.append(column)
        self.entries.append(entry)


class LinearForm:
    """Rows, columns and objective of a model.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        With one active objective; linear in its variables.

    Attributes
    ----------
    table : ParamTable
        The mutable Params and their values.
    variables, constraints : list
        By position.
    column, row : mapping
        Position of a variable, of a constraint, by its id.
    is_maximised : bool
        Sense of the objective.
    costs, offset : AffineNumbers
        The objective.
    entries : AffineNumbers
        Of the matrix; `place` has their rows and columns, some of them more than once.
    row_limits, column_limits : pair of AffineNumbers
        Lower and upper.
    integers : (integers,) array
        Columns of the variables that are not continuous.

    Raises
    ------
    ValueError
        If something is not linear, or there is not one objective.
    """

    def __init__(self, model: Any) -> None:
        self.table = ParamTable()
        self.column: dict[int, int] = {}
        self.variables: list[Any] = []
        self.constraints = list(
            model.component_data_objects(pyo.Constraint, active=True, descend_into=True)
        )
        self.row = {id(constraint): row for row, constraint in enumerate(self.constraints)}
        self._read_rows()
        self._read_objective(_only_objective(model))
        self.column_limits = tuple(
            AffineNumbers([_bound(v, side) for v in self.variables], self.table)
            for side in ("lower", "upper")
        )
        self.table.pull()
        self.integers = np.array(
            [j for j, v in enumerate(self.variables) if not v.is_continuous()], dtype=np.int32
        )

    def _column(self, variable: Any) -> int:
        if id(variable) not in self.column:
            self.column[id(variable)] = len(self.variables)
            self.variables.append(variable)
        return self.column[id(variable)]

    def _read_rows(self) -> None:
        matrix, lower, upper = _Matrix(), [], []
        for row, constraint in enumerate(self.constraints):
            form = generate_standard_repn(constraint.body, compute_values=False)
            if not form.is_linear():
                raise ValueError(f"constraint {constraint.name} is not linear; {LINEAR_CURE}")
            for variable, slope in zip(form.linear_vars, form.linear_coefs, strict=True):
                matrix.add(row, self._column(variable), slope)
            lower.append(_shifted(constraint.lower, form.constant, -_INFINITY))
            upper.append(_shifted(constraint.upper, form.constant, _INFINITY))
        self.entries = AffineNumbers(matrix.entries, self.table)
        self.place = (matrix.rows, matrix.columns)
        self.row_limits = (AffineNumbers(lower, self.table), AffineNumbers(upper, self.table))

    def _read_objective(self, objective: Any) -> None:
        form = generate_standard_repn(objective.expr, compute_values=False)
        if not form.is_linear():
            raise ValueError(f"objective {objective.name} is not linear; {LINEAR_CURE}")
        by_column = {
            self._column(variable): slope
            for variable, slope in zip(form.linear_vars, form.linear_coefs, strict=True)
        }
        costs = [by_column.get(j, 0.0) for j in range(len(self.variables))]
        self.is_maximised = objective.sense == pyo.maximize
        self.costs = AffineNumbers(costs, self.table)
        self.offset = AffineNumbers([form.constant], self.table)


class LinearRead:
    """Linear expressions in the variables, read from a solution by one product.

    Parameters
    ----------
    expressions : sequence
        Pyomo Vars or linear expressions.
    columns : mapping
        Position of a variable by its id.
    table : ParamTable
        Of the model.
    """

    def __init__(
        self, expressions: Sequence[Any], columns: dict[int, int], table: ParamTable
    ) -> None:
        self._plain: IndexArray | None = None
        if all(id(expression) in columns for expression in expressions):
            self._plain = np.array([columns[id(one)] for one in expressions], dtype=np.int32)
            return
        matrix, constants = _Matrix(), []
        for row, expression in enumerate(expressions):
            form = generate_standard_repn(expression, compute_values=False)
            if not form.is_linear():
                raise ValueError(f"{expression} is not linear in the variables")
            constants.append(form.constant)
            for variable, slope in zip(form.linear_vars, form.linear_coefs, strict=True):
                if id(variable) in columns:
                    matrix.add(row, columns[id(variable)], slope)
        self._shape = (len(expressions), len(columns))
        self._place = (matrix.rows, matrix.columns)
        self._slopes = AffineNumbers(matrix.entries, table)
        self._constants = AffineNumbers(constants, table)
        self._fixed: Any = None

    def of(self, solution: FloatArray) -> FloatArray:
        """Give the values at a solution."""
        if self._plain is not None:
            return solution[self._plain]
        if self._fixed is None or not self._slopes.is_constant:
            self._fixed = sparse.csr_array((self._slopes.values(), self._place), shape=self._shape)
        values: FloatArray = self._constants.values() + self._fixed @ solution
        return values


def _only_objective(model: Any) -> Any:
    objectives = list(model.component_data_objects(pyo.Objective, active=True))
    if len(objectives) != 1:
        raise ValueError(f"a problem has one active objective, not {len(objectives)}")
    return objectives[0]


def _bound(variable: Any, side: str) -> Any:
    if variable.fixed:
        return variable.value
    bound = getattr(variable, side)
    if bound is None:
        return -_INFINITY if side == "lower" else _INFINITY
    return bound


def _shifted(limit: Any, constant: Any, missing: float) -> Any:
    """Give a limit of the linear part of a row: the constant goes to the other side."""
    return missing if limit is None else limit - constant
