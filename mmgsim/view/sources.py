"""Where steps come from: a model that simulates them, or the tables of a finished run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import yaml

from mmgsim.engine import MultiMicrogridModel
from mmgsim.errors import NothingToDrawError
from mmgsim.network import FeederLayout, read_layout
from mmgsim.plots import FeederView, RunView
from mmgsim.scenario import resolved_yaml
from mmgsim.tables import Results
from mmgsim.view.snapshot import NOW_ONLY, SHOWN, Snapshot

__all__ = ["LiveSource", "ReplaySource", "Source"]


class Source(Protocol):
    """Gives a run step by step."""

    @property
    def title(self) -> str:
        """Name of the scenario and its coordination."""

    @property
    def can_seek(self) -> bool:
        """Whether any step can be gone to at once."""

    def advance(self) -> None:
        """Go one step further, if there is one."""

    def go_to(self, steps: int) -> None:
        """Go to where so many steps are over; without effect where `can_seek` is False."""

    def reset(self) -> None:
        """Go to where no step is over."""

    def snapshot(self) -> Snapshot:
        """Give the run so far."""


class LiveSource:
    """A model that is stepped.

    Parameters
    ----------
    make : callable
        Gives the model before its first step; called again by `reset`.
    """

    can_seek = False

    def __init__(self, make: Callable[[], MultiMicrogridModel]) -> None:
        self._make = make
        self.reset()

    def reset(self) -> None:
        """Begin again with a new model."""
        self.model = self._make()
        self._scenario = yaml.safe_load(resolved_yaml(self.model.scenario))
        self._layout = _layout(self.model)
        self._taken = dict.fromkeys((*SHOWN, *NOW_ONLY), 0)
        self._frames = {name: self.model.table(name) for name in self._taken}

    @property
    def title(self) -> str:
        """Name of the scenario and its coordination."""
        return _title(self.model.scenario.name, self.model.scenario.coordination.kind)

    def advance(self) -> None:
        """Simulate a step and take its rows; past the end, do nothing."""
        self.model.step()
        for name, taken in self._taken.items():
            new = self.model.writer.frame(name, taken)
            self._taken[name] += len(new)
            if name in NOW_ONLY:
                self._frames[name] = new
            elif not new.empty:
                self._frames[name] = pd.concat([self._frames[name], new], ignore_index=True)

    def go_to(self, steps: int) -> None:
        """Do nothing: what is not simulated yet cannot be gone to."""

    def snapshot(self) -> Snapshot:
        """Give the run so far."""
        scenario, clock = self.model.scenario, self.model.clock
        return Snapshot(
            steps=clock.step + 1,
            all_steps=clock.steps,
            manifest={
                "scenario": scenario.name,
                "coordination": scenario.coordination.kind,
                "timezone": scenario.timezone,
                "step_h": scenario.step_h,
                "currency": scenario.currency,
            },
            scenario=self._scenario,
            frames=dict(self._frames),
            layout=self._layout,
            folder=Path(scenario.name),
        )


class ReplaySource:
    """A result folder, gone through from its first step.

    Parameters
    ----------
    results : Results
        Of a run that ended, early or not.

    Raises
    ------
    ResultsError
        If a table is missing or damaged.
    NothingToDrawError
        If no step was simulated.
    """

    can_seek = True

    def __init__(self, results: Results) -> None:
        self._results = results
        tables = {name: results.table(name) for name in (*SHOWN, *NOW_ONLY)}
        self._tables = {
            name: table.sort_values("time", kind="stable", ignore_index=True)
            for name, table in tables.items()
        }
        self._times = self._tables["steps"]["time"]
        if self._times.empty:
            raise NothingToDrawError(f"{results.folder}: no step was simulated.")
        self._layout = None
        if not tables["buses"].empty:
            self._layout = FeederView(RunView(results)).layout
        self._steps = 0

    @property
    def title(self) -> str:
        """Name of the scenario and its coordination."""
        return _title(self._results.manifest["scenario"], self._results.manifest["coordination"])

    def advance(self) -> None:
        """Go one step further, if there is one."""
        self.go_to(self._steps + 1)

    def go_to(self, steps: int) -> None:
        """Go to where so many steps are over."""
        self._steps = min(max(steps, 0), len(self._times))

    def reset(self) -> None:
        """Go to where no step is over."""
        self._steps = 0

    def snapshot(self) -> Snapshot:
        """Give the run so far."""
        return Snapshot(
            steps=self._steps,
            all_steps=len(self._times),
            manifest=self._results.manifest,
            scenario=self._results.scenario,
            frames={name: self._so_far(name) for name in self._tables},
            layout=self._layout,
            folder=self._results.folder,
        )

    def _so_far(self, name: str) -> pd.DataFrame:
        table = self._tables[name]
        if self._steps == 0:
            return table.iloc[:0]
        now = self._times.iloc[self._steps - 1]
        end = int(table["time"].searchsorted(now, side="right"))
        begin = int(table["time"].searchsorted(now, side="left")) if name in NOW_ONLY else 0
        return table.iloc[begin:end].reset_index(drop=True)


def _title(scenario: Any, coordination: Any) -> str:
    return f"{scenario} · {coordination}"


def _layout(model: MultiMicrogridModel) -> FeederLayout | None:
    """Give where buses are: by way of a file, because that is how a net is read everywhere else."""
    if model.dno.feeder is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "network.json"
        file.write_text(model.dno.feeder.as_json(), encoding="utf-8")
        return read_layout(file)
