"""The parts of a microgrid that decide on their own, found from the matrix of its problem.

Take out the rows that hold the exchange: what is left falls apart. A storage device or a committed
unit stays together over the window, a *block*; load, sun and wind decide every step anew and form
the *hourly* part. A price on the exchange moves every part by itself, so each can be offered by
itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from mmgsim.contracts import FloatArray
from mmgsim.subproblems.compiled import CompiledHighs

__all__ = ["Parts", "Splitting"]

_HOURLY = -1


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What every part of a microgrid exchanges, and what that costs in private.

    Parameters
    ----------
    exchange_kw : (blocks, steps) array
        Of the blocks. [kW]
    private_cost : (blocks,) array
        Of the blocks. [currency]
    hourly_kw : (steps,) array
        Of the hourly part. [kW]
    hourly_cost : (steps,) array
        Of the hourly part. [currency]
    indivisible : tuple of bool
        Of each block: whether it takes decisions that cannot be mixed, such as on or off.
    """

    exchange_kw: FloatArray
    private_cost: FloatArray
    hourly_kw: FloatArray
    hourly_cost: FloatArray
    indivisible: tuple[bool, ...]

    def joined(self) -> Parts:
        """Give the same as one block, so that nothing of the inside is shown."""
        nothing = np.zeros(self.exchange_kw.shape[1])
        return Parts(
            exchange_kw=(self.exchange_kw.sum(0) + self.hourly_kw)[None, :],
            private_cost=np.array([self.private_cost.sum() + self.hourly_cost.sum()]),
            hourly_kw=nothing,
            hourly_cost=nothing,
            indivisible=(any(self.indivisible),),
        )


class Splitting:
    """Reads the parts from the solutions of a compiled problem.

    A problem falls apart where each step's exchange stands in one equality and nowhere else, as in
    ``exchange[t] = sum of out - sum of in``. Where it does not, for instance because a private row
    limits the exchange, the whole microgrid is one block.

    Parameters
    ----------
    solver : CompiledHighs
        Of the problem.
    exchange : pyomo Var
        Exchange by step, in order of its index; without a price of its own in the private cost.
    private : pyomo Block
        What belongs to the microgrid: the constraints in it are looked at.

    Attributes
    ----------
    solver : CompiledHighs
        Of the problem.
    steps, blocks : int
        Size.
    integer_block : (integers,) array
        Block of each integer variable of the solver, -1 for those of no block.
    indivisible : tuple of bool
        Of each block: whether it holds integer variables.
    """

    def __init__(self, solver: CompiledHighs, exchange: Any, private: Any) -> None:
        self.solver = solver
        self._exchange = solver.columns(exchange)
        self.steps = len(self._exchange)
        rows = solver.rows(
            private.component_data_objects(pyo.Constraint, active=True, descend_into=True)
        )
        pattern = solver.pattern()[rows]
        is_trade = np.asarray(pattern[:, self._exchange].sum(1)).ravel() > 0
        self._trade_rows = self._by_step(rows[is_trade], pattern[is_trade])
        inside = np.asarray(pattern.sum(0)).ravel() > 0
        inside[self._exchange] = False
        self._columns = np.flatnonzero(inside)
        self._part, self._step = self._sort_out(
            pattern[~is_trade][:, self._columns],
            is_splittable=self._has_free_exchange(pattern[is_trade]),
        )
        self.blocks = int(self._part.max(initial=_HOURLY)) + 1
        self.integer_block = self._block_of(solver.integers)
        self.indivisible = tuple(block in self.integer_block for block in range(self.blocks))
        self._to_cost = self._cost_matrix()
        self._to_kw: Any = None

    def read(self, solutions: FloatArray) -> list[Parts]:
        """Give the parts of each solution.

        Parameters
        ----------
        solutions : (solutions, columns) array
            Of the solver, found since its Params last changed in anything but prices.
        """
        if self._to_kw is None or not self.solver.has_constant_entries:
            self._to_kw = self._read_matrix()
        own = solutions[:, self._columns].T
        kw = (self._to_kw @ own).T.reshape(len(solutions), self.blocks + 1, self.steps)
        kw[:, self.blocks] += self._constants_kw()
        cost = (self._to_cost @ (own * self.solver.costs[self._columns, None])).T
        return [
            Parts(
                exchange_kw=part_kw[: self.blocks],
                private_cost=part_cost[: self.blocks],
                hourly_kw=part_kw[self.blocks],
                hourly_cost=part_cost[self.blocks :],
                indivisible=self.indivisible,
            )
            for part_kw, part_cost in zip(kw, cost, strict=True)
        ]

    # ---------------------------------------------------------------------------- taking apart
    def _by_step(self, rows: NDArray[Any], pattern: Any) -> NDArray[Any]:
        """Give the row that defines each step's exchange.

        Raises
        ------
        ValueError
            If there is none.
        """
        own = pattern[:, self._exchange].tocoo()
        defining = np.full(self.steps, -1)
        lower, upper = self.solver.row_limits
        for row, step in zip(own.row, own.col, strict=True):
            if defining[step] < 0 and lower[rows[row]] == upper[rows[row]]:
                defining[step] = rows[row]
        if (defining < 0).any() or len(set(defining.tolist())) < self.steps:
            raise ValueError(
                "no equality of its own gives the exchange of each step; write "
                "exchange[t] == sum of out[t] - sum of in[t]"
            )
        return defining

    def _has_free_exchange(self, pattern: Any) -> bool:
        """Tell whether the exchange of each step stands in one private row only, without bounds."""
        low, high = self.solver.column_limits()
        is_free = np.isinf(low[self._exchange]) & np.isinf(high[self._exchange])
        entries = pattern[:, self._exchange].tocoo().nnz
        return entries == self.steps == pattern.shape[0] and bool(is_free.all())

    def _sort_out(self, others: Any, *, is_splittable: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        """Give the block of every column, or -1, and the step of those in the hourly part."""
        trade = self.solver.pattern()[self._trade_rows][:, self._columns].tocsc()
        count = len(self._columns)
        if not is_splittable:
            return np.zeros(count, dtype=np.intp), np.zeros(count, dtype=np.intp)
        rows = others.shape[0]
        graph = sparse.block_array([[None, others], [others.T, None]])
        _, label = connected_components(graph, directed=False)
        label = label[rows:]
        part = np.full(count, _HOURLY)
        step = np.zeros(count, dtype=np.intp)
        has_integers = np.isin(self._columns, self.solver.integers)
        blocks = 0
        for component in dict.fromkeys(label.tolist()):  # in the order of the columns
            columns = np.flatnonzero(label == component)
            touched = np.unique(trade[:, columns].indices)
            if len(touched) > 1 or has_integers[columns].any():
                part[columns] = blocks
                blocks += 1
            else:
                step[columns] = touched[0] if len(touched) else 0
        return part, step

    def _block_of(self, columns: NDArray[Any]) -> NDArray[Any]:
        """Give the block that each column belongs to, -1 for none."""
        place = dict(zip(self._columns, self._part, strict=True))
        return np.array([place.get(column, _HOURLY) for column in columns], dtype=np.intp)

    def _read_matrix(self) -> Any:
        """Give the matrix from a solution to the exchange of every part in every step."""
        rows = self.solver.entries()[self._trade_rows]
        own = rows[np.arange(self.steps), self._exchange]
        self._own_slope = np.asarray(own.todense() if sparse.issparse(own) else own).ravel()
        terms = rows[:, self._columns].tocoo()
        slot = np.where(self._part == _HOURLY, self.blocks, self._part)[terms.col]
        shape = ((self.blocks + 1) * self.steps, len(self._columns))
        values = -terms.data / self._own_slope[terms.row]
        return sparse.csr_array((values, (slot * self.steps + terms.row, terms.col)), shape=shape)

    def _cost_matrix(self) -> Any:
        """Give the matrix from the cost of every column to that of every block, then every step."""
        slot = np.where(self._part == _HOURLY, self.blocks + self._step, self._part)
        count = len(self._columns)
        return sparse.csr_array(
            (np.ones(count), (slot, np.arange(count))), shape=(self.blocks + self.steps, count)
        )

    def _constants_kw(self) -> FloatArray:
        """Give what the defining rows hold besides variables: a fixed demand, for instance."""
        lower, _ = self.solver.row_limits
        constants: FloatArray = lower[self._trade_rows] / self._own_slope
        return constants
