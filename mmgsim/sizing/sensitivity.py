"""How much hangs on a price or a rate: sizes kept, and found anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.sizing.case import SizingCase
from mmgsim.sizing.problem import Best, Problem
from mmgsim.sizing.yearly import YearSimulator

__all__ = ["PRICE_FACTORS", "RATE_SHIFTS", "Change", "changes", "sensitivity_table"]

PRICE_FACTORS = (0.92, 0.96, 1.04, 1.08)
"""On what the grid takes for a kWh, and with it the value of lost load (paper 004, figure 12a)."""
RATE_SHIFTS = (-0.01, -0.005, 0.005, 0.01)
"""On the discount rate (paper 004, figure 12b)."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A case in which one number is another one.

    Parameters
    ----------
    what : str
        ``price`` or ``discount_rate``.
    value : float
        Factor of the price; the rate.
    case : SizingCase
        With it.
    """

    what: str
    value: float
    case: SizingCase


def changes(case: SizingCase) -> Iterator[Change]:
    """Give the changed cases. Rates below zero are left out.

    Only what is paid to the grid changes: what it and peers pay for a kWh stays.
    """
    for factor in PRICE_FACTORS:
        dearer = replace(
            case,
            buy_per_kwh=factor * case.buy_per_kwh,
            unserved_per_kwh=factor * case.unserved_per_kwh,
        )
        yield Change("price", factor, dearer)
    for shift in RATE_SHIFTS:
        rate = case.discount_rate + shift
        if rate >= 0.0:
            yield Change("discount_rate", rate, replace(case, discount_rate=rate))


def sensitivity_table(
    problem: Problem, sizes: FloatArray, find: Callable[[Problem], Best]
) -> pd.DataFrame:
    """Give what is made small when a price or the rate is another one.

    The bases of the weighted objective stay those of the case as it is, so that values compare.

    Parameters
    ----------
    problem : Problem
        What was sized.
    sizes : (microgrids, 3) array
        What was found for it. [kW], [kW], [kWh]
    find : callable
        Gives the best of a problem.

    Returns
    -------
    DataFrame
        One row a change, that of no change first: `what`, `value`, `kept` (the objective with the
        sizes as they are), `found_anew` (with the best sizes for the change, no dearer than
        `kept`), and the levelised cost and reliability index of both.
    """
    rows = [_row("price", 1.0, problem, sizes, sizes)]
    rows.append({**rows[0], "what": "discount_rate", "value": problem.case.discount_rate})
    for change in changes(problem.case):
        own = problem.simulator
        simulator = YearSimulator(change.case, own.sharing, engine=own.engine, workers=own.workers)
        changed = replace(problem, simulator=simulator)
        best = find(changed)
        kept = float(changed.costs(sizes[problem.is_free][None])[0])
        # A search may miss what is known already.
        anew = changed.sizes(best.vector[None])[0] if best.cost < kept else sizes
        rows.append(_row(change.what, change.value, changed, sizes, anew))
    table = pd.DataFrame(rows)
    return table.sort_values(["what", "value"], ascending=[False, True], ignore_index=True)


def _row(
    what: str, value: float, problem: Problem, kept: FloatArray, anew: FloatArray
) -> dict[str, float | str]:
    both = problem.appraised(np.stack([kept, anew])[:, problem.is_free])
    objective = both.objective(problem.objective)
    row: dict[str, float | str] = {"what": what, "value": value}
    for at, how in enumerate(("kept", "found_anew")):
        row |= {
            how: float(objective[at]),
            f"lcoe_per_kwh_{how}": float(both.lcoe_per_kwh[at]),
            f"reliability_{how}": float(both.reliability[at]),
        }
    return row
