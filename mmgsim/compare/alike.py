"""Whether runs can be compared: complete, and of one scenario apart from its coordination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.compare.frozen import FREEZING, scenario_of, share
from mmgsim.errors import ComparisonError, Fault
from mmgsim.scenario import without_places
from mmgsim.tables import Results

__all__ = ["check_alike"]

_FREE = ("coordination", "description")
"""Keys of a scenario in which the runs of a comparison may differ."""
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
    and prices are compared as the tables hold them. Runs that all keep the envelopes of one of
    them, or of the same other run, may differ in how they come to them.

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
        if path not in free and one.get(path, _MISSING) != two.get(path, _MISSING)
    ]
    if len(paths) > _SHOWN:
        parts = ", ".join(dict.fromkeys(path.partition(".")[0] for path in paths))
        both = f"{first.folder} and {other.folder}"
        return [Fault("scenario", f"{both} are not of the same one: they differ in {parts}")]
    return [
        Fault(path, f"{_said(one, path)} in {first.folder}, {_said(two, path)} in {other.folder}")
        for path in paths
    ]


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
