"""YAML with the line of every key, and no key given twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from mmgsim.errors import Fault

__all__ = ["Document", "read_yaml"]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file.

    Parameters
    ----------
    content : Any
        The plain data.
    root : yaml.Node or None
        The same with positions.
    """

    content: Any
    root: yaml.Node | None

    def line(self, path: Sequence[str | int]) -> int | None:
        """Give the line of a key, or of the nearest thing around it that the file has."""
        node, line = self.root, None
        for part in path:
            found = _child(node, part)
            if found is None:
                continue  # tags of a choice are not in the file, nor are missing keys
            node, line = found
        return line


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None


def read_yaml(text: str) -> tuple[Document, list[Fault]]:
    """Parse YAML and tell what is wrong with it as YAML."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        what = " ".join(part for part in (error.context, error.problem) if part)
        return Document(None, None), [Fault("YAML", what, "check indentation and quotes", line)]
    except (yaml.YAMLError, ValueError) as error:
        return Document(None, None), [Fault("YAML", str(error))]
    return Document(content, root), _repeated_keys(root, "")


def _repeated_keys(node: yaml.Node | None, where: str) -> list[Fault]:
    faults: list[Fault] = []
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            here, line = f"{where}{key.value}", key.start_mark.line + 1
            if key.value in seen:
                what = f"is given twice, first in line {seen[key.value]}"
                faults.append(Fault(here, what, "keep one", line))
            seen[key.value] = line
            faults += _repeated_keys(value, f"{here}.")
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            faults += _repeated_keys(item, f"{where.rstrip('.')}[{position}].")
    return faults
