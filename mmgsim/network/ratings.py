"""Line ratings: named profiles of `data/ratings.csv`, or a CSV file of one's own.

The profiles are this project's own: the source of case33bw publishes no ratings. `uncongested`
gives 400 A to the trunk 0-1-2-3-4-5 and 200 A to the rest, more than nominal load needs. `wa9`
takes steps of aluminium-steel overhead conductors (290, 210, 170 and 105 A, as in pandapower's
standard types 70-AL1/11, 48-AL1/8, 34-AL1/6 and 15-AL1/3; the impedances stay the case's), the
smallest that leaves every line at 85 % or less when the background is 0.4 of nominal and nine
microgrids (buses 5, 12, 9, 17, 21, 24, 29, 32, 15) all import, or all export, 250 kW. `wa9-tight`
is `wa9` with limits on the branch from bus 5 to bus 17 (12 A, and 4 A from bus 15 on) that are no
conductor's: they are set so low that plans break them.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from mmgsim.errors import Fault, ScenarioError, near_miss
from mmgsim.profiles.bundled import bundled_path

__all__ = ["apply_ratings", "rating_profiles"]

_NEEDED = ("from_bus", "to_bus", "max_i_ka")


def rating_profiles() -> dict[str, tuple[str, ...]]:
    """Give the named profiles, each with the cases that it is made for."""
    table = _read_table(_bundled_file())
    return {
        str(name): tuple(sorted(set(rows.case)))
        for name, rows in table.groupby("profile", sort=True)
    }


def apply_ratings(net: Any, profile: str | Path, case: str | None = None) -> Any:
    """Give a copy of a net with the line ratings of a profile.

    Every line must be in the profile, lines out of service (ties) included, and every row must
    be a line of the net. The direction of a row does not matter; parallel lines share a row.

    Parameters
    ----------
    net : pandapowerNet
        Not changed.
    profile : str or pathlib.Path
        A name of `rating_profiles`, or a CSV file with the columns from_bus, to_bus and max_i_ka
        [kA per parallel conductor] (a path, or a name that ends in ``.csv``).
    case : str or None
        Case that the net was read from; needed for a named profile.

    Raises
    ------
    ScenarioError
        With every fault: unknown profile, bad row, line without rating, row without line.
    """
    is_file = isinstance(profile, Path) or profile.lower().endswith(".csv")
    rows = _read_table(Path(profile)) if is_file else _named_rows(str(profile), case)
    faults = [*_row_faults(rows), *_match_faults(net, rows)]
    if faults:
        raise ScenarioError(f"ratings {profile}", faults)
    limits = dict(_ratings(rows))
    rated = copy.deepcopy(net)
    rated.line["max_i_ka"] = [limits[pair] for pair in _line_pairs(rated)]
    return rated


def _bundled_file() -> Path:
    return bundled_path("data") / "ratings.csv"


def _read_table(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file)
    except (OSError, ValueError) as error:
        fault = Fault(str(file), f"cannot be read as CSV ({error})", f"columns: {_NEEDED}")
        raise ScenarioError("ratings", [fault]) from error
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        fault = Fault(str(file), f"lacks the columns {', '.join(missing)}")
        raise ScenarioError("ratings", [fault])
    for name in _NEEDED:
        table[name] = pd.to_numeric(table[name], errors="coerce")
    return table


def _named_rows(profile: str, case: str | None) -> pd.DataFrame:
    table = _read_table(_bundled_file())
    rows = table[table.profile == profile]
    if rows.empty:
        cure = f"{near_miss(profile, set(table.profile))}; or give a CSV file"
        fault = Fault("network.ratings", f"there is no rating profile {profile!r}", cure)
        raise ScenarioError("network", [fault])
    if case not in set(rows.case):
        what = f"rating profile {profile!r} is not made for case {case!r}"
        cure = f"it is for {', '.join(sorted(set(rows.case)))}; or give a CSV file"
        raise ScenarioError("network", [Fault("network.ratings", what, cure)])
    return rows[rows.case == case]


def _line_pairs(net: Any) -> list[tuple[int, int]]:
    return [(min(a, b), max(a, b)) for a, b in net.line[["from_bus", "to_bus"]].to_numpy().tolist()]


def _ratings(rows: pd.DataFrame) -> list[tuple[tuple[int, int], float]]:
    """Give the sound rows: the buses of the line, lower one first, and its rating. [kA]"""
    numbers = _sound(rows)[list(_NEEDED)].to_numpy(dtype=float).tolist()
    return [((int(min(a, b)), int(max(a, b))), limit_ka) for a, b, limit_ka in numbers]


def _sound(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows[list(_NEEDED)].notna().all(axis=1) & (rows.max_i_ka > 0)]


def _row_faults(rows: pd.DataFrame) -> Iterator[Fault]:
    for position in rows.index.difference(_sound(rows).index):
        given = ", ".join(f"{name} {float(rows[name][position]):g}" for name in _NEEDED)
        yield Fault(
            f"row {position + 2}", f"not a rating: {given}", "two bus numbers and kA above 0"
        )
    pairs = Counter(pair for pair, _ in _ratings(rows))
    for (low, high), count in sorted(pairs.items()):
        if count > 1:
            yield Fault(f"line {low}-{high}", f"is rated {count} times", "keep one row")


def _match_faults(net: Any, rows: pd.DataFrame) -> Iterator[Fault]:
    rated = {pair for pair, _ in _ratings(rows)}
    lines = set(_line_pairs(net))
    for low, high in sorted(lines - rated):
        yield Fault(f"line {low}-{high}", "has no rating", "add a row")
    for low, high in sorted(rated - lines):
        yield Fault(f"line {low}-{high}", "is rated but not in the net", "remove the row")
