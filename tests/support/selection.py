"""Random small sets of scenarios, and how far a selection is from all."""

import numpy as np


def sets(count, *, most=9):
    """Give random small sets of points with probabilities."""
    for draw in range(count):
        rng = np.random.default_rng([61, draw])
        size = int(rng.integers(4, most + 1))
        weight = rng.dirichlet(np.ones(size))
        yield rng.normal(size=(size, 2)), weight, int(rng.integers(1, min(5, size)))


def distance(apart, weight, kept):
    return float(weight @ apart[:, list(kept)].min(axis=1))


def apart_of(points):
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=-1))
