"""A column of a user's own CSV file: the honest route to real data.

All faults of a file are gathered and raised at once. Stamps are ISO 8601 and name the starts of
equal intervals; with an offset they are instants, without one they are local times.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import StringIO
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.errors import Fault, near_miss
from mmgsim.profiles.index import TimeIndex, zone_faults
from mmgsim.profiles.series import Series, SeriesError, Unit
from mmgsim.profiles.sources import CsvSource

__all__ = ["make_measured", "measured_faults", "read_numbers"]

_SHOWN = 5
"""How many faults of one kind are shown; the rest are counted."""

_CURE_CLOCK = (
    "write stamps with an offset ('2021-10-31T02:00+02:00') or in UTC ('...Z'), "
    "or set timezone to a fixed offset such as 'Etc/GMT-1'"
)


class _Cell(NamedTuple):
    """One row of the file: its line, stamp and value as written."""

    line: int
    stamp: str
    value: str


@dataclass(frozen=True, slots=True)
class _Stamped:
    """One row whose stamp could be read: its line and instant, UTC."""

    line: int
    instant: datetime


def make_measured(
    source: CsvSource, index: TimeIndex, *, folder: Path | None, lead_days: int = 0
) -> Series:
    """Read a column of a CSV file and bring it to the steps of the run.

    Finer values are averaged, coarser ones are held; the two step lengths must divide each other
    and share their edges.

    Parameters
    ----------
    source : CsvSource
        File, columns, time zone, scale and label.
    index : TimeIndex
        The steps wanted.
    folder : Path or None
        Folder of the scenario, to which the file is relative; None: the working folder.
    lead_days : int
        How many days of `index` lie before the run's first, for messages.

    Raises
    ------
    SeriesError
        Naming every fault of the file.
    """
    path = (folder or Path()) / source.file
    cells, faults = _read_cells(path, source)
    if faults:
        raise SeriesError(source.file, faults)
    values, value_faults = _parse_values(cells, source.column)
    stamps, stamp_faults = _parse_stamps(cells, source, index)
    if not stamp_faults:
        stamp_faults = _order_faults(stamps, source.time_column)
    if not stamp_faults:
        stamp_faults = _fit_faults(stamps, source.time_column, index, lead_days)
    if value_faults or stamp_faults:
        raise SeriesError(source.file, _by_line([*value_faults, *stamp_faults]))
    return Series(
        values=_resample(values, stamps, index) * source.scale,
        unit=Unit.AS_GIVEN,
        label=source.label,
        description=f"column {source.column} of {source.file}",
    )


def measured_faults(source: CsvSource, index: TimeIndex, *, folder: Path | None) -> list[Fault]:
    """Give the faults that a file has whichever steps are wanted; of `index` only the zone counts.

    Parameters
    ----------
    source : CsvSource
        File, columns, time zone, scale and label.
    index : TimeIndex
        In whose time zone stamps are meant if the source has none.
    folder : Path or None
        Folder of the scenario, to which the file is relative; None: the working folder.
    """
    cells, faults = _read_cells((folder or Path()) / source.file, source)
    if faults:
        return faults
    _, value_faults = _parse_values(cells, source.column)
    _, stamp_faults = _parse_stamps(cells, source, index)
    return _by_line([*value_faults, *stamp_faults])


def read_numbers(
    file: str, columns: Sequence[str], *, folder: Path | None
) -> tuple[dict[str, FloatArray], list[Fault]]:
    """Read columns of numbers that have no stamps, or every fault of them.

    Parameters
    ----------
    file : str
        Relative to the folder; None: the working folder.
    columns : sequence of str
        One or two.
    folder : Path or None
        Folder of the scenario.
    """
    column, other = columns[0], columns[-1]
    source = CsvSource(source="csv", file=file, column=column, time_column=other)
    cells, faults = _read_cells((folder or Path()) / file, source)
    if faults:
        return {}, faults
    values, found = _parse_values(cells, column)
    if other == column:
        return {column: values}, found
    others, more = _parse_values([cell._replace(value=cell.stamp) for cell in cells], other)
    return {column: values, other: others}, _by_line([*found, *more])


def _by_line(faults: Iterable[Fault]) -> list[Fault]:
    return sorted(faults, key=lambda fault: fault.line or 0)


def _read_cells(path: Path, source: CsvSource) -> tuple[list[_Cell], list[Fault]]:
    try:
        # utf-8-sig: spreadsheets like to put a byte order mark before the first header.
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _rows(file.read())
    except FileNotFoundError:
        return [], [Fault(source.file, "the file does not exist", _file_cure(path))]
    except (OSError, ValueError, csv.Error) as reason:  # no text, or no name of a file
        return [], [Fault(source.file, f"cannot be read: {reason}", "save it as CSV in UTF-8")]
    if len(rows) < 3:  # a header and two stamps, without which no step is known
        return [], [Fault(source.file, "has fewer than two rows of values below the header")]
    header = rows[0][1]
    faults = _header_faults(header, (source.time_column, source.column))
    if faults:
        return [], faults
    faults = _width_faults(rows, len(header))
    if faults:
        return [], faults
    time_at, value_at = header.index(source.time_column), header.index(source.column)
    cells = [_Cell(line, _cell(row, time_at), _cell(row, value_at)) for line, row in rows[1:]]
    return cells, []


@lru_cache(maxsize=2)
def _rows(text: str) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Give the rows of a file with their lines; most scenarios read many columns of one file."""
    reader = csv.reader(StringIO(text, newline=""))
    return tuple(
        (reader.line_num, tuple(cell.strip() for cell in row))
        for row in reader
        if any(cell.strip() for cell in row)
    )


def _file_cure(path: Path) -> str:
    """Say where a file was looked for, and which one is there under a similar name."""
    cure = f"looked in {path.parent}; the path is relative to the scenario's folder"
    others = sorted(file.name for file in path.parent.glob("*.csv"))
    return f"{cure}; {near_miss(path.name, others)}" if others else cure


def _width_faults(rows: Sequence[tuple[int, Sequence[str]]], columns: int) -> list[Fault]:
    """Refuse rows with more cells than the header: a decimal comma would cut its number short."""
    cure = "use a decimal point, and quotes around texts with commas"
    return _first_few(
        [
            Fault("row", f"has {len(row)} cells under {columns} headers", cure, line=line)
            for line, row in rows
            if len(row) > columns and any(row[columns:])
        ]
    )


def _header_faults(header: Sequence[str], wanted: Iterable[str]) -> list[Fault]:
    faults: list[Fault] = []
    for name in dict.fromkeys(wanted):
        if name not in header:
            cure = near_miss(name, header)
            if len(header) == 1 and ";" in header[0]:
                cure = "the file is separated by semicolons; use commas, and decimal points"
            faults.append(Fault(f"column {name!r}", "is missing", cure, line=1))
        elif header.count(name) > 1:
            cure = "rename one of them"
            faults.append(Fault(f"column {name!r}", "is there more than once", cure, line=1))
    return faults


def _cell(row: Sequence[str], position: int) -> str:
    return row[position] if position < len(row) else ""


def _parse_values(cells: Sequence[_Cell], column: str) -> tuple[FloatArray, list[Fault]]:
    values = np.full(len(cells), np.nan)
    faults: list[Fault] = []
    for position, cell in enumerate(cells):
        try:
            values[position] = float(cell.value)
        except ValueError:
            what = f"{cell.value!r} is not a number" if cell.value else "the value is missing"
            cure = "use a decimal point" if "," in cell.value else "fill the gap with a number"
            faults.append(Fault(f"column {column!r}", what, cure, line=cell.line))
            continue
        if not isfinite(values[position]):
            what = f"{cell.value!r} is not a finite number"
            faults.append(Fault(f"column {column!r}", what, "fill the gap", line=cell.line))
    return values, _first_few(faults)


def _parse_stamps(
    cells: Sequence[_Cell], source: CsvSource, index: TimeIndex
) -> tuple[list[_Stamped], list[Fault]]:
    written = tuple((cell.line, cell.stamp) for cell in cells)
    stamps, faults = _read_stamps(written, source.time_column, source.timezone or index.timezone)
    return list(stamps), list(faults)


@lru_cache(maxsize=4)
def _read_stamps(
    written: tuple[tuple[int, str], ...], column: str, name: str
) -> tuple[tuple[_Stamped, ...], tuple[Fault, ...]]:
    """Give the instants of stamps with their lines; most columns of a scenario have the same."""
    where = f"column {column!r}"
    unknown = zone_faults(name)
    if unknown:
        return (), tuple(unknown)
    zone = ZoneInfo(name)
    first_naive: int | None = None
    first_aware: int | None = None
    stamps: list[_Stamped] = []
    faults: list[Fault] = []
    for line, stamp in written:
        try:
            given = datetime.fromisoformat(stamp)
        except ValueError:
            what = f"{stamp!r} is no ISO 8601 time"
            faults.append(Fault(where, what, "write '2021-01-31T14:00'", line=line))
            continue
        trouble = _clock_trouble(given, zone) if given.tzinfo is None else ""
        if trouble:
            what = f"{stamp} {trouble} in {name}"
            faults.append(Fault(where, what, _CURE_CLOCK, line=line))
            continue
        if given.tzinfo is None:
            first_naive = first_naive or line
            given = given.replace(tzinfo=zone)
        else:
            first_aware = first_aware or line
        stamps.append(_Stamped(line, given.astimezone(UTC)))
    if first_naive and first_aware:
        what = f"has stamps with an offset (line {first_aware}) and without one"
        faults.append(Fault(where, what, "write all of them alike", line=first_naive))
    return tuple(stamps), tuple(_first_few(faults))


def _clock_trouble(naive: datetime, zone: ZoneInfo) -> str:
    """Say why a local time names no instant, or two; empty when it names one."""
    early = naive.replace(tzinfo=zone, fold=0)
    late = naive.replace(tzinfo=zone, fold=1)
    if early.utcoffset() == late.utcoffset():
        return ""
    if early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        return "does not exist (clocks were put forward over it)"
    return "happened twice (clocks were put back), so it names no single instant"


def _order_faults(stamps: Sequence[_Stamped], column: str) -> list[Fault]:
    """Find duplicates, stamps out of order, gaps and uneven steps."""
    where = f"column {column!r}"
    step = _usual_step(stamps)
    faults: list[Fault] = []
    for before, here in pairwise(stamps):
        apart = here.instant - before.instant
        if apart == step > timedelta(0):
            continue
        if apart == timedelta(0):
            what = f"{_text(here.instant)} is a duplicate of line {before.line}"
            cure = "keep one row"
        elif apart < timedelta(0):
            what, cure = f"{_text(here.instant)} is earlier than the row before", "sort the rows"
        elif apart > step:
            what = f"gap: nothing from {_text(before.instant + step)} to {_text(here.instant)}"
            cure = "fill it; a series must be complete"
        else:
            what, cure = f"a step of {apart} among steps of {step}", "use one step length"
        faults.append(Fault(where, what, cure, line=here.line))
    return _first_few(faults)


def _usual_step(stamps: Sequence[_Stamped]) -> timedelta:
    """Give the commonest positive distance of neighbours, the smaller one on a tie."""
    seconds = np.array([stamp.instant.timestamp() for stamp in stamps])
    apart, counts = np.unique(np.diff(seconds), return_counts=True)
    counts = np.where(apart > 0.0, counts, 0)
    return timedelta(seconds=abs(float(apart[int(np.argmax(counts))])))


def _fit_faults(
    stamps: Sequence[_Stamped], column: str, index: TimeIndex, lead_days: int
) -> list[Fault]:
    """Find what keeps a regular series from serving the run's steps."""
    where = f"column {column!r}"
    first, step = stamps[0].instant, _usual_step(stamps)
    run_step = timedelta(minutes=index.step_minutes)
    faults: list[Fault] = []
    nothing = timedelta(0)
    if step % run_step != nothing and run_step % step != nothing:
        what = f"steps of {step} neither divide the run's {run_step} nor are a multiple of them"
        faults.append(Fault(where, what, "choose another step"))
    elif (shift := (index.start - first) % min(step, run_step)) != nothing:
        what = f"stamps are shifted by {shift} against the run's steps"
        faults.append(Fault(where, what, "stamps are starts of intervals; move them"))
    end = stamps[-1].instant + step
    if first > index.start or end < index.end:
        file_span, run_span = (
            f"{_local(begin, index):%Y-%m-%d %H:%M} to {_local(finish, index):%Y-%m-%d %H:%M}"
            for begin, finish in ((first, end), (index.start, index.end))
        )
        what = (
            f"covers {file_span}, the run needs {run_span} "
            f"(with its horizon; local times of {index.timezone})"
        )
        faults.append(Fault(where, what, _range_cure(first, end, index, lead_days)))
    return faults


def _range_cure(first: datetime, end: datetime, index: TimeIndex, lead_days: int) -> str:
    """Say on which days a run may start that lies in the file, where there are any."""
    cure, day = "give a longer file, or run fewer days", timedelta(days=1)
    begins, ends, begin, finish = (_local(x, index) for x in (first, end, index.start, index.end))
    least, most = -((begin - begins) // day), (ends - finish) // day
    if least > most:
        return cure
    start = begin.date() + lead_days * day
    earliest, latest = start + least * day, start + most * day
    days = f"on {earliest}" if earliest == latest else f"between {earliest} and {latest}"
    return f"{cure}, or start {days}"


def _local(instant: datetime, index: TimeIndex) -> datetime:
    """Give an instant on the clock of a run."""
    return instant.astimezone(ZoneInfo(index.timezone)).replace(tzinfo=None)


def _resample(values: FloatArray, stamps: Sequence[_Stamped], index: TimeIndex) -> FloatArray:
    step = _usual_step(stamps)
    run_step = timedelta(minutes=index.step_minutes)
    skipped = index.start - stamps[0].instant
    if step >= run_step:
        positions = (skipped // run_step + np.arange(index.steps)) // (step // run_step)
        return np.asarray(values[positions])
    per_step = run_step // step
    begin = skipped // step
    return np.asarray(
        values[begin : begin + per_step * index.steps].reshape(index.steps, per_step).mean(axis=1)
    )


def _first_few(faults: list[Fault]) -> list[Fault]:
    """Keep the first faults of a kind and count the others: a bad file has thousands."""
    if len(faults) <= _SHOWN:
        return faults
    more = f"{len(faults) - _SHOWN} more faults of this column are not shown"
    return [*faults[:_SHOWN], Fault(faults[0].where, more, line=faults[_SHOWN].line)]


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%MZ")
