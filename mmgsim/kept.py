"""What a study of many runs goes on from: of what it is made, and a row for all that has ended."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from mmgsim.errors import Fault, ResultsError, ScenarioError
from mmgsim.folder import choose_folder, differences
from mmgsim.scenario import parse_yaml, without_places
from mmgsim.tables import write_json, write_text

__all__ = ["KeptRows", "Origin", "begin_study", "choose_study_folder", "goes_on_said"]

Key = TypeVar("Key")
Row = TypeVar("Row")

_ORIGIN, _ROWS = "origin.json", "rows.jsonl"


@dataclass(frozen=True, slots=True)
class Origin:
    """Of what a study is made, to hold a later one against it.

    Parameters
    ----------
    what : str
        What it is: "sweep", "judgement".
    texts : mapping
        YAML by name. What has the same name has to say the same; a further name may be added.
    inputs_sha256 : str
        Fingerprint of the series.
    free : collection of str
        Keys of the texts that may change.
    """

    what: str
    texts: Mapping[str, str]
    inputs_sha256: str
    free: Collection[str] = ()


def choose_study_folder(out: str | Path | None, scenario: str, what: str, *, resume: bool) -> Path:
    """Give the folder of a study: new or empty, or one to go on in if that is asked for.

    ``runs/<scenario>-<what>-<time>`` by default.

    Raises
    ------
    ScenarioError
        If something else is there.
    """
    return choose_folder(out, scenario, what, resume=resume, known_by=_ORIGIN)


@contextmanager
def goes_on_said(folder: Path, what: str) -> Iterator[None]:
    """Say with an interrupt how to go on with a study, and not with the run it came in.

    Parameters
    ----------
    folder : Path
        Of the study.
    what : str
        What of it is there already, as the beginning of a sentence.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        to_go_on = f"to go on: the same again with --out {folder} --resume"
        error.__notes__ = [f"{what} is in {folder}; {to_go_on}"]
        raise


def begin_study(path: Path, origin: Origin, *, resume: bool) -> bool:
    """Write of what a study is made, and tell whether there is one already that goes on.

    Parameters
    ----------
    path : Path
        By `choose_study_folder`, and held: nobody else writes to it.
    origin : Origin
        Of what the study is made.
    resume : bool
        Whether it may be gone on with.

    Raises
    ------
    ScenarioError
        If the folder holds something else, naming what differs.
    ResultsError
        If what it holds cannot be read.
    """
    goes_on, texts = (path / _ORIGIN).is_file(), dict(origin.texts)
    if goes_on:
        if not resume:  # it was empty before the lock was there
            cure = "give another --out, or --resume to go on with it"
            fault = Fault(str(path), f"another process has made a {origin.what} there", cure)
            raise ScenarioError(str(path), [fault])
        # What is left out this time keeps its rows, and so what they are of.
        texts = {**_same_texts(path, origin), **texts}
    content = {"texts": texts, "inputs_sha256": origin.inputs_sha256}
    write_json(path / _ORIGIN, {"format": 1, **content})
    return goes_on


class KeptRows(Generic[Key, Row]):
    """Keeps what a study goes on from: its origin, and a row for all that has ended.

    Parameters
    ----------
    path : Path
        By `choose_study_folder`, and held: nobody else writes to it.
    origin : Origin
        Of what the study is made.
    make : callable
        Gives a row from its fields: a dataclass of plain data, whose `error` says why it failed
        and is empty where it did not.
    key : callable
        Gives what a row is of.
    resume : bool
        Whether the study may be gone on with.

    Attributes
    ----------
    path : Path
        The folder.
    rows : dict
        By their keys; the last one of each that did not fail, if there is one.

    Raises
    ------
    ScenarioError
        If the folder holds something else, naming what differs.
    ResultsError
        If what it holds cannot be read.
    """

    def __init__(
        self,
        path: Path,
        origin: Origin,
        *,
        make: Callable[..., Row],
        key: Callable[[Row], Key],
        resume: bool,
    ) -> None:
        self.path = path
        self.rows: dict[Key, Row] = {}
        self._make, self._key = make, key
        if begin_study(path, origin, resume=resume):
            for row in self._read():
                self._note(row)
        # Written anew: a row that was cut off is none, and nothing must be written behind it.
        write_text(path / _ROWS, "".join(map(_line, self.rows.values())))

    def add(self, rows: Iterable[Row]) -> None:
        """Keep rows, on the disk before anything else is done."""
        with (self.path / _ROWS).open("a", encoding="utf-8") as file:
            for row in rows:
                self._note(row)
                file.write(_line(row))
            file.flush()
            os.fsync(file.fileno())

    def has_ended(self, key: Key) -> bool:
        """Tell whether something has ended without failing."""
        return key in self.rows and not _error(self.rows[key])

    def _note(self, row: Row) -> None:
        """Keep the last row of a key, but no failure in place of its figures."""
        key = self._key(row)
        if not (_error(row) and self.has_ended(key)):
            self.rows[key] = row

    def _read(self) -> Iterator[Row]:
        path = self.path / _ROWS
        lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
        for at, line in enumerate(lines):
            try:
                if line:
                    yield self._make(**json.loads(line))
            except (ValueError, TypeError) as error:
                if at < len(lines) - 2:  # the last may have been cut off
                    raise ResultsError(f"{path} is damaged in line {at + 1}: {error}") from error


def _same_texts(path: Path, now: Origin) -> dict[str, str]:
    """Give the texts so far; refuse to mix studies."""
    try:
        then = json.loads((path / _ORIGIN).read_text(encoding="utf-8"))
        before, series = dict(then["texts"]), then["inputs_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path / _ORIGIN} is damaged: {error}") from error
    faults: list[Fault] = []
    for name, text in now.texts.items():
        if name in before and not faults:  # what differs first makes others differ as well
            here, there = (without_places(parse_yaml(one)) for one in (text, before[name]))
            faults += differences(here, there, free=now.free, what=now.what)
    if not faults and now.inputs_sha256 != series:
        what = f"the series are not what they were when the {now.what} was started"
        faults.append(Fault("series", what, "bring back the files, or give another --out"))
    if faults:
        raise ScenarioError(f"{path} cannot be resumed", faults)
    return before


def _error(row: Any) -> str:
    return str(row.error)


def _line(row: Any) -> str:
    return json.dumps(asdict(row)) + "\n"
