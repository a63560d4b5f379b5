"""Random streams keyed by names, so that the order in which they are made does not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri

from mmgsim.contracts import FloatArray

__all__ = ["autoregressive", "normals_at", "stream"]

_PER_BLOCK = 4  # numbers that Philox gives for each value of its counter


def stream(seed: int, *names: str) -> np.random.Generator:
    """Give the random stream of one name and purpose.

    Two calls with the same seed and names give streams with the same numbers, whatever other
    streams were made before: a new device leaves the random numbers of the others as they were.

    Parameters
    ----------
    seed : int
        Root seed of the run.
    *names : str
        Who draws and what for, for example ``"wind", "laverton", "2021"``.

    Examples
    --------
    >>> a, b = stream(7, "clouds", "perth"), stream(7, "clouds", "perth")
    >>> bool(a.random() == b.random())
    True
    """
    words = np.frombuffer(_digest(seed, names), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([int(word) for word in words]))


def _digest(seed: int, names: tuple[str, ...]) -> bytes:
    # A separator that no name holds keeps ("ab", "c") and ("a", "bc") apart.
    return hashlib.sha256("\x1f".join([str(seed), *names]).encode()).digest()


def normals_at(seed: int, *names: str, rows: Sequence[int], first: int, count: int) -> FloatArray:
    """Give standard normal numbers by their places: each hangs on its row and position alone.

    A stream begins at its beginning; here number 1000 of row 7 is there without those before it,
    by a generator that counts (Philox), so that a day has the same numbers in whatever run it is.

    Parameters
    ----------
    seed : int
        Root seed of the run.
    *names : str
        Who draws and what for.
    rows : sequence of int
        Which rows, from 0.
    first, count : int
        Position of the first number, from 0, and how many follow in each row.

    Returns
    -------
    (rows, count) array
        Independent of each other.
    """
    key = np.frombuffer(_digest(seed, names)[:16], dtype="<u8")
    block, skipped = divmod(first, _PER_BLOCK)
    raw = np.empty((len(rows), skipped + count), dtype=np.uint64)
    counting = np.random.Philox(key=key)
    begin: Any = counting.state  # taken up again for each row: faster than a generator for each
    for place, row in enumerate(rows):
        begin["state"]["counter"] = np.array([block, 0, row, 0], dtype=np.uint64)
        counting.state = begin
        raw[place] = counting.random_raw(skipped + count)
    # The middles of 2^53 equal parts of (0, 1): never 0 or 1, where quantiles are infinite.
    uniform = (raw[:, skipped:] >> np.uint64(11)) * 2.0**-53 + 2.0**-54
    return np.asarray(ndtri(uniform))


def autoregressive(shocks: FloatArray, lag1: float) -> FloatArray:
    """Turn white noise into a stationary AR(1) path of unit variance.

    ``x[0] = e[0]`` and ``x[t] = lag1 x[t-1] + sqrt(1 - lag1^2) e[t]``.

    Parameters
    ----------
    shocks : (n,) array
        Independent standard normal numbers.
    lag1 : float
        Correlation of neighbours, in [0, 1).

    Returns
    -------
    (n,) array
        The path, mean 0 and standard deviation 1 in expectation.
    """
    scaled = np.sqrt(1.0 - lag1**2) * shocks
    scaled[0] = shocks[0]
    # A loop: importing scipy.signal for its filter takes longer than all series of a scenario.
    path = scaled.tolist()
    for k in range(1, len(path)):
        path[k] += lag1 * path[k - 1]
    return np.array(path, dtype=np.float64)
