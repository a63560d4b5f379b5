"""What pictures are drawn from: the tables of a run, on the scenario's clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from mmgsim.errors import NothingToDrawError, ResultsError, near_miss
from mmgsim.plots.clock import local_time
from mmgsim.plots.style import microgrid_colours

__all__ = ["RunTables", "RunView", "device_names"]

_MOST_POINTS = 800
"""Longer series are drawn as means or extremes of several steps."""
_BLOCKS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 168)


def device_names(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Give how a device of a scenario is called in tables; of a fleet, each of its vehicles."""
    count, name = int(config.get("vehicles", 1)), str(config["name"])
    return (name,) if count == 1 else tuple(f"{name}-{k}" for k in range(1, count + 1))


class RunTables(Protocol):
    """A finished run, as `mmgsim.tables.Results` reads it."""

    @property
    def folder(self) -> Path:
        """Where it was written."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What was run."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """The run in a few numbers."""

    @property
    def scenario(self) -> Mapping[str, Any]:
        """The resolved scenario file."""

    def table(self, name: str) -> pd.DataFrame:
        """Give a table; times are UTC."""


class RunView:
    """The tables of a run with local times, read once.

    Parameters
    ----------
    run : RunTables
        Not changed.
    """

    def __init__(self, run: RunTables) -> None:
        self.run = run
        self._frames: dict[str, pd.DataFrame] = {}

    def frame(self, name: str) -> pd.DataFrame:
        """Give a table whose times are on the scenario's clock; not to be changed."""
        if name not in self._frames:
            frame = self.run.table(name)
            zone = self.run.manifest["timezone"]
            frame["time"] = local_time(frame["time"], zone)
            self._frames[name] = frame
        return self._frames[name]

    def has(self, name: str) -> bool:
        """Tell whether the run wrote a table: earlier versions knew fewer."""
        return (self.run.folder / f"{name}.parquet").is_dir()

    def needs(self, name: str, why: str) -> pd.DataFrame:
        """Give a table that has rows.

        Raises
        ------
        NothingToDrawError
            If it has none, for the reason that is given.
        """
        frame = self.frame(name)
        if frame.empty:
            raise NothingToDrawError(why)
        return frame

    @cached_property
    def microgrids(self) -> tuple[str, ...]:
        """Names, in the order of the scenario."""
        frame = self.needs("dispatch", "No step was simulated.")
        return tuple(str(name) for name in frame["microgrid"].unique())

    @cached_property
    def colours(self) -> Mapping[str, str]:
        """Colour of every microgrid."""
        return microgrid_colours(self.microgrids)

    @cached_property
    def days(self) -> tuple[str, ...]:
        """Local days, as ``2021-01-11``."""
        return tuple(str(day) for day in self.frame("steps")["time"].dt.date.unique())

    def bus_label(self, bus: int) -> str:
        """Give the number of a bus with the microgrids at it, such as ``17 (MG3)``."""
        members = [str(m["name"]) for m in self.run.scenario["microgrids"] if m["bus"] == bus]
        return f"{bus} ({', '.join(members)})" if members else str(bus)

    @property
    def step_h(self) -> float:
        """Length of a step. [h]"""
        return float(self.run.manifest["step_h"])

    @property
    def currency(self) -> str:
        """Name of the scenario's currency."""
        return str(self.run.manifest["currency"])

    @cached_property
    def block(self) -> int:
        """How many steps are drawn as one in pictures of the whole run."""
        wanted = len(self.frame("steps")) / _MOST_POINTS
        return next((block for block in _BLOCKS if block >= wanted), int(np.ceil(wanted)))

    def coarse(self, frame: pd.DataFrame, how: str | Mapping[str, str] = "mean") -> pd.DataFrame:
        """Give rows of several steps each where the run is long.

        Parameters
        ----------
        frame : DataFrame
            One row a step, with the column `time` and columns of numbers.
        how : str or mapping
            What becomes of the numbers, as of `DataFrame.agg`; for all columns or by column.
        """
        if self.block == 1:
            return frame
        groups = frame.groupby(np.arange(len(frame)) // self.block)
        times = groups["time"].first()
        columns = [str(column) for column in frame.select_dtypes("number")]
        how = dict.fromkeys(columns, how) if isinstance(how, str) else how
        return groups.agg(dict(how)).assign(time=times)

    def blocks_told(self, what: str = "means over") -> str:
        """Say in a title that steps are drawn together, and nothing where they are not."""
        return f" ({what} {self.block * self.step_h:g} h)" if self.block > 1 else ""

    def totals(self) -> pd.DataFrame:
        """Give the dispatch of all microgrids together: one row a step. [kW]"""
        frame = self.needs("dispatch", "No step was simulated.")
        return frame.groupby("time", sort=True).sum(numeric_only=True).reset_index()

    def check_microgrid(self, name: str) -> str:
        """Give the name back.

        Raises
        ------
        ResultsError
            If no microgrid is called so.
        """
        if name not in self.microgrids:
            raise ResultsError(
                f"there is no microgrid {name!r}; {near_miss(name, self.microgrids)}"
            )
        return name

    def check_day(self, day: str | date) -> str:
        """Give a day as ``2021-01-11``.

        Raises
        ------
        ResultsError
            If it is no day, or none of the run.
        """
        try:
            text = str(pd.Timestamp(day).date())
        except (ValueError, TypeError):
            raise ResultsError(f"{day!r} is no day; give it like {self.days[0]!r}") from None
        if text not in self.days:
            has = self.days[0] if len(self.days) == 1 else f"{self.days[0]} to {self.days[-1]}"
            raise ResultsError(f"the run has no {text}; it has {has}")
        return text

    def check_has_network(self) -> None:
        """Raise NothingToDrawError where no feeder was simulated."""
        why = "This run has no network: exchanges were not carried by a simulated feeder."
        self.needs("buses", why)
