"""Whether runs can be compared: complete, and of one scenario apart from what is studied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.compare.frozen import FREEZING, scenario_of, share
from mmgsim.errors import ComparisonError, Fault
from mmgsim.scenario import without_places
from mmgsim.tables import Results

__all__ = ["check_alike", "studied"]

_FREE = ("coordination", "description")
"""Keys of a scenario in which the runs of a comparison may differ."""
_STUDIED = re.compile(r"(?:microgrids\.([^.]+)\.strategy|communication)(?:\.(.+))?")
"""Keys in which they may differ too, and which are told then: who decides, and the line."""
_SHOWN = 12
"""So many differing keys are named one by one."""
_MISSING = object()
_SAME = 1e-9
"""Versions of libraries may round a generated series differently."""


_CURE = "compare runs that are complete"
_TO_END_IT = "end it with `mmgsim run --resume` where there is that option, or run it again"
_HOW_IT_ENDED = {
    "running": (
        "the run did not end: it is still being made, or was killed",
        f"wait for it, or {_TO_END_IT}",
    ),
    "interrupted": ("the run was interrupted", f"{_CURE}: {_TO_END_IT}"),
}


def check_alike(runs: Sequence[Results]) -> None:
    """Refuse runs that ended early, came twice, or are not of the same scenario.

    Scenarios are compared key by key. Two scenario files may say the same and still read other
    series (an edited CSV file, another version of a generator), so demand, available sun and wind
    and prices are compared as the tables hold them. Strategies and communication may differ, as the
    coordination may: they are what is studied (see `studied`). Runs that all keep the envelopes of
    one of them, or of the same other run, may differ in how they come to them.

    Raises
    ------
    ComparisonError
        Naming everything that differs.
    """
    faults = [*_repeated(runs), *_unfinished(runs)]
    if not faults:
        free = FREEZING if share(runs) else ()
        faults = [fault for other in runs[1:] for fault in _scenario_faults(runs[0], other, free)]
    if not faults:
        faults = [fault for other in runs[1:] for fault in _series_faults(runs[0], other)]
    if faults:
        raise ComparisonError(", ".join(str(run.folder) for run in runs), faults)


def _repeated(runs: Sequence[Results]) -> Iterator[Fault]:
    seen = set()
    for run in runs:
        place = run.folder.resolve()
        if place in seen:
            yield Fault(str(run.folder), "is given twice", "give each run once")
        seen.add(place)


def _unfinished(runs: Sequence[Results]) -> Iterator[Fault]:
    for run in runs:
        status = run.manifest["status"]
        if status != "complete":
            yield Fault(
                str(run.folder), *_HOW_IT_ENDED.get(status, (f"the run is {status}", _CURE))
            )


# ------------------------------------------------------------------------------- scenario files
def _scenario_faults(first: Results, other: Results, free: Sequence[str]) -> list[Fault]:
    one, two = _keys(first), _keys(other)
    paths = [
        path
        for path in one | two
        if path not in free
        and not _STUDIED.fullmatch(path)
        and one.get(path, _MISSING) != two.get(path, _MISSING)
    ]
    if len(paths) > _SHOWN:
        parts = ", ".join(dict.fromkeys(path.partition(".")[0] for path in paths))
        both = f"{first.folder} and {other.folder}"
        return [Fault("scenario", f"{both} are not of the same one: they differ in {parts}")]
    return [
        Fault(path, f"{_said(one, path)} in {first.folder}, {_said(two, path)} in {other.folder}")
        for path in paths
    ]


def studied(runs: Sequence[Results]) -> list[dict[str, Any]]:
    """Give each run's strategies and communication, as far as they are not those of all runs.

    A strategy goes by the name of its microgrid, its options by that name and theirs, keys of
    `communication` by their own: ``{"MG4": "withholder", "loss_probability": 0.2}``.
    """
    found = [
        {path: value for path, value in _keys(run).items() if _STUDIED.fullmatch(path)}
        for run in runs
    ]
    differing = [
        path
        for path in dict.fromkeys(path for keys in found for path in keys)
        if any(keys.get(path, _MISSING) != found[0].get(path, _MISSING) for keys in found)
    ]
    return [
        {_short(path): keys[path] for path in differing if keys.get(path) not in (None, [])}
        for keys in found
    ]


def _short(path: str) -> str:
    """Give ``MG4 share`` for ``microgrids.MG4.strategy.options.share``."""
    parts = _STUDIED.fullmatch(path)
    assert parts is not None
    microgrid, key = parts[1] or "", (parts[2] or "").removeprefix("options.")
    return " ".join(part for part in (microgrid, "" if key == "kind" else key) if part)


def _said(keys: dict[str, Any], path: str) -> str:
    return repr(keys[path]) if path in keys else "nothing"


def _keys(run: Results) -> dict[str, Any]:
    content = without_places(scenario_of(run))
    return dict(_leaves({key: part for key, part in content.items() if key not in _FREE}, ""))


def _leaves(content: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give every plain value by its dotted path, items of lists by their names."""
    if isinstance(content, dict):  # an empty one says nothing
        parts = content.items()
    elif isinstance(content, list) and content:
        parts = {_name(item, place): item for place, item in enumerate(content)}.items()
    else:
        yield path, content
        return
    for key, part in parts:
        yield from _leaves(part, f"{path}.{key}" if path else str(key))


def _name(item: Any, place: int) -> Any:
    return item.get("name", place) if isinstance(item, dict) else place


# --------------------------------------------------------------------------------------- series
def _series_faults(first: Results, other: Results) -> Iterator[Fault]:
    one, two = _series(first), _series(other)
    for name in one:
        if name not in two or not _same(one[name], two[name]):
            what = f"the series of {first.folder} is not that of {other.folder}"
            yield Fault(name, what, "the scenarios say the same; what they read does not")


def _same(one: pd.Series, two: pd.Series) -> bool:
    if not one.index.equals(two.index):
        return False
    return np.allclose(one.to_numpy(), two.to_numpy(), rtol=_SAME, atol=_SAME, equal_nan=True)


def _series(run: Results) -> dict[str, pd.Series]:
    """Give what no coordination can change, by name and indexed by time."""
    devices = run.devices
    available = devices[devices.quantity == "available_kw"].set_index("time")
    found = {
        f"microgrids.{microgrid}.devices.{device}": part["value"]
        for (microgrid, device), part in available.groupby(["microgrid", "device"], sort=False)
    }
    found["tariff.upstream_per_kwh"] = run.steps.set_index("time").upstream_price
    if _keys(run)["operator.kind"] == "standard":  # others may answer what happens with prices
        prices = run.prices.set_index("time")
        for key in ("import", "export"):
            found[f"tariff.{key}_per_kwh"] = prices[f"{key}_price"]
    return found
