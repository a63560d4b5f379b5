"""Plans against futures, in words and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from mmgsim.report.compared import written

__all__ = ["Judged", "brief_verdicts", "verdict_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What the page of a judgement is drawn from.

    Parameters
    ----------
    scenario, currency, subtitle : str
        Of what was judged.
    paid : str
        What the cost is made of.
    level : float
        Of the conditional value at risk.
    table : DataFrame
        One row a plan and future.
    verdicts : DataFrame
        As of `mmgsim.judge.verdict_table`.
    knows : frozenset of str
        Plans that knew what would come.
    failed : mapping
        Why a plan failed, by its name and the future.
    """

    scenario: str
    currency: str
    subtitle: str
    paid: str
    level: float
    table: pd.DataFrame
    verdicts: pd.DataFrame
    knows: frozenset[str]
    failed: Mapping[str, str]

    @property
    def notes(self) -> list[str]:
        """What has to be known to read the numbers."""
        met = self.table.future.nunique()
        share = 1.0 - self.level
        notes = [
            f"Cost: {self.paid} with the value of shed load, less the value of energy left in "
            f"storage. CVaR: mean of the dearest {100 * share:.3g} % of futures, "
            f"{share * met:.3g} of {met}. "
            "± is half of a 95 % interval; a difference is taken future by future."
        ]
        if self.knows:
            names = ", ".join(sorted(self.knows))
            notes.append(f"{names} knew each future beforehand: a bound, not a plan.")
        met = int(self.verdicts.futures.min()) if len(self.verdicts) else 0
        counts = self.table.groupby("plan").size()
        if len(counts) and met < counts.max():
            notes.append(f"Only the {met} futures count that all plans have met.")
        return notes


def verdict_rows(judged: Judged) -> tuple[list[str], list[list[str]]]:
    """Give head and rows of the table of verdicts."""
    first = judged.verdicts.index[0]
    percent = f"{100 * judged.level:.3g}"
    head = [
        "plan",
        f"mean cost [{judged.currency}]",
        f"less than {first}",
        "cheaper than it",
        "median",
        "5 to 95 %",
        f"CVaR {percent} %",
        "worst",
        "futures with a limit violated",
        "shed [kWh]",
        "unserved [kWh]",
    ]
    rows = []
    for plan, row in judged.verdicts.iterrows():
        own = plan == first
        rows.append(
            [
                str(plan),
                _with_interval(row["mean"], row.mean_low, row.mean_high),
                "" if own else _with_interval(row.less_than_first, row.less_low, row.less_high),
                "" if own else f"{100 * row.cheaper_share:.1f} %",
                written(row.q50, 2),
                f"{written(row.q05, 2)} to {written(row.q95, 2)}",
                _with_interval(row.cvar, row.cvar_low, row.cvar_high),
                written(row.worst, 2),
                f"{100 * row.violated_share:.1f} %",
                written(row.shed_kwh, 2),
                written(row.unserved_kwh, 2),
            ]
        )
    return head, rows


def brief_verdicts(judged: Judged) -> tuple[list[str], list[list[str]]]:
    """Give the part of `verdict_rows` that fits a terminal; energy only where some lacked."""
    head, rows = verdict_rows(judged)
    kept = [0, 1, 2, 6, 7]
    # Broken limits, shed and unserved energy are told where there are any.
    kept += [at for at in (8, 9, 10) if any(not row[at].startswith(_NONE) for row in rows)]
    return [head[at] for at in kept], [[row[at] for at in kept] for row in rows]


_NONE = ("0.0 %", "0.00")


def _with_interval(value: float, low: float, high: float) -> str:
    half = (high - low) / 2.0
    return written(value, 2) if pd.isna(half) else f"{written(value, 2)} ± {written(half, 2)}"
