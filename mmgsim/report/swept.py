"""A sweep in words and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from mmgsim.report.compared import written

__all__ = ["MOST_GROUPS", "Swept", "mean_rows"]

MOST_GROUPS = 60
"""So many groups of runs are shown; the table has all."""


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """What the page of a sweep is drawn from.

    Parameters
    ----------
    name, scenario, currency, subtitle : str
        Of the sweep file, of what all runs have in common.
    keys : tuple of str
        Swept keys that have more than one value.
    groups : tuple of str
        Swept keys in which the runs of one mean agree.
    table : DataFrame
        One row a complete run: `run`, keys, figures.
    means : DataFrame or None
        As of `mmgsim.sweep.Sweep.mean_by` of the groups; None where no seed was swept.
    figures : tuple of str
        Figures to show, the first one first.
    failed : mapping
        Why a run is not in the table, by its number.
    keeps_runs : bool
        Whether the result folders of the runs are there.
    """

    SHOWN: ClassVar[tuple[str, ...]] = (
        "objective_cost",
        "system_cost",
        "traded_kwh",
        "shed_kwh",
        "self_sufficiency",
        "gap_max",
        "messages_total",
    )
    """Figures that the page may show."""

    name: str
    scenario: str
    currency: str
    subtitle: str
    keys: tuple[str, ...]
    groups: tuple[str, ...]
    table: pd.DataFrame
    means: pd.DataFrame | None
    figures: tuple[str, ...]
    failed: Mapping[int, str]
    keeps_runs: bool

    @property
    def coloured_by(self) -> str | None:
        """The key whose values have colours: the coordination, or else the first of words."""
        words = [key for key in self.keys if not pd.api.types.is_numeric_dtype(self.table[key])]
        own = [key for key in words if key in ("coordination", "coordination.kind")]
        return next(iter([*own, *words]), None)

    def title_of(self, figure: str) -> str:
        """Give the name of a figure with its unit."""
        if figure.endswith("_cost"):
            return f"{figure} [{self.currency}]"
        return f"{figure.removesuffix('_kwh')} [kWh]" if figure.endswith("_kwh") else figure


def mean_rows(swept: Swept) -> tuple[list[str], list[list[str]]]:
    """Give head and rows of the table of means: keys, runs, and each figure with its interval."""
    assert swept.means is not None
    head = [*swept.groups, "runs", *(swept.title_of(name) for name in swept.figures)]
    rows = []
    by_group = swept.means.groupby([*swept.groups], sort=False) if swept.groups else None
    parts = [((), swept.means)] if by_group is None else list(by_group)
    for group, part in parts[:MOST_GROUPS]:
        of = part.set_index("figure")
        texts = [_with_interval(of.T[name]) for name in swept.figures]
        rows.append([*map(_text, group), str(int(part.runs.max())), *texts])
    return head, rows


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _with_interval(row: pd.Series) -> str:
    half = (row.high - row.low) / 2.0
    digits = 3 if abs(row["mean"]) < 10 else 2
    mean = written(row["mean"], digits)
    return mean if pd.isna(half) else f"{mean} ± {written(half, digits)}"
