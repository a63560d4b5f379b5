"""Races: what is compared runs in turns within one benchmark, and its medians fill one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Any

import numpy as np

ROWS: list[tuple[str, str, str, str]] = []
"""Group, what, found, goal: the table that `make bench` prints."""


@dataclass
class Times:
    """Seconds of every turn by name of entrant: (wall clock, CPU of this process)."""

    seconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)

    def timed(self, name: str, call: Callable[[], Any]) -> Any:
        """Call once; keep seconds and result."""
        begin = perf_counter(), process_time()
        self.last[name] = call()
        took = perf_counter() - begin[0], process_time() - begin[1]
        self.seconds.setdefault(name, []).append(took)
        return self.last[name]

    def median(self, name: str) -> np.ndarray:
        """Give the medians of wall clock and CPU. [s]"""
        return np.median(self.seconds[name], axis=0)


class Race:
    """Times entrants in turns. Measured by `make bench`; otherwise everything runs once.

    Nothing here fails for being slow.
    """

    def __init__(self, benchmark: Any, *, is_measured: bool) -> None:
        self.is_measured = is_measured
        self._benchmark = benchmark

    def run(self, group: str, turn: Callable[[Times, int], Any], *, rounds: int) -> Times:
        """Take turns, each timing all entrants by `Times.timed`; the first turn does not count."""
        times, number = Times(), iter(range(rounds + 1))

        def once() -> None:
            turn(times, next(number))

        if self.is_measured:
            once()
            times.seconds.clear()
        self._benchmark.pedantic(once, rounds=rounds if self.is_measured else 1)
        self._group = group
        for name in times.seconds if self.is_measured else ():
            wall, cpu = times.median(name)
            self._benchmark.extra_info[name] = {"wall_s": float(wall), "cpu_s": float(cpu)}
            self.note(name, f"{_si(wall)} wall" + ("" if np.isnan(cpu) else f", {_si(cpu)} CPU"))
        return times

    def ratio(self, times: Times, slow: str, fast: str, goal: str) -> None:
        """Note how many times as long one takes as the other."""
        if self.is_measured:
            wall, cpu = times.median(slow) / times.median(fast)
            of_cpu = "" if np.isnan(cpu) else f", {cpu:.2f} CPU"
            self.note(f"{slow} / {fast}", f"{wall:.2f} wall{of_cpu}", goal)

    def note(self, what: str, found: str, goal: str = "") -> None:
        """Put a row into the table."""
        if self.is_measured:
            ROWS.append((self._group, what, found, goal))


def _si(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1.0 else f"{1e3 * seconds:.3g} ms"
