"""The folder of a sweep while it is made: begun, gone on from, and its rows as they come."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmgsim.engine import MultiMicrogridModel, fingerprint
from mmgsim.errors import Fault, ResultsError, ScenarioError
from mmgsim.folder import choose_folder, differences
from mmgsim.scenario import dump_yaml, parse_yaml, resolved_yaml, seen_from, without_places
from mmgsim.sweep.plan import settings_of
from mmgsim.sweep.reading import LoadedSweep
from mmgsim.sweep.worker import Outcome, Task
from mmgsim.tables import write_json, write_text

__all__ = ["SweepFolder", "choose_sweep_folder", "run_folder"]

_ORIGIN, _ROWS = "origin.json", "rows.jsonl"
_FREE = ("workers", "keep_runs", "scenario")
"""Keys that may change when a sweep is gone on with; the scenario is compared by what it says."""


def run_folder(folder: Path, number: int) -> Path:
    """Give the result folder of a run."""
    return folder / "runs" / f"{number:04d}"


def choose_sweep_folder(out: str | Path | None, scenario: str, *, resume: bool) -> Path:
    """Give the folder of a sweep: new or empty, or one to go on in if that is asked for.

    ``runs/<scenario>-sweep-<time>`` by default.

    Raises
    ------
    ScenarioError
        If something else is there.
    """
    return choose_folder(out, scenario, "sweep", resume=resume, known_by=_ORIGIN)


class SweepFolder:
    """Keeps what a sweep goes on from: what was asked for, and a row a run that has ended.

    Parameters
    ----------
    path : Path
        By `choose_sweep_folder`, and `held`: nobody else writes to it.
    loaded : LoadedSweep
        The sweep.
    model : MultiMicrogridModel
        Of its first run.
    resume : bool
        Whether it may be gone on with.

    Attributes
    ----------
    path : Path
        The folder.
    ended : dict
        Outcomes of runs that have ended, by number.

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
        origin = self._origin(model)
        self.ended: dict[int, Outcome] = {}
        if (path / _ORIGIN).is_file():
            if not resume:  # it was empty before the lock was there
                cure = "give another --out, or --resume to go on with it"
                fault = Fault(str(path), "another process has made a sweep there", cure)
                raise ScenarioError(str(path), [fault])
            self._check_same(origin)
            for row in self._rows():
                self._note(row)
        write_json(self.path / _ORIGIN, origin)
        # Written anew: a row that was cut off is none, and nothing must be written behind it.
        rows = [_line(self.ended[number]) for number in sorted(self.ended)]
        write_text(self.path / _ROWS, "".join(rows))

    def tasks(self) -> list[Task]:
        """Give the runs that have not ended, or failed."""
        config = self._loaded.config
        found = []
        for run in self._loaded.runs:
            before = self.ended.get(run.number)
            if before is None or not before.is_complete:
                overrides, strategy = settings_of(config, run.values)
                place = run_folder(self.path, run.number)
                task = Task(run.number, self._loaded.source, overrides, strategy, place)
                found.append(task)
        return found

    def add(self, outcome: Outcome) -> None:
        """Keep the row of a run, and its folder if it is to be kept or the run failed."""
        self._note(outcome)
        with (self.path / _ROWS).open("a", encoding="utf-8") as file:
            file.write(_line(outcome))
            file.flush()
            os.fsync(file.fileno())
        if outcome.is_complete and not self._loaded.config.keep_runs:
            shutil.rmtree(run_folder(self.path, outcome.number))

    def _note(self, outcome: Outcome) -> None:
        """Keep the last outcome of a run, but no failure in place of its figures."""
        before = self.ended.get(outcome.number)
        if outcome.is_complete or before is None or not before.is_complete:
            self.ended[outcome.number] = outcome

    # ------------------------------------------------------------------------------ going on
    def _origin(self, model: MultiMicrogridModel) -> dict[str, Any]:
        """Say what the sweep is made of, to hold a later one against it."""
        config = self._loaded.config.model_dump(mode="json")
        scenario = resolved_yaml(seen_from(self.path, model.loaded))
        return {
            "format": 1,
            "sweep": dump_yaml({key: config[key] for key in config if config[key] is not None}),
            "first_scenario": scenario,
            "inputs_sha256": fingerprint(model.inputs, model.inputs.index.steps),
        }

    def _check_same(self, now: dict[str, Any]) -> None:
        try:
            then = json.loads((self.path / _ORIGIN).read_text(encoding="utf-8"))
            texts = {key: then[key] for key in now}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.path / _ORIGIN} is damaged: {error}") from error
        faults: list[Fault] = []
        for key, free in (("sweep", _FREE), ("first_scenario", ())):
            if not faults:  # other keys of the sweep make other scenarios
                here, there = (without_places(parse_yaml(one[key])) for one in (now, texts))
                faults += differences(here, there, free=free, what="sweep")
        if not faults and now["inputs_sha256"] != texts["inputs_sha256"]:
            what = "the series are not what they were when the sweep was started"
            faults.append(Fault("series", what, "bring back the files, or give another --out"))
        if faults:
            raise ScenarioError(f"{self.path} cannot be resumed", faults)

    def _rows(self) -> Iterator[Outcome]:
        path = self.path / _ROWS
        lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
        for at, line in enumerate(lines):
            is_last = at >= len(lines) - 2
            try:
                if line:
                    yield Outcome(**json.loads(line))
            except (ValueError, TypeError) as error:
                if not is_last:
                    raise ResultsError(f"{path} is damaged in line {at + 1}: {error}") from error


def _line(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome), allow_nan=False) + "\n"
