"""A sizing: its tables and the files they are written to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.report import Sized, write_sized_page
from mmgsim.sizing.case import KINDS, Sharing
from mmgsim.sizing.checking import YearCheck
from mmgsim.sizing.objectives import appraise
from mmgsim.sizing.problem import Problem
from mmgsim.sizing.yearly import YearSimulator
from mmgsim.tables import write_bytes, write_json, write_text

__all__ = ["SizeStudy", "cost_table", "size_names", "size_table"]

_AT_BOUND = 1e-3
"""Of the range between the limits: nearer to one of them, a size is decided by it."""


@dataclass(slots=True, eq=False)
class SizeStudy:
    """Sizes that were found, and what they are worth.

    Attributes
    ----------
    scenario, currency, method : str
        What was sized, and how.
    problem : Problem
        What was searched for.
    sizes : (microgrids, 3) array
        What was found. [kW], [kW], [kWh]
    cost : float
        What was made small.
    seed, days : int
        Of the search; how many days sizes were judged by.
    bound : float or None
        No sizes are cheaper than this, whatever the dispatch; only of the annual cost.
    rounds : DataFrame
        One row a round of the search: `round`, `best`.
    sizing : DataFrame
        One row a microgrid and kind that it has: `microgrid`, `kind`, `unit`, `present`, `found`,
        `low`, `high`, `at_limit` (`low`, `high`, `fixed` or nothing).
    costs : DataFrame
        One row a set of sizes (`present`, `found`) and way of sharing, with all of `Appraisal`.
    flows : DataFrame
        One row a calendar month: energies of all with the found sizes. [kWh]
    sensitivity, front : DataFrame or None
        Where they were asked for.
    structures, payoffs : DataFrame or None
        Of games of technologies, as of `mmgsim.sizing.games.Played`, where they were asked for.
    divisions, violations : DataFrame or None
        Of what technologies, or microgrids, save together; likewise.
    check : YearCheck or None
        The sizes in the full simulator, where that was asked for.
    folder : Path
        Where it is written.

    Examples
    --------
    >>> study = mmgsim.size("towns3", sharing="peers")  # doctest: +SKIP
    >>> study.sizing[["microgrid", "kind", "found"]]  # doctest: +SKIP
    """

    scenario: str
    currency: str
    method: str
    problem: Problem
    sizes: FloatArray
    cost: float
    seed: int
    days: int
    bound: float | None
    rounds: pd.DataFrame
    sizing: pd.DataFrame
    costs: pd.DataFrame
    flows: pd.DataFrame
    folder: Path
    sensitivity: pd.DataFrame | None = None
    front: pd.DataFrame | None = None
    structures: pd.DataFrame | None = None
    payoffs: pd.DataFrame | None = None
    divisions: pd.DataFrame | None = None
    violations: pd.DataFrame | None = None
    check: YearCheck | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def gap(self) -> float | None:
        """How far the annual cost found is above the bound, of the bound if that is above 0."""
        if self.bound is None or self.bound <= 0.0:
            return None
        return self.found("annual_cost") / self.bound - 1.0

    def found(self, quantity: str, sharing: Sharing | None = None) -> float:
        """Give a number of the found sizes, under the way of sharing they were found for."""
        chosen = self.problem.simulator.sharing if sharing is None else sharing
        rows = self.costs[(self.costs.sizes == "found") & (self.costs.sharing == str(chosen))]
        return float(rows[quantity].iloc[0])

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Give all tables there are, by name."""
        every = {
            "sizes": self.sizing,
            "costs": self.costs,
            "rounds": self.rounds,
            "months": self.flows,
            "sensitivity": self.sensitivity,
            "front": self.front,
            "structures": self.structures,
            "payoffs": self.payoffs,
            "divisions": self.divisions,
            "violations": self.violations,
            "check": None if self.check is None else self.check.days,
        }
        return {name: table for name, table in every.items() if table is not None}

    def sized(self) -> Sized:
        """Give all that the page is drawn from."""
        check = self.check
        return Sized(
            scenario=self.scenario,
            currency=self.currency,
            objective=str(self.problem.objective),
            sharing=str(self.problem.simulator.sharing),
            method=self.method,
            subtitle=f"{self.days} days, {self.method}, seed {self.seed}",
            cost=self.cost,
            bound=self.bound,
            gap=self.gap,
            tables=self.tables(),
            check_error=None if check is None else check.error,
            days_leave_out=None if check is None else check.days_leave_out,
            notes=self.notes,
        )

    def write(self) -> Path:
        """Write a CSV and a Parquet file a table, `size.json` and `size.html`."""
        for name, table in self.tables().items():
            write_text(self.folder / f"{name}.csv", table.to_csv(index=False))
            packed = BytesIO()
            table.to_parquet(packed, index=False)
            write_bytes(self.folder / f"{name}.parquet", packed.getvalue())
        write_json(self.folder / "size.json", self.as_plain_data())
        write_sized_page(self.folder / "size.html", self.sized())
        return self.folder

    def as_plain_data(self) -> dict[str, Any]:
        """Give what `size.json` holds."""
        found = dict(zip(size_names(self.sizing), self.sizing.found.tolist(), strict=True))
        own = self.costs[self.costs.sizes == "found"].set_index("sharing").drop(columns="sizes")
        return {
            "format": 1,
            "scenario": self.scenario,
            "currency": self.currency,
            "objective": str(self.problem.objective),
            "sharing": str(self.problem.simulator.sharing),
            "method": self.method,
            "seed": self.seed,
            "days": self.days,
            "cost": self.cost,
            "annual_cost_bound": self.bound,
            "annual_cost_gap": self.gap,
            "lcoe_base_per_kwh": self.problem.terms.bases.lcoe_per_kwh,
            "reliability_base": self.problem.terms.bases.reliability,
            "rounds": int(self.rounds["round"].max()) if len(self.rounds) else 0,
            "sizes": found,
            "by_sharing": {str(name): _plain(row) for name, row in own.iterrows()},
            "check_error": None if self.check is None else self.check.error,
            "check_days_leave_out": None if self.check is None else self.check.days_leave_out,
            "check_largest_difference": (
                None if self.check is None else self.check.largest_difference
            ),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        """Say what was sized."""
        what = f"{self.problem.objective} under {self.problem.simulator.sharing}"
        return f"SizeStudy({self.scenario}: {what}, {self.cost:g} by {self.method})"


def _plain(row: pd.Series) -> dict[str, Any]:
    """Give a row as JSON knows it: where there is no energy, levelised cost is none either."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        number = bool(value) if isinstance(value, bool | np.bool_) else float(value)
        found[str(name)] = number if np.isfinite(number) else None
    return found


def size_table(problem: Problem, sizes: FloatArray) -> pd.DataFrame:
    """Give one row a microgrid and kind that it has."""
    case, rows = problem.case, []
    for m, name in enumerate(case.names):
        for k, kind in enumerate(KINDS):
            if case.present[m, k] == 0.0:
                continue
            low, high, found = (float(a[m, k]) for a in (case.low, case.high, sizes))
            rows.append(
                {
                    "microgrid": name,
                    "kind": kind,
                    "unit": "kWh" if kind == "battery" else "kW",
                    "present": float(case.present[m, k]),
                    "found": found,
                    "low": low,
                    "high": high,
                    "at_limit": _limit(found, low, high),
                }
            )
    return pd.DataFrame(rows)


def size_names(table: pd.DataFrame) -> list[str]:
    """Give what each row of a `size_table` is called: ``Laverton_wind_kw``."""
    names = table.microgrid + "_" + table.kind + "_" + table.unit.str.lower()
    return [str(name) for name in names]


def _limit(found: float, low: float, high: float) -> str:
    """Give the limit that decides a size, or nothing."""
    if low == high:
        return "fixed"
    if found - low <= _AT_BOUND * (high - low):
        return "low"
    return "high" if high - found <= _AT_BOUND * (high - low) else ""


def cost_table(problem: Problem, sizes: FloatArray) -> pd.DataFrame:
    """Give what sizes as they are and as found are worth, under every way of sharing."""
    own, rows = problem.simulator, []
    for sharing in Sharing:
        if sharing is Sharing.POOL and not problem.case.stores.are_alike:
            continue
        simulator = YearSimulator(problem.case, sharing, engine=own.engine, workers=own.workers)
        both = appraise(simulator, np.stack([problem.case.present, sizes]), problem.terms)
        rows += [
            {"sizes": name, "sharing": str(sharing), **both.row(at)}
            for at, name in enumerate(("present", "found"))
        ]
    table = pd.DataFrame(rows)
    table["is_enough"] = table.is_enough.astype(bool)
    return table
