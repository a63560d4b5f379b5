"""What can still be checked of a scenario whose schema has faults, so that one message names all.

A part with a fault is replaced by one that says nothing, a microgrid with a fault is left out; the
rest is checked as usual. Nothing is checked on top of faults in the times of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any

__all__ = ["sound_part"]

_SILENT = MappingProxyType(
    {
        "tariff": {"import_per_kwh": 1.0, "export_per_kwh": 0.0},
        "forecast": {"kind": "perfect"},
        "coordination": {"kind": "isolated"},
        "network": "none",
        "operator": "standard",
        "market": "standard",
        "repair": {},
        "settlement": {},
        "currency": "",
        "description": "",
        "objective": "members",
        "name": "unnamed",
        "days": 1,
        "seed": 0,
    }
)
"""Parts that cause no fault whatever the others say."""


def sound_part(content: Any, paths: Iterable[Sequence[str | int]]) -> dict[str, Any] | None:
    """Give a scenario without the parts in which faults were found; None if too little is left."""
    if not isinstance(content, dict):
        return None
    sound = dict(content)
    left_out: set[int] = set()
    for path in paths:
        part = path[0] if path else None
        if part in _SILENT:
            sound[str(part)] = _SILENT[str(part)]
        elif part == "microgrids" and len(path) > 1 and isinstance(path[1], int):
            left_out.add(path[1])
        else:
            return None
    if left_out:
        kept = [m for at, m in enumerate(sound["microgrids"]) if at not in left_out]
        sound["microgrids"] = kept
    return sound if sound.get("microgrids") else None
