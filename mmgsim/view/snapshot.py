"""A run up to one of its steps, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.network import FeederLayout
from mmgsim.plots import device_names

__all__ = ["NOW_ONLY", "SHOWN", "Snapshot", "costs_so_far"]

SHOWN = ("steps", "dispatch", "devices", "prices", "messages", "ledger", "gates", "faults")
"""Tables that are shown from the first step on."""
NOW_ONLY = ("buses", "lines")
"""Tables of which the last step is shown: the map has no past."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run so far: what pictures are drawn from, as `mmgsim.plots.RunTables`.

    Parameters
    ----------
    steps : int
        How many were simulated; 0 before the first.
    all_steps : int
        How many the run has.
    manifest, scenario : mapping
        As of a result folder; of the manifest what pictures need.
    frames : mapping of DataFrame
        Tables of these steps, those of `NOW_ONLY` of the last one. Not changed.
    layout : FeederLayout or None
        Where buses are; None without a network.
    folder : Path
        Of a finished run; what a model is stepped for has none, and is named by its scenario.
    """

    steps: int
    all_steps: int
    manifest: Mapping[str, Any]
    scenario: Mapping[str, Any]
    frames: Mapping[str, pd.DataFrame]
    layout: FeederLayout | None
    folder: Path

    def table(self, name: str) -> pd.DataFrame:
        """Give a table; times are UTC."""
        return self.frames[name].copy()

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """What bills are completed from: the cost of every microgrid so far. [currency]"""
        return {"cost_by_microgrid": costs_so_far(self)}

    def only_now(self) -> Snapshot:
        """Give the last step alone."""
        dispatch = self.frames["dispatch"]
        last = dispatch[dispatch["time"] == dispatch["time"].iloc[-1]]
        return Snapshot(
            self.steps,
            self.all_steps,
            self.manifest,
            self.scenario,
            {**self.frames, "dispatch": last},
            self.layout,
            self.folder,
        )


def costs_so_far(snapshot: Snapshot) -> dict[str, float]:
    """Give net payments and the value of shed load by microgrid. [currency]

    The same as ``cost_by_microgrid`` of a summary, from the tables alone.
    """
    names = [microgrid["name"] for microgrid in snapshot.scenario["microgrids"]]
    ledger = snapshot.frames["ledger"]
    paid, got = (ledger.groupby(side)["amount"].sum() for side in ("payer", "payee"))
    net = paid.reindex(names, fill_value=0.0) - got.reindex(names, fill_value=0.0)
    costs = net + _shed_values(snapshot).reindex(names, fill_value=0.0)
    return {str(name): float(cost) for name, cost in costs.items()}


def _shed_values(snapshot: Snapshot) -> pd.Series:
    """Give the value of the load that was shed, by microgrid. [currency]"""
    keys = ["microgrid", "device"]
    loads = pd.DataFrame(
        [
            (microgrid["name"], device["name"], *_shed_prices(device))
            for microgrid in snapshot.scenario["microgrids"]
            for device in microgrid["devices"]
            if device["kind"] == "load"
        ],
        columns=[*keys, "per_kwh", "critical_share", "critical_more_per_kwh"],
    )
    devices = snapshot.frames["devices"]
    of_loads = devices.merge(loads, on=keys)
    powers = of_loads.pivot_table(
        index=["time", *loads.columns], columns="quantity", values="value", aggfunc="sum"
    ).reset_index()
    # Demand is available, and its power negative: together they are what was not served.
    shed_kw = (powers["available_kw"] + powers["power_kw"]).clip(lower=0.0)
    critical_kw = powers["critical_share"] * powers["available_kw"] + powers["power_kw"]
    per_h = powers["per_kwh"] * shed_kw
    per_h += powers["critical_more_per_kwh"] * critical_kw.clip(lower=0.0)
    values: pd.Series = (
        (per_h * float(snapshot.manifest["step_h"])).groupby(powers["microgrid"]).sum()
    )
    return values.add(_missing_values(snapshot), fill_value=0.0)


def _missing_values(snapshot: Snapshot) -> pd.Series:
    """Give the value of what vehicles and flexible loads lacked, by microgrid. [currency]"""
    per_kwh = {
        (microgrid["name"], name): float(
            device["missing_price_per_kwh" if device["kind"] == "ev" else "shed_price_per_kwh"]
        )
        for microgrid in snapshot.scenario["microgrids"]
        for device in microgrid["devices"]
        if device["kind"] in ("ev", "flexible")
        for name in device_names(device)
    }
    devices = snapshot.frames["devices"]
    lacks = devices[devices["quantity"] == "missing_kwh"]
    owners = zip(lacks["microgrid"], lacks["device"], strict=True)
    prices = np.array([per_kwh[owner] for owner in owners], dtype=np.float64)
    values: pd.Series = (lacks["value"] * prices).groupby(lacks["microgrid"]).sum()
    return values


def _shed_prices(load: Mapping[str, Any]) -> tuple[float, float, float]:
    """Give a load's price, its critical share, and how much more that costs. [currency/kWh]"""
    per_kwh, share = float(load["shed_price_per_kwh"]), float(load.get("critical_share", 0.0))
    given = load.get("critical_shed_price_per_kwh")
    return per_kwh, share, (10.0 * per_kwh if given is None else float(given)) - per_kwh
