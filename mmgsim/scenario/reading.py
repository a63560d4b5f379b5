"""Reading a scenario: from a bundled name, a folder or a YAML file, with all faults at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import ValidationError

from mmgsim.errors import Fault, ScenarioError, near_miss
from mmgsim.profiles import bundled_path
from mmgsim.scenario.checks import check_scenario, has_sound_times
from mmgsim.scenario.fields import Config
from mmgsim.scenario.inputs import FurtherCheck, series_faults
from mmgsim.scenario.overrides import apply_overrides
from mmgsim.scenario.partial import has_times, kept_events, sound_part
from mmgsim.scenario.schema import Scenario
from mmgsim.scenario.wording import schema_fault
from mmgsim.scenario.yaml_lines import Document, dump_yaml, parse_yaml, placed, read_yaml, refusal

__all__ = [
    "LoadedScenario",
    "bundled_scenarios",
    "load_scenario",
    "parsed",
    "read_document",
    "resolved_yaml",
    "scenario_schema",
]

FILE_NAME = "scenario.yaml"
AnyConfig = TypeVar("AnyConfig", bound=Config)


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A checked scenario and where it came from.

    Parameters
    ----------
    scenario : Scenario
        Checked.
    folder : Path or None
        Where its CSV files and plug-ins are.
    source : str
        The file that was read.
    lines : mapping
        Line of the file by dotted path; None where a value was set from outside.
    """

    scenario: Scenario
    folder: Path | None
    source: str
    lines: Mapping[str, int | None] = field(default_factory=dict, compare=False, repr=False)

    def refusal(self, faults: Iterable[Fault]) -> ScenarioError:
        """Give the error that names these faults, with their lines and in the file's order."""
        return refusal(self.source, faults, self.lines)

    def placed(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Give these faults with their lines and in the file's order, for warnings."""
        return placed(faults, self.lines)


def bundled_scenarios() -> Mapping[str, Path]:
    """Give the folders of the scenarios that come with mmgsim, by name."""
    root = bundled_path("scenarios")
    found = {path.parent.name: path.parent for path in sorted(root.glob(f"*/{FILE_NAME}"))}
    return MappingProxyType(found)


def load_scenario(
    source: str | Path | LoadedScenario,
    overrides: Mapping[str, Any] | None = None,
    *,
    further: FurtherCheck | None = None,
) -> LoadedScenario:
    """Read and check a scenario.

    Parameters
    ----------
    source : str, Path or LoadedScenario
        A bundled name, a folder with a scenario.yaml, or a YAML file. A bundled name comes first: a
        folder of that name is ``./duo``, or a Path.
    overrides : mapping
        Values by dotted path, such as ``{"gate.every": "1d", "microgrids.MG1.bus": 3}``. A new
        kind of coordination, forecast or role drops the options of the former one.
    further : callable or None
        Asked only when there are faults already, as the series are, so that one message names
        all. Without faults, series and network are checked where they are read.

    Raises
    ------
    ScenarioError
        Naming every fault.
    """
    if isinstance(source, LoadedScenario):
        if not overrides:
            return source
        content = parse_yaml(resolved_yaml(source.scenario))
        document, place, folder = Document(content, source.lines), source.source, source.folder
        faults: list[Fault] = []
    else:
        path = _path_of(source)
        document, faults = read_document(path, "scenario", "start it with `name: ...`")
        place, folder = str(path), path.parent
    document, unset = apply_overrides(document, overrides or {})
    scenario, found = _checked(document, folder, further)
    faults = [*unset, *faults, *found]
    if faults or scenario is None:
        error = refusal(place, faults, document.lines)
        is_of_file = not all(fault.origin for fault in error.faults)
        name = document.content.get("name")
        if is_of_file or not isinstance(name, str):
            raise error
        raise ScenarioError(name, error.faults)  # the file has no part in it
    return LoadedScenario(scenario, folder, place, document.lines)


def _path_of(source: str | Path) -> Path:
    known = bundled_scenarios()
    if isinstance(source, str) and source in known:
        return known[source] / FILE_NAME
    path = Path(source)
    try:
        if (path / FILE_NAME).is_file():
            return path / FILE_NAME
        if path.is_file():
            return path
        is_folder = path.is_dir()
    except (OSError, ValueError):  # no name that a file could have
        is_folder = False
    what = "is no bundled scenario, folder with a scenario.yaml, or YAML file"
    if is_folder:
        what = f"is a folder without a {FILE_NAME}"
    raise ScenarioError(str(source), [Fault(str(source), what, near_miss(str(source), known))])


def read_document(path: Path, what: str, cure: str) -> tuple[Document, list[Fault]]:
    """Read the keys of a YAML file, and what is wrong with it as YAML.

    Parameters
    ----------
    path : Path
        The file.
    what, cure : str
        What it should hold, and how to begin it, to say where it holds nothing.

    Raises
    ------
    ScenarioError
        If nothing of it can be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        fault = Fault("file", f"is not text in UTF-8 ({error.reason})", "save it as UTF-8")
        raise ScenarioError(str(path), [fault]) from error
    except OSError as error:
        raise ScenarioError(str(path), [Fault("file", f"cannot be read: {error}")]) from error
    document, faults = read_yaml(text)
    if not isinstance(document.content, dict):
        none = Fault("file", f"holds no {what}", cure)
        raise ScenarioError(str(path), faults or [none])
    return document, faults


# ----------------------------------------------------------------------------------- all faults
def _checked(
    document: Document, folder: Path | None, further: FurtherCheck | None
) -> tuple[Scenario | None, list[Fault]]:
    """Give the scenario, or every fault that can be seen at once."""
    try:
        scenario = parsed(Scenario, document.content)
    except ValidationError as error:
        details = error.errors(include_url=False)
        faults = [schema_fault(detail, document) for detail in details]
        paths = [detail["loc"] for detail in details]
        return None, [*faults, *_faults_of_rest(document, paths, folder, further)]
    except ValueError as error:  # content that refers to itself
        return None, [Fault("scenario", str(error), "remove the alias")]
    faults = check_scenario(scenario, folder, document)
    if faults:
        faults += _later_faults(scenario, folder, further, is_timed=has_sound_times(scenario))
    return scenario, faults


def parsed(schema: type[AnyConfig], content: Any) -> AnyConfig:
    """Validate as JSON, where strict means: true is no number and neither is "5"."""
    return schema.model_validate_json(json.dumps(content, default=_plain), strict=True)


def _plain(given: Any) -> Any:
    return given.item() if hasattr(given, "item") else str(given)


def _faults_of_rest(
    document: Document,
    paths: Sequence[Sequence[str | int]],
    folder: Path | None,
    further: FurtherCheck | None,
) -> list[Fault]:
    """Check what the schema has no fault with: all but what lies at these paths."""
    rest = sound_part(document.content, paths)
    try:
        scenario = None if rest is None else parsed(Scenario, rest)
    except ValidationError:
        scenario = None
    if scenario is None:
        return []
    faults = check_scenario(scenario, folder, Document(rest, document.lines))
    is_timed = has_times(paths) and has_sound_times(scenario)
    faults += _later_faults(scenario, folder, further, is_timed=is_timed)
    kept = kept_events(document.content, paths)
    return [_with_own_position(fault, kept, document) for fault in faults]


def _with_own_position(fault: Fault, kept: Sequence[int], document: Document) -> Fault:
    """Give a fault of an event at its place in the file, where others have been left out."""
    part, _, rest = fault.where.partition(".")
    position, _, key = rest.partition(".")
    if part != "events" or not position.isdecimal():
        return fault
    where = f"events.{kept[int(position)]}.{key}".rstrip(".")
    return replace(fault, where=where, line=document.line(where))


def _later_faults(
    scenario: Scenario, folder: Path | None, further: FurtherCheck | None, *, is_timed: bool
) -> list[Fault]:
    """Find the faults that are otherwise met when series and network are read."""
    series = series_faults(scenario, folder, is_timed=is_timed)
    return [*series, *(further(scenario, folder) if further is not None else [])]


# -------------------------------------------------------------------------------------- writing
def resolved_yaml(scenario: Scenario) -> str:
    """Give a scenario as YAML with every default written out; reading it gives the same again."""
    content = scenario.model_dump(mode="json")
    for part in ("network", "uncertainty", "sizing"):
        if content[part] is None:
            content[part] = "none"
    return dump_yaml(content)


def scenario_schema() -> dict[str, Any]:
    """Give the JSON schema of scenario files, for editors that complete and check keys."""
    schema = _as_written(Scenario.model_json_schema(mode="validation"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _as_written(schema: Any) -> Any:
    """Give defaults as a file would write them: durations with a unit, parts by their own keys."""
    if isinstance(schema, list):
        return [_as_written(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    written = {key: _as_written(value) for key, value in schema.items()}
    default = written.get("default")
    if isinstance(default, dict) and "properties" not in default:
        del written["default"]
    elif schema.get("type") == "string" and isinstance(default, int):
        written["default"] = f"{default}min"
    return written
