"""Found sizes in the full simulator: days that stand for the year, agents, feeder and ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.profiles import TimeIndex
from mmgsim.run import Progress
from mmgsim.scenario import LoadedScenario, Scenario
from mmgsim.sizing.case import Sharing
from mmgsim.sizing.plain import by_step
from mmgsim.sizing.yearly import YearSimulator
from mmgsim.year import Reduction, reduce_days, year

__all__ = ["YearCheck", "check_in_runs", "chosen_days"]

_AS_RUN: Mapping[Sharing, str] = {
    Sharing.GRID: "isolated",
    Sharing.PEERS: "peer-to-peer",
    Sharing.POOL: "central",
}


@dataclass(frozen=True, slots=True, eq=False)
class YearCheck:
    """What the bills of a year are, by the rule alone and by runs of days that stand for it.

    Parameters
    ----------
    days : DataFrame
        One row a day: `day`, `weight` [days], `run` and `rule`, bills of all with the value of lost
        load, each day begun with the storage of the scenario's beginning [currency].
    year_by_rule : float
        Bills of the whole year, storage carried from day to day. [currency/year]
    capital : float
        What the devices cost a year. [currency/year]
    """

    days: pd.DataFrame
    year_by_rule: float
    capital: float

    @property
    def year_by_runs(self) -> float:
        """Weighted sum of the runs. [currency/year]"""
        return float(self.days.weight.to_numpy() @ self.days.run.to_numpy())

    @property
    def largest_difference(self) -> float:
        """The largest difference of a day between the run and the rule. [currency]"""
        return float((self.days.run - self.days.rule).abs().max())

    @property
    def error(self) -> float:
        """What the full simulator adds to the rule on these days, weighted: of devices and bills.

        Bills alone may come to nothing, where as much is sold as bought.
        """
        added = self.days.weight.to_numpy() @ (self.days.run - self.days.rule).to_numpy()
        return float(added) / (self.capital + self.year_by_rule)

    @property
    def days_leave_out(self) -> float:
        """How far the weighted days are from the year, by the rule alone: of devices and bills."""
        weighted = float(self.days.weight.to_numpy() @ self.days.rule.to_numpy())
        return (weighted - self.year_by_rule) / (self.capital + self.year_by_rule)


def check_in_runs(
    loaded: LoadedScenario,
    simulator: YearSimulator,
    sizes: FloatArray,
    *,
    folder: Path,
    days: int = 12,
    progress: Progress | None = None,
) -> YearCheck:
    """Run a scenario with its new sizes on days that stand for the year, and hold the bills.

    Every microgrid follows the rule there too (strategy `self-consumer`), under `isolated` or
    `peer-to-peer`. A pool is run under `central`, which looks ahead, so that it may be cheaper than
    the rule.

    Parameters
    ----------
    loaded : LoadedScenario
        With the sizes, over the year that they were judged by.
    simulator : YearSimulator
        Of the case.
    sizes : (microgrids, 3) array
        [kW], [kW], [kWh]
    folder : Path
        Where the runs are kept; what has been run there already is not run again.
    days : int
        How many.
    progress : callable or None
        As of `mmgsim.run`.

    Raises
    ------
    YearEndedEarlyError
        If a run fails.
    """
    dates = _dates(loaded.scenario)
    chosen = chosen_days(simulator, sizes, dates, days)
    told = [
        {"name": f"day{number}", "day": day.isoformat(), "weight": float(weight)}
        for number, (day, weight) in enumerate(zip(chosen.day, chosen.days, strict=True), start=1)
    ]
    kind = _AS_RUN[simulator.sharing]
    own = loaded.scenario.coordination
    coordination: Any = {"kind": kind, **(own.options() if own.kind == kind else {})}
    overrides = {
        "start": loaded.scenario.start.isoformat(),
        "days": 1,
        "year": told,
        "coordination": coordination,
    }
    strategy = None if simulator.sharing is Sharing.POOL else "self-consumer"
    study = year(
        loaded,
        [coordination],
        overrides=overrides,
        strategy=strategy,
        out=folder,
        progress=progress,
        resume=folder.exists(),
    )
    bills = study.by_day[study.by_day.microgrid == "(all)"].set_index("day").cost
    return YearCheck(
        pd.DataFrame(
            {
                "day": [row["day"] for row in told],
                "weight": [row["weight"] for row in told],
                "run": [float(bills[str(row["name"])]) for row in told],
                "rule": [_bill_of_day(simulator, sizes, dates == day) for day in chosen.day],
            }
        ),
        year_by_rule=_bill(simulator, sizes),
        capital=float(simulator.case.capital(sizes).sum()),
    )


def _dates(scenario: Scenario) -> NDArray[np.object_]:
    """Give the local day of every step: one may have 23 or 25 hours."""
    index = TimeIndex.of_local_days(
        scenario.start, scenario.days, step_h=scenario.step_h, timezone=scenario.timezone
    )
    dates: NDArray[np.object_] = index.local().date
    return dates


def chosen_days(
    simulator: YearSimulator, sizes: FloatArray, dates: NDArray[np.object_], count: int
) -> pd.DataFrame:
    """Choose days that stand for the year of these sizes.

    Days are told apart by what every microgrid lacks over the day and by what all pay and earn in
    every step of the rule, and chosen by fast forward selection.

    Parameters
    ----------
    simulator : YearSimulator
        Of the case.
    sizes : (microgrids, 3) array
        [kW], [kW], [kWh]
    dates : (steps,) array of date
        The day of every step.
    count : int
        How many.

    Returns
    -------
    DataFrame
        `day` and `days`, how many days of the year it stands for.
    """
    flows = by_step(simulator.rule, sizes[None])
    case = simulator.case
    lack = (flows["load_kw"] - flows["generated_kw"])[:, 0] * case.step_h
    paid = flows["imported_kw"][:, 0].sum(axis=1) * case.buy_per_kwh * case.step_h
    got = flows["exported_kw"][:, 0].sum(axis=1) * case.sell_per_kwh * case.step_h
    features = pd.DataFrame(np.column_stack([lack, paid, got])).add_prefix("feature")
    by_day = features.groupby(dates).sum()
    found = reduce_days(by_day.reset_index(drop=True), min(count, len(by_day)), Reduction.FORWARD)
    weights = np.round(found.probability * len(by_day))  # whole days, as each is as likely
    chosen = pd.DataFrame({"day": by_day.index[list(found.kept)], "days": weights})
    return chosen.sort_values("day", ignore_index=True)


def _bill_of_day(simulator: YearSimulator, sizes: FloatArray, is_in: NDArray[np.bool_]) -> float:
    steps = np.flatnonzero(is_in)
    part = simulator.case.between(int(steps[0]), int(steps[-1]) + 1)
    return _bill(YearSimulator(part, simulator.sharing, engine="numpy"), sizes)


def _bill(simulator: YearSimulator, sizes: FloatArray) -> float:
    """Give the bills of all with wear and the value of lost load, over the steps. [currency]"""
    totals = simulator.totals(sizes[None])
    paid = sum(float(totals.of(name).sum()) for name in ("purchases", "local_charges"))
    lost = float((totals.of("unserved_kwh") @ simulator.rule.unserved_per_kwh)[0])
    wear = float((totals.of("discharged_kwh") @ simulator.rule.wear_per_kwh)[0])
    return paid + lost + wear - float(totals.of("sales").sum())
