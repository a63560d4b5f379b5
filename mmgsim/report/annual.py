"""A year in words and units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from mmgsim.report.compared import Section, written

__all__ = ["Annual", "annual_rows"]

_ENERGIES = (
    ("imported from the grid", "imported_kwh"),
    ("exported to the grid", "exported_kwh"),
    ("traded locally", "sold_kwh"),
    ("load shed", "shed_kwh"),
    ("AC losses of the feeder", "losses_kwh"),
    ("drawn from upstream, background included", "upstream_kwh"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Annual:
    """What a year is drawn from.

    Parameters
    ----------
    scenario, currency, subtitle : str
        What all runs have in common.
    days : DataFrame
        `date` and `weight` of the representative days, by name.
    kinds : mapping
        Kind of coordination of every run, by its name; savings are against the first.
    table, by_day : DataFrame
        As of `mmgsim.year.YearStudy`.
    all_name : str
        Row of all microgrids together in both.
    failed : mapping
        Why a run is not among them, by day and coordination.
    notes : tuple of str
        What else has to be known.
    """

    scenario: str
    currency: str
    subtitle: str
    days: pd.DataFrame
    kinds: Mapping[str, str]
    table: pd.DataFrame
    by_day: pd.DataFrame
    all_name: str
    failed: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def base(self) -> str:
        """The run that savings are held against."""
        return next(iter(self.kinds))

    def by_microgrid(self, column: str) -> pd.DataFrame:
        """Give a quantity of the year: one row a microgrid, one column a run.

        Values of runs that lack a day, and so have no year, are missing.
        """
        wide = self.table.pivot(index="microgrid", columns="run", values=column)
        names = list(dict.fromkeys(self.by_day.microgrid))
        return wide.reindex(index=names, columns=list(self.kinds))

    def cost_by_day(self) -> pd.DataFrame:
        """Give the cost of all microgrids: one row a day, not weighted, one column a run."""
        of_all = self.by_day[self.by_day.microgrid == self.all_name]
        wide = of_all.pivot(index="day", columns="run", values="cost")
        return wide.reindex(index=self.days.index, columns=list(self.kinds))


def annual_rows(annual: Annual) -> list[Section]:
    """Give sections of rows: a label, and the text of every run."""
    cost = annual.by_microgrid("cost")
    sections = [(f"Cost [{annual.currency}/year]", _rows(cost, 2))]
    others = [run for run in cost if run != annual.base]
    if others:
        for column, unit, digits in (
            ("saving", f"[{annual.currency}/year]", 2),
            ("saving_percent", "[%]", 2),
        ):
            heading = f"Saving against {annual.base} {unit}"
            sections.append((heading, _rows(annual.by_microgrid(column), digits)))
    energies = [
        (label, _texts(annual.by_microgrid(column).T[annual.all_name], 1))
        for label, column in _ENERGIES
    ]
    sections.append(("Energy [kWh/year]", energies))
    sections.append((f"One day, all microgrids [{annual.currency}/day]", _day_rows(annual)))
    return sections


def _rows(table: pd.DataFrame, digits: int) -> list[tuple[str, list[str]]]:
    return [(str(name), _texts(row, digits)) for name, row in table.iterrows()]


def _texts(values: Iterable[float], digits: int) -> list[str]:
    return [written(value, digits) for value in values]


def _day_rows(annual: Annual) -> list[tuple[str, list[str]]]:
    costs = annual.cost_by_day()
    return [
        (
            f"{name}, {annual.days.date[name]}, stands for {annual.days.weight[name]:g}",
            _texts(costs.T[name], 2),
        )
        for name in annual.days.index
    ]
