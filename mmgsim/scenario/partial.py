"""What can still be checked of a scenario whose schema has faults, so that one message names all.

A part with a fault is replaced by one that says nothing, a device or microgrid with a fault is left
out; the rest is checked as usual. Of series, only what holds at any time is checked on top of
faults in the times of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mmgsim.profiles import LARGEST

__all__ = ["has_times", "kept_events", "sound_part"]

_TIMES = MappingProxyType(
    {
        "timezone": "UTC",
        "start": "2021-01-01",
        "step": "1min",
        "gate": {"end_of_window": {"kind": "value", "level": 1.0}},
    }
)
"""Times that cause no fault whatever the other ones are: every duration is whole minutes."""

_SILENT = MappingProxyType(
    {
        "tariff": {"import_per_kwh": 1.0, "export_per_kwh": 0.0},
        "forecast": {"kind": "perfect"},
        "uncertainty": "none",
        "sizing": "none",
        "coordination": {"kind": "isolated"},
        "network": "none",
        "operator": "standard",
        "market": "standard",
        "repair": {},
        "faults": {},
        "settlement": {},
        "currency": "",
        "description": "",
        "objective": "members",
        "name": "unnamed",
        "days": 1,
        "year": (),
        "seed": 0,
        "ties": [],
        "events": [],
    }
)
"""Parts that cause no fault whatever the others say."""


def has_times(paths: Iterable[Sequence[str | int]]) -> bool:
    """Tell whether the times of the run are none of the parts in which faults were found."""
    return not any(path and path[0] in _TIMES for path in paths)


def sound_part(content: Any, paths: Iterable[Sequence[str | int]]) -> dict[str, Any] | None:
    """Give a scenario without the parts in which faults were found; None if too little is left."""
    if not isinstance(content, dict):
        return None
    sound = {**content, "ties": _kept_ties(content, paths := list(paths))}
    left_out: set[int] = set()
    devices: dict[int, set[int]] = {}
    if not has_times(paths):
        sound["days"] = 1  # a year of minutes says no more
    sound_paths = _paths_but_of_days(sound, paths)
    for path in (path for path in sound_paths if not _is_of_one_event(path)):
        part = path[0] if path else None
        if part in _TIMES:
            sound[str(part)] = _TIMES[str(part)]
        elif part in _SILENT:
            sound[str(part)] = _SILENT[str(part)]
        elif part == "microgrids" and len(path) > 1 and isinstance(path[1], int):
            if path[2:3] == ("devices",) and len(path) > 3 and isinstance(path[3], int):
                devices.setdefault(path[1], set()).add(path[3])
            else:
                left_out.add(path[1])
        elif part == "microgrids" or len(path) != 1:
            return None
        else:
            sound.pop(str(part), None)  # an unknown key
    if left_out or devices:
        sound["microgrids"] = [
            _without(microgrid, devices[at]) if at in devices else microgrid
            for at, microgrid in enumerate(sound["microgrids"])
            if at not in left_out
        ]
    kept = kept_events(content, paths)
    sound["events"] = [content["events"][at] for at in kept]
    return sound if sound.get("microgrids") else None


def kept_events(content: Mapping[str, Any], paths: Iterable[Sequence[str | int]]) -> list[int]:
    """Give the positions of the events without faults that are about nothing that is left out."""
    paths = [path for path in paths if path]
    if ("events",) in [tuple(path) for path in paths]:
        return []
    faulty = {path[1] for path in paths if _is_of_one_event(path)}
    lost = {path[0] for path in paths if tuple(path[2:3]) != ("devices",)}
    about = {"network": "line", "microgrids": "microgrid"}
    return [
        at
        for at, event in enumerate(content.get("events") or ())
        if at not in faulty
        and not any(part in lost and key in event for part, key in about.items())
    ]


def _kept_ties(content: Mapping[str, Any], paths: Iterable[Sequence[str | int]]) -> Any:
    """Give the ties, or none where they may be about what is left out."""
    lost = {path[0] for path in paths if path and tuple(path[2:3]) != ("devices",)}
    return [] if lost & {"microgrids", "network"} else content.get("ties", [])


def _is_of_one_event(path: Sequence[str | int]) -> bool:
    return len(path) > 1 and path[0] == "events"


def _paths_but_of_days(
    sound: dict[str, Any], paths: Sequence[Sequence[str | int]]
) -> list[Sequence[str | int]]:
    """Leave out single days of `year` in which faults were found; give the paths of the others."""
    of_days = [path for path in paths if path[:1] == ("year",) and len(path) > 1]
    if of_days:
        left_out = {path[1] for path in of_days}
        sound["year"] = [day for at, day in enumerate(sound["year"]) if at not in left_out]
    return [path for path in paths if path not in of_days]


def _without(microgrid: Mapping[str, Any], left_out: set[int]) -> dict[str, Any]:
    """Give a microgrid without some devices, and with a connection that misses none of them."""
    kept = [device for at, device in enumerate(microgrid["devices"]) if at not in left_out]
    nothing = {"name": "nothing", "kind": "load", "profile": 0.0}
    limits = dict.fromkeys(("import_limit_kw", "export_limit_kw"), LARGEST)
    return {**microgrid, "connection": limits, "devices": kept or [nothing]}
