"""What is wrong with a sweep file: its own keys, and what its values would do to the scenario."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmgsim.engine import load_variant
from mmgsim.errors import Fault, ScenarioError
from mmgsim.scenario import read_inputs, resolved_yaml
from mmgsim.sweep.plan import SEED, drawn, run_count, settings_of
from mmgsim.sweep.schema import MOST_RUNS, DrawConfig, SweepConfig

__all__ = ["WHOLE", "own_faults", "scenario_faults"]

WHOLE = "sweep"
"""Where faults are that are of no key alone."""
_KINDS = ("uniform", "log_uniform", "integers", "choice")


# -------------------------------------------------------------------------------- the file alone
def own_faults(config: SweepConfig) -> Iterator[Fault]:
    """Give what is wrong with a sweep whatever its scenario is."""
    if not config.grid and config.sample is None and config.seeds is None:
        cure = "give a grid, a sample or seeds"
        yield Fault(WHOLE, "has nothing to go through", cure)
    if config.sample is not None:
        if not config.sample.keys:
            cure = "write a key and its range, like tariff.export_per_kwh: {uniform: [0, 0.1]}"
            yield Fault("sample.keys", "has no key", cure)
        for key, draw in config.sample.keys.items():
            yield from _draw_faults(f"sample.keys.{key}", draw)
    for key, values in config.grid.items():
        if not values:
            yield Fault(f"grid.{key}", "has no value", "give one or more, or leave the key out")
        for at, value in enumerate(values):
            if any(_is_same(value, earlier) for earlier in values[:at]):
                yield Fault(f"grid.{key}.{at}", f"{value!r} is there twice", "give it once")
    yield from _key_faults(config)
    count = run_count(config)
    if count > MOST_RUNS:
        cure = "leave out values, or sample them"
        yield Fault(WHOLE, f"has {count:,} runs, more than {MOST_RUNS:,}", cure)


def _is_same(one: Any, other: Any) -> bool:
    are_alike = isinstance(one, bool) is isinstance(other, bool)  # to Python, True is 1
    return are_alike and bool(one == other)


def _draw_faults(where: str, draw: DrawConfig) -> Iterator[Fault]:
    given = [kind for kind in _KINDS if getattr(draw, kind) is not None]
    if len(given) != 1:
        what = f"has {' and '.join(given) or 'nothing to draw from'}"
        yield Fault(where, what, f"give one of {', '.join(_KINDS)}")
    for kind in given:
        limits = getattr(draw, kind)
        if kind == "choice":
            if not limits:
                yield Fault(f"{where}.choice", "has no value", "give two or more")
        elif not limits[0] < limits[1]:
            what = f"goes from {limits[0]:g} to {limits[1]:g}"
            yield Fault(f"{where}.{kind}", what, "give the lower limit first, then a higher one")
        elif kind == "log_uniform" and limits[0] <= 0:
            what = f"goes from {limits[0]:g}, which has no logarithm"
            yield Fault(f"{where}.{kind}", what, "give limits above 0")


def _key_faults(config: SweepConfig) -> Iterator[Fault]:
    """Give keys that are no paths, and those that are set in two places."""
    places: dict[str, str] = {}
    if config.days is not None:
        places["days"] = "days"
    for where, key in _places(config):
        if not all(part.strip() for part in key.split(".")):
            yield Fault(where, f"{key!r} is no path", "write it like gate.every")
        path = "coordination" if key == "coordination.kind" else key
        if path in places:
            yield Fault(where, f"is set under {places[path]} already", "keep one")
        places.setdefault(path, where)


def _places(config: SweepConfig) -> Iterator[tuple[str, str]]:
    """Give where every key stands in the file, and the key."""
    yield from ((f"set.{key}", key) for key in config.set)
    yield from ((f"grid.{key}", key) for key in config.grid)
    if config.sample is not None:
        yield from ((f"sample.keys.{key}", key) for key in config.sample.keys)
    if config.seeds is not None:
        yield "seeds", SEED


# ------------------------------------------------------------------------------ with the scenario
def scenario_faults(source: str | Path, config: SweepConfig) -> list[Fault]:
    """Give what scenario and series have against the values, with their places in the sweep file.

    Every value of the grid is tried once, with the first ones of all other keys; of draws, the
    lowest and the highest, and every choice.
    """
    found: dict[str, list[Fault]] = {}
    said: dict[str, dict[str, str]] = {}
    for values, places in _trials(config):
        overrides, strategy = settings_of(config, values)
        try:
            loaded = load_variant(source, overrides, strategy=strategy)
            read_inputs(loaded.scenario, loaded.folder)  # a series may lie above a rating
            for fault in _repeats(resolved_yaml(loaded.scenario), places, said):
                found.setdefault(fault.where, []).append(fault)
        except ScenarioError as error:
            for fault in error.faults:
                told = _in_sweep(fault, places, error.source)
                same = found.setdefault(told.where, [])
                is_drawn = told.where.startswith("sample.")
                # Of draws one is enough: the others are wrong in the same way.
                if told not in same and not (is_drawn and same):
                    same.append(told)
    return [fault for faults in found.values() for fault in faults]


def _repeats(
    text: str, places: Mapping[str, str], said: dict[str, dict[str, str]]
) -> Iterator[Fault]:
    """Tell of values of the grid that make the scenario of an earlier one of their key.

    Parameters
    ----------
    text : str
        The scenario with every default written out.
    places : mapping
        Where each key is set; one of the grid at most is not at its first value.
    said : dict
        By key: where each text was first; gets those of this trial.
    """
    grid = {key: place for key, place in places.items() if place.startswith("grid.")}
    later = {key: place for key, place in grid.items() if not place.endswith(".0")}
    for key, place in (later or grid).items():
        first = said.setdefault(key, {}).setdefault(text, place)
        if first != place:
            yield Fault(place, f"makes the same scenario as {first}", "leave one of them out")


def _trials(config: SweepConfig) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Give values to try, and where in the file each key of the scenario is set."""
    shared = {"days": "days"} if config.days is not None else {}
    shared |= {key: f"set.{key}" for key in config.set}
    first = {key: values[0] for key, values in config.grid.items()}
    places = shared | {key: f"grid.{key}.0" for key in config.grid}
    draws = [] if config.sample is None else drawn(config.sample)
    sampled = [] if config.sample is None else list(config.sample.keys)
    places |= {key: f"sample.keys.{key}" for key in sampled}
    yield first | (draws[0] if draws else {}), places
    for key, values in config.grid.items():
        for at, value in enumerate(values[1:], start=1):
            trial = first | (draws[0] if draws else {}) | {key: value}
            yield trial, places | {key: f"grid.{key}.{at}"}
    for at in sorted({at for key in sampled for at in _telling([draw[key] for draw in draws])}):
        yield first | draws[at], places


def _telling(values: list[Any]) -> set[int]:
    """Give the positions of the values that tell about all."""
    if all(isinstance(value, int | float) for value in values):
        return {values.index(min(values)), values.index(max(values))}
    return {values.index(value) for value in values}


def _in_sweep(fault: Fault, places: Mapping[str, str], source: str) -> Fault:
    """Give a fault of the scenario at the place of the sweep file that it comes from."""
    key = _nearest(fault.where, places)
    if key is None:
        return Fault("scenario", f"{source}: {replace(fault, cure='')}", fault.cure)
    says_it_all = fault.where == key or key == "strategy"  # which each microgrid is given
    what = fault.what if says_it_all else f"{fault.where}: {fault.what}"
    return Fault(places[key], what, fault.cure)


def _nearest(where: str, keys: Iterable[str]) -> str | None:
    """Give the swept key that a place is, lies in, holds, or stands beside in one part."""
    around = [key for key in keys if f"{where}.".startswith(f"{key}.")]
    if around:
        return max(around, key=len)
    part = where.rpartition(".")[0]
    related = [
        key
        for key in keys
        if key.startswith(f"{where}.") or (part and key.rpartition(".")[0] == part)
    ]
    if related:
        return related[0]
    # A choice of everybody stands with each microgrid.
    return "strategy" if "strategy" in keys and where.endswith(".strategy") else None
