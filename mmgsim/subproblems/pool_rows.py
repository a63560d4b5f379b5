"""What may hold in a pool of microgrids beside its balance: losses, nobody worse off, doors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo

from mmgsim.contracts import FloatArray, TieLine
from mmgsim.subproblems.solver import Solver

__all__ = [
    "PoolRules",
    "PoolTerms",
    "declare_pool_rows",
    "is_passing_on",
    "pool_balance",
    "update_pool_rows",
]

# Below this, taking in and giving out at once is the rounding of a solver. [kW]
PASS_KW = 1e-6
# More than anybody trades: an open door is no limit. [kW]
_ANY_KW = 1e9


@dataclass(frozen=True, slots=True)
class PoolRules:
    """By which rules microgrids trade in a pool; a problem is built for them.

    Parameters
    ----------
    loss_factor : float
        Of what sellers put in, the share that buyers do not get, in [0, 1).
    caps_costs : bool
        True where no member may pay more than it is told to (paper 001, eq. 20).
    has_doors : bool
        True where members may be shut out, so that one problem gives every coalition's optimum.
    """

    loss_factor: float = 0.0
    caps_costs: bool = False
    has_doors: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PoolTerms:
    """The numbers of one solve that `PoolRules` ask for.

    Parameters
    ----------
    most_cost : mapping
        What each member may pay, without any money for its trades. [currency]
    inside : collection of str or None
        Who may trade with each other; None for everybody.
    steps_to_gate : int or None
        Steps that are executed before the next gate; None for the whole window.
    """

    most_cost: Mapping[str, float]
    inside: Collection[str] | None = None
    steps_to_gate: int | None = None


def pool_balance(members: Iterable[Any], step: int, rules: PoolRules) -> Any:
    """Give ``sum (1 - loss factor) sold - bought`` of a step. [kW]"""
    if not rules.loss_factor:
        return pyo.quicksum(member.trade_kw[step] for member in members)
    kept = 1.0 - rules.loss_factor
    return pyo.quicksum(kept * m.sold_kw[step] - m.bought_kw[step] for m in members)


def declare_pool_rows(model: Any, rules: PoolRules, ties: Iterable[TieLine] = ()) -> None:
    """Declare ``cost <= most_cost`` and ``sold, bought <= door`` of every member, where asked for.

    Parameters
    ----------
    model : pyomo model
        Of the joint problem, members declared.
    rules : PoolRules
        Which rows.
    ties : iterable of TieLine
        They have doors too: a line is open where both its ends are inside.
    """
    for member in model.member.values():
        if rules.caps_costs:
            member.most_cost = pyo.Param(mutable=True, initialize=0.0)
            member.cap = pyo.Constraint(expr=member.cost <= member.most_cost)
        if rules.has_doors:
            member.door_kw = pyo.Param(mutable=True, initialize=_ANY_KW)
            # Limits of variables, not rows: a third fewer of these make a solve faster.
            for variable in (*member.sold_kw.values(), *member.bought_kw.values()):
                variable.setub(member.door_kw)
    lines = list(ties)
    if rules.has_doors and lines:
        tie = model.tie
        tie.door_kw = pyo.Param(tie.line, mutable=True, initialize=_ANY_KW)
        tie.inside = pyo.Constraint(
            list(tie.sent_kw), rule=lambda b, i, end, t: b.sent_kw[i, end, t] <= b.door_kw[i]
        )


def update_pool_rows(
    solver: Solver,
    model: Any,
    terms: PoolTerms,
    *,
    rules: PoolRules,
    ties: Iterable[TieLine] = (),
) -> None:
    """Write who may pay how much, and who may trade."""
    lines = list(ties)
    inside = set(model.member) if terms.inside is None else set(terms.inside)
    for name in model.member:
        member = model.member[name]
        if rules.caps_costs:
            solver.set(member.most_cost, terms.most_cost[name])
        if rules.has_doors:
            solver.set(member.door_kw, _door(name in inside))
    if rules.has_doors and lines:
        solver.set(model.tie.door_kw, [_door(inside.issuperset(tie.between)) for tie in lines])


def _door(is_open: bool) -> float:
    return _ANY_KW if is_open else 0.0


def is_passing_on(solver: Solver, member: Any) -> bool:
    """Tell whether a member takes in and gives out in the same step, which a lossy pool burns.

    It pays only where energy has a negative price.
    """
    entering: FloatArray = solver.get(member.grid.import_kw) + solver.get(member.bought_kw)
    leaving: FloatArray = solver.get(member.grid.export_kw) + solver.get(member.sold_kw)
    return bool(np.minimum(entering, leaving).max() > PASS_KW)
