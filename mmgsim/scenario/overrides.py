"""Values set from outside by dotted path, on top of what a scenario file says."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mmgsim.errors import Fault, near_miss
from mmgsim.scenario.yaml_lines import Document, parse_yaml

__all__ = ["apply_overrides", "parse_coordinations", "parse_override", "parse_strategy"]

_CHOICES = ("coordination", "forecast", "market", "operator", "strategy")
"""Parts whose further keys are options of their `kind`, and for which the kind may stand alone."""


def parse_override(text: str) -> tuple[str, Any]:
    """Read ``dotted.path=value``; the value is YAML.

    Raises
    ------
    ValueError
        If there is no ``=``, a path with an empty part, or the value is not YAML.

    Examples
    --------
    >>> parse_override("gate.every=1d")
    ('gate.every', '1d')
    """
    path, equals, value = text.partition("=")
    if not equals or not all(part.strip() for part in path.split(".")):
        raise ValueError(f"{text!r} is not like gate.every=1d")
    try:
        return path.strip(), parse_yaml(value)
    except yaml.YAMLError as error:
        raise ValueError(f"the value of {path.strip()} is not YAML: {value!r}") from error


def parse_coordinations(text: str) -> list[str | dict[str, Any]]:
    """Read kinds separated by commas, or kinds with options as YAML between braces.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> parse_coordinations("isolated, {kind: prices, offers: agent}")
    ['isolated', {'kind': 'prices', 'offers': 'agent'}]
    """
    try:
        items: list[Any] = parse_yaml(f"[{text}]")
    except yaml.YAMLError:
        items = [None]
    if not all(isinstance(item, str) or _has_kind(item) for item in items):
        raise ValueError(f"{text!r} is not like isolated,central or {{kind: central}}")
    return items


def parse_strategy(text: str) -> tuple[str | None, str | dict[str, Any]]:
    """Read ``NAME``, or ``MG=NAME`` of one microgrid; with options as YAML between braces.

    Raises
    ------
    ValueError
        If what begins with a brace is no kind with options, or several are named at once.

    Examples
    --------
    >>> parse_strategy("MG1=self-consumer")
    ('MG1', 'self-consumer')
    >>> parse_strategy("{kind: shaver.py:PeakShaver, options: {most_kw: 20}}")
    (None, {'kind': 'shaver.py:PeakShaver', 'options': {'most_kw': 20}})
    """
    first, equals, rest = text.partition("=")
    is_one = bool(equals) and "{" not in first
    microgrid, chosen = (first, rest) if is_one else (None, text)
    if not chosen.lstrip().startswith("{"):
        if "," in chosen and "=" in chosen:
            raise ValueError(f"{text!r} names several microgrids; give --strategy once for each")
        return microgrid, chosen
    try:
        found: Any = parse_yaml(chosen)
    except yaml.YAMLError:
        found = None
    if not _has_kind(found):
        raise ValueError(f"{chosen!r} is not like {{kind: NAME, options: {{option: VALUE}}}}")
    return microgrid, found


def _has_kind(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("kind"), str)


def apply_overrides(
    document: Document, overrides: Mapping[str, Any]
) -> tuple[Document, list[Fault]]:
    """Give a document with values replaced, and why some could not be."""
    content, lines = copy.deepcopy(document.content), dict(document.lines)
    faults: list[Fault] = []
    for path, value in overrides.items():
        try:
            where = _set(content, path.split("."), value)
        except LookupError as error:
            faults.append(Fault(path, f"cannot be set: {error.args[0]}"))
            lines[path] = None
            continue
        for inner in [key for key in lines if key.startswith(f"{where}.")]:
            del lines[inner]
        for place in (where, *_choices_around(where)):
            lines[place] = None  # what is wrong with it stands in no line of the file
    return Document(content, lines), faults


def _choices_around(where: str) -> list[str]:
    """Give the choice that a value is an option of: the class is at fault together with it."""
    parts = where.split(".")
    return [".".join(parts[:at]) for at in range(1, len(parts)) if parts[at - 1] in _CHOICES]


def _set(content: Any, path: Sequence[str], value: Any) -> str:
    """Set a value deep in plain data, and give its path with list items by their names."""
    if path[-1] == "kind" and path[-2:-1] and path[-2] in _CHOICES and isinstance(value, Mapping):
        return _set(content, path[:-1], dict(value))  # a kind with options is the whole choice
    root, at, keys = content, "", []
    for part in path[:-1]:
        key = _key(content, part, at)
        child = content.get(key) if isinstance(content, dict) else content[key]
        if not isinstance(child, dict | list):
            child = content[key] = _opened(child, part)
        content, at = child, part
        keys.append(key)
    key = _key(content, path[-1], at)
    if key == "kind" and at in _CHOICES and content.get("kind", value) != value:
        content.clear()
    content[key] = copy.deepcopy(dict(value) if isinstance(value, Mapping) else value)
    return Document(root).where([*keys, key])


def _opened(given: Any, part: str) -> dict[str, Any]:
    """Give the keys that a short form stands for."""
    if given is None or (part in ("network", "uncertainty", "sizing") and given == "none"):
        return {}
    if part in _CHOICES and isinstance(given, str):
        return {"kind": given}
    raise LookupError(f"{part!r} is a plain value ({given!r}) without keys")


def _key(content: Any, part: str, inside: str) -> str | int:
    """Find a key, or the position of a list item by its name or its number."""
    if isinstance(content, dict):
        return part
    names = [item.get("name") if isinstance(item, dict) else None for item in content]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(content):
        return int(part)
    known = near_miss(part, [str(name) for name in names if name])
    raise LookupError(f"{inside or 'scenario'} has no {part!r}; {known}")
