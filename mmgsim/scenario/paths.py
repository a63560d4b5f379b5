"""A scenario as it is written to another folder: its options that are paths, as seen from there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmgsim.scenario.packages import Kind
from mmgsim.scenario.reading import LoadedScenario
from mmgsim.scenario.registry import find_class, found_path, path_options
from mmgsim.scenario.schema import RoleConfig, Scenario

__all__ = ["path_seen_from", "seen_from"]


def seen_from(folder: Path, loaded: LoadedScenario) -> Scenario:
    """Give a checked scenario whose options name the same files from another folder.

    So a folder can be moved together with the folders that its scenario names.

    Parameters
    ----------
    folder : Path
        Where it will be written.
    loaded : LoadedScenario
        The scenario and where it was read.
    """
    scenario = loaded.scenario

    def placed(kind: Kind, role: RoleConfig) -> RoleConfig:
        moved = {
            key: _seen_from(folder, role.options[key], loaded.folder)
            for key in path_options(find_class(kind, role.kind, loaded.folder))
            if isinstance(role.options.get(key), str)
        }
        return role.model_copy(update={"options": {**role.options, **moved}}) if moved else role

    microgrids = tuple(
        microgrid.model_copy(update={"strategy": placed(Kind.STRATEGY, microgrid.strategy)})
        for microgrid in scenario.microgrids
    )
    update: dict[str, Any] = {
        "operator": placed(Kind.OPERATOR, scenario.operator),
        "market": placed(Kind.MARKET, scenario.market),
        "microgrids": microgrids,
    }
    return scenario.model_copy(update=update)


def _seen_from(folder: Path, text: str, read_in: Path | None) -> str:
    return path_seen_from(folder, found_path(text, read_in).resolve())


def path_seen_from(folder: Path, place: Path) -> str:
    """Give a resolved path as it is written in another folder."""
    try:
        return Path(os.path.relpath(place, folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return str(place)
