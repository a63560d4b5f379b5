"""Random streams keyed by names, so that the order in which they are made does not matter."""

from __future__ import annotations

import hashlib

import numpy as np

from mmgsim.contracts import FloatArray

__all__ = ["autoregressive", "stream"]


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
    # A separator that no name holds keeps ("ab", "c") and ("a", "bc") apart.
    digest = hashlib.sha256("\x1f".join([str(seed), *names]).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence([int(word) for word in words]))


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
