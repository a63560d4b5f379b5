"""Time as agents see it: a window of equal steps, and arrays over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FloatArray", "Window", "frozen"]

FloatArray = NDArray[np.float64]


def frozen(values: ArrayLike) -> FloatArray:
    """Give a read-only float copy of `values`: what was sent cannot change afterwards."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


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
    """

    first_step: int
    steps: int
    step_h: float
    start: datetime

    def times(self) -> list[datetime]:
        """Give the start of every step, UTC."""
        return [self.start + timedelta(hours=self.step_h * k) for k in range(self.steps)]

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
