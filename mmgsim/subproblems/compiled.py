"""A Pyomo LP or MILP compiled once and re-solved hot.

The model's numbers are an affine map of its mutable Params; a solve pushes what changed into one
HiGHS instance that keeps its basis, and reads back what is asked for by one sparse product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import highspy
import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.linear_form import IndexArray, LinearForm, LinearRead
from mmgsim.subproblems.mip_search import set_search
from mmgsim.subproblems.solver import INTEGRALITY, MIP_GAP, Outcome, solver_time

__all__ = ["CompiledHighs"]

_INFINITY = highspy.kHighsInf
_FEASIBLE = 2  # primal_solution_status


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
    time_limit_s : float
        After which a MILP is left with the best solution so far, and with the bound that is proven.
        LPs are always solved to their end.
    presolves : bool
        False for an LP that grows while it is hot: presolving it anew costs more than it saves.
    searches : bool
        False for a MILP that is a large LP with few integers: rounding and branching find its best
        solution before the smaller MILPs that HiGHS would solve on the way.
    integrality : float
        How far an integer variable of a MILP may be from a whole number.
    """

    def __init__(
        self,
        model: Any,
        *,
        mip_gap: float = MIP_GAP,
        time_limit_s: float = _INFINITY,
        presolves: bool = True,
        searches: bool = True,
        integrality: float = INTEGRALITY,
    ) -> None:
        self._mip_gap, self._integrality = mip_gap, integrality
        self._time_limit_s = time_limit_s
        self._presolves, self._searches = presolves, searches
        self._form = form = LinearForm(model)
        self.integers = form.integers
        self._every_column = np.arange(len(form.variables), dtype=np.int32)
        self._reads: dict[int, LinearRead] = {}
        self._places: dict[int, Any] = {}
        self._first_values = form.table.values.copy()
        self.reset()

    def reset(self) -> None:
        """Make everything as new: numbers of the Params, basis and solution; drop what was added.

        What comes next then depends on the numbers alone, not on what was solved before.
        """
        form = self._form
        form.table.values[: len(self._first_values)] = self._first_values
        self._held: tuple[IndexArray, FloatArray] | None = None
        self._is_relaxed = False
        self._start: FloatArray | None = None
        self.costs: FloatArray = form.costs.values().copy()
        self.row_limits = (form.row_limits[0].values(), form.row_limits[1].values())
        self._highs = self._load()
        self._moved: set[str] = set()
        self.solution: FloatArray = np.zeros(len(form.variables))

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

    # --------------------------------------------------------------------------------- solving
    def start_from(self, solution: FloatArray) -> None:
        """Begin the next solve of a MILP with a good solution: (columns,) array, added ones too."""
        self._start = solution

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
            If HiGHS does not end optimal, even from scratch, and has nothing to be left with.
        """
        self._push()
        set_search(self._highs, searches=self._searches, start=self._start)
        self._start = None
        highs, status = self._highs, self._run()
        if status != highspy.HighsModelStatus.kOptimal and not self._has_incumbent(status):
            text = highs.modelStatusToString(status)
            is_infeasible = status == highspy.HighsModelStatus.kInfeasible
            conflict = self._conflict() if is_infeasible and explains else ()
            raise SubproblemError(agent, step, text, conflict)
        self.solution = np.array(highs.getSolution().col_value)
        info = highs.getInfo()
        objective = float(info.objective_function_value)
        bound = objective if self._is_linear else float(info.mip_dual_bound)
        self._asked_by = (agent, step)
        return Outcome.of(objective, bound, is_maximised=self._form.is_maximised)

    def _has_incumbent(self, status: Any) -> bool:
        """Tell whether a MILP that ran out of time has a solution all the same."""
        is_late = status == highspy.HighsModelStatus.kTimeLimit and not self._is_linear
        return is_late and self._highs.getInfo().primal_solution_status == _FEASIBLE

    def _run(self) -> Any:
        """Run HiGHS, again from scratch if a warm start went astray, and give its status."""
        done = (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit)
        # HiGHS holds an LP to the time that all solves of the instance have taken together.
        limit_s = _INFINITY if self._is_linear else self._time_limit_s
        self._highs.setOptionValue("time_limit", limit_s)
        with solver_time.running():
            self._highs.run()
            if self._highs.getModelStatus() not in done:
                self._highs.clearSolver()
                self._highs.run()
        return self._highs.getModelStatus()

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

    def duals(self, constraints: Iterable[Any]) -> FloatArray:
        """Give the change of the objective per unit of each right-hand side.

        Of constraints, or of positions of rows, which added ones have alone. Only an LP has duals:
        integer variables are held where the last solve left them.

        Raises
        ------
        SubproblemError
            If that LP does not end optimal.
        """
        rows = constraints if isinstance(constraints, np.ndarray) else self.rows(constraints)
        if not self._is_linear:
            return self._duals_with_integers_held()[rows]
        return np.array(self._highs.getSolution().row_dual)[rows]

    def marginals(self) -> tuple[FloatArray, FloatArray]:
        """Give duals of all rows and reduced costs of all columns of the last solve, of an LP.

        As `duals`: the change of the objective per unit of a row's limit, or of a column's.
        """
        solution = self._highs.getSolution()
        return np.array(solution.row_dual), np.array(solution.col_dual)

    # ------------------------------------------------------------------------- looking inside
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
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are, added ones too."""
        return int(self._highs.getNumRow()), int(self._highs.getNumCol())

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

    # ------------------------------------------------------------------------------- growing
    def add_rows(self, lower: ArrayLike, upper: ArrayLike, entries: Any = None) -> IndexArray:
        """Add rows to the hot instance; give their positions.

        Parameters
        ----------
        lower, upper : (rows,) array or float
            Limits.
        entries : sparse (rows, columns) array or None
            Over all columns; without it, the rows are empty.
        """
        low, high = np.broadcast_arrays(*(np.atleast_1d(x).astype(float) for x in (lower, upper)))
        first, count = self._highs.getNumRow(), len(low)
        matrix = sparse.csr_array((count, self.shape[1]) if entries is None else entries)
        status = self._highs.addRows(
            count,
            low.copy(),
            high.copy(),
            matrix.nnz,
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data.astype(np.float64),
        )
        _expect(status, "rows are added")
        return np.arange(first, first + count, dtype=np.int32)

    def drop_rows(self, rows: IndexArray) -> None:
        """Take out some of the rows that were added; those behind them move up."""
        positions = np.sort(np.asarray(rows, dtype=np.int32))
        if len(positions):
            _expect(self._highs.deleteRows(len(positions), positions), "rows are dropped")

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
        status = self._highs.addCols(
            count,
            np.asarray(costs, dtype=np.float64),
            np.zeros(count),
            np.full(count, upper),
            matrix.nnz,
            matrix.indptr[:-1].astype(np.int32),
            matrix.indices.astype(np.int32),
            matrix.data,
        )
        _expect(status, "columns are added")
        return np.arange(first, first + count, dtype=np.int32)

    def limit_columns(self, columns: IndexArray, low: ArrayLike, high: ArrayLike) -> None:
        """Change the limits of added columns."""
        count = len(columns)
        lows, highs = (np.broadcast_to(x, count).astype(np.float64) for x in (low, high))
        self._highs.changeColsBounds(count, np.asarray(columns, dtype=np.int32), lows, highs)

    def drop_added(self) -> None:
        """Take out all rows and columns that were added."""
        for own, total, delete in (
            (len(self._form.variables), self._highs.getNumCol(), self._highs.deleteCols),
            (len(self._form.constraints), self._highs.getNumRow(), self._highs.deleteRows),
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
            low, high = (side.values()[columns] for side in self._form.column_limits)
            self._set_integrality(columns, highspy.HighsVarType.kInteger)
            self._highs.changeColsBounds(len(columns), columns, low, high)
            self._held = None

    @contextmanager
    def integers_relaxed(self) -> Iterator[None]:
        """Let integer variables take any value between their limits: an LP is solved meanwhile."""
        self._set_integrality(self.integers, highspy.HighsVarType.kContinuous)
        self._is_relaxed = True
        try:
            yield
        finally:
            self._set_integrality(self.integers, highspy.HighsVarType.kInteger)
            self._is_relaxed = False

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
        return self._is_relaxed or held == len(self.integers)

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
        rows, columns = self._form.constraints, self._form.variables
        return [
            *(rows[i].name if i < len(rows) else f"added row {i}" for i in conflict.row_index_),
            *(
                f"bounds of {columns[j].name}" if j < len(columns) else f"added column {j}"
                for j in conflict.col_index_
            ),
        ]

    def _load(self) -> Any:
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in _OPTIONS.items():
            highs.setOptionValue(option, value)
        for option in ("mip_rel_gap", "mip_abs_gap"):
            highs.setOptionValue(option, self._mip_gap)
        highs.setOptionValue("mip_feasibility_tolerance", self._integrality)
        if not self._presolves:
            highs.setOptionValue("presolve", "off")
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self._form.variables), len(self._form.constraints)
        lp.col_cost_ = self.costs
        lp.offset_ = float(self._form.offset.values()[0])
        lp.col_lower_, lp.col_upper_ = (side.values() for side in self._form.column_limits)
        lp.row_lower_, lp.row_upper_ = self.row_limits
        if self._form.is_maximised:
            lp.sense_ = highspy.ObjSense.kMaximize
        shape = (lp.num_row_, lp.num_col_)
        matrix = sparse.csc_array((self._form.entries.values(), self._form.place), shape=shape)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
        lp.a_matrix_.value_ = matrix.data
        if len(self.integers):
            kinds = np.full(lp.num_col_, highspy.HighsVarType.kContinuous)
            kinds[self.integers] = highspy.HighsVarType.kInteger
            lp.integrality_ = kinds.tolist()
        _expect(highs.passModel(lp), "the model is loaded")
        return highs

    def _push(self) -> None:
        """Hand HiGHS the numbers that depend on Params that have changed."""
        moved, highs = self._moved, self._highs
        if not moved:
            return
        if "rows" in moved:
            self.row_limits = (self._form.row_limits[0].values(), self._form.row_limits[1].values())
            rows = np.arange(len(self._form.constraints), dtype=np.int32)
            _expect(highs.changeRowsBounds(len(rows), rows, *self.row_limits), "rows change")
        columns = self._every_column
        if "columns" in moved:
            low, high = (side.values() for side in self._form.column_limits)
            if self._held is not None:
                low, high = low.copy(), high.copy()
                held, whole = self._held
                low[held] = high[held] = whole
            _expect(highs.changeColsBounds(len(columns), columns, low, high), "columns change")
        if "costs" in moved:
            self.costs = self._form.costs.values().copy()
            _expect(highs.changeColsCost(len(columns), columns, self.costs), "costs change")
        if "offset" in moved:
            highs.changeObjectiveOffset(float(self._form.offset.values()[0]))
        if "entries" in moved:
            self._push_entries()
        moved.clear()

    def _push_entries(self) -> None:
        # Several entries of one place add up, so the whole matrix is summed before it is compared.
        shape = (len(self._form.constraints), len(self._form.variables))
        matrix = (
            sparse.coo_array((self._form.entries.values(), self._form.place), shape=shape)
            .tocsr()
            .tocoo()
        )
        for row, column, value in zip(matrix.row, matrix.col, matrix.data, strict=True):
            self._highs.changeCoeff(int(row), int(column), float(value))


# HiGHS's default looks at single rows only and comes back empty from anything less obvious.
_IIS_BY_ROWS = 2

_OPTIONS = {"output_flag": False, "threads": 1}


def _expect(status: Any, what: str) -> None:
    if status == highspy.HighsStatus.kError:
        raise ValueError(
            f"HiGHS refuses numbers when {what}: look for bounds that cross or are not numbers"
        )


def _data(component: Any) -> list[Any]:
    return list(component.values()) if component.is_indexed() else [component]
