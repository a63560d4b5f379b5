"""What a scenario must be beyond its types: names, times, places, levels, references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmgsim.contracts import Party
from mmgsim.errors import Fault, UnknownNameError
from mmgsim.scenario.calendar import ends_at_clock, gate_mask, peak_mask, run_index
from mmgsim.scenario.registry import Kind, find_class
from mmgsim.scenario.schema import BatteryConfig, Scenario

__all__ = ["check_scenario"]

Path_ = Sequence[str | int]
LineOf = Callable[[Path_], int | None]
_HOUR_MIN = 60


def check_scenario(scenario: Scenario, folder: Path | None, line_of: LineOf) -> list[Fault]:
    """Give every fault that needs more than one key to see."""
    times = _time_faults(scenario)
    found = [
        *_name_faults(scenario),
        *times,
        *([] if times else _calendar_faults(scenario)),
        *_network_faults(scenario),
        *_device_faults(scenario),
        *_repair_faults(scenario),
        *_role_faults(scenario, folder),
    ]
    return [
        Fault(where=_dotted(path), what=what, cure=cure, line=line_of(path))
        for path, what, cure in found
    ]


_Found = tuple[Path_, str, str]


def _dotted(path: Path_) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def _name_faults(scenario: Scenario) -> list[_Found]:
    found: list[_Found] = []
    repeated = _repeated(microgrid.name for microgrid in scenario.microgrids)
    if not scenario.microgrids:
        found.append((("microgrids",), "there is no microgrid", "give at least one"))
    for position, microgrid in enumerate(scenario.microgrids):
        path = ("microgrids", position, "name")
        if microgrid.name in repeated:
            found.append((path, f"{microgrid.name!r} is used twice", "give each its own name"))
        if microgrid.name in set(Party):
            cure = "call it something else than " + ", ".join(Party)
            found.append((path, f"{microgrid.name!r} is a party of the ledger", cure))
        if not microgrid.devices:
            found.append((("microgrids", position, "devices"), "is empty", "give a device"))
        twice = _repeated(device.name for device in microgrid.devices)
        for place, device in enumerate(microgrid.devices):
            if device.name in twice:
                what = f"{device.name!r} is used twice in {microgrid.name}"
                place_of = ("microgrids", position, "devices", place, "name")
                found.append((place_of, what, "give each device its own name"))
    return found


def _time_faults(scenario: Scenario) -> list[_Found]:
    found: list[_Found] = []
    step, gate = scenario.step, scenario.gate
    if step > _HOUR_MIN or _HOUR_MIN % step:
        found.append((("step",), f"{step} min does not divide an hour", "use 1h, 30min or 15min"))
    for key, minutes in (("every", gate.every), ("horizon", gate.horizon)):
        if minutes % step:
            what = f"{minutes} min is no multiple of the step of {step} min"
            found.append((("gate", key), what, "use whole steps"))
    if gate.horizon < gate.every:
        what = f"{gate.horizon} min is shorter than the {gate.every} min between gates"
        found.append((("gate", "horizon"), what, "plan at least to the next gate"))
    return found


def _calendar_faults(scenario: Scenario) -> list[_Found]:
    found: list[_Found] = []
    index, _, run_steps = run_index(scenario)
    horizon = scenario.gate.horizon // scenario.step
    opens = np.flatnonzero(gate_mask(index.part(0, run_steps), scenario.gate.every))
    longest = int(np.diff(np.append(opens, run_steps)).max())
    if longest > horizon:
        hours = longest * scenario.step_h
        what = f"ends before the next gate, {hours:g} h later on the longest day"
        found.append((("gate", "horizon"), what, f"use {hours:g}h or more"))
    try:
        peak_mask(index, scenario.tariff.network_charge.on_peak)
    except ValueError as error:
        path = ("tariff", "network_charge", "on_peak")
        found.append((path, str(error), "write it like 'Mon-Fri 08:00-22:00'"))
    rule = scenario.gate.end_of_window
    if rule.kind == "cyclic":
        due = np.flatnonzero(ends_at_clock(index, rule.at))
        # The first window must see a level too, hence the step before the run.
        gap = int(np.diff(np.concatenate([[-1], due])).max()) if len(due) else index.steps + 1
        if not len(due):
            what = f"no step ends at {rule.at!r} local time"
            path = ("gate", "end_of_window", "at")
            found.append((path, what, "give a time at which a step ends"))
        elif gap > horizon:
            hours = gap * scenario.step_h
            what = f"does not reach from one {rule.at!r} to the next, {hours:g} h later"
            found.append((("gate", "horizon"), what, f"use {hours:g}h or more"))
    return found


def _network_faults(scenario: Scenario) -> list[_Found]:
    network = scenario.network
    if network is None:
        return []
    found: list[_Found] = []
    if (network.case is None) == (network.file is None):
        found.append((("network",), "needs either `case` or `file`", "give one of them"))
    if network.v_min_pu >= network.v_max_pu:
        what = f"{network.v_min_pu:g} is not below v_max_pu = {network.v_max_pu:g}"
        found.append((("network", "v_min_pu"), what, "use for example 0.95 and 1.05"))
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
            if not isinstance(device, BatteryConfig):
                continue
            path = ("microgrids", position, "devices", place, "level_min")
            start = rule.level if device.level_start is None else device.level_start
            for what, level in (("level at the end of the window", rule.level), ("start", start)):
                if level < device.level_min:
                    text = f"{device.level_min:g} is above the {what}, {level:g}"
                    found.append((path, text, "lower it or raise the level"))
                    break
    return found


def _repair_faults(scenario: Scenario) -> list[_Found]:
    if scenario.repair.rounds and scenario.operator.kind == "standard":
        cure = "use 0, or an operator of your own whose `review` tightens envelopes"
        what = f"{scenario.repair.rounds}: the standard operator accepts every plan"
        return [(("repair", "rounds"), what, cure)]
    return []


def _role_faults(scenario: Scenario, folder: Path | None) -> list[_Found]:
    """Look up every reference, and refuse a mechanism that asks what a strategy cannot answer."""
    found: list[_Found] = []

    def look_up(kind: Kind, name: str, path: Path_) -> Any:
        try:
            return find_class(kind, name, folder)
        except UnknownNameError as error:
            found.append((path, str(error), ""))
        except Exception as error:  # noqa: BLE001  a user's file may fail in any way on import
            what = f"{name!r} cannot be imported: {type(error).__name__}: {error}"
            found.append((path, what, "mend the file"))
        return None

    look_up(Kind.OPERATOR, scenario.operator.kind, ("operator", "kind"))
    look_up(Kind.MARKET, scenario.market.kind, ("market", "kind"))
    mechanism = look_up(Kind.MECHANISM, scenario.coordination.kind, ("coordination", "kind"))
    asks: frozenset[type] = getattr(mechanism, "asks", frozenset())
    for position, microgrid in enumerate(scenario.microgrids):
        path = ("microgrids", position, "strategy")
        strategy = look_up(Kind.STRATEGY, microgrid.strategy.kind, path)
        missing = asks - getattr(strategy, "answers", asks)
        if missing:
            kinds = ", ".join(sorted(message.__name__ for message in missing))
            what = f"{microgrid.strategy.kind!r} does not answer {kinds}"
            cure = f"which coordination {scenario.coordination.kind!r} asks; change one of them"
            found.append((path, what, cure))
    return found
