"""Reading a sweep file, with all faults at once."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mmgsim.engine import load_variant
from mmgsim.errors import Fault, ScenarioError
from mmgsim.scenario import (
    Document,
    LoadedScenario,
    bundled_scenarios,
    parsed,
    read_document,
    refusal,
    schema_fault,
)
from mmgsim.sweep.checks import WHOLE, own_faults, scenario_faults
from mmgsim.sweep.plan import PlannedRun, planned_runs, settings_of
from mmgsim.sweep.schema import SweepConfig

__all__ = ["LoadedSweep", "load_sweep"]

_MAPPING = "sweep"
"""What a sweep is called that is no file."""


@dataclass(frozen=True, slots=True)
class LoadedSweep:
    """A checked sweep.

    Parameters
    ----------
    config : SweepConfig
        Its keys.
    name : str
        Of its file, without folder and ending.
    source : str
        Its scenario: a bundled name, or a path that is right from anywhere.
    first : LoadedScenario
        Of the first run.
    runs : tuple of PlannedRun
        All of them.
    """

    config: SweepConfig
    name: str
    source: str
    first: LoadedScenario
    runs: tuple[PlannedRun, ...]


def load_sweep(given: str | Path | Mapping[str, Any]) -> LoadedSweep:
    """Read and check a sweep and its scenario.

    Parameters
    ----------
    given : str, Path or mapping
        A YAML file, or what would stand in one; paths in a mapping are seen from here.

    Raises
    ------
    ScenarioError
        Naming every fault.
    """
    document, place, folder, faults = _read(given)
    config, found = _checked(document, folder)
    faults += found
    if faults or config is None:
        raise refusal(place, faults, document.lines)
    source = _source(config.scenario, folder)
    runs = tuple(planned_runs(config))
    overrides, strategy = settings_of(config, runs[0].values)
    first = load_variant(source, overrides, strategy=strategy)
    name = _MAPPING if isinstance(given, Mapping) else Path(given).stem
    return LoadedSweep(config, name, source, first, runs)


def _checked(document: Document, folder: Path) -> tuple[SweepConfig | None, list[Fault]]:
    """Give the sweep and every fault; what is at fault is left out where the rest is checked."""
    faults: list[Fault] = []
    content = document.content
    try:
        config: SweepConfig | None = parsed(SweepConfig, content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        faults += [schema_fault(detail, document, SweepConfig) for detail in details]
        content = _sound_part(content, faults)
        config = _parsed_if_sound(content)
    if config is not None:
        own = [fault for fault in own_faults(config) if not (faults and fault.where == WHOLE)]
        faults += own
        config = _parsed_if_sound(_sound_part(content, own)) if own else config
    if config is not None:
        faults += scenario_faults(_source(config.scenario, folder), config)
    return config, faults


def _sound_part(content: Any, faults: Iterable[Fault]) -> Any:
    """Leave out the keys that faults are about."""
    rest = copy.deepcopy(content)
    for fault in faults:
        _leave_out(rest, fault.where)
    sample = rest.get("sample")
    if isinstance(sample, dict) and not sample.get("keys"):
        del rest["sample"]
    return rest


def _leave_out(content: dict[str, Any], where: str) -> None:
    part, _, below = where.partition(".")
    inner = content.get(part)
    if part == "sample" and isinstance(inner, dict):
        if below == "count":
            inner["count"] = 1  # as good as any to look at the keys with
            return
        if below.startswith("keys."):
            below, inner = below.removeprefix("keys."), inner.get("keys")
    known = inner if isinstance(inner, dict) and part in ("grid", "set", "sample") else {}
    keys = [key for key in known if f"{below}.".startswith(f"{key}.")]
    for key in keys:
        del known[key]
    if not keys:
        content.pop(part, None)


def _parsed_if_sound(content: Any) -> SweepConfig | None:
    try:
        return parsed(SweepConfig, content)
    except ValidationError:
        return None


def _read(
    given: str | Path | Mapping[str, Any],
) -> tuple[Document, str, Path, list[Fault]]:
    """Give the keys, what they are called, where paths are seen from, and faults of YAML."""
    if isinstance(given, Mapping):
        return Document(dict(given)), _MAPPING, Path(), []
    path = Path(given)
    if not path.is_file():
        cure = "give a YAML file that starts like `scenario: duo`"
        raise ScenarioError(str(path), [Fault("file", "is no file", cure)])
    document, faults = read_document(path, "sweep", "start it with `scenario: duo`")
    return document, str(path), path.parent, faults


def _source(scenario: str, folder: Path) -> str:
    """Give a scenario's name or path so that it is right from anywhere."""
    if scenario in bundled_scenarios():
        return scenario
    path = (folder / scenario).resolve()
    return str(path) if path.exists() else scenario
