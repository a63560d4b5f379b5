"""Whether runs can be compared: complete, and of one scenario apart from its coordination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.errors import ComparisonError, Fault, ResultsError
from mmgsim.scenario import parse_yaml
from mmgsim.tables import Results

__all__ = ["check_alike"]

_FREE = ("coordination", "description")
"""Keys of a scenario in which the runs of a comparison may differ."""
_SHOWN = 12
"""So many differing keys are named one by one."""
_MISSING = object()
_SAME = 1e-9
"""Versions of libraries may round a generated series differently."""


def check_alike(runs: Sequence[Results]) -> None:
    """Refuse runs that ended early, came twice, or are not of the same scenario.

    Scenarios are compared key by key. Two scenario files may say the same and still read other
    series (an edited CSV file, another version of a generator), so demand, available sun and wind
    and prices are compared as the tables hold them.

    Raises
    ------
    ComparisonError
        Naming everything that differs.
    """
    faults = [*_repeated(runs), *_unfinished(runs)]
    if not faults:
        faults = [fault for other in runs[1:] for fault in _scenario_faults(runs[0], other)]
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
            yield Fault(str(run.folder), f"the run is {status}", "compare runs that are complete")


# ------------------------------------------------------------------------------- scenario files
def _scenario_faults(first: Results, other: Results) -> list[Fault]:
    one, two = _keys(first), _keys(other)
    paths = [path for path in one | two if one.get(path, _MISSING) != two.get(path, _MISSING)]
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
    path = run.folder / "scenario.yaml"
    if not path.is_file():
        raise ResultsError(f"{run.folder} has no scenario.yaml: nobody can tell what was run")
    content = parse_yaml(path.read_text(encoding="utf-8"))
    return dict(_leaves({key: part for key, part in content.items() if key not in _FREE}, ""))


def _leaves(content: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give every plain value by its dotted path, items of lists by their names."""
    if isinstance(content, dict) and content:
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
