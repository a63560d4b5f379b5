"""The keys of a sweep file. Frozen; an unknown key is refused."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from mmgsim.scenario import Config

__all__ = ["MOST_RUNS", "DrawConfig", "SampleConfig", "SweepConfig"]

MOST_RUNS = 100_000
"""A sweep of more is a mistake, most likely."""

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1, le=MOST_RUNS)]


class DrawConfig(Config):
    """How the values of one key are drawn: exactly one of these."""

    uniform: tuple[_Finite, _Finite] | None = None
    """Lowest and highest of numbers that are all as likely."""
    log_uniform: tuple[_Finite, _Finite] | None = None
    """Lowest, above 0, and highest of numbers whose logarithms are all as likely."""
    integers: tuple[int, int] | None = None
    """First and last of whole numbers that are all as likely, both included."""
    choice: tuple[Any, ...] | None = None
    """Values that are all as likely."""


class SampleConfig(Config):
    """Draws of several keys at once, by a Latin hypercube."""

    count: _Count
    """How many draws."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Root of the draws; that of the runs is the key `seed` of the scenario."""
    keys: dict[str, DrawConfig]
    """What each key is drawn from, by its dotted path."""


class SweepConfig(Config):
    """Runs of one scenario: every combination of `grid`, `sample` and `seeds`."""

    scenario: str
    """Bundled name, or path as seen from the file."""
    days: Annotated[int, Field(ge=1, le=36525)] | None = None
    """How many local days every run simulates; as the scenario says if left out."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Keys of the scenario that are the same in all runs, by their dotted paths."""
    grid: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Lists of values by dotted path; all their combinations are run."""
    sample: SampleConfig | None = None
    """Drawn values, each draw with every combination of the grid."""
    seeds: _Count | None = None
    """So many seeds from 1 on: the grid `seed: [1, 2, ...]`."""
    workers: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processes in which runs are made side by side; the values do not depend on it."""
    keep_runs: bool = True
    """Keep the result folder of every run; without it only those of failed ones."""
