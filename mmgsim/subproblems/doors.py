"""Ways that power may take, opened or shut before anybody knows the sun: who trades, which way.

A door is a way for one step: from the grid to a microgrid or back, from a microgrid to the pool or
back, or from one microgrid to another. Nobody passes power on: in each step a microgrid has doors
open that let power in, or doors that let it out, as in the exclusive joint problem.

Service charges are those of paper 002 (our reading: `aser` and `bser` are in CNY, not in CNY/kWh):
of an hour in which a link, or a connection to the grid, is used at all. A trade of two microgrids
through the pool uses one link, half of it each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyomo.environ as pyo

__all__ = [
    "Door",
    "RobustRules",
    "ServiceCharge",
    "Topology",
    "declare_doors",
    "doors_of",
    "hour_charges",
]


class Topology(StrEnum):
    """Who may trade with whom."""

    POOL = "pool"
    LINKS = "links"


class ServiceCharge(StrEnum):
    """What a service charge is about: hours of use, or energy."""

    PER_HOUR = "per_hour"
    PER_KWH = "per_kwh"


@dataclass(frozen=True, slots=True)
class RobustRules:
    """What is decided beforehand, and what it costs.

    Parameters
    ----------
    lost_load_per_kwh : float
        Price of energy that is lacking, or that nobody can take, once everything else is used; at
        least the dearest other kWh. [currency/kWh]
    topology : Topology
        ``pool``: whether each microgrid may buy from the pool, and sell to it; ``links``: which
        microgrid sells to which.
    link_charge, grid_charge : float
        Service charges of trade and of the grid. [currency/h] or [currency/kWh]
    service_charge : ServiceCharge
        ``per_hour``: of a way that is open; ``per_kwh``: of what passes.
    commits_storage : bool
        True where whether storage charges or discharges is decided beforehand as well.
    trades : bool
        False for microgrids that deal with the grid alone.
    """

    lost_load_per_kwh: float
    topology: Topology = Topology.POOL
    link_charge: float = 0.0
    grid_charge: float = 0.0
    service_charge: ServiceCharge = ServiceCharge.PER_HOUR
    commits_storage: bool = False
    trades: bool = True


@dataclass(frozen=True, slots=True)
class Door:
    """A way for one step.

    Parameters
    ----------
    source, target : str
        Names of microgrids; empty for the grid or the pool.
    is_local : bool
        False where the grid is at one end.
    step : int
        Position in the window.
    """

    source: str
    target: str
    is_local: bool
    step: int

    def charge(self, rules: RobustRules) -> float:
        """Give its service charge. [currency/h] or [currency/kWh]"""
        if not self.is_local:
            return rules.grid_charge
        return rules.link_charge if self.source and self.target else rules.link_charge / 2.0

    @property
    def microgrid(self) -> str:
        """Whose door to the grid or to the pool it is."""
        return self.source or self.target

    @property
    def label(self) -> tuple[str, str, bool]:
        """What tells it from the others of its step."""
        return self.source, self.target, self.is_local


def doors_of(names: Sequence[str], steps: int, rules: RobustRules) -> tuple[Door, ...]:
    """Give all doors, step by step.

    Parameters
    ----------
    names : sequence of str
        Of the microgrids.
    steps : int
        Of the window.
    rules : RobustRules
        Their topology.
    """
    return tuple(
        Door(source, target, is_local, step)
        for step in range(steps)
        for source, target, is_local in _ways(names, rules)
    )


def _ways(names: Sequence[str], rules: RobustRules) -> Iterator[tuple[str, str, bool]]:
    for name in names:
        yield "", name, False
        yield name, "", False
    if not rules.trades or len(names) < 2:
        return
    if rules.topology is Topology.POOL:
        for name in names:
            yield "", name, True
            yield name, "", True
    else:
        yield from ((one, other, True) for one in names for other in names if one != other)


def declare_doors(
    model: Any,
    doors: Sequence[Door],
    others: int,
    rules: RobustRules,
    *,
    step_h: float,
    opens_free: bool = True,
) -> None:
    """Declare which doors are open, beside other decisions, and what that costs.

    Gives `model` the binaries ``first[k]``, the doors before the others, ``later`` [currency] and
    the objective ``cost``: charges plus `later`.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        Where to declare.
    doors : sequence of Door
        As `doors_of` gives them.
    others : int
        How many other binary decisions there are.
    rules : RobustRules
        Charges.
    step_h : float
        Length of a step. [h]
    opens_free : bool
        Whether doors at one microgrid that cost nothing are open whenever their way is: nothing is
        lost by that, and one binary decides for all of them. False where some may be held shut.
    """
    model.place = pyo.RangeSet(0, len(doors) + others - 1)
    model.first = pyo.Var(model.place, domain=pyo.Binary)
    model.later = pyo.Var()
    charges = hour_charges(doors, rules, step_h)
    is_tied = [
        opens_free and not price and not (door.source and door.target)
        for door, price in zip(doors, charges, strict=True)
    ]
    _declare_one_way(model, doors, is_tied)
    _declare_counterparts(model, doors, charges)
    # What devices commit is in no row of doors, and has to have a column all the same.
    model.committed = pyo.Constraint(
        pyo.RangeSet(len(doors), len(doors) + others - 1), rule=lambda m, k: m.first[k] <= 1.0
    )
    model.cost = pyo.Objective(
        expr=pyo.quicksum(price * model.first[k] for k, price in enumerate(charges)) + model.later
    )


def hour_charges(doors: Sequence[Door], rules: RobustRules, step_h: float) -> list[float]:
    """Give what each open door costs: zero where charges are by the kWh. [currency]"""
    is_fixed = rules.service_charge is ServiceCharge.PER_HOUR
    return [step_h * door.charge(rules) if is_fixed else 0.0 for door in doors]


def _declare_one_way(model: Any, doors: Sequence[Door], is_tied: Sequence[bool]) -> None:
    """Declare that in each step power only enters a microgrid or only leaves it."""
    ends = [(door.target, door.step, k, 1) for k, door in enumerate(doors) if door.target]
    ends += [(door.source, door.step, k, 0) for k, door in enumerate(doors) if door.source]
    cells = sorted({(name, step) for name, step, *_ in ends})
    model.cell = pyo.Set(initialize=cells, dimen=2)
    model.is_entering = pyo.Var(model.cell, domain=pyo.Binary)

    def one_way(m: Any, end: int) -> Any:
        name, step, k, is_in = ends[end]
        entering = m.is_entering[name, step]
        is_open = entering if is_in else 1 - entering
        return m.first[k] == is_open if is_tied[k] else m.first[k] <= is_open

    model.one_way = pyo.Constraint(pyo.RangeSet(0, len(ends) - 1), rule=one_way)


def _declare_counterparts(model: Any, doors: Sequence[Door], charges: Sequence[float]) -> None:
    """Declare that nobody pays for a door to the pool for which nobody else opens one.

    Such a door lets nothing pass: forbidding it takes no optimum away.
    """
    by_step: dict[int, list[int]] = {}
    for k, door in enumerate(doors):
        if door.is_local and charges[k] and not (door.source and door.target):
            by_step.setdefault(door.step, []).append(k)
    rows = [
        (k, [other for other in group if _are_counterparts(doors[k], doors[other])])
        for group in by_step.values()
        for k in group
    ]
    model.counterpart = pyo.Constraint(
        pyo.RangeSet(0, len(rows) - 1),
        rule=lambda m, r: m.first[rows[r][0]] <= pyo.quicksum(m.first[o] for o in rows[r][1]),
    )


def _are_counterparts(one: Door, other: Door) -> bool:
    """Tell whether one lets into the pool what the other lets out to somebody else."""
    return bool(one.source) != bool(other.source) and one.microgrid != other.microgrid
