"""Who looks for the worst: in a budgeted set by one MILP, or among a list of unknowns.

The best recourse costs ``max over pi of rhs(x, u) @ pi`` over the multipliers of its rows, so the
worst unknown is that of a maximum over both. In a vertex of a budgeted set every deviation is zero,
whole, or the one of its group that gets what is left of a budget that is not whole: binaries, whose
product with what a unit of the unknown is worth is linear once that worth has bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import SubproblemError
from mmgsim.subproblems.column_constraint import Worst
from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.optimality import activities
from mmgsim.subproblems.recourse import Recourse

__all__ = ["BudgetSet", "BudgetedAdversary", "ListedAdversary", "RecourseCost"]

Worth = tuple[FloatArray, FloatArray]
"""The least and the most that a unit of each unknown may be worth. [currency/unit]"""

# Budgets this close to a whole number are whole.
_WHOLE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class BudgetSet:
    """What may happen: a forecast, deviations from it, and so many of them at a time.

    ``u = centre + spread * g``, ``0 <= g <= 1``, and in every group ``sum of g <= budget``.

    Parameters
    ----------
    centre, spread : (unknowns,) arrays
        The forecast, and the whole deviation of each, with its sign.
    group : (unknowns,) int array
        Whose budget each counts against.
    budget : (groups,) array
        How many may deviate in all; from 0, not necessarily whole.
    """

    centre: FloatArray
    spread: FloatArray
    group: NDArray[np.intp]
    budget: FloatArray

    def __post_init__(self) -> None:
        """Refuse what is no such set."""
        if not (len(self.centre) == len(self.spread) == len(self.group)):
            raise ValueError("centre, spread and group have one entry for each unknown")
        if not (np.isfinite(self.budget).all() and (self.budget >= 0.0).all()):
            raise ValueError("budgets are finite and from 0")

    @property
    def whole(self) -> NDArray[np.intp]:
        """How many may deviate whole, by group."""
        return np.floor(self.budget + _WHOLE).astype(np.intp)

    @property
    def rest(self) -> FloatArray:
        """What is left for one more, by group: from 0 to below 1."""
        rest = self.budget - self.whole
        return np.where(rest > _WHOLE, rest, 0.0)

    def at(self, deviation: FloatArray) -> FloatArray:
        """Give the unknown of deviations, (unknowns,) from 0 to 1."""
        return frozen(self.centre + self.spread * deviation)

    def corner(self, rng: np.random.Generator) -> FloatArray:
        """Give an unknown that uses the whole budget of every group, drawn at random.

        As many deviations as the budget allows come whole, and one more in part where it is not
        whole; which ones is left to chance.
        """
        deviation = np.zeros(len(self.centre))
        for group, (whole, rest) in enumerate(zip(self.whole, self.rest, strict=True)):
            order = rng.permutation(np.flatnonzero(self.group == group))
            deviation[order[:whole]] = 1.0
            deviation[order[whole : whole + 1]] = rest
        return self.at(deviation)

    def inner(self, rng: np.random.Generator) -> FloatArray:
        """Give an unknown within the budgets, drawn at random: few deviations, or many."""
        deviation = rng.random(len(self.centre)) ** rng.choice([0.2, 1.0, 5.0])
        used = np.bincount(self.group, deviation, minlength=len(self.budget))
        share = np.minimum(self.budget / np.maximum(used, _WHOLE), 1.0)
        return self.at(deviation * share[self.group])

    def vertices(self) -> Iterator[FloatArray]:
        """Give every vertex, and some points between: for sets of few unknowns."""
        choices = [
            list(_deviations(np.flatnonzero(self.group == one), int(whole), float(rest)))
            for one, (whole, rest) in enumerate(zip(self.whole, self.rest, strict=True))
        ]
        for parts in product(*choices):
            deviation = np.zeros(len(self.centre))
            for part in parts:
                for place, share in part:
                    deviation[place] = share
            yield self.at(deviation)


def _deviations(
    places: NDArray[np.intp], whole: int, rest: float
) -> Iterator[list[tuple[int, float]]]:
    for count in range(min(whole, len(places)) + 1):
        for chosen in combinations(places.tolist(), count):
            yield [(place, 1.0) for place in chosen]
            if rest and count == whole:
                for last in set(places.tolist()) - set(chosen):
                    yield [*((place, 1.0) for place in chosen), (last, rest)]


class RecourseCost:
    """What the best recourse costs, by one hot LP.

    Parameters
    ----------
    recourse : Recourse
        The second stage.
    """

    def __init__(self, recourse: Recourse) -> None:
        self._recourse = recourse
        model = pyo.ConcreteModel()
        model.row = pyo.RangeSet(0, len(recourse.base) - 1)
        model.column = pyo.RangeSet(0, len(recourse.costs) - 1)
        model.side = pyo.Param(model.row, mutable=True, initialize=0.0)
        model.y = pyo.Var(
            model.column, bounds=lambda _, j: (None if recourse.is_free[j] else 0.0, None)
        )
        sums = activities(recourse.matrix, model.y)
        model.held = pyo.Constraint(
            model.row,
            rule=lambda m, i: (
                sums[i] == m.side[i] if recourse.is_equation[i] else sums[i] >= m.side[i]
            ),
        )
        costs = recourse.costs.tolist()
        model.cost = pyo.Objective(
            expr=sum(c * model.y[j] for j, c in enumerate(costs) if c) + recourse.offset
        )
        self._model, self._solver = model, CompiledHighs(model)

    def at(self, first: FloatArray, unknown: FloatArray) -> float:
        """Give the cost of the best recourse. [currency]"""
        self._solver.set(self._model.side, self._recourse.right_hand_side(first, unknown))
        return self._solver.solve(agent="recourse", step=0).objective

    def recourse(self) -> FloatArray:
        """Give the recourse of the last cost: (columns,) array."""
        return self._solver.get(self._model.y)

    def multipliers(self) -> FloatArray:
        """Give what the last cost gains by a unit of each right-hand side: (rows,) array."""
        return self._solver.duals(self._model.held.values())


class ListedAdversary:
    """Tries every unknown of a list: the oracle of small sets.

    Parameters
    ----------
    recourse : Recourse
        The second stage.
    unknowns : sequence of (unknowns,) arrays
        The worst one is looked for among them.
    """

    def __init__(self, recourse: Recourse, unknowns: Sequence[FloatArray]) -> None:
        self._cost, self._unknowns = RecourseCost(recourse), list(unknowns)

    def worst(self, first: FloatArray) -> Worst:
        """Give the unknown whose best recourse costs most."""
        costs = [self._cost.at(first, unknown) for unknown in self._unknowns]
        worst = int(np.argmax(costs))
        return Worst(unknown=frozen(self._unknowns[worst]), bound=costs[worst])


class BudgetedAdversary:
    """Finds the worst unknown of a budgeted set, by one MILP.

    Parameters
    ----------
    recourse : Recourse
        The second stage; every decision has to leave it something feasible.
    unknowns : BudgetSet
        What may happen.
    worth : pair of (unknowns,) arrays, or callable
        Between what a unit more of each unknown changes the cost of the best recourse, for some
        optimal multipliers: finite, and proven by whoever gives them; for every decision, or as a
        function of it. The closer, the faster. [currency/unit]
    mip_gap : float
        Of the MILP; its bound counts.
    time_limit_s : float
        After which its best unknown and its bound are taken; those of the relaxed problem, an LP,
        where it has none yet.
    """

    def __init__(
        self,
        recourse: Recourse,
        unknowns: BudgetSet,
        worth: Worth | Callable[[FloatArray], Worth],
        *,
        mip_gap: float = 1e-6,
        time_limit_s: float = np.inf,
    ) -> None:
        self._recourse, self._set = recourse, unknowns
        self._worth = worth
        self._model = _dual_model(recourse, unknowns)
        self._solver = CompiledHighs(self._model, mip_gap=mip_gap, time_limit_s=time_limit_s)

    def worst(self, first: FloatArray) -> Worst:
        """Give the unknown whose best recourse costs most, and a bound of that cost."""
        model, recourse = self._model, self._recourse
        self._solver.set(model.side, recourse.right_hand_side(first, self._set.centre))
        worth = self._worth(first) if callable(self._worth) else self._worth
        ends = np.sort(self._set.spread * np.stack(worth), axis=0)
        self._solver.set(model.least, ends[0])
        self._solver.set(model.most, ends[1])
        bound, is_whole = self._solved()
        whole, part = (self._solver.get(one) for one in (model.whole, model.part))
        if is_whole:
            whole, part = np.round(whole), np.round(part)
        deviation = whole + self._set.rest[self._set.group] * part
        return Worst(unknown=self._set.at(deviation), bound=bound)

    def _solved(self) -> tuple[float, bool]:
        """Give the bound of the MILP, or of its relaxation where nothing else is had in time."""
        try:
            return self._solver.solve(agent="adversary", step=0).bound, True
        except SubproblemError as error:
            if not error.is_out_of_time:
                raise
        # Deviations that are not whole are within the budget too.
        with self._solver.integers_relaxed():
            return self._solver.solve(agent="adversary", step=0).bound, False


def _dual_model(recourse: Recourse, unknowns: BudgetSet) -> pyo.ConcreteModel:
    """Declare the dual of the recourse, with deviations that are whole, part or none."""
    model = pyo.ConcreteModel()
    model.row = pyo.RangeSet(0, len(recourse.base) - 1)
    model.column = pyo.RangeSet(0, len(recourse.costs) - 1)
    model.unknown = pyo.RangeSet(0, len(unknowns.centre) - 1)
    model.group = pyo.RangeSet(0, len(unknowns.budget) - 1)
    model.side = pyo.Param(model.row, mutable=True, initialize=0.0)
    model.multiplier = pyo.Var(
        model.row, bounds=lambda _, i: (None if recourse.is_equation[i] else 0.0, None)
    )
    sums = activities(recourse.matrix.T, model.multiplier)
    costs = recourse.costs.tolist()
    model.priced = pyo.Constraint(
        model.column,
        rule=lambda _, j: sums[j] == costs[j] if recourse.is_free[j] else sums[j] <= costs[j],
    )
    _declare_deviations(model, unknowns)
    worth = activities(recourse.on_unknown.T, model.multiplier)
    model.least = pyo.Param(model.unknown, mutable=True, initialize=-1.0)
    model.most = pyo.Param(model.unknown, mutable=True, initialize=1.0)
    for name, switch in (("by_whole", model.whole), ("by_part", model.part)):
        _declare_added(model, name, switch, [*zip(unknowns.spread, worth, strict=True)])
    rest = unknowns.rest[unknowns.group].tolist()
    model.cost = pyo.Objective(
        expr=sum(model.side[i] * model.multiplier[i] for i in model.row)
        + sum(model.by_whole[k] + rest[k] * model.by_part[k] for k in model.unknown)
        + recourse.offset,
        sense=pyo.maximize,
    )
    return model


def _declare_deviations(model: pyo.ConcreteModel, unknowns: BudgetSet) -> None:
    """Declare which unknowns deviate whole, which one of a group in part, within the budgets."""
    rest = unknowns.rest[unknowns.group].tolist()
    model.whole = pyo.Var(model.unknown, domain=pyo.Binary)
    model.part = pyo.Var(
        model.unknown, domain=pyo.Binary, bounds=lambda _, k: (0, 1 if rest[k] else 0)
    )
    model.once = pyo.Constraint(model.unknown, rule=lambda m, k: m.whole[k] + m.part[k] <= 1)
    members = [np.flatnonzero(unknowns.group == one).tolist() for one in model.group]
    model.used = pyo.Set(initialize=[i for i in model.group if members[i]])
    model.few = pyo.Constraint(
        model.used, rule=lambda m, i: sum(m.whole[k] for k in members[i]) <= int(unknowns.whole[i])
    )
    model.one = pyo.Constraint(
        model.used, rule=lambda m, i: sum(m.part[k] for k in members[i]) <= 1
    )


def _declare_added(
    model: pyo.ConcreteModel,
    name: str,
    switch: pyo.Var,
    worth: list[tuple[float, Any]],
) -> None:
    """Declare what deviations add: their worth where they happen, zero where they do not.

    `worth` has, for each unknown, its deviation and what a unit of it is worth; the Params `least`
    and `most` of the model have between what that makes.
    """
    added = pyo.Var(model.unknown)

    def most(_: Any, k: int) -> Any:
        return added[k] <= model.most[k] * switch[k]

    def where_it_happens(_: Any, k: int) -> Any:
        spread, unit = worth[k]
        return added[k] <= float(spread) * unit - model.least[k] * (1 - switch[k])

    model.add_component(name, added)
    model.add_component(f"{name}_most", pyo.Constraint(model.unknown, rule=most))
    model.add_component(f"{name}_worth", pyo.Constraint(model.unknown, rule=where_it_happens))
