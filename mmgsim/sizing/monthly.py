"""Energies of every month, for a picture of the year."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.sizing.plain import by_step
from mmgsim.sizing.yearly import YearSimulator

__all__ = ["month_table"]

_FLOWS = (
    "load",
    "own_use",
    "bought",
    "imported",
    "unserved",
    "generated",
    "sold",
    "exported",
    "spilled",
)


def month_table(simulator: YearSimulator, sizes: FloatArray, start: date) -> pd.DataFrame:
    """Give one row a calendar month and microgrid, or pool: `month`, `microgrid`, energies [kWh].

    Parameters
    ----------
    simulator : YearSimulator
        Of the case.
    sizes : (microgrids, 3) array
        [kW], [kW], [kWh]
    start : date
        First day of the case. Clocks that are put forward or back shift an hour of the year.
    """
    case, flows = simulator.case, by_step(simulator.rule, sizes[None])
    times = pd.Timestamp(start) + pd.to_timedelta(np.arange(case.steps) * case.step_h, unit="h")
    parts = [
        pd.DataFrame(
            {f"{name}_kwh": flows[f"{name}_kw"][:, 0, member] * case.step_h for name in _FLOWS}
        ).assign(month=times.strftime("%Y-%m"), microgrid=microgrid)
        for member, microgrid in enumerate(simulator.members)
    ]
    table = pd.concat(parts).groupby(["month", "microgrid"], sort=False).sum()
    return table.reset_index()
