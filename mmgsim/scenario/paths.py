"""A scenario as it is written to another folder: all its paths, as seen from there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel

from mmgsim.profiles import CsvSource
from mmgsim.scenario.packages import Kind
from mmgsim.scenario.reading import LoadedScenario
from mmgsim.scenario.registry import file_of, find_class, found_path, path_options
from mmgsim.scenario.schema import CoordinationConfig, NetworkConfig, RoleConfig, Scenario
from mmgsim.scenario.uncertainty_schema import ResidualsConfig

__all__ = ["path_seen_from", "seen_from", "without_places"]


def seen_from(folder: Path, loaded: LoadedScenario) -> Scenario:
    """Give a checked scenario whose paths name the same files from another folder.

    So a folder can be moved together with what its scenario names: series, nets, ratings, files of
    plug-ins, and options that are paths.

    Parameters
    ----------
    folder : Path
        Where it will be written.
    loaded : LoadedScenario
        The scenario and where it was read.
    """
    moved: Scenario = _Mover(folder.resolve(), loaded.folder).moved(loaded.scenario)
    return moved


_NAMING = ("file", "ratings", "kind")
"""Keys whose values may be files."""


def without_places(content: Any) -> Any:
    """Give a scenario as plain data with files by their names alone, to hold it against another.

    Where files lie differs by the folder that a scenario is written to; whoever compares two looks
    at what their series hold.
    """
    if isinstance(content, list):
        return [without_places(part) for part in content]
    if not isinstance(content, dict):
        return content
    return {
        key: PurePath(part).name
        if key in _NAMING and isinstance(part, str)
        else without_places(part)
        for key, part in content.items()
    }


_ROLES = {"strategy": Kind.STRATEGY, "operator": Kind.OPERATOR, "market": Kind.MARKET}
"""What a role is, by its key."""


class _Mover:
    """Finds the paths of a scenario's parts, and gives them as seen from another folder."""

    def __init__(self, folder: Path, read_in: Path | None) -> None:
        self._folder = folder
        self._read_in = read_in

    def moved(self, part: Any, key: str = "") -> Any:
        """Give a part, under its key, with its own paths and those of all parts in it."""
        if isinstance(part, tuple):
            return tuple(self.moved(one) for one in part)
        if not isinstance(part, BaseModel):
            return part
        inner = {name: self.moved(one, name) for name, one in part}
        return part.model_copy(update={**inner, **self._own(part, key)})

    def _own(self, part: BaseModel, key: str) -> dict[str, Any]:
        match part:
            case CsvSource() | ResidualsConfig():
                return {"file": self._path(part.file)}
            case NetworkConfig():
                own = {"file": part.file, "ratings": part.ratings_file}
                return {name: self._path(text) for name, text in own.items() if text is not None}
            case RoleConfig():
                options = self._options(_ROLES[key], part.kind, part.options)
                return {"kind": self._reference(part.kind), "options": options}
            case CoordinationConfig():
                options = self._options(Kind.MECHANISM, part.kind, part.options())
                return {"kind": self._reference(part.kind), **options}
        return {}

    def _options(self, kind: Kind, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        paths = path_options(find_class(kind, name, self._read_in))
        return {
            option: self._path(value) if option in paths and isinstance(value, str) else value
            for option, value in options.items()
        }

    def _reference(self, name: str) -> str:
        file = file_of(name)
        return name if file is None else self._path(file) + name.removeprefix(file)

    def _path(self, text: str) -> str:
        return path_seen_from(self._folder, found_path(text, self._read_in).resolve())


def path_seen_from(folder: Path, place: Path) -> str:
    """Give a resolved path as it is written in another folder."""
    try:
        return Path(os.path.relpath(place, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return str(place)
