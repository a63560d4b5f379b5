"""Who decided in a run, and with which options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["deciders", "options_told"]


def deciders(scenario: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give who decides what, each with its options; microgrids that decide alike stand together.

    Parameters
    ----------
    scenario : mapping
        The resolved scenario file, as plain data.
    """
    coordination = dict(scenario["coordination"])
    rows = [("coordination", _named(str(coordination.pop("kind")), coordination))]
    members: dict[str, list[str]] = {}
    for microgrid in scenario["microgrids"]:
        members.setdefault(_role(microgrid["strategy"]), []).append(str(microgrid["name"]))
    for told, names in members.items():
        who = "all microgrids" if len(members) == 1 else ", ".join(names)
        rows.append((f"strategy of {who}", told))
    return [*rows, *((role, _role(scenario[role])) for role in ("market", "operator"))]


def _role(role: Mapping[str, Any]) -> str:
    return _named(str(role["kind"]), role["options"])


def _named(kind: str, options: Mapping[str, Any]) -> str:
    told = options_told(options)
    return f"{kind} ({told})" if told else kind


def options_told(options: Mapping[str, Any]) -> str:
    """Give options in words, such as ``variant kkt, damping 0.3``."""
    return ", ".join(f"{name} {_written(value)}" for name, value in options.items())


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
