"""A Pyomo LP or MILP compiled once and re-solved hot.

The model's numbers are an affine map of its mutable Params; a solve pushes what changed into one
HiGHS instance that keeps its basis, and reads back what is asked for by one sparse product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike, NDArray
from pyomo.repn import generate_standard_repn
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.affine import AffineNumbers, ParamTable
from mmgsim.subproblems.solver import INTEGRALITY, MIP_GAP, Outcome, solver_time

__all__ = ["CompiledHighs", "LinearRead"]

IndexArray = NDArray[np.int32]

_INFINITY = highspy.kHighsInf


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


class CompiledHighs:
    """A Pyomo LP or MILP in one hot HiGHS instance.

    Not picklable; one instance is for one thread at a time.

    Attributes
    ----------
    solution : (columns,) array
        Of the last solve, added columns at the end.
    costs : (columns,) array
        In the objective, as last handed to HiGHS; compiled columns only.
    row_limits : pair of (rows,) arrays
        Lower and upper limits, as last handed to HiGHS; compiled rows only.
    integers : (integers,) array
        Columns of the variables that are not continuous.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        With one active objective; linear in its variables. What changes between solves is a
        mutable Param; structure, fixed variables and plain numbers are taken as they are now.
    mip_gap : float
        Distance to the bound at which a MILP counts as solved; see `mmgsim.subproblems.solver`.
    presolves : bool
        False for an LP that grows while it is hot: presolving it anew costs more than it saves.
    """

    def __init__(self, model: Any, *, mip_gap: float = MIP_GAP, presolves: bool = True) -> None:
        self._mip_gap = mip_gap
        self._presolves = presolves
        self._table = ParamTable()
        self._columns: dict[int, int] = {}
        self._variables: list[Any] = []
        self._constraints = list(
            model.component_data_objects(pyo.Constraint, active=True, descend_into=True)
        )
        self._row = {id(constraint): row for row, constraint in enumerate(self._constraints)}
        objective = _only_objective(model)
        self._is_maximised = objective.sense == pyo.maximize
        rows = self._read_rows()
        costs, offset = self._read_objective(objective)
        variables, table = self._variables, self._table
        self._cost = AffineNumbers(costs, table)
        self._offset = AffineNumbers([offset], table)
        self._entries = AffineNumbers(rows.matrix.entries, table)
        self._place = (rows.matrix.rows, rows.matrix.columns)
        self._row_limits = (AffineNumbers(rows.lower, table), AffineNumbers(rows.upper, table))
        self._column_limits = tuple(
            AffineNumbers([_bound(v, side) for v in variables], table)
            for side in ("lower", "upper")
        )
        table.pull()
        self.integers = np.array(
            [j for j, v in enumerate(variables) if not v.is_continuous()], dtype=np.int32
        )
        self._held: tuple[IndexArray, FloatArray] | None = None
        self.costs: FloatArray = self._cost.values().copy()
        self.row_limits = (self._row_limits[0].values(), self._row_limits[1].values())
        self._highs = self._load()
        self._moved: set[str] = set()
        self._every_column = np.arange(len(variables), dtype=np.int32)
        self.solution: FloatArray = np.zeros(len(variables))
        self._reads: dict[int, LinearRead] = {}
        self._places: dict[int, Any] = {}

    # ------------------------------------------------------------------------- changing numbers
    def set(self, param: Any, values: ArrayLike) -> None:
        """Write one number, or an array in the order of the index, into a mutable Param."""
        if id(param) not in self._places:
            self._places[id(param)] = self._place_of(param)
        places, used, moved = self._places[id(param)]
        table = self._table.values
        if used is None:
            if (table[places] == values).all():
                return
            table[places] = values
        else:
            full = np.broadcast_to(np.asarray(values, dtype=np.float64), used.shape)
            table[places] = full[used]
        self._moved |= moved

    def _place_of(self, param: Any) -> tuple[Any, Any, frozenset[str]]:
        """Give where a Param stands in the table, which of its data do, and what moves with it."""
        positions = self._table.positions(param)
        used = positions >= 0
        places = positions[used]
        changed = np.zeros(len(self._table), dtype=bool)
        changed[places] = True
        numbers = {
            "rows": self._row_limits,
            "columns": self._column_limits,
            "costs": (self._cost,),
            "offset": (self._offset,),
            "entries": (self._entries,),
        }
        moved = frozenset(
            what for what, sides in numbers.items() if any(x.moves_with(changed) for x in sides)
        )
        return places, None if used.all() else used, moved

    # --------------------------------------------------------------------------------- solving
    def solve(self, *, agent: str, step: int, explains: bool = True) -> Outcome:
        """Push what changed, solve from the last basis, keep the solution.

        Parameters
        ----------
        agent : str
            Whose problem it is, for messages.
        step : int
            First step of the window, for messages.
        explains : bool
            Name what cannot hold together where the problem is infeasible, which takes a search.

        Raises
        ------
        SubproblemError
            If HiGHS does not end optimal, even from scratch.
        """
        self._push()
        highs, status = self._highs, self._run()
        if status != highspy.HighsModelStatus.kOptimal:
            text = highs.modelStatusToString(status)
            is_infeasible = status == highspy.HighsModelStatus.kInfeasible
            conflict = self._conflict() if is_infeasible and explains else ()
            raise SubproblemError(agent, step, text, conflict)
        self.solution = np.array(highs.getSolution().col_value)
        objective = float(highs.getInfo().objective_function_value)
        bound = objective if self._is_linear else float(highs.getInfo().mip_dual_bound)
        self._asked_by = (agent, step)
        return Outcome.of(objective, bound, is_maximised=self._is_maximised)

    def _run(self) -> Any:
        """Run HiGHS, again from scratch if a warm start went astray, and give its status."""
        with solver_time.running():
            self._highs.run()
            if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                self._highs.clearSolver()
                self._highs.run()
        return self._highs.getModelStatus()

    def get(self, component: Any) -> FloatArray:
        """Give the values of a Var or of a linear Expression, in the order of its index."""
        if id(component) not in self._reads:
            data = list(component.values()) if component.is_indexed() else [component]
            self._reads[id(component)] = LinearRead(data, self._columns, self._table)
        return self._reads[id(component)].of(self.solution[: len(self._variables)])

    def duals(self, constraints: Iterable[Any]) -> FloatArray:
        """Give the change of the objective per unit of each right-hand side.

        Only an LP has duals: integer variables are held where the last solve left them.

        Raises
        ------
        SubproblemError
            If that LP does not end optimal.
        """
        rows = [self._row[id(constraint)] for constraint in constraints]
        if not self._is_linear:
            return self._duals_with_integers_held()[rows]
        return np.array(self._highs.getSolution().row_dual)[rows]

    # ------------------------------------------------------------------------- looking inside
    def rows(self, constraints: Iterable[Any]) -> IndexArray:
        """Give the positions of constraints among the rows."""
        return np.array([self._row[id(constraint)] for constraint in constraints], dtype=np.int32)

    def columns(self, component: Any) -> IndexArray:
        """Give the positions of a Var's data among the columns; -1 for one that is never used."""
        data = component.values() if component.is_indexed() else [component]
        return np.array([self._columns.get(id(one), -1) for one in data], dtype=np.int32)

    @property
    def width(self) -> int:
        """How many columns there are, added ones too."""
        return int(self._highs.getNumCol())

    @property
    def has_constant_entries(self) -> bool:
        """True where no Param stands in the matrix."""
        return self._entries.is_constant

    def entries(self) -> Any:
        """Give the matrix of the compiled rows and columns, sparse by row."""
        shape = (len(self._constraints), len(self._variables))
        return sparse.csr_array((self._entries.values(), self._place), shape=shape)

    def pattern(self) -> Any:
        """Give where the matrix can differ from zero, whatever the Params; sparse by row."""
        shape = (len(self._constraints), len(self._variables))
        ones = np.ones(len(self._place[0]))
        return sparse.csr_array((ones, self._place), shape=shape)

    # ------------------------------------------------------------------------------- growing
    def add_rows(self, lower: ArrayLike, upper: ArrayLike) -> IndexArray:
        """Add rows without entries to the hot instance; give their positions."""
        low, high = np.broadcast_arrays(*(np.atleast_1d(x).astype(float) for x in (lower, upper)))
        first, count = self._highs.getNumRow(), len(low)
        starts, nothing = np.zeros(count, dtype=np.int32), np.zeros(0, dtype=np.int32)
        self._highs.addRows(count, low.copy(), high.copy(), 0, starts, nothing, np.zeros(0))
        return np.arange(first, first + count, dtype=np.int32)

    def add_columns(self, costs: FloatArray, entries: Any, upper: float = _INFINITY) -> IndexArray:
        """Add columns, ``0 <= x <= upper``, to the hot instance; give their positions.

        Parameters
        ----------
        costs : (columns,) array
            In the objective.
        entries : sparse (rows, columns) array
            Over all rows, the added ones too.
        upper : float
            Limit of all of them.
        """
        matrix = sparse.csc_array(entries)
        first, count = self._highs.getNumCol(), len(costs)
        self._highs.addCols(
            count,
            np.asarray(costs, dtype=np.float64),
            np.zeros(count),
            np.full(count, upper),
            matrix.nnz,
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
        )
        return np.arange(first, first + count, dtype=np.int32)

    def limit_columns(self, columns: IndexArray, low: ArrayLike, high: ArrayLike) -> None:
        """Change the limits of added columns."""
        count = len(columns)
        lows, highs = (np.broadcast_to(x, count).astype(np.float64) for x in (low, high))
        self._highs.changeColsBounds(count, np.asarray(columns, dtype=np.int32), lows, highs)

    def drop_added(self) -> None:
        """Take out all rows and columns that were added."""
        for own, total, delete in (
            (len(self._variables), self._highs.getNumCol(), self._highs.deleteCols),
            (len(self._constraints), self._highs.getNumRow(), self._highs.deleteRows),
        ):
            if total > own:
                delete(total - own, np.arange(own, total, dtype=np.int32))

    # ------------------------------------------------------------------------ holding integers
    @contextmanager
    def integers_held(self, values: FloatArray) -> Iterator[None]:
        """Hold integer variables: with all of them held, what is solved meanwhile is an LP.

        Parameters
        ----------
        values : (integers,) array
            In the order of `integers`; NaN for those that stay free.
        """
        self._push()
        is_held = ~np.isnan(values)
        columns, whole = self.integers[is_held], np.round(values[is_held])
        self._set_integrality(columns, highspy.HighsVarType.kContinuous)
        self._highs.changeColsBounds(len(columns), columns, whole, whole)
        self._held = (columns, whole)
        try:
            yield
        finally:
            low, high = (side.values()[columns] for side in self._column_limits)
            self._set_integrality(columns, highspy.HighsVarType.kInteger)
            self._highs.changeColsBounds(len(columns), columns, low, high)
            self._held = None

    def _duals_with_integers_held(self) -> FloatArray:
        with self.integers_held(self.solution[self.integers]):
            status = self._run()
            duals = np.array(self._highs.getSolution().row_dual)
        if status != highspy.HighsModelStatus.kOptimal:
            text = f"duals with integers held: {self._highs.modelStatusToString(status)}"
            raise SubproblemError(*self._asked_by, text)
        return duals

    @property
    def _is_linear(self) -> bool:
        held = 0 if self._held is None else len(self._held[0])
        return held == len(self.integers)

    def _set_integrality(self, columns: IndexArray, kind: Any) -> None:
        self._highs.changeColsIntegrality(len(columns), columns, [kind] * len(columns))

    def _conflict(self) -> list[str]:
        """Name the constraints and variables of an irreducible infeasible set of the LP."""
        highs, held = self._highs, self._held
        free = self.integers if held is None else np.setdiff1d(self.integers, held[0])
        if len(free):
            self._set_integrality(free, highspy.HighsVarType.kContinuous)
            highs.run()
        highs.setOptionValue("iis_strategy", _IIS_BY_ROWS)
        status, conflict = highs.getIis()
        if len(free):
            self._set_integrality(free, highspy.HighsVarType.kInteger)
        if status != highspy.HighsStatus.kOk:
            return []
        rows, columns = self._constraints, self._variables
        return [
            *(rows[i].name if i < len(rows) else f"added row {i}" for i in conflict.row_index_),
            *(
                f"bounds of {columns[j].name}" if j < len(columns) else f"added column {j}"
                for j in conflict.col_index_
            ),
        ]

    # -------------------------------------------------------------------------------- compiling
    def _column(self, variable: Any) -> int:
        if id(variable) not in self._columns:
            self._columns[id(variable)] = len(self._variables)
            self._variables.append(variable)
        return self._columns[id(variable)]

    def _read_rows(self) -> _Rows:
        rows = _Rows()
        for row, constraint in enumerate(self._constraints):
            form = generate_standard_repn(constraint.body, compute_values=False)
            if not form.is_linear():
                raise ValueError(f"constraint {constraint.name} is not linear")
            for variable, slope in zip(form.linear_vars, form.linear_coefs, strict=True):
                rows.matrix.add(row, self._column(variable), slope)
            rows.lower.append(_shifted(constraint.lower, form.constant, -_INFINITY))
            rows.upper.append(_shifted(constraint.upper, form.constant, _INFINITY))
        return rows

    def _read_objective(self, objective: Any) -> tuple[list[Any], Any]:
        form = generate_standard_repn(objective.expr, compute_values=False)
        if not form.is_linear():
            raise ValueError(f"objective {objective.name} is not linear")
        by_column = {
            self._column(variable): slope
            for variable, slope in zip(form.linear_vars, form.linear_coefs, strict=True)
        }
        return [by_column.get(j, 0.0) for j in range(len(self._variables))], form.constant

    def _load(self) -> Any:
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in _OPTIONS.items():
            highs.setOptionValue(option, value)
        for option in ("mip_rel_gap", "mip_abs_gap"):
            highs.setOptionValue(option, self._mip_gap)
        if not self._presolves:
            highs.setOptionValue("presolve", "off")
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self._variables), len(self._constraints)
        lp.col_cost_ = self.costs
        lp.offset_ = float(self._offset.values()[0])
        lp.col_lower_, lp.col_upper_ = (side.values() for side in self._column_limits)
        lp.row_lower_, lp.row_upper_ = self.row_limits
        if self._is_maximised:
            lp.sense_ = highspy.ObjSense.kMaximize
        shape = (lp.num_row_, lp.num_col_)
        matrix = sparse.csc_array((self._entries.values(), self._place), shape=shape)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
        lp.a_matrix_.value_ = matrix.data
        if len(self.integers):
            lp.integrality_ = [_integrality(variable) for variable in self._variables]
        if highs.passModel(lp) == highspy.HighsStatus.kError:
            raise ValueError(
                "HiGHS refuses the model: look for bounds that cross or are not numbers"
            )
        return highs

    def _push(self) -> None:
        """Hand HiGHS the numbers that depend on Params that have changed."""
        moved, highs = self._moved, self._highs
        if not moved:
            return
        if "rows" in moved:
            self.row_limits = (self._row_limits[0].values(), self._row_limits[1].values())
            rows = np.arange(len(self._constraints), dtype=np.int32)
            highs.changeRowsBounds(len(rows), rows, *self.row_limits)
        columns = self._every_column
        if "columns" in moved:
            low, high = (side.values() for side in self._column_limits)
            if self._held is not None:
                low, high = low.copy(), high.copy()
                held, whole = self._held
                low[held] = high[held] = whole
            highs.changeColsBounds(len(columns), columns, low, high)
        if "costs" in moved:
            self.costs = self._cost.values().copy()
            highs.changeColsCost(len(columns), columns, self.costs)
        if "offset" in moved:
            highs.changeObjectiveOffset(float(self._offset.values()[0]))
        if "entries" in moved:
            self._push_entries()
        moved.clear()

    def _push_entries(self) -> None:
        # Several entries of one place add up, so the whole matrix is summed before it is compared.
        shape = (len(self._constraints), len(self._variables))
        matrix = (
            sparse.coo_array((self._entries.values(), self._place), shape=shape).tocsr().tocoo()
        )
        for row, column, value in zip(matrix.row, matrix.col, matrix.data, strict=True):
            self._highs.changeCoeff(int(row), int(column), float(value))


@dataclass(slots=True)
class _Rows:
    matrix: _Matrix = field(default_factory=_Matrix)
    lower: list[Any] = field(default_factory=list)
    upper: list[Any] = field(default_factory=list)


# HiGHS's default looks at single rows only and comes back empty from anything less obvious.
_IIS_BY_ROWS = 2

_OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "mip_feasibility_tolerance": INTEGRALITY,
}


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


def _integrality(variable: Any) -> highspy.HighsVarType:
    if variable.is_continuous():
        return highspy.HighsVarType.kContinuous
    return highspy.HighsVarType.kInteger
