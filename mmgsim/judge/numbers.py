"""Statistics of what plans cost over the same futures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mmgsim.contracts import FloatArray
from mmgsim.interval import mean_interval

__all__ = ["AGAINST_FIRST", "conditional_value_at_risk", "cvar_interval", "verdict_table"]

AGAINST_FIRST = ("less_than_first", "less_low", "less_high", "cheaper_share")
"""Columns of `verdict_table` in which plans are held against the first."""

_RESAMPLES = 2000
_SEED = 0
"""Of resampling: the same rows give the same interval."""
_QUANTILES = (0.05, 0.5, 0.95)


def conditional_value_at_risk(cost: ArrayLike, level: float) -> float:
    """Give the mean of the dearest share ``1 - level`` of equally likely costs.

    ``CVaR = min over v of  v + E[(cost - v)+] / (1 - level)``, which shares a cost on the border
    between both sides.

    Parameters
    ----------
    cost : array
        One number a future.
    level : float
        From 0, which gives the mean, to below 1.

    References
    ----------
    .. [1] R. T. Rockafellar, S. Uryasev, Optimization of conditional value-at-risk, Journal of
       Risk 2(3), 2000, doi 10.21314/JOR.2000.038.

    Examples
    --------
    >>> conditional_value_at_risk([1.0, 2.0, 3.0, 4.0], 0.5)
    3.5
    """
    dearest = np.sort(np.asarray(cost, dtype=float).ravel())[::-1]
    return float(_tail_means(dearest[None, :], level)[0])


def _tail_means(descending: FloatArray, level: float) -> FloatArray:
    """Give the mean of the first share of every row."""
    count = descending.shape[1]
    whole = (1.0 - level) * count
    weight = np.clip(whole - np.arange(count), 0.0, 1.0)
    return np.asarray(descending @ weight / whole)


def cvar_interval(cost: ArrayLike, level: float) -> tuple[float, float]:
    """Give the 95 % interval of `conditional_value_at_risk`, by resampling the futures.

    NaN with fewer than two futures.
    """
    found = np.asarray(cost, dtype=float).ravel()
    if len(found) < 2:
        return np.nan, np.nan
    rng = np.random.default_rng(_SEED)
    drawn = found[rng.integers(len(found), size=(_RESAMPLES, len(found)))]
    tails = _tail_means(-np.sort(-drawn, axis=1), level)
    low, high = np.quantile(tails, [0.025, 0.975])
    return float(low), float(high)


def verdict_table(table: pd.DataFrame, plans: Sequence[str], level: float) -> pd.DataFrame:
    """Give one row a plan, over the futures that all plans have met.

    Parameters
    ----------
    table : DataFrame
        One row a plan and future: `plan`, `future`, figures.
    plans : sequence of str
        In order; costs are held against the first.
    level : float
        Of the conditional value at risk.

    Returns
    -------
    DataFrame
        By plan: `futures`; `mean` with `mean_low` and `mean_high` (95 %, Student's t); `sd`; `q05`,
        `q50`, `q95`; `cvar` with `cvar_low` and `cvar_high` (95 %, resampled); `worst`;
        `less_than_first` with `less_low` and `less_high`: how much cheaper than the first plan,
        future by future; `cheaper_share`; `violated_share` of futures with a step that keeps not
        all limits; `shed_kwh`, `unserved_kwh`: means.
    """
    cost = table.pivot(index="future", columns="plan", values="cost").reindex(columns=[*plans])
    cost = cost.dropna()
    first = cost[plans[0]]
    rows = []
    for plan in plans:
        own = table[(table.plan == plan) & table.future.isin(cost.index)]
        rows.append({"plan": plan, **_row(cost[plan], first - cost[plan], own, level)})
    return pd.DataFrame(rows).set_index("plan")


def _row(cost: pd.Series, less: pd.Series, own: pd.DataFrame, level: float) -> dict[str, Any]:
    mean, gain = mean_interval(cost), mean_interval(less)
    tail = cvar_interval(cost, level) if len(cost) else (np.nan, np.nan)
    quantiles = cost.quantile(list(_QUANTILES)).tolist()
    return {
        "futures": len(cost),
        "mean": mean.mean,
        "mean_low": mean.low,
        "mean_high": mean.high,
        "sd": cost.std(ddof=1),
        **dict(zip(("q05", "q50", "q95"), quantiles, strict=True)),
        "cvar": conditional_value_at_risk(cost, level) if len(cost) else np.nan,
        "cvar_low": tail[0],
        "cvar_high": tail[1],
        "worst": cost.max(),
        "less_than_first": gain.mean,
        "less_low": gain.low,
        "less_high": gain.high,
        "cheaper_share": (less > 0.0).mean(),
        "violated_share": (own.violated_steps > 0.0).mean(),
        "shed_kwh": own.shed_kwh.mean(),
        "unserved_kwh": own.unserved_kwh.mean(),
    }
