"""The numbers of observations and actions, with their names, units, scales and limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmgsim.gym.zoo import Box

__all__ = ["Field", "Numbers", "box_of", "numbers_of"]

Numbers = NDArray[np.float32]
"""What a learner sees."""


@dataclass(frozen=True, slots=True)
class Field:
    """One number of an observation or of an action: ``quantity = scale * number``.

    Parameters
    ----------
    name : str
        What it is; ``load_kw[2]`` is the load two steps ahead.
    unit : str
        Of the quantity; "1" for shares and the like.
    scale : float
        What a number of one means, in that unit. It stays the same in all episodes.
    low, high : float
        Limits of the number.
    """

    name: str
    unit: str
    scale: float = 1.0
    low: float = -inf
    high: float = inf


def box_of(fields: Sequence[Field]) -> Box:
    """Give the space of some fields."""
    return Box(
        np.array([field.low for field in fields], dtype=np.float32),
        np.array([field.high for field in fields], dtype=np.float32),
        dtype=np.float32,
    )


def numbers_of(fields: Sequence[Field], quantities: ArrayLike) -> Numbers:
    """Give quantities as numbers of their fields, cut at their limits: that is rounding alone."""
    scales = np.array([field.scale for field in fields])
    low, high = ([getattr(field, end) for field in fields] for end in ("low", "high"))
    numbers = np.clip(np.asarray(quantities, dtype=np.float64) / scales, low, high)
    return np.asarray(numbers, dtype=np.float32)
