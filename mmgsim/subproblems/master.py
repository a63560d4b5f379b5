"""The market's own problem: offers combined at least public and private cost.

Every offer is a column. A block of a microgrid takes a convex combination of what it has offered,
and so does every step of its hourly part; import, export and local trade balance the exchanges:

    surplus[i,t] - lack[i,t] = sum of weight * offered exchange        (price of i at t)
    sum_i lack[i,t] = import[t] + traded[t],   sum_i surplus[i,t] = export[t] + traded[t]

The first offer of each part is the one that the others are differences to, so that a part which
never offers anything else costs no column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray
from scipy import sparse

from mmgsim.contracts import FloatArray, Offer, Window
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.connection import PublicPrices
from mmgsim.subproblems.network_limits import NetworkLimits, push_limits
from mmgsim.subproblems.solver import Solver

__all__ = ["Combination", "Master", "OfferStack", "PriceBox"]

# Power that nobody exchanges: the price box is open to that much. [kW]
_ANY_KW = 1e7

# Offers nearer to each other than this are the same. [kW], [currency]
SAME = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class OfferStack:
    """The offers of all microgrids to one round of queries, side by side.

    Parameters
    ----------
    block_kw : (offers, blocks, steps) array
        Exchange of the blocks of all microgrids. [kW]
    block_cost : (offers, blocks) array
        Their private cost. [currency]
    owner : (blocks,) array
        Position of the microgrid that a block belongs to.
    hourly_kw, hourly_cost : (offers, members, steps) array
        Of the hourly parts. [kW], [currency]
    indivisible : (blocks,) array of bool
        Of the blocks: whether their offers cannot be mixed.
    """

    block_kw: FloatArray
    block_cost: FloatArray
    owner: NDArray[np.intp]
    hourly_kw: FloatArray
    hourly_cost: FloatArray
    indivisible: NDArray[np.bool_]

    @classmethod
    def of(cls, offers: Sequence[Offer]) -> OfferStack:
        """Put the offers side by side, in the order of the members."""
        blocks = [offer.exchange_kw.shape[1] for offer in offers]
        owner = [i for i, count in enumerate(blocks) for _ in range(count)]
        marks = [o.indivisible or (False,) * n for o, n in zip(offers, blocks, strict=True)]
        return cls(
            block_kw=np.concatenate([offer.exchange_kw for offer in offers], axis=1),
            block_cost=np.concatenate([offer.private_cost for offer in offers], axis=1),
            owner=np.array(owner, dtype=np.intp),
            hourly_kw=np.stack([_hourly(o, o.hourly_kw) for o in offers], axis=1),
            hourly_cost=np.stack([_hourly(o, o.hourly_cost) for o in offers], axis=1),
            indivisible=np.array([mark for one in marks for mark in one], dtype=bool),
        )

    def exchange_kw(self, offer: int) -> FloatArray:
        """Give the exchange of every microgrid in one offer, (members, steps) array. [kW]"""
        total: FloatArray = self.hourly_kw[offer].copy()
        np.add.at(total, self.owner, self.block_kw[offer])
        return total

    def private_cost(self, offer: int) -> float:
        """Give the private cost of all microgrids in one offer. [currency]"""
        return float(self.block_cost[offer].sum() + self.hourly_cost[offer].sum())


def _hourly(offer: Offer, values: FloatArray | None) -> FloatArray:
    return np.zeros(offer.exchange_kw.shape[::2]) if values is None else values


@dataclass(frozen=True, slots=True, eq=False)
class PriceBox:
    """Limits of the prices of all microgrids, (members, steps) arrays. [currency/kWh]

    Prices of a first few offers jump from one end to the other; inside a box around the best
    prices so far they do not.
    """

    low_per_kwh: FloatArray
    high_per_kwh: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """The best combination of all offers so far.

    Parameters
    ----------
    cost : float
        Public and private. [currency]
    exchange_kw : (members, steps) array
        Of every microgrid. [kW]
    prices_per_kwh : (members, steps) array
        What one more kWh leaving a microgrid is worth. [currency/kWh]
    given_per_kwh : (steps,) array
        What one more kWh given to the pool is worth. [currency/kWh]
    multipliers : (rows,) array
        What one more kW of room in each row of the network is worth. [currency/kW]
    """

    cost: float
    exchange_kw: FloatArray
    prices_per_kwh: FloatArray
    given_per_kwh: FloatArray
    multipliers: FloatArray


class Master:
    """Combines offers at least cost; columns are added as offers come in.

    Parameters
    ----------
    members : int
        Number of microgrids.
    window : Window
        Any window of the size to be cleared.
    """

    def __init__(self, members: int, window: Window) -> None:
        self.members, self.steps, self.step_h = members, window.steps, window.step_h
        self._model = _build(members, window.steps, window.step_h)
        self._solver = CompiledHighs(self._model, presolves=False)
        shape = (members, window.steps)
        self._exchange_rows = self._solver.rows(self._model.exchange.values()).reshape(shape)
        self._surplus = self._solver.columns(self._model.surplus_kw).reshape(shape)
        self._lack = self._solver.columns(self._model.lack_kw).reshape(shape)
        self._first: OfferStack | None = None

    def fits(self, members: int, window: Window) -> bool:
        """Tell whether this problem was built for so many members and this size of window."""
        return (self.members, self.steps, self.step_h) == (members, window.steps, window.step_h)

    def start(
        self,
        prices: PublicPrices,
        import_limit_kw: FloatArray,
        export_limit_kw: FloatArray,
        *,
        limits: NetworkLimits | None = None,
    ) -> None:
        """Begin a gate without any offer.

        Parameters
        ----------
        prices : PublicPrices
            Of the window.
        import_limit_kw, export_limit_kw : (members, steps) array
            The envelopes. [kW]
        limits : NetworkLimits or None
            Rows of the network.
        """
        solver, model = self._solver, self._model
        solver.drop_added()
        self._first = None
        self._taken = 0
        self._unity: dict[tuple[int, ...], int] = {}
        self._known: set[tuple[Any, ...]] = set()
        self._offered: dict[int, list[_Offered]] = {}
        solver.set(model.buy_per_kwh, prices.buy_per_kwh)
        solver.set(model.sell_per_kwh, prices.sell_per_kwh)
        solver.set(model.local_per_kwh, prices.local_per_kwh)
        solver.set(model.import_limit_kw, import_limit_kw.ravel())
        solver.set(model.export_limit_kw, export_limit_kw.ravel())
        self._network_rows = np.zeros(0, dtype=np.int32)
        if limits is not None:
            self._network_rows = push_limits(
                solver, limits, self._surplus, entering=self._lack, step_h=self.step_h
            )

    # ---------------------------------------------------------------------------------- offers
    def add(self, offers: OfferStack) -> int:
        """Add what is new in the offers; give how many columns that were."""
        if self._first is None:
            self._first = offers
            self._solver.set(self._model.first_kw, offers.exchange_kw(0).ravel())
            self._solver.set(self._model.first_cost, offers.private_cost(0))
        columns = _Columns()
        self._width = self._solver.shape[1]
        for block, owner in enumerate(offers.owner):
            self._add_block(columns, offers, block, int(owner))
        self._add_hourly(columns, offers)
        if columns.costs:
            self._add_columns(columns)
        self._taken += len(offers.block_kw)
        return len(columns.costs)

    def _add_block(self, columns: _Columns, offers: OfferStack, block: int, owner: int) -> None:
        first = self._first
        assert first is not None
        known = self._offered.setdefault(block, [_Offered(0, None)])
        more_kw = offers.block_kw[:, block] - first.block_kw[0, block]
        more_cost = offers.block_cost[:, block] - first.block_cost[0, block]
        for offer, (kw, cost) in enumerate(zip(more_kw, more_cost, strict=True)):
            if self._is_new(("block", block), kw, cost):
                places = np.flatnonzero(kw)
                rows = self._exchange_rows[owner, places]
                known.append(_Offered(self._taken + offer, self._width + len(columns.costs)))
                columns.add(cost, rows, -kw[places], ("block", block))

    def _add_hourly(self, columns: _Columns, offers: OfferStack) -> None:
        first = self._first
        assert first is not None
        more_kw = offers.hourly_kw - first.hourly_kw[0]
        more_cost = offers.hourly_cost - first.hourly_cost[0]
        differs = (np.abs(more_kw) > SAME) | (np.abs(more_cost) > SAME)
        for offer, member, step in np.argwhere(differs).tolist():
            kw, cost = more_kw[offer, member, step], float(more_cost[offer, member, step])
            if self._is_new((member, step), np.array([kw]), cost):
                row = self._exchange_rows[member, step : step + 1]
                columns.add(cost, row, np.array([-kw]), (member, step))

    def _is_new(self, part: tuple[Any, ...], kw: FloatArray, cost: float) -> bool:
        rounded = (np.round(kw / SAME).astype(np.int64), round(cost / SAME))
        if not rounded[0].any() and not rounded[1]:
            return False
        key = (part, rounded[0].tobytes(), rounded[1])
        if key in self._known:
            return False
        self._known.add(key)
        return True

    def _add_columns(self, columns: _Columns) -> None:
        """Add columns, with a row ``sum of weights <= 1`` for each part that is new to them."""
        new = [part for part in dict.fromkeys(columns.parts) if part not in self._unity]
        if new:
            rows = self._solver.add_rows(np.full(len(new), -np.inf), 1.0)
            self._unity.update(zip(new, rows.tolist(), strict=True))
        count, height = len(columns.costs), self._solver.shape[0]
        unity = np.array([self._unity[part] for part in columns.parts])
        sizes = [len(rows) for rows in columns.rows]
        entries = sparse.csc_array(
            (
                np.concatenate([*columns.values, np.ones(count)]),
                (
                    np.concatenate([*columns.rows, unity]),
                    np.concatenate([np.repeat(np.arange(count), sizes), np.arange(count)]),
                ),
            ),
            shape=(height, count),
        )
        self._solver.add_columns(np.array(columns.costs), entries)

    # -------------------------------------------------------------------------- what is mixed
    def weights(self, block: int) -> dict[int, float]:
        """Give the weight of each offer of a block in the last combination.

        Offers are counted from the first one added. Of several equal ones the first counts.
        """
        solution = self._solver.solution
        found = {
            one.offer: max(float(solution[one.column]), 0.0)
            for one in self._offered[block]
            if one.column is not None
        }
        return {0: max(1.0 - sum(found.values()), 0.0), **found}

    @contextmanager
    def only(self, chosen: Mapping[int, int]) -> Iterator[None]:
        """Leave only one offer, counted as in `weights`, to each of some blocks."""
        places, values = [], []
        for block, offer in chosen.items():
            for one in self._offered[block]:
                if one.column is not None:
                    places.append(one.column)
                    values.append(1.0 if one.offer == offer else 0.0)
        columns, sides = np.array(places, dtype=np.int32), np.array(values)
        self._solver.limit_columns(columns, sides, sides)
        try:
            yield
        finally:
            self._solver.limit_columns(columns, 0.0, np.inf)

    # --------------------------------------------------------------------------------- solving
    def combine(
        self, step: int, box: PriceBox | None = None, *, explains: bool = True
    ) -> Combination:
        """Combine the offers at least cost; with a box, only the prices mean something.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        solver, model, steps = self._solver, self._model, self.steps
        _update_box(solver, model, box)
        outcome = solver.solve(agent="the market", step=step, explains=explains)
        duals = solver.duals(model.exchange.values()) / -self.step_h
        return Combination(
            cost=outcome.objective,
            exchange_kw=(solver.get(model.surplus_kw) - solver.get(model.lack_kw)).reshape(
                self.members, steps
            ),
            prices_per_kwh=duals.reshape(self.members, steps),
            given_per_kwh=solver.duals(model.given.values()) / self.step_h,
            multipliers=-solver.duals(self._network_rows),
        )


@dataclass(frozen=True, slots=True)
class _Offered:
    """An offer of a block: its number, and its column, None for the first one."""

    offer: int
    column: int | None


class _Columns:
    """Columns to be added: their costs, entries and the part that each belongs to."""

    def __init__(self) -> None:
        self.costs: list[float] = []
        self.rows: list[NDArray[Any]] = []
        self.values: list[FloatArray] = []
        self.parts: list[tuple[Any, ...]] = []

    def add(
        self, cost: float, rows: NDArray[Any], values: FloatArray, part: tuple[Any, ...]
    ) -> None:
        self.costs.append(float(cost))
        self.rows.append(rows)
        self.values.append(values)
        self.parts.append(part)


def _build(members: int, steps: int, step_h: float) -> Any:
    model = pyo.ConcreteModel()
    model.time = pyo.RangeSet(0, steps - 1)
    model.member = pyo.RangeSet(0, members - 1)
    _declare_params(model)
    model.lack_kw = pyo.Var(
        model.member, model.time, bounds=lambda m, i, t: (0.0, m.import_limit_kw[i, t])
    )
    model.surplus_kw = pyo.Var(
        model.member, model.time, bounds=lambda m, i, t: (0.0, m.export_limit_kw[i, t])
    )
    for name in ("import_kw", "export_kw", "traded_kw"):
        setattr(model, name, pyo.Var(model.time, domain=pyo.NonNegativeReals))
    for name in ("above_kw", "below_kw"):
        setattr(model, name, pyo.Var(model.member, model.time, bounds=(0.0, model.box_kw)))
    model.exchange = pyo.Constraint(
        model.member,
        model.time,
        rule=lambda m, i, t: (
            m.surplus_kw[i, t] - m.lack_kw[i, t] - m.above_kw[i, t] + m.below_kw[i, t]
            == m.first_kw[i, t]
        ),
    )
    model.lacked = pyo.Constraint(model.time, rule=_lacked)
    model.given = pyo.Constraint(model.time, rule=_given)
    model.total = pyo.Objective(expr=model.first_cost + step_h * _public_cost(model))
    return model


def _declare_params(model: Any) -> None:
    for name in ("import_limit_kw", "export_limit_kw", "first_kw"):
        setattr(model, name, pyo.Param(model.member, model.time, mutable=True, initialize=0.0))
    for name in ("buy_per_kwh", "sell_per_kwh", "local_per_kwh"):
        setattr(model, name, pyo.Param(model.time, mutable=True, initialize=0.0))
    model.first_cost = pyo.Param(mutable=True, initialize=0.0)
    model.box_kw = pyo.Param(mutable=True, initialize=0.0)
    for name in ("box_low_per_kwh", "box_high_per_kwh"):
        setattr(model, name, pyo.Param(model.member, model.time, mutable=True, initialize=0.0))


def _lacked(model: Any, t: int) -> Any:
    lack_kw = pyo.quicksum(model.lack_kw[i, t] for i in model.member)
    return lack_kw - model.import_kw[t] - model.traded_kw[t] == 0.0


def _given(model: Any, t: int) -> Any:
    surplus_kw = pyo.quicksum(model.surplus_kw[i, t] for i in model.member)
    return surplus_kw - model.export_kw[t] - model.traded_kw[t] == 0.0


def _public_cost(model: Any) -> Any:
    """Give import, export, local charge, and what the price box is paid, per hour."""
    return pyo.quicksum(
        model.buy_per_kwh[t] * model.import_kw[t]
        - model.sell_per_kwh[t] * model.export_kw[t]
        + model.local_per_kwh[t] * model.traded_kw[t]
        for t in model.time
    ) + pyo.quicksum(
        model.box_high_per_kwh[i, t] * model.above_kw[i, t]
        - model.box_low_per_kwh[i, t] * model.below_kw[i, t]
        for i in model.member
        for t in model.time
    )


def _update_box(solver: Solver, model: Any, box: PriceBox | None) -> None:
    if box is None:
        solver.set(model.box_kw, 0.0)
        return
    solver.set(model.box_kw, _ANY_KW)
    solver.set(model.box_low_per_kwh, box.low_per_kwh.ravel())
    solver.set(model.box_high_per_kwh, box.high_per_kwh.ravel())
