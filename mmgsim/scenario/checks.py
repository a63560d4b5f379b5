"""What a scenario must be beyond its types: names, times, places, levels, references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import gcd
from pathlib import Path

import numpy as np

from mmgsim.contracts import Party
from mmgsim.errors import Fault
from mmgsim.profiles import TimeIndex
from mmgsim.scenario.calendar import PEAK_CURE, ends_at_clock, gate_mask, peak_mask, run_index
from mmgsim.scenario.communication_checks import communication_faults
from mmgsim.scenario.event_checks import event_faults
from mmgsim.scenario.roles import role_faults
from mmgsim.scenario.schema import (
    BatteryConfig,
    DieselConfig,
    EndOfWindowConfig,
    LoadConfig,
    OwnBatteryConfig,
    Scenario,
)
from mmgsim.scenario.session_checks import session_faults
from mmgsim.scenario.tie_checks import tie_faults
from mmgsim.scenario.yaml_lines import Document

__all__ = ["check_scenario", "has_sound_times"]

Path_ = Sequence[str | int]
_Found = tuple[Path_, str, str]
_HOUR_MIN = 60


def check_scenario(scenario: Scenario, folder: Path | None, document: Document) -> list[Fault]:
    """Give every fault that needs more than one key to see."""
    times = _time_faults(scenario)
    found = [
        *_name_faults(scenario),
        *times,
        *([] if times else _faults_in_time(scenario)),
        *_year_faults(scenario),
        *_network_faults(scenario),
        *_device_faults(scenario),
        *session_faults(scenario),
        *tie_faults(scenario),
        *role_faults(scenario, folder),
    ]
    return [
        Fault(where, what, cure, document.line(where))
        for where, what, cure in ((document.where(path), *rest) for path, *rest in found)
    ]


def _faults_in_time(scenario: Scenario) -> Iterator[_Found]:
    """Give what can only be seen where the steps of a run are defined."""
    yield from _calendar_faults(scenario)
    yield from event_faults(scenario)
    yield from communication_faults(scenario)


def has_sound_times(scenario: Scenario) -> bool:
    """Tell whether the steps of a run are defined, without which no series can be read."""
    return not _time_faults(scenario)


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _name_faults(scenario: Scenario) -> list[_Found]:
    found: list[_Found] = []
    if not scenario.microgrids:
        found.append((("microgrids",), "there is no microgrid", "give at least one"))
    repeated = _repeated(microgrid.name for microgrid in scenario.microgrids)
    for position, microgrid in enumerate(scenario.microgrids):
        path, name = ("microgrids", position), microgrid.name
        if name in repeated:
            found.append(((*path, "name"), f"{name!r} is used twice", "give each its own name"))
        if name in set(Party):
            cure = "call it something else than " + ", ".join(Party)
            found.append(((*path, "name"), f"{name!r} is a party of the ledger", cure))
        if not microgrid.devices:
            found.append(((*path, "devices"), "is empty", "give at least one device"))
        twice = _repeated(device.name for device in microgrid.devices)
        found += [
            (
                (*path, "devices", place, "name"),
                f"{device.name!r} is used twice in {name}",
                "give each device its own name",
            )
            for place, device in enumerate(microgrid.devices)
            if device.name in twice
        ]
    return found


def _time_faults(scenario: Scenario) -> list[_Found]:
    found: list[_Found] = []
    step, gate = scenario.step, scenario.gate
    if step > _HOUR_MIN or _HOUR_MIN % step:
        return [(("step",), f"{step} min does not divide an hour", "use 1h, 30min or 15min")]
    for key, minutes in (("every", gate.every), ("horizon", gate.horizon)):
        if minutes % step:
            what = f"{minutes} min is no multiple of the step of {step} min"
            cure = f"use whole steps, or make the step {gcd(minutes, step)}min"
            found.append((("gate", key), what, cure))
    if gate.horizon < gate.every:
        what = f"{gate.horizon} min is shorter than the {gate.every} min between gates"
        found.append((("gate", "horizon"), what, "plan at least to the next gate"))
    return found


def _calendar_faults(scenario: Scenario) -> list[_Found]:
    index, _, run_steps = run_index(scenario)
    found = [*_gate_faults(scenario, index.part(0, run_steps))]
    try:
        peak_mask(index, scenario.tariff.network_charge.on_peak)
    except ValueError as error:
        found.append((("tariff", "network_charge", "on_peak"), str(error), PEAK_CURE))
    if scenario.gate.end_of_window.kind == "cyclic":
        found += _target_faults(scenario, index)
    return found


def _gate_faults(scenario: Scenario, run: TimeIndex) -> list[_Found]:
    """Refuse a window that ends before the next gate, be it on the day of 25 hours only."""
    horizon = scenario.gate.horizon // scenario.step
    opens = np.flatnonzero(gate_mask(run, scenario.gate.every))
    longest = int(np.diff(np.append(opens, run.steps)).max())
    if longest <= horizon:
        return []
    hours = longest * scenario.step_h
    what = f"ends before the next gate, {hours:g} h later on the longest day"
    return [(("gate", "horizon"), what, f"use {hours:g}h or more")]


def _target_faults(scenario: Scenario, index: TimeIndex) -> list[_Found]:
    """Refuse a window in which no storage level falls due."""
    clock = scenario.gate.end_of_window.at
    due = np.flatnonzero(ends_at_clock(index, clock))
    if not len(due):
        what = f"no step ends at {clock!r} local time"
        cure = "give a time at which a step ends"
        return [(("gate", "end_of_window", "at"), what, cure)]
    # The first window must see a level too, hence the step before the run; so must the last.
    gap = int(np.diff(np.concatenate([[-1], due, [index.steps - 1]])).max())
    if gap <= scenario.gate.horizon // scenario.step:
        return []
    hours = gap * scenario.step_h
    what = f"does not reach from one {clock!r} to the next, {hours:g} h later"
    cure = f"use {hours:g}h or more, or another time of gate.end_of_window.at"
    return [(("gate", "horizon"), what, cure)]


def _year_faults(scenario: Scenario) -> list[_Found]:
    """Refuse two representative days of one name, and one day that stands for two."""
    found: list[_Found] = []
    names = _repeated(part.name for part in scenario.year)
    days = _repeated(part.day.isoformat() for part in scenario.year)
    for position, part in enumerate(scenario.year):
        path, day = ("year", position), part.day.isoformat()
        if part.name in names:
            found.append(((*path, "name"), f"{part.name!r} is used twice", "give each its own"))
        if day in days:
            cure = "keep one of them, with the weight of both, or give another day"
            found.append(((*path, "day"), f"{day} is given twice", cure))
    return found


def _network_faults(scenario: Scenario) -> list[_Found]:
    network = scenario.network
    if network is None:
        return []
    found: list[_Found] = []
    if sum(given is not None for given in (network.case, network.file, network.simbench)) != 1:
        what = "needs one of `case`, `file` and `simbench`"
        found.append((("network",), what, "give exactly one of them"))
    if network.simbench is not None and network.background.profile is not None:
        what = "a SimBench grid brings a profile for each of its elements"
        found.append((("network", "background", "profile"), what, "leave it out"))
    if network.v_min_pu >= network.v_max_pu:
        what = f"{network.v_min_pu:g} is not below v_max_pu = {network.v_max_pu:g}"
        found.append((("network", "v_min_pu"), what, "use for example 0.95 and 1.05"))
    twice = _repeated(device.name for device in network.devices)
    found += [
        (
            ("network", "devices", place, "name"),
            f"{device.name!r} is used twice",
            "give each device its own name",
        )
        for place, device in enumerate(network.devices)
        if device.name in twice
    ]
    for position, microgrid in enumerate(scenario.microgrids):
        if microgrid.bus is None:
            path = ("microgrids", position, "bus")
            found.append((path, f"{microgrid.name} has no bus", "say where it is connected"))
    return found


def _device_faults(scenario: Scenario) -> list[_Found]:
    found: list[_Found] = []
    rule = scenario.gate.end_of_window
    for position, microgrid in enumerate(scenario.microgrids):
        for place, device in enumerate(microgrid.devices):
            path = ("microgrids", position, "devices", place)
            if isinstance(device, BatteryConfig):
                found += _battery_faults(device, rule, path)
            elif isinstance(device, DieselConfig):
                found += _diesel_faults(device, path)
            elif isinstance(device, LoadConfig):
                found += _load_faults(device, path)
    for place, own in enumerate(scenario.network.devices if scenario.network else ()):
        at = ("network", "devices", place)
        if isinstance(own, OwnBatteryConfig):
            found += _battery_faults(own, own.end_of_window(rule), at)
        else:
            found += _diesel_faults(own, at)
    return found


def _load_faults(load: LoadConfig, path: Path_) -> list[_Found]:
    critical, rest = load.critical_per_kwh, load.shed_price_per_kwh
    if critical >= rest:
        return []
    what = f"{critical:g} is below shed_price_per_kwh = {rest:g}, but critical load is shed last"
    return [((*path, "critical_shed_price_per_kwh"), what, "raise it, or leave it out")]


def _diesel_faults(diesel: DieselConfig, path: Path_) -> list[_Found]:
    least, most, start = diesel.power_min_kw, diesel.power_max_kw, diesel.power_start_kw
    if least > most:
        what = f"{least:g} is above power_max_kw = {most:g}"
        return [((*path, "power_min_kw"), what, "lower it or raise power_max_kw")]
    if start and not least <= start <= most:
        what = f"{start:g} is neither 0 nor between power_min_kw and power_max_kw"
        return [((*path, "power_start_kw"), what, f"use 0 for off, or {least:g} to {most:g}")]
    return []


def _battery_faults(battery: BatteryConfig, rule: EndOfWindowConfig, path: Path_) -> list[_Found]:
    start, least = battery.level_start, battery.level_min
    if start is not None and start < least:
        what = f"{start:g} is below level_min = {least:g}"
        return [((*path, "level_start"), what, "raise it or lower level_min")]
    is_due = rule.kind == "cyclic" or start is None
    if is_due and rule.level < least:
        what = f"{least:g} is above gate.end_of_window.level = {rule.level:g}"
        return [((*path, "level_min"), what, "lower it or raise the level")]
    return []
