"""The least weighted objective of paper 004, by linear programs along one weight.

With a flat price all that the objective knows of a year is the capital ``C`` and what is imported,
``B``: it is ``K1 C / ((L - B) lcoe_base) + K2 price B / reliability_base`` for a load ``L``. All
``(C, B)`` that can be are convex, and a program with the price ``w`` proves ``C >= v(w) - w B``.
On the line of one ``w`` the objective is concave in ``B``, so that its least value over all lines
so far, a bound, is found where two of them meet; the next ``w`` is the slope between the two known
points around there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.sizing.case import Sharing, SizingCase
from mmgsim.sizing.exact import least_annual_cost
from mmgsim.sizing.objectives import Terms

__all__ = ["LeastWeighted", "least_weighted"]

_GAP: Final = 1e-6
_MOST_PROGRAMS: Final = 60
_FIRST: Final = (0.1, 1.0, 10.0)
"""Of the price: the weights that the search begins with."""
_UNSERVED: Final = 10.0
"""Of the weight: what demand costs that is not served, so that all is."""


@dataclass(frozen=True, slots=True, eq=False)
class LeastWeighted:
    """The least weighted objective.

    Parameters
    ----------
    sizes : (microgrids, 3) array
        What it takes. [kW], [kW], [kWh]
    cost : float
        What they come to.
    bound : float
        What is proven: nothing comes to less.
    programs : int
        How many were solved.
    """

    sizes: FloatArray
    cost: float
    bound: float
    programs: int


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """What a weight found: sizes, capital [currency/year], import [kWh/year], and its line."""

    weight: float
    proven: float
    sizes: FloatArray
    capital: float
    import_kwh: float


def least_weighted(case: SizingCase, sharing: Sharing, terms: Terms) -> LeastWeighted:
    """Give the least weighted objective and its sizes, to a millionth where it can be had.

    Parameters
    ----------
    case : SizingCase
        With one price of the grid for all steps, and connections that carry all demand.
    sharing : Sharing
        `GRID` or `POOL`, in which the rule is the cheapest dispatch.
    terms : Terms
        Weights and bases; levelised cost is per kWh of ``own-use``. Where the least own share
        decides, sizes miss it or their cost stays above the bound.

    Raises
    ------
    ValueError
        Naming everything that keeps it from being exact.
    SubproblemError
        If a program does not end optimal.
    """
    faults = _faults(case, sharing, terms)
    if faults:
        raise ValueError(f"no exact weighted objective: {'; '.join(faults)}")
    price = float(case.buy_per_kwh[0])
    points = [_point(case, sharing, terms, part * price) for part in _FIRST]
    while True:
        best = min(
            points, key=lambda point: _weighted(case, terms, point.capital, point.import_kwh)
        )
        cost = float(_weighted(case, terms, best.capital, best.import_kwh))
        bound, at_kwh = _proven(case, terms, points)
        weight = _between(points, at_kwh)
        is_new = all(abs(weight - point.weight) > 1e-9 * weight for point in points)
        if cost - bound <= _GAP * cost or not is_new or len(points) >= _MOST_PROGRAMS:
            return LeastWeighted(best.sizes, cost, bound, len(points))
        points.append(_point(case, sharing, terms, weight))


def _faults(case: SizingCase, sharing: Sharing, terms: Terms) -> list[str]:
    peak_kw = case.load_kw.max(axis=1)
    found = {
        "peers do not dispatch at least cost": sharing is Sharing.PEERS,
        "the price of the grid changes from step to step": bool(np.ptp(case.buy_per_kwh)),
        "a connection carries less than the peak of its load": bool(
            (case.import_limit_kw < peak_kw).any()
        ),
        f"levelised cost is per kWh of {terms.energy}, not own-use": terms.energy != "own-use",
        "levelised cost has no weight": terms.lcoe_weight == 0.0,
    }
    return [fault for fault, is_so in found.items() if is_so]


def _point(case: SizingCase, sharing: Sharing, terms: Terms, weight: float) -> _Point:
    priced = replace(
        case,
        buy_per_kwh=np.full(case.steps, weight),
        unserved_per_kwh=np.full(case.members, _UNSERVED * weight),
        stores=replace(case.stores, wear_per_kwh=np.zeros(case.members)),
    )
    found = least_annual_cost(priced, sharing, replace(terms, is_export_counted=False))
    capital = float(case.capital(found.sizes).sum()) / case.years
    return _Point(weight, found.bound, found.sizes, capital, (found.cost - capital) / weight)


def _weighted(
    case: SizingCase, terms: Terms, capital: FloatArray | float, import_kwh: FloatArray | float
) -> FloatArray:
    """Give the objective of capital and import."""
    own_kwh = float(case.load_kwh.sum()) / case.years - np.asarray(import_kwh)
    lcoe = np.full(np.shape(own_kwh), np.inf)
    np.divide(capital, own_kwh, out=lcoe, where=own_kwh > 0.0)
    index = float(case.buy_per_kwh[0]) * np.asarray(import_kwh)
    weights = (terms.lcoe_weight, 1.0 - terms.lcoe_weight)
    bases = terms.bases
    halves: FloatArray = (
        weights[0] * lcoe / bases.lcoe_per_kwh + weights[1] * index / bases.reliability
    )
    return halves


def _proven(case: SizingCase, terms: Terms, points: list[_Point]) -> tuple[float, float]:
    """Give the least objective over all lines, and the import where it lies."""
    most_kwh = (1.0 - terms.least_own_share) * float(case.load_kwh.sum()) / case.years
    meet = [0.0, most_kwh]
    for one, two in combinations(points, 2):
        meet.append((one.proven - two.proven) / (one.weight - two.weight))
    import_kwh = np.unique(np.clip(meet, 0.0, most_kwh))
    lines = [point.proven - point.weight * import_kwh for point in points]
    costs = _weighted(case, terms, np.maximum(np.max(lines, axis=0), 0.0), import_kwh)
    at = int(np.argmin(costs))
    return float(costs[at]), float(import_kwh[at])


def _between(points: list[_Point], at_kwh: float) -> float:
    """Give the slope between the known points around an import, or a steeper or flatter one."""
    ordered = sorted(points, key=lambda point: point.import_kwh)
    place = int(np.searchsorted([point.import_kwh for point in ordered], at_kwh))
    if place == 0:
        return 10.0 * ordered[0].weight
    if place == len(ordered):
        return 0.1 * ordered[-1].weight
    left, right = ordered[place - 1], ordered[place]
    return (left.capital - right.capital) / (right.import_kwh - left.import_kwh)
