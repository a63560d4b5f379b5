"""Aumann-Shapley shares add up and follow who causes what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmgsim.settlement import aumann_shapley, ray_nodes


def quadratic(matrix, base):
    """Losses (x + base)' M (x + base) and their gradient."""
    return (
        lambda x: (x + base) @ matrix @ (x + base),
        lambda x: (matrix + matrix.T) @ (x + base),
    )


@given(st.integers(0, 10_000))
def test_shares_of_quadratic_losses_add_up_to_the_difference(seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    loss, gradient = quadratic(root @ root.T, rng.normal(size=4))
    exchange = rng.normal(size=4)
    nodes, weights = ray_nodes()
    marginal = np.stack([gradient(node * exchange) for node in nodes])
    shares = aumann_shapley(exchange, marginal, weights)
    assert shares.sum() == pytest.approx(loss(exchange) - loss(0 * exchange), abs=1e-9)


def test_who_exchanges_nothing_pays_nothing():
    _, weights = ray_nodes()
    shares = aumann_shapley(np.array([0.0, 2.0]), np.ones((len(weights), 2)), weights)
    assert shares[0] == 0.0


def test_weights_are_a_mean():
    nodes, weights = ray_nodes()
    assert weights.sum() == pytest.approx(1.0)
    assert ((nodes > 0.0) & (nodes < 1.0)).all()
