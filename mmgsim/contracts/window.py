"""Time as agents see it: a window of equal steps, and arrays over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FloatArray", "Window", "frozen", "moved_ahead"]

FloatArray = NDArray[np.float64]
"""An array of floats, read-only where it crosses a boundary."""


def frozen(values: ArrayLike) -> FloatArray:
    """Give a float copy of `values` that nobody can write to: what was sent stays as it was."""
    array = np.asarray(values, dtype=np.float64)
    # The bytes of Python own the numbers, so that not even the flag can be set back.
    return np.ndarray(array.shape, dtype=np.float64, buffer=array.tobytes())


def moved_ahead(values: FloatArray, steps: int, period: int) -> FloatArray:
    """Drop the first `steps` of an array over a window and expect as many at its end.

    What comes new at the end repeats what was one `period` before it.

    Parameters
    ----------
    values : (..., steps) array
        Over a window.
    steps : int
        How far the window moves, not negative.
    period : int
        After how many steps things repeat; most often a day.
    """
    length = values.shape[-1]
    source = np.arange(steps, steps + length)
    beyond = source >= length
    source[beyond] -= period * -(-(source[beyond] - length + 1) // period)
    return np.asarray(values[..., np.clip(source, 0, length - 1)])


@dataclass(frozen=True, slots=True)
class Window:
    """Equal steps ahead of now.

    Parameters
    ----------
    first_step : int
        Index of the first step in the run, from 0.
    steps : int
        How many steps the window has.
    step_h : float
        Length of one step. [h]
    start : datetime
        Start of the first step, UTC.
    timezone : str
        Where the microgrids are; IANA name.
    """

    first_step: int
    steps: int
    step_h: float
    start: datetime
    timezone: str = "UTC"

    def times(self) -> list[datetime]:
        """Give the start of every step, UTC."""
        return [self.start + timedelta(hours=self.step_h * k) for k in range(self.steps)]

    def local_times(self) -> list[datetime]:
        """Give the start of every step on the clock of the microgrids."""
        zone = ZoneInfo(self.timezone)
        return [time.astimezone(zone) for time in self.times()]

    def local_hours(self) -> FloatArray:
        """Give the hour of the day at which every step starts on that clock, in [0, 24). [h]

        ``(hours >= 17) & (hours < 22)`` are the steps of the evening, on days of 23 and 25 hours
        too.
        """
        return frozen([t.hour + t.minute / 60 + t.second / 3600 for t in self.local_times()])

    @property
    def steps_per_day(self) -> int:
        """How many steps 24 hours have."""
        return max(round(24.0 / self.step_h), 1)

    def offset(self, step: int) -> int:
        """Give the position of the run's step `step` in this window.

        Raises
        ------
        IndexError
            If the window does not hold that step.
        """
        position = step - self.first_step
        if not 0 <= position < self.steps:
            raise IndexError(
                f"step {step} is outside the window {self.first_step}.."
                f"{self.first_step + self.steps - 1}"
            )
        return position
