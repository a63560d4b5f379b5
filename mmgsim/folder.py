"""The result folder of a run while it is written: begun, gone on from, and closed."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmgsim.engine import (
    Checkpoint,
    MultiMicrogridModel,
    fingerprint,
    read_checkpoint,
    write_checkpoint,
)
from mmgsim.errors import CheckpointError, Fault, ScenarioError
from mmgsim.scenario import (
    named_files,
    parse_yaml,
    plug_in_files,
    resolved_yaml,
    seen_from,
    without_places,
)
from mmgsim.tables import Results, write_json, write_text

__all__ = ["RunFolder", "choose_folder", "differences", "file_name"]

_PACKAGES = (
    "mmgsim",
    "mesa",
    "pyomo",
    "highspy",
    "pandapower",
    "numpy",
    "pandas",
    "pvlib",
    "demandlib",
)


def choose_folder(
    out: str | Path | None,
    scenario: str,
    what: str,
    *,
    resume: bool = False,
    known_by: str = "manifest.json",
) -> Path:
    """Give the folder that results go to: `out`, or ``runs/<scenario>-<what>-<time>``.

    One that can be gone on with is `known_by` a file in it.

    Raises
    ------
    ScenarioError
        If something is there already, unless it is to be gone on with.
    """
    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        out = Path("runs") / _free_name(Path("runs"), file_name(f"{scenario}-{what}-{stamp}"))
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        is_begun = (folder / known_by).is_file()
        if resume and is_begun:
            return folder
        what, cure = "exists and is not empty", "give another --out"
        if resume:
            what = f"is not empty, and no result folder: it has no {known_by}"
        elif is_begun:
            cure += ", or --resume to go on with what is there"
        raise ScenarioError(str(folder), [Fault(str(folder), what, cure)])
    return folder


def file_name(text: str) -> str:
    """Give a name, such as the reference of a class, as one part of a path."""
    return text.replace("/", "_").replace(":", "_").replace(" ", "-")


def _free_name(parent: Path, name: str) -> str:
    """Add a number where two runs start in the same second."""
    free, number = name, 1
    while (parent / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


class RunFolder:
    """Writes what a model simulates, day by day.

    Parameters
    ----------
    path : Path
        New or empty; or of a run of the same scenario, which is then gone on from.
    model : MultiMicrogridModel
        Before its first step; it takes over what an earlier run has reached.

    Attributes
    ----------
    path : Path
        The folder.
    wall_s : float
        Spent on earlier parts of the run. [s]
    steps_kept : int
        Steps up to the last finished day: those that a killed run does not lose.
    is_complete : bool
        True where an earlier run has done everything.

    Raises
    ------
    ScenarioError
        If the folder holds a run of another scenario, naming what differs.
    CheckpointError, ResultsError
        If what is there cannot be read.
    OSError
        If nothing can be written.
    """

    def __init__(self, path: Path, model: MultiMicrogridModel) -> None:
        self.path = path
        self._model = model
        self.wall_s, self.steps_kept = 0.0, 0
        self._scenario = resolved_yaml(seen_from(path, model.loaded))
        self._manifest = _manifest(path, model, self._scenario)
        feeder = model.dno.feeder
        self._network = None if feeder is None else feeder.as_json()
        self._outside_sha256 = _outside_sha256(model, self._network)
        self._inputs_sha256 = fingerprint(model.inputs, model.inputs.index.steps)
        self.is_complete = False
        parts = self._go_on() if (path / "manifest.json").is_file() else 0
        if self.is_complete:
            return
        path.mkdir(parents=True, exist_ok=True)
        model.writer.open(path, parts)
        write_json(path / "manifest.json", self._manifest)  # first: by it a folder is known
        write_text(path / "scenario.yaml", self._scenario)
        if self._network is not None:
            write_text(path / "network.json", self._network)

    def begin(self, summary: Mapping[str, Any]) -> None:
        """Say what the folder holds so far, in place of what it said when it held more."""
        write_json(self.path / "summary.json", summary)
        (self.path / "report.html").unlink(missing_ok=True)

    def end_day(self, summary: Mapping[str, Any]) -> None:
        """Keep what the model carries on from a day whose tables are written.

        Parameters
        ----------
        summary : mapping
            The run so far in a few numbers, earlier parts of it included.
        """
        model = self._model
        assert model.checkpoint is not None
        write_json(self.path / "summary.json", summary)
        write_checkpoint(
            self.path,
            Checkpoint(
                steps=model.clock.step + 1,
                parts=model.writer.parts,
                wall_s=summary["wall_s"],
                inputs_sha256=self._inputs_sha256,
                input_steps=model.inputs.index.steps,
                outside_sha256=self._outside_sha256,
                keeps_payloads=model.bus.keeps_payloads,
                state=model.checkpoint,
            ),
        )
        self.steps_kept = model.clock.step + 1

    def close(self, status: str, summary: Mapping[str, Any]) -> Exception | None:
        """Write whatever has come since the last day, and how the run ended.

        Returns
        -------
        Exception or None
            What kept something from being written; the rest is written all the same.
        """
        failed = _attempt(self._model.writer.flush)
        failed = _attempt(lambda: write_json(self.path / "summary.json", summary)) or failed
        manifest = {**self._manifest, "status": "failed" if failed else status}
        return _attempt(lambda: write_json(self.path / "manifest.json", manifest)) or failed

    # ------------------------------------------------------------------------------ going on
    def _go_on(self) -> int:
        """Take over what an earlier run has reached; give how many parts of its tables stay."""
        run = Results(self.path)
        before = run.manifest
        model, checkpoint = self._model, read_checkpoint(self.path)
        if checkpoint is None:
            self._check_nothing_is_lost(before)
            if not (self.path / "scenario.yaml").is_file():
                return 0  # the disk was full before anything else was there
        now, then = (without_places(one) for one in (parse_yaml(self._scenario), run.scenario))
        faults = list(differences(now, then, free=("days",)))  # a run may get longer
        if checkpoint is not None and not faults:  # other keys explain other series
            faults += _checkpoint_faults(model, checkpoint)
            faults += _outside_faults(self._outside_sha256, checkpoint.outside_sha256)
        if faults:
            raise ScenarioError(f"{self.path} cannot be resumed", faults)
        self._manifest["started"] = before.get("started")
        self._manifest["legs"] = [*before.get("legs", []), *self._manifest["legs"]]
        if checkpoint is None:
            return 0
        model.take_over(checkpoint.state)
        self.wall_s, self.steps_kept = checkpoint.wall_s, checkpoint.steps
        self._manifest["legs"][-1]["first_step"] = checkpoint.steps
        self.is_complete = before.get("status") == "complete" and model.clock.is_finished
        return checkpoint.parts

    def _check_nothing_is_lost(self, before: Mapping[str, Any]) -> None:
        """Refuse to begin anew where more was simulated than what no checkpoint was written for.

        That may be one day at most: the next one begins when its checkpoint is there.
        """
        if before.get("status") == "complete" or any(
            self.path.glob("*.parquet/part-00001.parquet")
        ):
            raise CheckpointError(
                f"{self.path} has no checkpoint.bin, so that its run cannot be gone on from; "
                "bring it back, or start anew with another --out"
            )


def differences(
    now: Any, then: Any, *, free: Collection[str], what: str = "run"
) -> Iterator[Fault]:
    """Give what differs between plain data and that of a folder that is to be gone on from.

    Parameters
    ----------
    now, then : Any
        As given, and as it was when the folder was begun.
    free : collection of str
        Keys that may differ.
    what : str
        What the folder holds.
    """
    here, there = _flat(now), _flat(then)
    for key in sorted((here.keys() | there.keys()) - set(free)):
        is_now, was = (values.get(key, "nothing") for values in (here, there))
        if is_now != was:
            cure = f"resume with what the {what} was started with, or give another --out"
            yield Fault(key, f"is {is_now}, and was {was} in the {what}", cure)


def _checkpoint_faults(model: MultiMicrogridModel, checkpoint: Checkpoint) -> Iterator[Fault]:
    """Give what keeps a model from going on from a checkpoint."""
    if model.clock.steps < checkpoint.steps:
        what = f"{model.clock.steps} steps, but {checkpoint.steps} are simulated already"
        yield Fault("days", what, "give as many days or more")
    elif fingerprint(model.inputs, checkpoint.input_steps) != checkpoint.inputs_sha256:
        what = "the series are not what they were when the run was started"
        yield Fault("series", what, "bring back the files, or start anew with another --out")
    if model.bus.keeps_payloads != checkpoint.keeps_payloads:
        what = "kept" if checkpoint.keeps_payloads else "not kept"
        cure = "resume with --payloads" if checkpoint.keeps_payloads else "leave out --payloads"
        yield Fault("--payloads", f"what was said was {what} so far", cure)


def _outside_sha256(model: MultiMicrogridModel, network: str | None) -> dict[str, str]:
    """Give the sha256 of all that the scenario only names, but code, by its place in it."""
    found = named_files(model.loaded)
    if network is not None:
        # Of two versions of pandapower the same net is the same.
        tables = json.loads(network)["_object"]
        same = {k: v for k, v in tables.items() if k not in ("version", "format_version")}
        found["network"] = sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()
    return found


def _outside_faults(now: Mapping[str, str], then: Mapping[str, str]) -> Iterator[Fault]:
    for where in sorted(now):
        if now[where] != then.get(where):
            what = "what it names is not what it was when the run was started"
            yield Fault(where, what, "bring it back, or start anew with another --out")


def _attempt(write: Callable[[], None]) -> Exception | None:
    """Give what kept something from being written: a full disk, or rows that are no rows."""
    try:
        write()
    except Exception as error:  # noqa: BLE001  handed on: whatever it is, the rest is written
        return error
    return None


def _flat(content: Any, path: str = "") -> dict[str, Any]:
    """Give plain data by dotted path, parts of lists by their name where they have one."""
    if isinstance(content, list):
        content = {_part_name(part, at): part for at, part in enumerate(content)}
    if not isinstance(content, dict):
        return {path: content}
    found: dict[str, Any] = {}
    for key, part in content.items():
        found |= _flat(part, f"{path}.{key}" if path else str(key))
    return found


def _part_name(part: Any, at: int) -> str:
    name = part.get("name") if isinstance(part, dict) else None
    return str(at if name is None else name)


def _manifest(path: Path, model: MultiMicrogridModel, resolved: str) -> dict[str, Any]:
    scenario = model.scenario
    leg = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "first_step": 0,
        "versions": {"python": platform.python_version(), **_versions()},
        "plug_in_files": plug_in_files(path, model.loaded),
    }
    return {
        "format": 1,
        "scenario": scenario.name,
        "scenario_sha256": sha256(resolved.encode()).hexdigest(),
        "source": Path(model.loaded.source).name,
        "seed": scenario.seed,
        "coordination": scenario.coordination.kind,
        "objective": scenario.objective.value,
        "currency": scenario.currency,
        "timezone": scenario.timezone,
        "step_h": scenario.step_h,
        "started": leg["started"],
        "status": "running",
        "versions": leg["versions"],
        "legs": [leg],
        "inputs": [
            {"where": x.where, "label": x.label.value, "description": x.description}
            for x in model.inputs.labels
        ],
        "warnings": [asdict(warning) for warning in model.warnings],
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a source tree that is not installed
            found[package] = "unknown"
    return found
