"""The table of a sweep, and means over some of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

import pandas as pd

from mmgsim.interval import MeanInterval, mean_interval
from mmgsim.sweep.plan import PlannedRun, labels
from mmgsim.sweep.worker import Outcome

__all__ = ["COMPLETE", "FAILED", "mean_by", "sweep_table"]

COMPLETE, FAILED = "complete", "failed"
_COUNTED = "steps_by_status."
"""Counts by name: what a run has none of, it does not name."""


def sweep_table(
    runs: Sequence[PlannedRun], outcomes: Mapping[int, Outcome]
) -> tuple[pd.DataFrame, list[str]]:
    """Give one row a run that has ended, in the order of the runs, and the names of its figures.

    Columns: `run`, every swept key, `status`, `error`, and the figures; these are missing where a
    run failed.
    """
    ended = [run for run in runs if run.number in outcomes]
    keys = list(runs[0].values)
    columns: dict[str, Any] = {"run": [run.number for run in ended]}
    for key in keys:
        # Named by all runs of the sweep, so that a table of some of them calls all the same.
        names = _named([run.values[key] for run in runs])
        columns[key] = [names[_identity(run.values[key])] for run in ended]
    states = [outcomes[run.number] for run in ended]
    columns["status"] = [COMPLETE if one.is_complete else FAILED for one in states]
    columns["error"] = [one.error for one in states]
    figures = list(dict.fromkeys(name for one in states for name in one.figures))
    table = pd.DataFrame(columns)
    complete = table.status == COMPLETE
    found = {
        name: pd.to_numeric(pd.Series([one.figures.get(name) for one in states], dtype=object))
        for name in figures
    }
    for name, values in found.items():
        if name.startswith(_COUNTED):
            values = values.where(values.notna() | ~complete, 0)
        table[name] = values
    return table, figures


def _named(values: Sequence[Any]) -> dict[str, Any]:
    different = {_identity(value): value for value in values}
    return dict(zip(different, labels(list(different.values())), strict=True))


def _identity(value: Any) -> str:
    return repr(value)


def mean_by(
    table: pd.DataFrame, keys: Sequence[str], outcomes: Sequence[str], *, units: Sequence[str]
) -> pd.DataFrame:
    """Give means of figures over the complete runs that agree in some keys.

    Runs that share a seed share their luck, so that they are averaged first: what is independent
    are the seeds, or the draws. The interval is that of `mmgsim.interval.mean_interval` over them.

    Parameters
    ----------
    table : DataFrame
        Of a sweep.
    keys : sequence of str
        Swept keys; none for all runs together.
    outcomes : sequence of str
        Names of figures.
    units : sequence of str
        Swept keys in which independent runs differ; with none, all runs are one draw of chance.

    Returns
    -------
    DataFrame
        One row a group and figure: the keys, `figure`, `runs` that have it, `independent` seeds or
        draws of these, `mean`, `low` and `high`; the interval is missing where there is one of
        them only, and where all have the same value, of which no luck was drawn.
    """
    complete = table[table.status == COMPLETE]
    groups: list[tuple[tuple[Any, ...], pd.DataFrame]] = (
        [(group, part) for group, part in complete.groupby([*keys], sort=False)]
        if keys
        else [((), complete)]
    )
    rows: list[tuple[Any, ...]] = []
    for group, part in groups:
        averages = _averages(part, outcomes, units)
        rows += [
            (*group, name, int(part[name].count()), *astuple(_interval(averages[name])))
            for name in outcomes
        ]
    names = ["figure", "runs", "independent", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=[*keys, *names])


def _averages(runs: pd.DataFrame, outcomes: Sequence[str], units: Sequence[str]) -> pd.DataFrame:
    """Give one row a seed or draw: means over the runs that share it."""
    figures = runs[[*outcomes]]
    if not units:
        return figures.mean().to_frame().T
    return figures.groupby([runs[key] for key in units], sort=False, dropna=False).mean()


def _interval(values: pd.Series) -> MeanInterval:
    """Give the interval over seeds; without ends where they change nothing."""
    found = mean_interval(values)
    if values.nunique() > 1:
        return found
    return replace(found, low=float("nan"), high=float("nan"))
