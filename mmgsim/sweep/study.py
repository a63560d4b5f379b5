"""A sweep: its table and the files it is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from mmgsim.errors import ResultsError, near_miss
from mmgsim.report import Swept, write_swept_page
from mmgsim.sweep.folder import run_folder
from mmgsim.sweep.numbers import COMPLETE, FAILED, mean_by, sweep_table
from mmgsim.sweep.plan import SEED
from mmgsim.sweep.reading import LoadedSweep
from mmgsim.sweep.worker import Outcome
from mmgsim.tables import Results, write_bytes, write_json, write_text

__all__ = ["Sweep"]


class Sweep:
    """Runs of one scenario over some of its keys, as one table.

    Parameters
    ----------
    loaded : LoadedSweep
        What was asked for.
    outcomes : mapping
        Of the runs that have ended, by number.
    folder : Path
        Where the runs are, and where the table is written.

    Attributes
    ----------
    folder
        As given.
    keys : tuple of str
        The swept keys, as the sweep file has them.
    figures : tuple of str
        Names of what every run gives: numbers of its summary, and `mmgsim.metrics`.
    table : DataFrame
        One row a run that has ended: `run`, the keys, `status`, `error`, the figures.

    Examples
    --------
    >>> sweep = mmgsim.sweep({"scenario": "duo", "seeds": 30})  # doctest: +SKIP
    >>> sweep.mean_by([], of="objective_cost")  # doctest: +SKIP
    """

    def __init__(self, loaded: LoadedSweep, outcomes: Mapping[int, Outcome], folder: Path) -> None:
        self._loaded = loaded
        self.folder = folder
        self.keys = tuple(loaded.runs[0].values)
        self.table, figures = sweep_table(loaded.runs, outcomes)
        self.figures = tuple(figures)

    @property
    def failed(self) -> dict[int, str]:
        """Why each run that failed did, by its number."""
        failed = self.table[self.table.status == FAILED]
        return dict(zip(failed.run.tolist(), failed.error.tolist(), strict=True))

    def mean_by(
        self, keys: str | Sequence[str], of: str | Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Give means with 95 % intervals over the runs that agree in some keys.

        Parameters
        ----------
        keys : str or sequence of str
            Swept keys; none for all runs together.
        of : str, sequence of str or None
            Figures; all by default.

        Returns
        -------
        DataFrame
            One row a group and figure: the keys, `figure`, `runs`, `independent`, `mean`, `low`,
            `high`, by Student's t. Runs of one draw of the sample, or else of one seed, are
            averaged first, and `independent` counts these; `low` and `high` are missing where
            there is one only, and where all agree. Draws of a Latin hypercube are more even than
            independent ones: over them the interval is rather too wide. Where each draw runs with
            several seeds, it is of the mean over these seeds.

        Raises
        ------
        ResultsError
            If a key was not swept, or there is no such figure.
        """
        groups = [keys] if isinstance(keys, str) else [*keys]
        names = [of] if isinstance(of, str) else [*(self.figures if of is None else of)]
        for what, given, known in (("key", groups, self.keys), ("figure", names, self.figures)):
            for name in given:
                if name not in known:
                    raise ResultsError(f"there is no {what} {name!r}; {near_miss(name, known)}")
        return mean_by(self.table, groups, names, units=self._units(groups))

    def results(self, run: int) -> Results:
        """Give the results of one run, by its number; not of those that were not kept."""
        return Results(run_folder(self.folder, run))

    # ------------------------------------------------------------------------------ written
    def _drawn(self) -> set[str]:
        """Give the keys whose values are drawn."""
        sample = self._loaded.config.sample
        return set() if sample is None else set(sample.keys)

    def _units(self, groups: Sequence[str]) -> tuple[str, ...]:
        """Give the keys in which independent runs of a group differ: those drawn, or the seed."""
        apart = [key for key in self.keys if key not in groups]
        drawn = self._drawn()
        return tuple(key for key in apart if key in drawn) or tuple({SEED} & {*apart})

    @cached_property
    def _repeated(self) -> tuple[str, ...]:
        """The keys that runs of one group on the page agree in: they differ in seed or draw."""
        drawn = self._drawn()
        changing = {SEED, *drawn} if SEED in drawn else {SEED}
        return tuple(key for key in self.keys if key not in changing)

    def swept(self) -> Swept:
        """Give all that the page is drawn from."""
        scenario = self._loaded.first.scenario
        days = "" if scenario.days == 1 else "s"
        is_repeated = SEED in self.keys
        return Swept(
            name=self._loaded.name,
            scenario=scenario.name,
            currency=scenario.currency,
            subtitle=f"{scenario.name}, {scenario.days} day{days}, "
            f"{len(self.table)} of {len(self._loaded.runs)} runs",
            keys=tuple(key for key in self.keys if self.table[key].nunique() > 1),
            groups=self._repeated,
            table=self.table[self.table.status == COMPLETE],
            means=self.mean_by(self._repeated, self._shown()) if is_repeated else None,
            figures=self._shown(),
            failed=self.failed,
            keeps_runs=self._loaded.config.keep_runs,
        )

    def _shown(self) -> tuple[str, ...]:
        """Give the figures of the page, as far as runs have them and differ in them."""
        return tuple(
            name
            for name in Swept.SHOWN
            if name in self.figures and (name == Swept.SHOWN[0] or self.table[name].nunique() > 1)
        )

    def write(self) -> Path:
        """Write `sweep.csv`, `sweep.parquet`, `sweep.json` and `sweep.html`."""
        folder = self.folder
        write_text(folder / "sweep.csv", self.table.to_csv(index=False))
        packed = BytesIO()
        self.table.to_parquet(packed, index=False)
        write_bytes(folder / "sweep.parquet", packed.getvalue())
        write_json(folder / "sweep.json", self.as_plain_data())
        write_swept_page(folder / "sweep.html", self.swept())
        return folder

    def as_plain_data(self) -> dict[str, Any]:
        """Give what `sweep.json` holds."""
        scenario = self._loaded.first.scenario
        return {
            "format": 1,
            "scenario": scenario.name,
            "currency": scenario.currency,
            "keys": list(self.keys),
            "asked_for": len(self._loaded.runs),
            "complete": int((self.table.status == COMPLETE).sum()),
            "failed": {str(run): why for run, why in self.failed.items()},
            "runs": [
                {str(key): None if pd.isna(value) else value for key, value in row.items()}
                for row in self.table.to_dict("records")
            ],
        }

    def __repr__(self) -> str:
        """Say what was swept."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return (
            f"Sweep({self._loaded.first.scenario.name}: {len(self.table)} of "
            f"{len(self._loaded.runs)} runs over {', '.join(self.keys)}{failed})"
        )
