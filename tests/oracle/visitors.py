"""Vehicles and flexible loads of the oracle: stays read from YAML and CSV, and their rows.

Like `tests.oracle.lp` it shares no line with mmgsim. A stay is written with rows of its own: what
it begins with is a number in its first row, and nothing leads from one stay to the next.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

INFINITY = float("inf")


@dataclass(frozen=True)
class Visitor:
    """A vehicle or a flexible load.

    Full and least energy [kWh], charge and discharge [kW], efficiency, wear, what a kWh that is not
    served costs (infinite: it has to be), and stays as (first step, step after it, energy at its
    beginning, energy wanted at its end).
    """

    full_kwh: float
    least_kwh: float
    charge_kw: float
    discharge_kw: float
    efficiency: float
    wear: float
    price: float
    stays: tuple[tuple[int, int, float, float], ...]


def read_visitors(
    device: dict[str, Any], folder: Path, zone: ZoneInfo, starts: list[datetime], step: timedelta
) -> list[Visitor]:
    """Give the visitors of a device of the kind ev or flexible."""
    hours = step / timedelta(hours=1)
    if device["kind"] == "flexible":
        energy, power = float(device["energy_kwh"]), float(device["power_kw"])
        times = _every_day(device["start"], device["end"], zone, starts)
        stays = [(a, b, 0.0, energy) for a, b in times]
        price = float(device.get("shed_price_per_kwh", 10.0))
        found = _whole_steps(stays, starts, step, power * hours)
        return [Visitor(energy, 0.0, power, 0.0, 1.0, 0.0, price, found)]
    size = float(device.get("energy_kwh", 40.0))
    power, gain = float(device.get("charge_kw", 7.0)), float(device.get("efficiency", 0.95))
    visitors = []
    for number in range(1, int(device.get("vehicles", 1)) + 1):
        stays = list(_stays(device, number, folder, zone, starts))
        visitors.append(
            Visitor(
                full_kwh=size * float(device.get("level_max", 0.95)),
                least_kwh=size * float(device.get("level_min", 0.2)),
                charge_kw=power,
                discharge_kw=float(device.get("discharge_kw", 0.0)),
                efficiency=gain,
                wear=float(device.get("wear_per_kwh", 0.0)),
                price=INFINITY,
                stays=_whole_steps(stays, starts, step, power * gain * hours),
            )
        )
    return visitors


def _every_day(
    begin: str, end: str, zone: ZoneInfo, starts: list[datetime]
) -> Iterator[tuple[datetime, datetime]]:
    day = starts[0].astimezone(zone).date() - timedelta(days=1)
    while day <= starts[-1].astimezone(zone).date():
        last = day if end > begin else day + timedelta(days=1)
        yield _at(day, begin, zone), _at(last, end, zone)
        day += timedelta(days=1)


def _at(day: date, clock: str, zone: ZoneInfo) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def _stays(
    device: dict[str, Any], number: int, folder: Path, zone: ZoneInfo, starts: list[datetime]
) -> Iterator[tuple[datetime, datetime, float, float]]:
    given, size = device["sessions"], float(device.get("energy_kwh", 40.0))
    if given["source"] == "daily":
        energies = (
            size * float(given.get("level_arrival", 0.4)),
            size * float(device.get("level_wanted", 0.85)),
        )
        for times in _every_day(given["arrival"], given["departure"], zone, starts):
            yield (*times, *energies)
        return
    if given["source"] != "csv":
        raise ValueError(f"freeze the scenario first: {given}")
    with (folder / given["file"]).open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if int(row["vehicle"]) == number:
                come, go = (datetime.fromisoformat(row[k]) for k in ("arrival", "departure"))
                energies = (float(row["energy_arrival_kwh"]), float(row["energy_wanted_kwh"]))
                yield (come, go, *energies)


def _whole_steps(
    stays: Any, starts: list[datetime], step: timedelta, full_step_kwh: float
) -> tuple[tuple[int, int, float, float], ...]:
    """Count the steps that lie in each stay as a whole; the run's first step begins older ones."""
    found = []
    for come, go, begins, wanted in stays:
        inside = [k for k, start in enumerate(starts) if start >= come and start + step <= go]
        if not inside:
            continue
        stop = inside[-1] + 1
        if stop == len(starts) and go > starts[-1] + step:
            stop = (go - starts[0]) // step  # goes on beyond all that was read
        if come < starts[0]:
            wanted = min(wanted, begins + stop * full_step_kwh)
        found.append((inside[0], stop, begins, wanted))
    return tuple(found)


def add_visitor(program: Any, visitor: Visitor) -> list[tuple[np.ndarray, float]]:
    """Write the columns and rows of a visitor; give what it brings and what it takes."""
    n, h = program.steps, program.case.step_h
    there, low, high, lacks = np.zeros(n), np.zeros(n), np.zeros(n), []
    full_step = h * visitor.efficiency * visitor.charge_kw
    for first, stop, begins, wanted in visitor.stays:
        seen = range(first, min(stop, n))
        if not seen:
            continue
        there[seen.start : seen.stop], high[seen.start : seen.stop] = 1.0, visitor.full_kwh
        low[seen.start : seen.stop] = min(visitor.least_kwh, begins)
        reach = min(wanted, begins + (stop - first) * full_step)
        owed = reach - (stop - seen.stop) * full_step
        if visitor.price == INFINITY:
            low[seen.stop - 1] = max(low[seen.stop - 1], owed)
        else:
            lacks.append((seen.stop - 1, owed))
    stored = program._columns(low, high)
    charge = program._columns(0.0, there * visitor.charge_kw)
    discharge = program._columns(0.0, there * visitor.discharge_kw, h * visitor.wear)
    begin = {first: begins for first, _, begins, _ in visitor.stays}
    for t in np.flatnonzero(there):
        terms = [
            (stored[t], 1.0),
            (charge[t], -h * visitor.efficiency),
            (discharge[t], h / visitor.efficiency),
        ]
        before = begin.get(int(t))
        if before is None:
            terms.append((stored[t - 1], -1.0))
        program.rows.append((before or 0.0, before or 0.0, terms))
    for t, owed in lacks:
        lack = program._columns(0.0, INFINITY, np.eye(n)[t] * visitor.price)
        program.rows.append((owed, INFINITY, [(stored[t], 1.0), (lack[t], 1.0)]))
    program.pairs.append((charge, discharge, max(visitor.charge_kw, visitor.discharge_kw)))
    return [(discharge, 1.0), (charge, -1.0)]
