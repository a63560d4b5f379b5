"""What a scenario uses and does not hold: files of plug-ins, and files that their options name."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from mmgsim.scenario.packages import Kind
from mmgsim.scenario.paths import path_seen_from
from mmgsim.scenario.plugin_files import comes_with_mmgsim, files_behind
from mmgsim.scenario.reading import LoadedScenario
from mmgsim.scenario.registry import find_class, found_path, path_options

__all__ = ["named_files", "plug_in_files"]

_DRAWN = "report.html"  # from the rest of its folder, whenever somebody asks


def named_files(loaded: LoadedScenario) -> dict[str, str]:
    """Give the sha256 of every file or folder that an option names, by its place."""
    return {
        f"{where}.{key}": _sha256(found_path(options[key], loaded.folder))
        for where, found, options in _roles(loaded)
        for key in path_options(found)
        if isinstance(options.get(key), str)
    }


def plug_in_files(folder: Path, loaded: LoadedScenario) -> dict[str, str]:
    """Give the sha256 of the files that plug-ins come from, by their path as seen from a folder.

    What comes with mmgsim is left out: its version says it all.
    """
    files: dict[Path, str] = {}
    for _, found, _ in _roles(loaded):
        if not comes_with_mmgsim(found):
            files |= files_behind(found)
    return {path_seen_from(folder, file): files[file] for file in sorted(files)}


def _roles(loaded: LoadedScenario) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Give where the options of every role stand, its class, and its options."""
    scenario, coordination = loaded.scenario, loaded.scenario.coordination
    own = coordination.options()
    yield "coordination", find_class(Kind.MECHANISM, coordination.kind, loaded.folder), own
    named = [
        ("operator", Kind.OPERATOR, scenario.operator),
        ("market", Kind.MARKET, scenario.market),
        *(
            (f"microgrids.{one.name}.strategy", Kind.STRATEGY, one.strategy)
            for one in scenario.microgrids
        ),
    ]
    for where, kind, role in named:
        found = find_class(kind, role.kind, loaded.folder)
        yield f"{where}.options", found, dict(role.options)


def _sha256(place: Path) -> str:
    """Give the sha256 of a file, or of all files in a folder with their names."""
    if place.is_file():
        return sha256(place.read_bytes()).hexdigest()
    total = sha256()
    for file in sorted(place.rglob("*")):
        if file.is_file() and file.name != _DRAWN:
            total.update(f"{file.relative_to(place).as_posix()} {_sha256(file)}\n".encode())
    return total.hexdigest()
