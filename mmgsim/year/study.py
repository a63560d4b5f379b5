"""A yearly study: its tables and the files it is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from mmgsim.compare import Comparison
from mmgsim.report import Annual, write_annual_page
from mmgsim.scenario import RepresentativeDayConfig
from mmgsim.tables import Results, write_json, write_text
from mmgsim.year.numbers import ALL, annual_table, day_table
from mmgsim.year.reduction import ChosenDays

__all__ = ["YearStudy"]

_CENT = 0.01


class YearStudy:
    """Days that stand for a year, under one or several coordinations.

    Parameters
    ----------
    scenario, currency : str
        Names of both.
    days : sequence of RepresentativeDayConfig
        With their weights.
    names : sequence of str
        Of the coordinations; the first is what savings are held against.
    runs : mapping
        Finished runs by coordination, by the name of the day.
    failed : mapping or None
        Why a run that was asked for is not among them, by day and coordination.
    chosen : ChosenDays or None
        How the days were chosen; None where the scenario names them.

    Attributes
    ----------
    days, names, runs, failed, chosen
        As given.
    folder : Path or None
        Where it was written.

    Examples
    --------
    >>> study = mmgsim.year("wa9", "isolated,central")  # doctest: +SKIP
    >>> study.table.query("run == 'central'")[["microgrid", "cost", "saving"]]  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913  one parameter per part of it
        self,
        scenario: str,
        currency: str,
        *,
        days: Sequence[RepresentativeDayConfig],
        names: Sequence[str],
        runs: Mapping[str, Mapping[str, Results]],
        failed: Mapping[str, str] | None = None,
        chosen: ChosenDays | None = None,
    ) -> None:
        self.scenario, self.currency = scenario, currency
        self.days, self.names = tuple(days), tuple(names)
        self.runs: Mapping[str, Mapping[str, Results]] = {k: dict(v) for k, v in runs.items()}
        self.failed: Mapping[str, str] = dict(failed or {})
        self.chosen = chosen
        self.folder: Path | None = None
        # Refuses runs of a day that are not of one scenario, as a comparison of them would.
        self.comparisons = {day: Comparison(own) for day, own in self.runs.items() if own}

    @cached_property
    def by_day(self) -> pd.DataFrame:
        """One row a day, run and microgrid, `(all)` included: one day, not weighted."""
        return day_table(self.days, self.runs)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a run and microgrid, `(all)` included: the year, sum of weight times day."""
        return annual_table(self.by_day, self.names, len(self.days))

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what else has to be known: which runs have no year, energy that is left over."""
        total = sum(day.weight for day in self.days)
        notes = [
            f"The year is the sum of weight times day over {len(self.days)} days that stand for "
            f"{total:g}; each was run on its own, its storage beginning as the scenario says."
        ]
        if self.chosen is not None:
            notes.append(self.chosen.note)
        lacking = [name for name in self.names if name not in set(self.table.run)]
        if lacking:
            notes.append(f"Without a year, because a day lacks: {', '.join(lacking)}.")
        left = self.table.energy_left_value.abs().max()
        if left >= _CENT:
            notes.append("Energy left in storage at the end of a day is not in its cost.")
        return tuple(notes)

    def annual(self) -> Annual:
        """Give all that the page and the picture are drawn from."""
        manifest = next(run.manifest for own in self.runs.values() for run in own.values())
        return Annual(
            scenario=self.scenario,
            currency=self.currency,
            subtitle=f"seed {manifest['seed']}, objective {manifest['objective']}, "
            f"mmgsim {manifest['versions']['mmgsim']}",
            days=pd.DataFrame(
                {
                    "date": [day.day.isoformat() for day in self.days],
                    "weight": [day.weight for day in self.days],
                },
                index=pd.Index([day.name for day in self.days], name="day"),
            ),
            kinds=self._kinds(),
            table=self.table,
            by_day=self.by_day,
            all_name=ALL,
            failed=self.failed,
            notes=self.notes,
        )

    def _kinds(self) -> dict[str, str]:
        """Give the kind of coordination of every run, by its name."""
        found = {
            name: str(run.manifest["coordination"])
            for own in self.runs.values()
            for name, run in own.items()
        }
        return {name: found[name] for name in self.names if name in found}

    def write(self, folder: str | Path) -> Path:
        """Write `year.csv`, `days.csv`, `year.json`, `year.html`, and a comparison a day."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "year.csv", self.table.to_csv(index=False))
        write_text(folder / "days.csv", self.by_day.to_csv(index=False))
        write_json(folder / "year.json", self.as_plain_data())
        for day, comparison in self.comparisons.items():
            comparison.write(folder / day)
        pages = {day: f"{day}/compare.html" for day in self.comparisons}
        write_annual_page(folder / "year.html", self.annual(), pages)
        self.folder = folder
        return folder

    def as_plain_data(self) -> dict[str, Any]:
        """Give what `year.json` holds."""
        return {
            "format": 1,
            "scenario": self.scenario,
            "currency": self.currency,
            "days": [day.model_dump(mode="json") for day in self.days],
            "runs": list(self.names),
            "year": _records(self.table),
            "by_day": _records(self.by_day),
            "failed": dict(self.failed),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        """Say what was studied."""
        failed = f"; failed: {', '.join(self.failed)}" if self.failed else ""
        return f"YearStudy({self.scenario}: {len(self.days)} days, {', '.join(self.names)}{failed})"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Give rows as plain data, with nothing for what is missing."""
    return [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
