"""What vehicles and flexible loads must be beyond their types: levels, times, names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10

from mmgsim.scenario.schema import MicrogridConfig, Scenario
from mmgsim.scenario.session_schema import (
    DailySessions,
    EvConfig,
    FlexibleConfig,
    SampledSessions,
)

__all__ = ["enough", "is_sound", "session_faults"]

Path_ = Sequence[str | int]
_Found = tuple[Path_, str, str]
_DAY_MIN = 1440
_SPREAD_MIN = 180
"""How far before and after their clock time sampled vehicles come and go, whole hours."""


def session_faults(scenario: Scenario) -> Iterator[_Found]:
    """Give every fault of vehicles and flexible loads that needs no calendar."""
    for position, microgrid in enumerate(scenario.microgrids):
        yield from _name_faults(microgrid, position)
        for place, device in enumerate(microgrid.devices):
            if isinstance(device, EvConfig | FlexibleConfig):
                path = ("microgrids", position, "devices", place)
                yield from _device_faults(device, path, scenario.step)


def enough(least: float) -> str:
    """Tell a number above zero in three figures, rounded up: who gives it back has enough.

    Examples
    --------
    >>> enough(10.526), enough(12.0), enough(1234.5)
    ('10.6', '12', '1240')
    """
    unit = 10.0 ** (floor(log10(least)) - 2)
    # What is off a figure by rounding alone is that figure.
    return f"{ceil(least / unit - 1e-9) * unit:.10g}"


def is_sound(device: EvConfig | FlexibleConfig, step_min: int) -> bool:
    """Tell whether the keys of a device fit together, so that its sessions can be made."""
    return not any(_device_faults(device, (), step_min))


def _device_faults(
    device: EvConfig | FlexibleConfig, path: Path_, step_min: int
) -> Iterator[_Found]:
    if isinstance(device, FlexibleConfig):
        yield from _flexible_faults(device, path, step_min)
    else:
        yield from _level_faults(device, path)
        yield from _time_faults(device, path, step_min)


def _name_faults(microgrid: MicrogridConfig, position: int) -> Iterator[_Found]:
    """Refuse a device that is called like a vehicle of a fleet."""
    given = {device.name for device in microgrid.devices}
    for place, device in enumerate(microgrid.devices):
        taken = given & set(device.device_names()) if isinstance(device, EvConfig) else set()
        for name in sorted(taken - {device.name}):
            path = ("microgrids", position, "devices", place, "name")
            what = f"its vehicles are called {device.name}-1 and so on, but {name!r} is a device"
            yield path, what, "give one of them another name"


def _level_faults(device: EvConfig, path: Path_) -> Iterator[_Found]:
    least, most = device.level_min, device.level_max
    if least >= most:
        what = f"{least:g} is not below level_max = {most:g}"
        yield (*path, "level_min"), what, "lower it or raise level_max"
    if device.level_wanted > most:
        what = f"{device.level_wanted:g} is above level_max = {most:g}"
        yield (*path, "level_wanted"), what, "lower it or raise level_max"
    source = device.sessions
    if isinstance(source, SampledSessions):
        low, high = source.level_arrival_min, source.level_arrival_max
        if low > high:
            what = f"{low:g} is above level_arrival_max = {high:g}"
            yield (*path, "sessions", "level_arrival_min"), what, "lower it"
        if high > most:
            what = f"{high:g} is above level_max = {most:g}"
            yield (*path, "sessions", "level_arrival_max"), what, "lower it or raise level_max"


def _minutes(clock: str) -> int:
    return 60 * int(clock[:2]) + int(clock[3:])


def _time_faults(device: EvConfig, path: Path_, step_min: int) -> Iterator[_Found]:
    source = device.sessions
    if isinstance(source, DailySessions):
        yield from _grid_faults(source, ("arrival", "departure"), (*path, "sessions"), step_min)
    if not isinstance(source, SampledSessions):
        return
    stay = (_minutes(source.departure) - _minutes(source.arrival)) % _DAY_MIN
    least = 2 * _SPREAD_MIN + 60  # the hours of the first to leave and of the last to come
    if not least <= stay <= _DAY_MIN - least:
        what = f"{source.departure} is {stay / 60:g} h after arrival = {source.arrival}"
        cure = f"choose {least // 60} to {(_DAY_MIN - least) // 60} h: both vary by 3 h either way"
        yield (*path, "sessions", "departure"), what, cure


def _grid_faults(
    given: object, keys: tuple[str, str], path: Path_, step_min: int
) -> Iterator[_Found]:
    """Refuse clock times at which no step begins: a part of the stay would be lost."""
    for key in keys:
        clock = str(getattr(given, key))
        if _minutes(clock) % step_min:
            what = f"no step of {step_min} min begins at {clock}"
            yield (*path, key), what, "use a time at which a step begins, or a shorter step"


def _flexible_faults(device: FlexibleConfig, path: Path_, step_min: int) -> Iterator[_Found]:
    yield from _grid_faults(device, ("start", "end"), path, step_min)
    span_min = (_minutes(device.end) - _minutes(device.start)) % _DAY_MIN or _DAY_MIN
    most_kwh = device.power_kw * span_min / 60
    if device.energy_kwh > most_kwh * (1.0 + 1e-9):
        what = (
            f"{device.energy_kwh:g} kWh cannot be served from {device.start} to {device.end}: "
            f"{device.energy_kwh - most_kwh:.3g} kWh lack at {device.power_kw:g} kW"
        )
        needed_kw = 60 * device.energy_kwh / span_min
        yield (*path, "energy_kwh"), what, f"lower it, or raise power_kw to {enough(needed_kw)}"
