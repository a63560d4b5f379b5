"""When vehicles come and go: drawn from shares of hours, every day alike, or read from a file.

A *visit* is told on the local clock; it becomes a session in whole steps of the run. What is drawn
is synthetic: shares, capacities and levels are assumptions of this framework, not measured.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import ceil, floor, isfinite
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np

from mmgsim.contracts import Session
from mmgsim.errors import Fault, near_miss
from mmgsim.profiles.index import MINUTES_PER_HOUR, TimeIndex

__all__ = [
    "HOUR_SHARES",
    "VISIT_COLUMNS",
    "SampledDay",
    "Visit",
    "daily_visit",
    "instant",
    "overlapping",
    "read_visits",
    "sample_visit",
    "session_of",
]

HOUR_SHARES: Mapping[int, float] = MappingProxyType(
    {-3: 0.05, -2: 0.10, -1: 0.20, 0: 0.30, 1: 0.20, 2: 0.10, 3: 0.05}
)
"""Share of arrivals, and of departures, in each hour from the commonest one on. An assumption."""

VISIT_COLUMNS = ("vehicle", "arrival", "departure", "energy_arrival_kwh", "energy_wanted_kwh")
"""Of a file of sessions."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay of one vehicle.

    Parameters
    ----------
    vehicle : int
        Its number in the fleet, from 1.
    arrival, departure : datetime
        Instants, UTC.
    arrives_kwh, wanted_kwh : float
        Stored energy on arrival, and wanted on departure. [kWh]
    """

    vehicle: int
    arrival: datetime
    departure: datetime
    arrives_kwh: float
    wanted_kwh: float


@dataclass(frozen=True, slots=True)
class SampledDay:
    """What a visit is drawn from.

    Parameters
    ----------
    arrival, departure : time
        Local clock times around which most come and go; `HOUR_SHARES` says how many.
    low_kwh, high_kwh : float
        Between these the energy on arrival is uniform. [kWh]
    wanted_kwh : float
        Stored energy wanted on departure. [kWh]
    """

    arrival: time
    departure: time
    low_kwh: float
    high_kwh: float
    wanted_kwh: float


def instant(day: date, minutes: int, timezone: str) -> datetime:
    """Give a clock time of a local day in UTC; minutes beyond a day are of the next ones.

    A time that the clock skips is as much later as it skips; of one that comes twice, the first.
    """
    local = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return local.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def daily_visit(
    day: date, arrival: time, departure: time, *, timezone: str, energies_kwh: tuple[float, float]
) -> Visit:
    """Give the visit of one vehicle, number 1, that begins on a day; overnight where it wraps.

    Parameters
    ----------
    day : date
        Local day of the arrival.
    arrival, departure : time
        Local clock times; a departure not after the arrival is on the next day.
    timezone : str
        IANA name.
    energies_kwh : pair of float
        On arrival, and wanted on departure. [kWh]
    """
    come, go = (clock.hour * MINUTES_PER_HOUR + clock.minute for clock in (arrival, departure))
    go += 24 * MINUTES_PER_HOUR if go <= come else 0
    return Visit(1, instant(day, come, timezone), instant(day, go, timezone), *energies_kwh)


def sample_visit(
    rng: np.random.Generator, day: date, sampled: SampledDay, *, step_min: int, timezone: str
) -> Visit:
    """Draw the visit of one vehicle, number 1, that begins on a day.

    The hours of arrival and departure are drawn by `HOUR_SHARES`, the step within the hour and the
    energy on arrival are uniform.

    Parameters
    ----------
    rng : numpy.random.Generator
        Of this vehicle and this day, so that neither others nor the length of a run matter.
    day : date
        Local day of the arrival.
    sampled : SampledDay
        What it is drawn from.
    step_min : int
        Length of a step. [min]
    timezone : str
        IANA name.
    """
    offsets, shares = list(HOUR_SHARES), list(HOUR_SHARES.values())
    come, go = (
        (clock.hour + int(rng.choice(offsets, p=shares))) * MINUTES_PER_HOUR
        + clock.minute
        + step_min * int(rng.integers(MINUTES_PER_HOUR // step_min))
        for clock in (sampled.arrival, sampled.departure)
    )
    if sampled.departure <= sampled.arrival:
        go += 24 * MINUTES_PER_HOUR
    arrives_kwh = float(rng.uniform(sampled.low_kwh, sampled.high_kwh))
    return Visit(
        vehicle=1,
        arrival=instant(day, come, timezone),
        departure=instant(day, go, timezone),
        arrives_kwh=arrives_kwh,
        wanted_kwh=sampled.wanted_kwh,
    )


def session_of(visit: Visit, run: TimeIndex, *, charged_kwh_per_step: float) -> Session | None:
    """Give the whole steps of a visit, or None where it has none from the run's first step on.

    A visit that began before the run begins with it, with the energy it came with, and wants no
    more than can still be reached.

    Parameters
    ----------
    visit : Visit
        Told in UTC.
    run : TimeIndex
        Its first step is the run's.
    charged_kwh_per_step : float
        What full power stores in a step. [kWh]
    """
    step = timedelta(minutes=run.step_minutes)
    first = ceil((visit.arrival - run.start) / step)
    stop = floor((visit.departure - run.start) / step)
    wanted_kwh = visit.wanted_kwh
    if first < 0 < stop:
        first = 0
        wanted_kwh = min(wanted_kwh, visit.arrives_kwh + stop * charged_kwh_per_step)
    if first < 0 or stop <= first:
        return None
    return Session(first, stop, visit.arrives_kwh, wanted_kwh)


# ------------------------------------------------------------------------------------ from a file
def read_visits(path: Path, timezone: str) -> tuple[list[Visit], list[Fault]]:
    """Read the visits of a fleet from a CSV file with `VISIT_COLUMNS`, or every fault of it.

    Stamps are ISO 8601: instants with an offset, local times without one.

    Parameters
    ----------
    path : Path
        The file.
    timezone : str
        Of stamps without an offset.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            rows = list(enumerate(reader, 2))
            header = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return [], [Fault(path.name, f"cannot be read: {error}", "give a CSV file in UTF-8")]
    missing = [name for name in VISIT_COLUMNS if name not in header]
    if missing:
        return [], [
            Fault(path.name, f"has no column {name!r}", near_miss(name, header), line=1)
            for name in missing
        ]
    visits, faults = [], []
    for line, row in rows:
        try:
            visits.append(_visit(row, timezone))
        except ValueError as error:
            faults.append(Fault(path.name, str(error), "see docs/devices.md", line=line))
    return visits, faults


def _visit(row: Mapping[str, str], timezone: str) -> Visit:
    """Give the visit of a row.

    Raises
    ------
    ValueError
        Saying what is wrong with it.
    """
    vehicle = int(_number(row, "vehicle"))
    arrival, departure = (_stamp(row, name, timezone) for name in ("arrival", "departure"))
    energies = [_number(row, name) for name in VISIT_COLUMNS[3:]]
    return Visit(vehicle, arrival, departure, *energies)


def _number(row: Mapping[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except (TypeError, ValueError):
        value = float("nan")
    if not isfinite(value):
        raise ValueError(f"{name} is {row[name]!r}, which is no number")
    return value


def _stamp(row: Mapping[str, str], name: str, timezone: str) -> datetime:
    try:
        stamp = datetime.fromisoformat((row[name] or "").strip())
    except ValueError as error:
        raise ValueError(
            f"{name} is {row[name]!r}, which is no time like 2021-01-11T17:00"
        ) from error
    if stamp.tzinfo is not None:
        return stamp.astimezone(UTC)
    zone = ZoneInfo(timezone)
    told = stamp.replace(tzinfo=zone).astimezone(UTC)
    if told.astimezone(zone).replace(tzinfo=None) != stamp:
        raise ValueError(f"{name} is {row[name]!r}, which the clock of {timezone} skips")
    return told


def overlapping(visits: Sequence[Visit]) -> Iterator[tuple[Visit, Visit]]:
    """Give pairs of visits of one vehicle of which the second begins before the first has ended."""
    ordered = sorted(visits, key=lambda one: (one.vehicle, one.arrival))
    for first, second in pairwise(ordered):
        if first.vehicle == second.vehicle and second.arrival < first.departure:
            yield first, second
