"""The least annual cost there is: sizes and flows of a year in one linear program.

With flat prices, no income that counts and no limit that binds, the rule of `YearSimulator` is the
cheapest dispatch, so that this is also the least a search can find (`GRID`, `POOL`). Otherwise,
and with peers who use their own batteries first, it is a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError
from mmgsim.sizing.case import BATTERY, Sharing, SizingCase, Stores
from mmgsim.sizing.objectives import Terms
from mmgsim.sizing.rule import rule_inputs
from mmgsim.sizing.year_program import YearProgram, year_program

__all__ = ["LeastCost", "least_annual_cost"]

_OPTIONS = {"output_flag": False, "threads": 1, "solver": "ipm", "run_crossover": "choose"}


@dataclass(frozen=True, slots=True, eq=False)
class LeastCost:
    """The least annual cost with perfect foresight.

    Parameters
    ----------
    sizes : (microgrids, 3) array
        What it takes. [kW], [kW], [kWh]
    cost : float
        [currency/year]
    bound : float
        What is proven: nothing costs less. [currency/year]
    seconds : float
        Wall clock inside the solver.
    """

    sizes: FloatArray
    cost: float
    bound: float
    seconds: float


def least_annual_cost(
    case: SizingCase, sharing: Sharing, terms: Terms, *, at: FloatArray | None = None
) -> LeastCost:
    """Give the least annual cost and its sizes, which are continuous.

    Alone with the grid every microgrid has a program of its own. Peers together cost at least what
    their pool does, whatever they charge each other, as payments cancel and charges of the network
    only add; that bound is what is given for `PEERS`, with every battery as able as the best in
    each respect, and whoever minds least going without.

    Parameters
    ----------
    case : SizingCase
        The year, its prices and its limits.
    sharing : Sharing
        What microgrids do with what they have left over.
    terms : Terms
        Whether exports count. The least own share is left out, which only lowers the cost.
    at : (microgrids, 3) array or None
        Sizes, if they are given: what is left is the dispatch. [kW], [kW], [kWh]

    Raises
    ------
    ValueError
        If batteries that differ are to be pooled.
    SubproblemError
        If a program does not end optimal.
    """
    pooled = Sharing.GRID if sharing is Sharing.GRID else Sharing.POOL
    if sharing is Sharing.PEERS:
        case = _as_the_best(case)
    rule = rule_inputs(case, pooled)
    low, high = (case.low, case.high) if at is None else (at, at)
    sell = case.sell_per_kwh if terms.is_export_counted else np.zeros(case.steps)
    sizes, found = np.array(low), np.zeros(3)
    for member in range(rule.members):
        program = year_program(case, rule, member, (low, high), sell_per_kwh=sell)
        who = case.names[member] if pooled is Sharing.GRID else "(pool)"
        values, numbers = _solved(program, who)
        found += numbers
        _spread(values, sizes, (low, high), np.flatnonzero(rule.member_of == member))
    return LeastCost(sizes, *(float(number) for number in found))


def _as_the_best(case: SizingCase) -> SizingCase:
    """Give a case whose pool costs no more than peers do: one battery and one value of lost load.

    A pooled store that holds more than peers' batteries do together charges less.
    """
    stores, value = case.stores, case.unserved_per_kwh
    best = (
        stores.charge_efficiency.max(),
        stores.discharge_efficiency.max(),
        stores.power_per_kwh.max(),
        stores.level_min.min(),
        stores.level_start.max(),
        stores.wear_per_kwh.min(),
    )
    # Who has no load has no value of it either, and never goes without.
    cheapest = np.where(case.load_kwh > 0.0, value, value.max()).min()
    return replace(
        case,
        stores=Stores(*(np.full(case.members, value) for value in best)),
        unserved_per_kwh=np.full(case.members, cheapest),
    )


def _spread(
    values: FloatArray,
    sizes: FloatArray,
    limits: tuple[FloatArray, FloatArray],
    own: NDArray[np.intp],
) -> None:
    """Write the sizes of a member's microgrids; a pool's battery in proportion to what is free."""
    count = len(own)
    sizes[own, :BATTERY] = values[: BATTERY * count].reshape(count, BATTERY)
    low, high = (side[own, BATTERY] for side in limits)
    free = float((high - low).sum())
    share = (values[BATTERY * count] - low.sum()) / free if free else 0.0
    sizes[own, BATTERY] = low + share * (high - low)


def _solved(program: YearProgram, who: str) -> tuple[FloatArray, FloatArray]:
    """Give the optimal columns, and cost, proven bound and seconds."""
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = program.matrix.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.costs, program.low, program.high
    lp.row_lower_ = program.least
    lp.row_upper_ = np.where(program.is_equal, program.least, highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = program.matrix.indptr, program.matrix.indices
    lp.a_matrix_.value_ = program.matrix.data
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in _OPTIONS.items():
        highs.setOptionValue(option, value)
    highs.passModel(lp)
    begin = perf_counter()
    highs.run()
    if highs.getModelStatus() == highspy.HighsModelStatus.kUnknown:
        # The interior point method has come to a halt short of its tolerances.
        highs.clearSolver()
        highs.setOptionValue("solver", "simplex")
        highs.run()
    seconds = perf_counter() - begin
    status = highs.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        raise SubproblemError(who, 0, highs.modelStatusToString(status))
    found = highs.getSolution()
    values = np.clip(np.array(found.col_value), program.low, program.high)
    cost = float(program.costs @ values)
    bound = program.bound(np.array(found.row_dual))
    return values, np.array([cost, bound, seconds])
