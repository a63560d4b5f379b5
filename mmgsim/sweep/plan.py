"""Which runs a sweep has: combinations of a grid, draws, and what each sets in the scenario."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import log
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.profiles import stream
from mmgsim.sweep.schema import DrawConfig, SampleConfig, SweepConfig

__all__ = ["SEED", "PlannedRun", "drawn", "labels", "planned_runs", "run_count", "settings_of"]

SEED = "seed"
_COORDINATION, _KIND, _STRATEGY = "coordination", "coordination.kind", "strategy"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run of a sweep.

    Parameters
    ----------
    number : int
        From 1 on.
    values : mapping
        What is set for it, by the key as the sweep file has it.
    """

    number: int
    values: Mapping[str, Any]


def run_count(config: SweepConfig) -> int:
    """Give how many runs a sweep has."""
    sizes = [len(values) for values in config.grid.values()]
    draws = 1 if config.sample is None else config.sample.count
    return int(np.prod([*sizes, draws, config.seeds or 1], dtype=object))


def planned_runs(config: SweepConfig) -> Iterator[PlannedRun]:
    """Give all runs: the first key of the grid changes slowest, then draws, then seeds."""
    grids = [[(key, value) for value in values] for key, values in config.grid.items()]
    draws: list[dict[str, Any]] = [{}] if config.sample is None else drawn(config.sample)
    seeds = [{SEED: seed} for seed in range(1, (config.seeds or 0) + 1)] or [{}]
    combined = product(product(*grids), draws, seeds)
    for number, (of_grid, draw, seed) in enumerate(combined, start=1):
        yield PlannedRun(number, MappingProxyType({**dict(of_grid), **draw, **seed}))


def drawn(sample: SampleConfig) -> list[dict[str, Any]]:
    """Give the values of every draw, by key.

    A Latin hypercube [1]_: the range of every key is cut in as many equally likely parts as there
    are draws, and each part has one draw. Each key has a random stream of its own, so that another
    key more leaves the draws of the others as they are.

    .. [1] M. D. McKay, R. J. Beckman, W. J. Conover, "A comparison of three methods for selecting
       values of input variables in the analysis of output from a computer code", Technometrics
       21(2), 1979, doi:10.1080/00401706.1979.10489755.
    """
    columns = {key: _column(sample, key, draw) for key, draw in sample.keys.items()}
    return [{key: column[at] for key, column in columns.items()} for at in range(sample.count)]


def _column(sample: SampleConfig, key: str, draw: DrawConfig) -> list[Any]:
    random = stream(sample.seed, "sweep", key)
    parts = random.permutation(sample.count)
    return _values(draw, (parts + random.random(sample.count)) / sample.count)


def _values(draw: DrawConfig, ranks: FloatArray) -> list[Any]:
    """Give the values at these quantiles, in [0, 1)."""
    if draw.choice is not None:
        return [draw.choice[int(at)] for at in np.floor(ranks * len(draw.choice))]
    if draw.integers is not None:
        first, last = draw.integers
        # In whole numbers of Python: a seed may be larger than what a float can hold exactly.
        return [first + int(rank * (last - first + 1)) for rank in ranks]
    if draw.log_uniform is not None:
        low, high = (log(limit) for limit in draw.log_uniform)
        return [float(value) for value in np.exp(low + ranks * (high - low))]
    assert draw.uniform is not None
    low, high = draw.uniform
    return [float(value) for value in low + ranks * (high - low)]


# --------------------------------------------------------------------- what a run sets
def settings_of(
    config: SweepConfig, values: Mapping[str, Any]
) -> tuple[dict[str, Any], str | Mapping[str, Any] | None]:
    """Give the overrides of a run, and the strategy of all microgrids where one is set.

    Keys inside others come after them: a coordination first, then its options.
    """
    given: dict[str, Any] = {} if config.days is None else {"days": config.days}
    given |= {**config.set, **values}
    strategy = given.pop(_STRATEGY, None)
    paths = {_KIND if key == _COORDINATION else key: value for key, value in given.items()}
    ordered = sorted(paths, key=lambda path: (path != _KIND, path.count(".")))
    return {path: paths[path] for path in ordered}, strategy


def labels(values: Sequence[Any]) -> list[Any]:
    """Give different values of one key as they stand in a table.

    Numbers stay numbers if all are. Choices with options go by their kind, with a number where
    the same kind comes again.

    Examples
    --------
    >>> labels(["isolated", {"kind": "prices"}, {"kind": "prices", "offers": "agent"}])
    ['isolated', 'prices', 'prices-2']
    """
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return list(values)
    found: list[str] = []
    for value in values:
        has_kind = isinstance(value, Mapping) and isinstance(value.get("kind"), str)
        name = value["kind"] if has_kind else value
        text = name if isinstance(name, str) else json.dumps(name)
        label, number = text, 1
        while label in found:
            number += 1
            label = f"{text}-{number}"
        found.append(label)
    return found
