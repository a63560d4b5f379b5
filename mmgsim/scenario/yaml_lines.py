"""YAML with the line of every key, and no key given twice.

Plain words mean what they look like: only ``true`` and ``false`` are truth values (so that ``NO``
stays a name), ``12:30`` and ``2021-01-31`` stay text until the schema reads them, ``1e5`` is a
number. That is the core schema of YAML 1.2; PyYAML follows 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from mmgsim.errors import Fault, ScenarioError

__all__ = ["Document", "dump_yaml", "parse_yaml", "placed", "read_yaml", "refusal"]

_PLAIN = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN\0"),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads plain words as YAML 1.2 does; with libyaml, which most builds of PyYAML have."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own way to state them


class _TellingLoader(yaml.SafeLoader):
    """Reads as `_Loader` does, ten times slower; says better what is wrong."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  PyYAML's own way to state them


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Quotes what `_Loader` would otherwise not read back as text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


for _tag, _pattern, _first in _PLAIN:
    for _class in (_Loader, _TellingLoader, _Dumper):
        _starts = ["" if letter == "\0" else letter for letter in _first]
        _class.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), _starts)


def parse_yaml(text: str) -> Any:
    """Give the plain data of one YAML document."""
    return yaml.load(text, Loader=_Loader)  # a SafeLoader


def dump_yaml(content: Any) -> str:
    """Write plain data so that `parse_yaml` gives the same again."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file.

    Parameters
    ----------
    content : Any
        The plain data.
    lines : mapping
        Line by dotted path; None where a value does not come from the file.
    """

    content: Any
    lines: Mapping[str, int | None] = field(default_factory=dict)

    def where(self, path: Sequence[str | int]) -> str:
        """Give the dotted path, as overrides write it: list items go by name where they can."""
        content, parts = self.content, []
        for part in path:
            if isinstance(content, list) and isinstance(part, int) and part < len(content):
                parts.append(_item_name(content, part))
                content = content[part]
            else:
                parts.append(str(part))
                content = content.get(part) if isinstance(content, dict) else None
        return ".".join(parts) or "scenario"

    def line(self, where: str) -> int | None:
        """Give the line of a dotted path, or of the nearest thing around it that the file has."""
        return _line(self.lines, where)


def placed(faults: Iterable[Fault], lines: Mapping[str, int | None]) -> tuple[Fault, ...]:
    """Give every fault once, with its line and in the order of the file."""
    found = [_placed(fault, lines) for fault in faults]
    return tuple(sorted(dict.fromkeys(found), key=lambda fault: fault.line or 0))


def refusal(source: str, faults: Iterable[Fault], lines: Mapping[str, int | None]) -> ScenarioError:
    """Give the error that names every fault once, with its line and in the order of the file."""
    return ScenarioError(source, placed(faults, lines))


def _placed(fault: Fault, lines: Mapping[str, int | None]) -> Fault:
    """Give a fault with its line, or with where a value comes from that the file has not."""
    known = _known(lines, fault.where)
    line = lines.get(known) if fault.line is None else fault.line
    is_outside = line is None and known in lines
    return replace(fault, line=line, origin=_origin(fault.where) if is_outside else "")


_OPTIONS = (("coordination", "--coordination"), ("strategy", "--strategy"))


def _origin(where: str) -> str:
    """Name what sets a value from outside."""
    first, *rest = where.split(".")
    own = [f"--{first}"] if first in ("days", "seed") else []
    own += [option for key, option in _OPTIONS if key in (first, *rest)]
    return f"from {', '.join([*own, '--set'])} or overrides"


def _line(lines: Mapping[str, int | None], where: str) -> int | None:
    return lines.get(_known(lines, where))


def _known(lines: Mapping[str, int | None], where: str) -> str:
    """Give the nearest path around a place that has a line, or that was set from outside."""
    while where and where not in lines:
        where = where.rpartition(".")[0]
    return where


def _item_name(items: Sequence[Any], position: int) -> str:
    """Name an item of a list by its `name` if that is its alone, else by its position."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    name = names[position]
    is_own = isinstance(name, str) and name != "" and names.count(name) == 1
    return str(name) if is_own else str(position)


def read_yaml(text: str) -> tuple[Document, list[Fault]]:
    """Parse YAML and tell what is wrong with it as YAML.

    Without any content the document cannot be used; with content, faults are repeated keys.
    """
    try:
        root, content = _parsed(text)
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        begun = None if error.context_mark is None else error.context_mark.line + 1
        opened = "" if begun in (None, line) else f"(opened in line {begun})"
        what = " ".join(part for part in (error.context, opened, error.problem) if part)
        return Document(None), [Fault("YAML", what, _yaml_cure(text, line), line)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Document(None), [Fault("YAML", " ".join(str(error).split()), "check the file")]
    lines: dict[str, int | None] = {}
    faults: list[Fault] = []
    try:
        _walk(root, content, (), lines, faults)
    except RecursionError:
        return Document(None), [Fault("YAML", "an anchor holds itself", "remove the alias")]
    return Document(content, lines), faults


def _parsed(text: str) -> tuple[yaml.Node | None, Any]:
    """Give the nodes and the plain data of a document."""
    try:
        return _read_with(_Loader, text)
    except yaml.YAMLError:
        return _read_with(_TellingLoader, text)


def _read_with(kind: Any, text: str) -> tuple[yaml.Node | None, Any]:
    loader = kind(text)
    root = loader.get_single_node()
    return root, None if root is None else loader.construct_document(root)


def _yaml_cure(text: str, line: int | None) -> str:
    rows = text.splitlines()
    if line is not None and line <= len(rows) and "\t" in rows[line - 1]:
        return "indent with spaces, not with tabs"
    return "check indentation, brackets and quotes"


def _walk(
    node: yaml.Node | None,
    content: Any,
    path: tuple[str, ...],
    lines: dict[str, int | None],
    faults: list[Fault],
) -> None:
    """Note the line of every key and list item, and every key that is given twice."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, child in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            here = (*path, name)
            if name in seen and name != "<<":
                what = f"is given twice, first in line {seen[name]}"
                faults.append(Fault(".".join(here), what, "keep one", line))
            seen.setdefault(name, line)
            lines[".".join(here)] = line
            inner = content.get(name) if isinstance(content, dict) else None
            _walk(child, inner, here, lines, faults)
    elif isinstance(node, yaml.SequenceNode):
        items = content if isinstance(content, list) else []
        for position, item in enumerate(node.value):
            name = _item_name(items, position) if position < len(items) else str(position)
            lines[".".join((*path, name))] = item.start_mark.line + 1
            inner = items[position] if position < len(items) else None
            _walk(item, inner, (*path, name), lines, faults)
