"""Choosing so many days of a calendar year, by any way in which scenarios are reduced."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd

from mmgsim.engine import load_variant
from mmgsim.errors import Fault, InputError, near_miss
from mmgsim.scenario import LoadedScenario, RepresentativeDayConfig, read_inputs
from mmgsim.uncertainty import (
    Selection,
    backward_reduction,
    features,
    forward_selection,
    k_medoids,
)
from mmgsim.year.choosing import daily_features, moment_errors

__all__ = ["ChosenDays", "Reduction", "choose_year", "reduce_days"]

_OPTION = "--choose"


class Reduction(StrEnum):
    """Ways in which few days are chosen that stand for many."""

    MEDOIDS = "k-medoids"
    """The days that are nearest to all together: the optimum, by tsam (extra `kmedoids`)."""
    FORWARD = "forward"
    """One by one, each the one that brings them nearest to all: fast forward selection."""
    BACKWARD = "backward"
    """One by one, the day dropped whose loss moves them least: backward reduction."""


_HOW = {Reduction.FORWARD: forward_selection, Reduction.BACKWARD: backward_reduction}


@dataclass(frozen=True, slots=True, eq=False)
class ChosenDays:
    """Days that were chosen to stand for a year.

    Parameters
    ----------
    days : tuple of RepresentativeDayConfig
        In the order of the calendar, named after their dates; weights are whole days of the year.
    method : Reduction
        How they were chosen.
    mean_errors : Series
        By feature, how far their weighted mean is from that of the year, as a fraction of it.
    """

    days: tuple[RepresentativeDayConfig, ...]
    method: Reduction
    mean_errors: pd.Series

    @property
    def note(self) -> str:
        """Say how they were chosen, and how far they are from the year, in one sentence."""
        errors = ", ".join(f"{name} {error:+.1%}" for name, error in self.mean_errors.items())
        total = sum(day.weight for day in self.days)
        return (
            f"Days were chosen by {self.method} out of the {total:g} of {self.days[0].day.year}; "
            f"their weighted means miss the year's by: {errors}."
        )


def reduce_days(table: pd.DataFrame, count: int, method: Reduction) -> Selection:
    """Choose days that are near to all others.

    Distances are Euclidean, of features divided by their standard deviation over all days; each day
    is as likely as any other.

    Parameters
    ----------
    table : DataFrame
        One row a day, one column a feature, as of `daily_features`; or the steps of the day, a
        column each.
    count : int
        How many days to keep, from 1 to all.
    method : Reduction
        How.

    Returns
    -------
    Selection
        Positions of the days in `table`; a probability is the share of all days that one stands
        for, its distance the mean distance of a day to the one that stands for it.

    Raises
    ------
    MissingExtraError
        If `k-medoids` lacks its library.
    """
    points = features({str(name): column.to_numpy() for name, column in table.items()})
    return k_medoids(points, count) if method is Reduction.MEDOIDS else _HOW[method](points, count)


def choose_year(
    scenario: str | Path | LoadedScenario,
    choice: str,
    *,
    overrides: Mapping[str, Any] | None = None,
) -> ChosenDays:
    """Choose days that stand for the calendar year in which a scenario starts.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Its series cover that year, and the horizon after it.
    choice : str
        A `Reduction` and a number of days: ``"k-medoids:5"``.
    overrides : mapping
        Values by dotted path.

    Raises
    ------
    InputError
        If there is no such way, or it cannot give so many days, or `overrides` name days too.
    ScenarioError
        Naming every fault of the scenario over that year.
    MissingExtraError
        If `k-medoids` lacks its library.
    """
    method, count = _read(choice)
    overrides = dict(overrides or {})
    own = [key for key in overrides if key.split(".")[0] == "year"]
    if own:
        cure = "leave it away, or choose nothing"
        raise InputError(_OPTION, [Fault(key, "names days that are chosen", cure) for key in own])
    start = load_variant(scenario, {**overrides, "year": []}).scenario.start
    length = 366 if isleap(start.year) else 365
    if count > length:
        raise InputError(_OPTION, [Fault(repr(choice), "is more than a year", f"up to {length}")])
    whole = {"year": [], "start": f"{start.year:04}-01-01", "days": length}
    loaded = load_variant(scenario, overrides | whole)
    table = daily_features(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))
    selection = reduce_days(table, count, method)
    dates = table.index[selection.kept]
    weights = (selection.probability * len(table)).round()
    weight_of = dict(sorted(zip(dates, weights.tolist(), strict=True)))
    days = tuple(
        RepresentativeDayConfig(name=f"day-{day.isoformat()}", day=day, weight=weight)
        for day, weight in weight_of.items()
    )
    return ChosenDays(days, method, moment_errors(table, weight_of))


def _read(choice: str) -> tuple[Reduction, int]:
    name, _, count = choice.partition(":")
    cure = f"METHOD:DAYS, such as {Reduction.MEDOIDS}:5"
    if name not in set(Reduction):
        near = near_miss(name, map(str, Reduction))
        fault = Fault(repr(name), "is no way to choose days", f"{near}; {cure}")
    elif not (count.isdecimal() and int(count) >= 1):
        fault = Fault(repr(count), "is no number of days", cure)
    else:
        return Reduction(name), int(count)
    raise InputError(_OPTION, [fault])
