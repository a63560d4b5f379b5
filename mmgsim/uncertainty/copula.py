"""Uniform numbers that go together: in time, and between sites."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from mmgsim.contracts import FloatArray

__all__ = ["alike", "gaussian_copula"]

# What uniforms keep from 0 and 1, where quantiles are infinite.
_EDGE = 2.0**-53


def alike(sites: int, correlation: float) -> FloatArray:
    """Give the matrix in which any two sites are as correlated as any others.

    Parameters
    ----------
    sites : int
        At least one.
    correlation : float
        From 0 to 1.

    Returns
    -------
    (sites, sites) array
        For `gaussian_copula`.
    """
    if not 0.0 <= correlation <= 1.0:
        raise ValueError(f"correlation is between 0 and 1, not {correlation:g}")
    return np.asarray(np.where(np.eye(sites, dtype=bool), 1.0, correlation))


def gaussian_copula(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    between: FloatArray,
    lag1: float = 0.0,
) -> FloatArray:
    """Draw uniform numbers whose normal scores are correlated in time and between sites.

    The scores z are a stationary vector autoregression, ``z[0] = e[0]``,
    ``z[t] = lag1 z[t-1] + sqrt(1 - lag1^2) e[t]``, with ``cov(e[t]) = between``; so the correlation
    of site i now and site j k steps later is ``lag1^k between[i, j]``. Each number by itself is
    uniform. With ``lag1 = 0`` steps are independent, which is paper 001 to the letter.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws ``scenarios * steps * sites`` normal numbers.
    shape : (scenarios, steps)
        How many of each.
    between : (sites, sites) array
        Correlations between sites; `alike` gives a simple one.
    lag1 : float
        Correlation of neighbouring steps, from 0 to below 1.

    Returns
    -------
    (scenarios, steps, sites) array
        In (0, 1).

    Raises
    ------
    ValueError
        If `between` is no matrix of correlations, or `lag1` is out of range.
    """
    if not 0.0 <= lag1 < 1.0:
        raise ValueError(f"lag1 is from 0 to below 1, not {lag1:g}")
    scenarios, steps = shape
    shocks = rng.standard_normal((scenarios, steps, len(between))) @ _root(between).T
    scaled = np.sqrt(1.0 - lag1**2) * shocks
    score = np.empty_like(shocks)
    for step in range(steps):
        score[:, step] = lag1 * score[:, step - 1] + scaled[:, step] if step else shocks[:, 0]
    return np.asarray(np.clip(ndtr(score), _EDGE, 1.0 - _EDGE))


def _root(between: FloatArray) -> FloatArray:
    """Give a matrix whose product with its transpose is `between`, which may be singular."""
    is_square = between.ndim == 2 and between.shape[0] == between.shape[1]
    if not (is_square and np.allclose(between, between.T) and np.allclose(np.diag(between), 1.0)):
        raise ValueError(
            "correlations between sites are a symmetric matrix with ones on its diagonal"
        )
    values, vectors = np.linalg.eigh(between)
    if values.min() < -1e-9 * len(between):
        raise ValueError("correlations between sites contradict each other: no variables have them")
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
