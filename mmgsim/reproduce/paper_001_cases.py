"""Paper 001 on substitute data: its three cases, and what its gaps leave open, as runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.division import DayGame, Division, divide, game_day
from mmgsim.reproduce.study import Settings
from mmgsim.run import run
from mmgsim.scenario import load_scenario
from mmgsim.tables import Results

__all__ = ["GAMES", "RUNS", "SCENARIOS", "Cases", "DayRun", "run_cases"]

SCENARIOS: Mapping[int, str] = MappingProxyType({4: "leem4", 10: "leem10"})
"""What has the paper's number of microgrids."""

_ALONE = {"coordination": {"kind": "isolated"}}
_RULE_20 = {"coordination": {"kind": "pool", "ir": "paper"}}
_PURE_PAIR = {
    "microgrids": [
        {
            "name": "seller",
            "devices": [{"name": "sun", "kind": "pv", "rating_kw": 5.0, "profile": 5.0}],
        },
        {"name": "buyer", "devices": [{"name": "load", "kind": "load", "profile": 5.0}]},
    ]
}

RUNS: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "case 1": ("leem4", _ALONE),
        "case 2": ("leem4", {}),
        "case 2 by (20)": ("leem4", _RULE_20),
        "case 1 of ten": ("leem10", _ALONE),
        "case 3": ("leem10", {}),
        "case 3 by (20)": ("leem10", _RULE_20),
        "pair by (20)": ("leem4", {**_PURE_PAIR, **_RULE_20}),
    }
)
"""Scenario and what is set in it, for every run: the paper's cases, also with its rule (20) in
place of money, and that rule for a microgrid that only sells beside one that only buys."""

GAMES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "as it is": {},
        "free end": {"gate.end_of_window.kind": "free"},
        "one price": {"tariff.export_per_kwh.scale": 1.0},
        "pair": _PURE_PAIR,
    }
)
"""What is set in leem4 where only what all pay alone and together is looked at: with nothing owed
at the end of the day, with one price for buying and selling, and for that pair."""


@dataclass(frozen=True)  # no slots: sums are kept
class DayRun:
    """One run of a day."""

    results: Results

    @property
    def cost(self) -> float:
        """What all pay together. [USD]"""
        return float(self.results.summary["objective_cost"])

    @property
    def bills(self) -> Mapping[str, float]:
        """What each pays. [USD]"""
        bills: Mapping[str, float] = self.results.summary["cost_by_microgrid"]
        return bills

    @cached_property
    def bought_kwh(self) -> pd.Series:
        """Energy that all buy from the grid, hour by hour."""
        return self.results.dispatch.groupby("time").import_kw.sum()

    @cached_property
    def shared_kwh(self) -> pd.Series:
        """Energy that each sells or buys locally, over the day."""
        rows = self.results.dispatch
        return (rows.sold_kw + rows.bought_kw).groupby(rows.microgrid).sum()

    @cached_property
    def charging_at_price(self) -> float:
        """Correlation of what all batteries take, less what they give, with the import price."""
        rows = self.results.dispatch
        taken_kw = (rows.charge_kw - rows.discharge_kw).groupby(rows.time).sum()
        price = self.results.prices.groupby("time").import_price.first()
        return float(np.corrcoef(taken_kw, price[taken_kw.index])[0, 1])

    @property
    def dearest_per_kwh(self) -> float:
        """Highest import price of the day. [USD/kWh]"""
        return float(self.results.prices.import_price.max())


@dataclass(frozen=True)
class Cases:
    """All runs and games by their names, and both scenarios' costs divided by every rule.

    Parameters
    ----------
    runs : mapping
        By their names in `RUNS`.
    games : mapping
        By their names in `GAMES`.
    divisions : mapping
        By how many microgrids there are.
    """

    runs: Mapping[str, DayRun]
    games: Mapping[str, DayGame]
    divisions: Mapping[int, Division]

    def __getitem__(self, name: str) -> DayRun:
        """Give a run by its name."""
        return self.runs[name]

    def pair(self, count: int) -> tuple[DayRun, DayRun]:
        """Give everybody alone, and all together, of so many microgrids."""
        names = {4: ("case 1", "case 2"), 10: ("case 1 of ten", "case 3")}[count]
        alone, together = (self.runs[name] for name in names)
        return alone, together


def run_cases(settings: Settings) -> Cases:
    """Run everything, each run in a folder of its own."""
    runs = {
        name: DayRun(
            run(
                scenario,
                overrides=dict(overrides),
                out=settings.folder / name.replace(",", "").replace(" ", "-"),
                progress=settings.progress,
            )
        )
        for name, (scenario, overrides) in RUNS.items()
    }
    games = {
        name: DayGame(game_day(load_scenario(SCENARIOS[4], overrides), 1, {}))
        for name, overrides in GAMES.items()
    }
    divisions = {
        count: divide(scenario, out=settings.folder / f"divide-{scenario}")
        for count, scenario in SCENARIOS.items()
    }
    return Cases(runs, games, divisions)
