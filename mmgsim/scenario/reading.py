"""Reading a scenario: from a bundled name, a folder or a YAML file, with all faults at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from mmgsim.errors import Fault, ScenarioError, near_miss
from mmgsim.profiles import bundled_path
from mmgsim.scenario import schema
from mmgsim.scenario.checks import check_scenario
from mmgsim.scenario.schema import Scenario
from mmgsim.scenario.yaml_lines import Document, read_yaml

__all__ = [
    "LoadedScenario",
    "bundled_scenarios",
    "load_scenario",
    "parse_override",
    "resolved_yaml",
]

FILE_NAME = "scenario.yaml"


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
    """

    scenario: Scenario
    folder: Path | None
    source: str


def bundled_scenarios() -> dict[str, Path]:
    """Give the folders of the scenarios that come with mmgsim, by name."""
    root = bundled_path("scenarios")
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{FILE_NAME}"))}


def load_scenario(
    source: str | Path | LoadedScenario, overrides: Mapping[str, Any] | None = None
) -> LoadedScenario:
    """Read and check a scenario.

    Parameters
    ----------
    source : str, Path or LoadedScenario
        A bundled name, a folder with a scenario.yaml, or a YAML file.
    overrides : mapping
        Values by dotted path, such as ``{"gate.every": "1d", "microgrids.MG1.bus": 3}``.

    Raises
    ------
    ScenarioError
        Naming every fault.
    """
    if isinstance(source, LoadedScenario):
        if not overrides:
            return source
        content = yaml.safe_load(resolved_yaml(source.scenario))
        return _validated(Document(content, None), source.folder, source.source, overrides)
    path = _path_of(source)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(str(path), [Fault("file", str(error))]) from error
    document, faults = read_yaml(text)
    if faults:
        raise ScenarioError(str(path), faults)
    if not isinstance(document.content, dict):
        fault = Fault("file", "holds no scenario", "start it with `name: ...`")
        raise ScenarioError(str(path), [fault])
    return _validated(document, path.parent, str(path), overrides or {})


def _path_of(source: str | Path) -> Path:
    path = Path(source)
    if path.is_dir() and (path / FILE_NAME).is_file():
        return path / FILE_NAME
    if path.is_file():
        return path
    known = bundled_scenarios()
    if str(source) in known:
        return known[str(source)] / FILE_NAME
    fault = Fault(
        str(source),
        "is no bundled scenario, folder with a scenario.yaml, or YAML file",
        near_miss(str(source), known),
    )
    raise ScenarioError(str(source), [fault])


def _validated(
    document: Document, folder: Path | None, source: str, overrides: Mapping[str, Any]
) -> LoadedScenario:
    faults: list[Fault] = []
    for path, value in overrides.items():
        try:
            _override(document.content, path.split("."), value)
        except (KeyError, IndexError, TypeError) as error:
            faults.append(Fault(path, f"cannot be set: {error.args[0]}"))
    if faults:
        raise ScenarioError(source, faults)
    try:
        scenario = Scenario.model_validate(document.content)
    except ValidationError as error:
        raise ScenarioError(source, _schema_faults(error, document)) from error
    faults = check_scenario(scenario, folder, document.line)
    if faults:
        raise ScenarioError(source, faults)
    return LoadedScenario(scenario=scenario, folder=folder, source=source)


# ------------------------------------------------------------------------------------ overrides
def parse_override(text: str) -> tuple[str, Any]:
    """Read ``dotted.path=value``; the value is YAML.

    Raises
    ------
    ValueError
        If there is no ``=``, no path, or the value is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise ValueError(f"{text!r} is not like gate.every=1d")
    try:
        return path.strip(), yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"the value of {path.strip()} is not YAML: {value!r}") from error


def _override(content: Any, path: Sequence[str], value: Any) -> None:
    """Set a value deep in plain data; items of lists go by position or by their name."""
    for part in path[:-1]:
        if isinstance(content, dict) and not isinstance(content.get(part), dict | list):
            content[part] = {}
        content = content[_key(content, part)]
    content[_key(content, path[-1])] = value


def _key(content: Any, part: str) -> Any:
    if isinstance(content, dict):
        return part
    if not isinstance(content, list):
        raise TypeError(f"{part!r} lies inside a plain value")
    names = [item.get("name") if isinstance(item, dict) else None for item in content]
    if part in names:
        return names.index(part)
    if part.isdigit() and int(part) < len(content):
        return int(part)
    raise KeyError(f"no item {part!r}; {near_miss(part, [str(n) for n in names if n])}")


# ------------------------------------------------------------------------------- schema faults
def _schema_faults(error: ValidationError, document: Document) -> list[Fault]:
    faults = []
    for detail in error.errors(include_url=False):
        path = tuple(detail["loc"])
        faults.append(
            Fault(
                where=_dotted(_in_file(path, document.content)),
                what=_what(detail),
                cure=_cure(detail),
                line=document.line(path),
            )
        )
    return sorted(set(faults), key=lambda fault: (fault.line or 0, fault.where))


def _what(detail: Mapping[str, Any]) -> str:
    if detail["type"] == "extra_forbidden":
        return "unknown key"
    if detail["type"] == "missing":
        return "is missing"
    message = str(detail["msg"]).removeprefix("Value error, ")
    given = detail.get("input")
    is_plain = isinstance(given, str | int | float) and detail["type"] != "value_error"
    return f"{message}, given {given!r}" if is_plain else message


def _cure(detail: Mapping[str, Any]) -> str:
    if detail["type"] != "extra_forbidden":
        return ""
    close = get_close_matches(str(detail["loc"][-1]), _all_keys(), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else "remove it"


def _all_keys() -> list[str]:
    models: Iterable[Any] = vars(schema).values()
    return sorted(
        {
            field
            for model in models
            if isinstance(model, type) and issubclass(model, BaseModel)
            for field in model.model_fields
        }
    )


def _in_file(path: tuple[str | int, ...], content: Any) -> tuple[str | int, ...]:
    """Drop the tags of choices, which stand in pydantic's path but not in the file."""
    kept: list[str | int] = []
    for position, part in enumerate(path):
        is_last = position == len(path) - 1
        if isinstance(content, dict):
            if part not in content and not is_last:
                continue
            content = content.get(part)
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
        elif not is_last:
            continue
        kept.append(part)
    return tuple(kept)


def _dotted(path: tuple[str | int, ...]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "scenario"


def resolved_yaml(scenario: Scenario) -> str:
    """Give a scenario as YAML with every default written out; reading it gives the same again."""
    content = scenario.model_dump(mode="json")
    content["step"] = f"{scenario.step}min"
    content["gate"]["every"] = f"{scenario.gate.every}min"
    content["gate"]["horizon"] = f"{scenario.gate.horizon}min"
    content["start"] = scenario.start
    if scenario.network is None:
        content["network"] = "none"
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
