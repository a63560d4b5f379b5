"""Differences of the past from a CSV file, by hour of the day where the file tells it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.errors import Fault
from mmgsim.profiles.measured import read_numbers
from mmgsim.profiles.series import SeriesError

__all__ = ["LEAST_RESIDUALS", "read_residuals"]

LEAST_RESIDUALS = 10
"""Fewer in all, or of an hour, say nothing of how often something happens."""
_HOURS = 24


def read_residuals(
    file: str, column: str, *, hour_column: str | None, folder: Path | None
) -> Mapping[int, FloatArray]:
    """Read residuals in ascending order: by hour of the day, or all for hour 0.

    Parameters
    ----------
    file, column : str
        CSV file, relative to the folder, and its column of residuals.
    hour_column : str or None
        Its column of hours, 0 to 23, if the hours are told apart.
    folder : Path or None
        Folder of the scenario; None: the working folder.

    Raises
    ------
    SeriesError
        Naming every fault of the file.
    """
    wanted = [column] if hour_column is None else [column, hour_column]
    numbers, faults = read_numbers(file, wanted, folder=folder)
    if faults:
        raise SeriesError(file, faults)
    values = numbers[column]
    if hour_column is None:
        if len(values) < LEAST_RESIDUALS:
            raise SeriesError(file, [_too_few(f"column {column!r}", len(values))])
        return MappingProxyType({0: frozen(np.sort(values))})
    hours, where = numbers[hour_column], f"column {hour_column!r}"
    odd = np.flatnonzero(~np.isin(hours, np.arange(_HOURS)))
    if len(odd):
        what = f"{hours[odd[0]]:g} is no hour of the day"
        raise SeriesError(file, [Fault(where, what, "write 0 to 23")])
    by_hour = {hour: values[hours == hour] for hour in range(_HOURS)}
    short = [hour for hour, found in by_hour.items() if len(found) < LEAST_RESIDUALS]
    if short:
        named = ", ".join(map(str, short))
        what = f"has fewer than {LEAST_RESIDUALS} rows of hour {named}"
        raise SeriesError(file, [Fault(where, what, "give more, or leave out hour_column")])
    return MappingProxyType({hour: frozen(np.sort(found)) for hour, found in by_hour.items()})


def _too_few(where: str, count: int) -> Fault:
    return Fault(where, f"has {count} rows", f"give {LEAST_RESIDUALS} or more")
