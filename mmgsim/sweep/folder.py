"""The folder of a sweep while it is made: begun, gone on from, and its rows as they come."""

from __future__ import annotations

import shutil
from pathlib import Path

from mmgsim.engine import MultiMicrogridModel, fingerprint
from mmgsim.kept import KeptRows, Origin
from mmgsim.scenario import dump_yaml, resolved_yaml, seen_from
from mmgsim.sweep.plan import settings_of
from mmgsim.sweep.reading import LoadedSweep
from mmgsim.sweep.worker import Outcome, Task

__all__ = ["SweepFolder", "run_folder"]

_FREE = ("workers", "keep_runs", "scenario")
"""Keys that may change when a sweep is gone on with; the scenario is compared by what it says."""


def run_folder(folder: Path, number: int) -> Path:
    """Give the result folder of a run."""
    return folder / "runs" / f"{number:04d}"


class SweepFolder:
    """Keeps what a sweep goes on from: what was asked for, and a row a run that has ended.

    Parameters
    ----------
    path : Path
        By `choose_study_folder`, and `held`: nobody else writes to it.
    loaded : LoadedSweep
        The sweep.
    model : MultiMicrogridModel
        Of its first run.
    resume : bool
        Whether it may be gone on with.

    Raises
    ------
    ScenarioError
        If the folder holds something else, naming what differs.
    """

    def __init__(
        self,
        path: Path,
        loaded: LoadedSweep,
        model: MultiMicrogridModel,
        *,
        resume: bool,
    ) -> None:
        self._loaded = loaded
        self.path = path
        origin = _origin(path, loaded, model)
        self._kept = KeptRows(
            path, origin, make=Outcome, key=lambda outcome: outcome.number, resume=resume
        )

    @property
    def ended(self) -> dict[int, Outcome]:
        """Outcomes of runs that have ended, by number."""
        return self._kept.rows

    def tasks(self) -> list[Task]:
        """Give the runs that have not ended, or failed."""
        config = self._loaded.config
        found = []
        for run in self._loaded.runs:
            if not self._kept.has_ended(run.number):
                overrides, strategy = settings_of(config, run.values)
                place = run_folder(self.path, run.number)
                task = Task(run.number, self._loaded.source, overrides, strategy, place)
                found.append(task)
        return found

    def add(self, outcome: Outcome) -> None:
        """Keep the row of a run, and its folder if it is to be kept or the run failed."""
        self._kept.add([outcome])
        if outcome.is_complete and not self._loaded.config.keep_runs:
            shutil.rmtree(run_folder(self.path, outcome.number))


def _origin(path: Path, loaded: LoadedSweep, model: MultiMicrogridModel) -> Origin:
    """Say what the sweep is made of: its own keys first, since they make other scenarios."""
    config = loaded.config.model_dump(mode="json")
    asked = dump_yaml({key: config[key] for key in config if config[key] is not None})
    texts = {"sweep": asked, "first_scenario": resolved_yaml(seen_from(path, model.loaded))}
    return Origin("sweep", texts, fingerprint(model.inputs, model.inputs.index.steps), _FREE)
