"""The numbers of a year: those of each representative day, and their weighted sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from mmgsim.contracts import Item
from mmgsim.scenario import RepresentativeDayConfig
from mmgsim.tables import Results

__all__ = ["ALL", "QUANTITIES", "annual_table", "day_table"]

ALL = "(all)"
"""Row of all microgrids together; no microgrid can be called so."""

QUANTITIES = (
    "cost",
    "imported_kwh",
    "exported_kwh",
    "bought_kwh",
    "sold_kwh",
    "shed_kwh",
    "losses_kwh",
    "upstream_kwh",
    "energy_left_value",
)
"""What is added up over the days."""
_POWERS = {
    "imported_kwh": "import_kw",
    "exported_kwh": "export_kw",
    "bought_kwh": "bought_kw",
    "sold_kwh": "sold_kw",
    "shed_kwh": "shed_kw",
}


def day_table(
    days: Sequence[RepresentativeDayConfig], runs: Mapping[str, Mapping[str, Results]]
) -> pd.DataFrame:
    """Give one row a day, run and microgrid, and one of all microgrids: what that one day was.

    `cost` is the bill with the value of shed load. `losses_kwh` of a microgrid is its share of the
    AC losses, of all microgrids all losses of the feeder; `upstream_kwh`, what the whole feeder
    drew from the grid, and `energy_left_value` are of all alone.

    Parameters
    ----------
    days : sequence of RepresentativeDayConfig
        In the order of the scenario.
    runs : mapping
        Finished runs by name, by the name of the day.
    """
    parts = [
        _numbers(run).assign(day=day.name, date=day.day.isoformat(), weight=day.weight, run=name)
        for day in days
        for name, run in runs.get(day.name, {}).items()
    ]
    head = ["day", "date", "weight", "run", "microgrid"]
    if not parts:
        return pd.DataFrame(columns=[*head, *QUANTITIES])
    table = pd.DataFrame(pd.concat(parts, ignore_index=True))
    return table[[*head, *QUANTITIES]]


def _numbers(run: Results) -> pd.DataFrame:
    """Give one row a microgrid, and one of all. [currency], [kWh]"""
    step_h, summary, ledger = run.manifest["step_h"], run.summary, run.ledger
    power_kw = run.dispatch.groupby("microgrid", sort=False)[list(_POWERS.values())].sum()
    table: pd.DataFrame = (step_h * power_kw).set_axis(list(_POWERS), axis=1)
    table["cost"] = pd.Series(summary["cost_by_microgrid"])
    shares = ledger[ledger.item == str(Item.LOSS_SHARE)].groupby("payer").kwh.sum()
    table["losses_kwh"] = shares.reindex(table.index, fill_value=0.0)
    table.loc[ALL] = table.sum()
    table.loc[ALL, "losses_kwh"] = summary["losses_kwh"]
    table.loc[ALL, "upstream_kwh"] = summary["substation_kwh"]
    table.loc[ALL, "energy_left_value"] = summary["energy_left_value"]
    return table.rename_axis("microgrid").reset_index()


def annual_table(by_day: pd.DataFrame, names: Iterable[str], days: int) -> pd.DataFrame:
    """Give one row a run and microgrid: the sum over the days of weight times the day.

    A run that lacks a day has no year. Savings are against the first of the names; a share of a
    cost that is not above zero says nothing and is missing.

    Parameters
    ----------
    by_day : DataFrame
        As of `day_table`.
    names : iterable of str
        Of the runs; the first is what the others are held against.
    days : int
        How many days make the year.
    """
    names = list(names)
    counts = by_day.groupby("run").day.nunique()
    whole = [name for name in names if counts.get(name, 0) == days]
    weighted = by_day[list(QUANTITIES)].mul(by_day.weight, axis=0)
    table = pd.concat([by_day[["run", "microgrid"]], weighted], axis=1)
    table = table[table.run.isin(whole)]
    # A sum of nothing but missing values is missing, not zero.
    table = table.groupby(["run", "microgrid"], sort=False).sum(min_count=1).reset_index()
    table["order"] = table.run.map({name: at for at, name in enumerate(whole)})
    table = table.sort_values("order", kind="stable").drop(columns="order").reset_index(drop=True)
    base = table[table.run == names[0]].set_index("microgrid").cost
    of_base = table.microgrid.map(base)
    saving = (of_base - table.cost).astype(float)
    table.insert(3, "saving", saving)
    table.insert(4, "saving_percent", (100.0 * saving / of_base).where(of_base > 0.0))
    return table
