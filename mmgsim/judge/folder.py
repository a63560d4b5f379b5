"""The folder of a judgement while it is made: begun, gone on in, and its rows as they come."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmgsim.engine import MultiMicrogridModel, fingerprint
from mmgsim.errors import Fault, ResultsError, ScenarioError
from mmgsim.folder import choose_folder, differences
from mmgsim.judge.worker import Met
from mmgsim.scenario import LoadedScenario, parse_yaml, resolved_yaml, seen_from, without_places
from mmgsim.tables import write_json, write_text

__all__ = ["JudgeFolder", "choose_judge_folder"]

_ORIGIN, _ROWS = "origin.json", "rows.jsonl"


def choose_judge_folder(out: str | Path | None, scenario: str, *, resume: bool) -> Path:
    """Give the folder of a judgement: new or empty, or one to go on in if that is asked for.

    ``runs/<scenario>-judge-<time>`` by default.

    Raises
    ------
    ScenarioError
        If something else is there.
    """
    return choose_folder(out, scenario, "judge", resume=resume, known_by=_ORIGIN)


class JudgeFolder:
    """Keeps what a judgement goes on from: what is judged, and a row a plan and future.

    Parameters
    ----------
    path : Path
        By `choose_judge_folder`, and held: nobody else writes to it.
    loaded : mapping
        The scenario as every plan has it, by name of the plan.
    model : MultiMicrogridModel
        Of the first plan.

    Attributes
    ----------
    path : Path
        The folder.
    met : dict
        Rows by plan and future; the last one of each that did not fail, if there is one.

    Raises
    ------
    ScenarioError
        If the folder is of another judgement, naming what differs.
    """

    def __init__(
        self, path: Path, loaded: Mapping[str, LoadedScenario], model: MultiMicrogridModel
    ) -> None:
        self.path = path
        self.met: dict[tuple[str, int], Met] = {}
        origin = self._origin(loaded, model)
        if (path / _ORIGIN).is_file():
            self._check_same(origin)
            for row in self._rows():
                self._note(row)
        write_json(path / _ORIGIN, origin)
        # Written anew: a row that was cut off is none, and nothing must be written behind it.
        write_text(path / _ROWS, "".join(map(_line, self.met.values())))

    def lacking(self, plan: str, futures: Sequence[int]) -> tuple[int, ...]:
        """Give the futures that a plan has not met, or failed in."""
        met = (self.met.get((plan, future)) for future in futures)
        return tuple(
            future for future, row in zip(futures, met, strict=True) if row is None or row.error
        )

    def add(self, rows: Sequence[Met]) -> None:
        """Keep rows."""
        with (self.path / _ROWS).open("a", encoding="utf-8") as file:
            for row in rows:
                self._note(row)
                file.write(_line(row))
            file.flush()
            os.fsync(file.fileno())

    def _note(self, row: Met) -> None:
        before = self.met.get((row.plan, row.future))
        if before is None or before.error or not row.error:
            self.met[row.plan, row.future] = row

    def _origin(
        self, loaded: Mapping[str, LoadedScenario], model: MultiMicrogridModel
    ) -> dict[str, Any]:
        """Say what is judged, to hold a later one against it."""
        plans = {name: resolved_yaml(seen_from(self.path, one)) for name, one in loaded.items()}
        series = fingerprint(model.inputs, model.inputs.index.steps)
        return {"format": 1, "plans": plans, "inputs_sha256": series}

    def _check_same(self, now: Mapping[str, Any]) -> None:
        """Refuse to mix judgements; a further plan is none."""
        try:
            then = json.loads((self.path / _ORIGIN).read_text(encoding="utf-8"))
            before, series = then["plans"], then["inputs_sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.path / _ORIGIN} is damaged: {error}") from error
        faults: list[Fault] = []
        for name in now["plans"]:
            if name in before and not faults:
                texts = (now["plans"][name], before[name])
                here, there = (without_places(parse_yaml(text)) for text in texts)
                faults += differences(here, there, free=(), what="judgement")
        if not faults and now["inputs_sha256"] != series:
            what = "the series are not what they were when the judgement was started"
            faults.append(Fault("series", what, "bring back the files, or give another --out"))
        if faults:
            raise ScenarioError(f"{self.path} cannot be resumed", faults)

    def _rows(self) -> Iterator[Met]:
        path = self.path / _ROWS
        lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
        for at, line in enumerate(lines):
            try:
                if line:
                    yield Met(**json.loads(line))
            except (ValueError, TypeError) as error:
                if at < len(lines) - 2:
                    raise ResultsError(f"{path} is damaged in line {at + 1}: {error}") from error


def _line(row: Met) -> str:
    return json.dumps(asdict(row)) + "\n"
