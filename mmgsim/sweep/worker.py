"""One run of a sweep: made, and read as one row of figures."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmgsim.compare import reason_of
from mmgsim.engine import MessageBus, load_variant
from mmgsim.run import Progress, run
from mmgsim.tables import Results

__all__ = ["Figures", "Outcome", "Task", "figures_of", "work"]

Figures = Mapping[str, float | int | None]
"""Numbers of a run by name; None where there is none."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to run: data and references only, for another process.

    Parameters
    ----------
    number : int
        Of the run.
    source : str
        Its scenario.
    overrides : mapping
        Values by dotted path.
    strategy : str, mapping or None
        Of all microgrids.
    folder : Path
        Where its results go; a run that was cut off there is gone on from.
    """

    number: int
    source: str
    overrides: Mapping[str, Any]
    strategy: str | Mapping[str, Any] | None
    folder: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Parameters
    ----------
    number : int
        Of the run.
    figures : mapping
        Empty if it failed.
    error : str
        Why it failed; empty if it did not.
    """

    number: int
    figures: Figures
    error: str = ""

    @property
    def is_complete(self) -> bool:
        """True where the run has its figures."""
        return not self.error


def work(task: Task, progress: Progress | None = None) -> Outcome:
    """Make one run, in one thread and without a page; whatever it raises is its outcome."""
    folder = task.folder
    if folder.is_dir() and not (folder / "manifest.json").is_file():
        shutil.rmtree(folder)  # killed before it was known as a run
    try:
        loaded = load_variant(task.source, task.overrides, strategy=task.strategy)
        results = run(
            loaded,
            out=folder,
            progress=progress,
            bus=MessageBus(workers=1),
            resume=True,
            report=False,
        )
        return Outcome(task.number, figures_of(results))
    except Exception as error:  # noqa: BLE001  a row of the table: the other runs go on
        words = reason_of(error).split() or [type(error).__name__]
        return Outcome(task.number, {}, " ".join(words))


def figures_of(results: Results) -> dict[str, float | int | None]:
    """Give all numbers of a run's summary, its metrics, and how many warnings there were.

    Numbers by name, such as the bill of every microgrid, get the name behind a point:
    ``cost_by_microgrid.MG1``.
    """
    found: dict[str, Any] = {}
    for key, value in results.summary.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{name}": number for name, number in value.items()}
        elif not isinstance(value, str):
            found[key] = value
    found |= {str(name): value for name, value in results.metrics.items()}
    found["warnings"] = len(results.manifest["warnings"])
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: Any) -> float | int | None:
    if value is None or isinstance(value, int):
        return value
    return None if math.isnan(value) else float(value)
