"""A judgement: its tables and the files they are written to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from mmgsim.contracts import Objective
from mmgsim.judge.numbers import AGAINST_FIRST, verdict_table
from mmgsim.judge.plans import Plan
from mmgsim.judge.worker import Met
from mmgsim.report import Judged, write_judged_page
from mmgsim.scenario import Scenario
from mmgsim.tables import write_bytes, write_json, write_text

__all__ = ["Judgement"]


class Judgement:
    """Plans of one scenario, and what each cost in the same futures.

    Parameters
    ----------
    scenario : Scenario
        As the first plan has it.
    plans : sequence of Plan
        In order; the others are held against the first.
    met : mapping
        Rows by name of plan and number of future.
    futures : range
        What was asked for.
    level : float
        Of the conditional value at risk.
    folder : Path
        Where it is written.
    knows : collection of str
        Names of plans that know each future beforehand.

    Attributes
    ----------
    folder, level
        As given.
    table : DataFrame
        One row a plan and future that it met: `plan`, `future`, `cost`, which is bills and the
        value of shed load (or the cost of the system, if that is the objective) less the value of
        energy left, `violated_steps`, and numbers of the run.
    verdicts : DataFrame
        By plan: see `mmgsim.judge.verdict_table`. Only futures count that all plans have met, those
        aside that met none.
    failed : dict
        Why a plan failed, by its name and the future.

    Examples
    --------
    >>> judgement = mmgsim.judge("wa9", "isolated,central", futures=100)  # doctest: +SKIP
    >>> judgement.verdicts[["mean", "cvar", "less_than_first"]]  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913  one parameter per part of a judgement
        self,
        scenario: Scenario,
        plans: Sequence[Plan],
        met: Mapping[tuple[str, int], Met],
        futures: range,
        *,
        level: float,
        folder: Path,
        knows: Collection[str] = (),
    ) -> None:
        self._scenario = scenario
        self.plans = tuple(plan.name for plan in plans)
        self._knows = frozenset(knows)
        self.level, self.folder = level, folder
        self._asked_for = len(futures)
        rows = [
            met[name, future] for name in self.plans for future in futures if (name, future) in met
        ]
        self.failed = {f"{row.plan}, future {row.future}": row.error for row in rows if row.error}
        self.table = pd.DataFrame(
            [
                {"plan": row.plan, "future": row.future, **row.figures}
                for row in rows
                if not row.error
            ]
        )
        if self.table.empty:
            self.table = pd.DataFrame(columns=["plan", "future", "cost", "violated_steps"])
            self.verdicts = pd.DataFrame()
        else:
            met_any = [name for name in self.plans if (self.table.plan == name).any()]
            self.verdicts = verdict_table(self.table, met_any, level)
            if met_any[0] != self.plans[0]:  # nobody is held against a plan that met none
                self.verdicts[[*AGAINST_FIRST]] = float("nan")

    def judged(self) -> Judged:
        """Give all that the page is drawn from."""
        scenario = self._scenario
        days = "" if scenario.days == 1 else "s"
        paid = "cost of the system" if scenario.objective is Objective.SYSTEM else "bills"
        return Judged(
            scenario=scenario.name,
            currency=scenario.currency,
            subtitle=f"{scenario.name}, {scenario.days} day{days}, {self._asked_for} futures",
            paid=paid,
            level=self.level,
            table=self.table,
            verdicts=self.verdicts,
            knows=self._knows,
            failed=self.failed,
        )

    def write(self) -> Path:
        """Write `futures.csv`, `futures.parquet`, `judge.json` and `judge.html`."""
        folder = self.folder
        write_text(folder / "futures.csv", self.table.to_csv(index=False))
        packed = BytesIO()
        self.table.to_parquet(packed, index=False)
        write_bytes(folder / "futures.parquet", packed.getvalue())
        write_json(folder / "judge.json", self.as_plain_data())
        write_judged_page(folder / "judge.html", self.judged())
        return folder

    def as_plain_data(self) -> dict[str, Any]:
        """Give what `judge.json` holds."""
        return {
            "format": 1,
            "scenario": self._scenario.name,
            "currency": self._scenario.currency,
            "asked_for": self._asked_for,
            "level": self.level,
            "failed": self.failed,
            "plans": {
                str(plan): {str(key): _plain(value) for key, value in row.items()}
                for plan, row in self.verdicts.to_dict("index").items()
            },
        }

    def __repr__(self) -> str:
        """Say what was judged."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        plans = ", ".join(self.plans)
        return f"Judgement({self._scenario.name}: {plans} in {self._asked_for} futures{failed})"


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value
