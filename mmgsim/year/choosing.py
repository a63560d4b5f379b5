"""Choosing days that stand for a year: of every cluster of days, the one nearest to its mean.

The days are actual ones, so that demand, sun and price of a day belong together. A cluster's mean
day is nobody's day; how far the chosen ones are from the year as a whole is said by
`moment_errors`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd

from mmgsim.scenario import Inputs, LoadConfig, PvConfig, Scenario

__all__ = ["choose_days", "daily_features", "moment_errors", "southern_clusters"]

_SATURDAY = 5
_SOUTHERN_SEASONS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"summer": (12, 1, 2), "autumn": (3, 4, 5), "winter": (6, 7, 8), "spring": (9, 10, 11)}
)
_FREE = "free_days"


def daily_features(scenario: Scenario, inputs: Inputs) -> pd.DataFrame:
    """Give what days are told apart by: one row a local day of the run.

    Parameters
    ----------
    scenario : Scenario
        Its devices say which series are demand and which are sun.
    inputs : Inputs
        Its series, of a whole year for instance.

    Returns
    -------
    DataFrame
        By date: `net_load_kwh`, demand less available sun of all microgrids [kWh/day];
        `pv_yield_kwh_per_kw`, available sun per kW of rating [kWh/(kW day)]; `price_per_kwh`, the
        mean upstream price [currency/kWh].
    """
    load_kw, pv_kw, rating_kw = np.zeros(inputs.index.steps), np.zeros(inputs.index.steps), 0.0
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            if isinstance(device, LoadConfig):
                load_kw = load_kw + inputs.device_kw[microgrid.name, device.name]
            elif isinstance(device, PvConfig):
                pv_kw = pv_kw + inputs.device_kw[microgrid.name, device.name]
                rating_kw += device.rating_kw
    run = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
    per_day = scenario.step_h * np.array([[1.0], [1.0 / rating_kw if rating_kw else 0.0]])
    energies_kwh = per_day * np.stack([load_kw - pv_kw, pv_kw])
    steps = pd.DataFrame(
        {
            "net_load_kwh": energies_kwh[0, run],
            "pv_yield_kwh_per_kw": energies_kwh[1, run],
            "price_per_kwh": inputs.upstream_per_kwh[run],
        }
    )
    days = inputs.index.local().date[run]
    how = {"net_load_kwh": "sum", "pv_yield_kwh_per_kw": "sum", "price_per_kwh": "mean"}
    return steps.groupby(days).agg(how).rename_axis("day")


def southern_clusters(days: Collection[date], holidays: Collection[date]) -> pd.Series:
    """Give the cluster of every day: a season of the southern hemisphere, or `free_days`.

    Free days are Saturdays, Sundays and public holidays, whatever their season. These are the five
    clusters that paper 000 names (section III: four seasons, and holidays with weekends).
    """
    season = {month: name for name, months in _SOUTHERN_SEASONS.items() for month in months}
    named = {
        day: _FREE if day.weekday() >= _SATURDAY or day in holidays else season[day.month]
        for day in days
    }
    return pd.Series(named, name="cluster").rename_axis("day")


def choose_days(features: pd.DataFrame, clusters: pd.Series) -> pd.DataFrame:
    """Choose of every cluster the day nearest to the mean of its days.

    Distances are Euclidean, of features divided by their standard deviation over all days; the
    earlier of two equally near days is taken.

    Parameters
    ----------
    features : DataFrame
        One row a day.
    clusters : Series
        Name of the cluster of every day.

    Returns
    -------
    DataFrame
        By cluster, in the order in which they first occur: `day`, and `days`, how many it has.
    """
    spread = features.std(ddof=0)
    standard = features / spread.where(spread > 0.0, 1.0)  # what never varies tells no day apart
    rows = {}
    for name in clusters.unique():
        part = standard[clusters.reindex(standard.index) == name]
        apart = np.sqrt(((part - part.mean()) ** 2).sum(axis=1))
        rows[name] = {"day": apart.idxmin(), "days": len(part)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("cluster")


def moment_errors(features: pd.DataFrame, weights: Mapping[date, float]) -> pd.Series:
    """Give how far the weighted mean of some days is from the mean of all, as a fraction of it.

    Parameters
    ----------
    features : DataFrame
        One row a day.
    weights : mapping
        How many days each chosen day stands for, by its date.
    """
    chosen = features.loc[list(weights)]
    mean = chosen.mul(pd.Series(weights), axis=0).sum() / sum(weights.values())
    return mean / features.mean() - 1.0
