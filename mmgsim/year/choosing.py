"""What days are told apart by, and of every cluster of days the one nearest to its mean.

The days are actual ones, so that demand, sun and price of a day belong together. A cluster's mean
day is nobody's day; how far the chosen ones are from the year as a whole is said by
`moment_errors`. `reduction` chooses them without clusters that somebody names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.scenario import (
    EvConfig,
    FlexibleConfig,
    Inputs,
    LoadConfig,
    PvConfig,
    Scenario,
    WindConfig,
)

__all__ = ["choose_days", "daily_features", "moment_errors", "southern_clusters"]

_SATURDAY = 5
_SOUTHERN_SEASONS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"summer": (12, 1, 2), "autumn": (3, 4, 5), "winter": (6, 7, 8), "spring": (9, 10, 11)}
)
_FREE = "free_days"


def daily_features(scenario: Scenario, inputs: Inputs) -> pd.DataFrame:
    """Give what days are told apart by: one row a local day of the run.

    What vehicles take between arrival and departure, and flexible loads within their window, is
    nobody's decision yet: it is spread evenly over the stay or the window. Of those that the run
    begins in, all of it counts from there on, as in the run.

    Parameters
    ----------
    scenario : Scenario
        Its devices say which series are demand, sun and wind.
    inputs : Inputs
        Its series, of a whole year for instance.

    Returns
    -------
    DataFrame
        By date: `net_load_kwh`, demand less available sun and wind of all microgrids [kWh/day];
        `pv_yield_kwh_per_kw` and `wind_yield_kwh_per_kw`, what is available per kW of rating, where
        there is any [kWh/(kW day)]; `price_per_kwh`, the mean upstream price [currency/kWh].
    """
    run = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
    available_kw: dict[str, FloatArray] = {}
    rating_kw: dict[str, float] = {}
    net_kw = np.zeros(inputs.run_steps)
    for microgrid in scenario.microgrids:
        for device in microgrid.devices:
            if isinstance(device, LoadConfig):
                net_kw = net_kw + inputs.device_kw[microgrid.name, device.name][run]
            elif isinstance(device, PvConfig | WindConfig):
                own_kw = inputs.device_kw[microgrid.name, device.name][run]
                net_kw = net_kw - own_kw
                available_kw[device.kind] = available_kw.get(device.kind, 0.0) + own_kw
                rating_kw[device.kind] = rating_kw.get(device.kind, 0.0) + device.rating_kw
            elif isinstance(device, EvConfig | FlexibleConfig):
                for own_kw in _movable_kw(microgrid.name, device, inputs, scenario.step_h):
                    net_kw = net_kw + own_kw
    steps = {"net_load_kwh": net_kw * scenario.step_h}
    for kind in sorted(available_kw):
        per_kw = available_kw[kind] / rating_kw[kind]
        steps[f"{kind}_yield_kwh_per_kw"] = per_kw * scenario.step_h
    days = inputs.index.local().date[run]
    energies = pd.DataFrame(steps).groupby(days).sum()
    price = pd.Series(inputs.upstream_per_kwh[run]).groupby(days).mean()
    return energies.assign(price_per_kwh=price).rename_axis("day")


def _movable_kw(
    microgrid: str, device: EvConfig | FlexibleConfig, inputs: Inputs, step_h: float
) -> Iterator[FloatArray]:
    """Give what each vehicle or the load draws if it takes what it lacks evenly, over the run."""
    names: tuple[str, ...] = (device.name,)
    efficiency = 1.0
    if isinstance(device, EvConfig):
        names, efficiency = device.device_names(), device.efficiency
    for name in names:
        drawn_kw = np.zeros(inputs.run_steps)
        for stay in inputs.sessions[microgrid, name]:
            lacking_kwh = max(0.0, stay.wanted_kwh - stay.arrives_kwh) / efficiency
            inside = slice(max(0, stay.first_step), max(0, stay.stop_step))
            drawn_kw[inside] += lacking_kwh / (stay.steps * step_h)
        yield drawn_kw


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
