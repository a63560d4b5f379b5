"""What a sizing goes on from: what is sized, and where its search stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mmgsim.errors import Fault, ResultsError, ScenarioError
from mmgsim.folder import choose_folder, differences
from mmgsim.scenario import LoadedScenario, parse_yaml, resolved_yaml, seen_from, without_places
from mmgsim.sizing.case import SizingCase
from mmgsim.tables import write_bytes, write_json

__all__ = ["KeptSearch", "choose_size_folder"]

_ORIGIN, _STATE = "origin.json", "search.npz"


def choose_size_folder(out: str | Path | None, scenario: str, *, resume: bool) -> Path:
    """Give the folder of a sizing: new or empty, or one to go on in if that is asked for.

    ``runs/<scenario>-size-<time>`` by default.

    Raises
    ------
    ScenarioError
        If something else is there.
    """
    if resume and out is not None and (Path(out) / _ORIGIN).is_file():
        return Path(out)
    return choose_folder(out, scenario, "size")


class KeptSearch:
    """Keeps the state of a search in a folder, with what is searched for.

    Parameters
    ----------
    path : Path
        By `choose_size_folder`, and held: nobody else writes to it.
    loaded : LoadedScenario
        The scenario.
    case : SizingCase
        Its numbers.
    choices : mapping
        What else decides the search: sharing, objective, method, seed and the like.

    Raises
    ------
    ScenarioError
        If the folder is of another sizing, naming what differs.
    ResultsError
        If what is there cannot be read.
    """

    def __init__(
        self, path: Path, loaded: LoadedScenario, case: SizingCase, choices: Mapping[str, Any]
    ) -> None:
        self.path = path
        origin = {
            "format": 1,
            "scenario": resolved_yaml(seen_from(path, loaded)),
            "choices": dict(choices),
            "series_sha256": _fingerprint(case),
        }
        if (path / _ORIGIN).is_file():
            self._check_same(origin)
        write_json(path / _ORIGIN, origin)

    def state(self) -> Mapping[str, Any] | None:
        """Give the state that was kept, if there is one.

        Raises
        ------
        ResultsError
            If it cannot be read.
        """
        path = self.path / _STATE
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as kept:
                return {name: _plain(kept[name]) for name in kept.files}
        except (OSError, ValueError, EOFError) as error:
            raise ResultsError(f"{path} is damaged: {error}") from error

    def keep(self, state: Mapping[str, Any]) -> None:
        """Keep a state, whole or not at all."""
        packed = BytesIO()
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in state.items()}
        np.savez(packed, **arrays)
        write_bytes(self.path / _STATE, packed.getvalue())

    def _check_same(self, now: Mapping[str, Any]) -> None:
        try:
            then = json.loads((self.path / _ORIGIN).read_text(encoding="utf-8"))
            there = without_places(parse_yaml(then["scenario"]))
            choices, series = then["choices"], then["series_sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResultsError(f"{self.path / _ORIGIN} is damaged: {error}") from error
        here = without_places(parse_yaml(now["scenario"]))
        faults = [*differences(here, there, free=(), what="sizing")]
        faults += [
            Fault(name, f"was {choices.get(name)!r}, now it is {value!r}", "give another --out")
            for name, value in now["choices"].items()
            if choices.get(name) != value
        ]
        if not faults and series != now["series_sha256"]:
            what = "the series are not what they were when the sizing was started"
            faults.append(Fault("series", what, "bring back the files, or give another --out"))
        if faults:
            raise ScenarioError(f"{self.path} cannot be resumed", faults)


def _plain(value: Any) -> Any:
    """Give texts and single numbers as such."""
    return value.item() if value.ndim == 0 else value


def _fingerprint(case: SizingCase) -> str:
    """Give the sha256 of all series of a case."""
    found = sha256()
    for values in (
        case.load_kw,
        case.yield_pu,
        case.buy_per_kwh,
        case.sell_per_kwh,
        case.local_charge_per_kwh,
        case.peer_per_kwh,
    ):
        found.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return found.hexdigest()
