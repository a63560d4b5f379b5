"""Who causes which part of the losses: Aumann-Shapley prices along the ray from zero exchange.

The share of a microgrid is its exchange times the marginal loss, averaged over all points between
zero exchange and the real one. The shares add up to the difference in losses without scaling
(Aumann and Shapley, Values of Non-Atomic Games, 1974; the quadrature leaves a rest of its own).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from mmgsim.contracts import FloatArray, frozen

__all__ = ["aumann_shapley", "ray_nodes"]

NODES = 3


@cache
def ray_nodes(count: int = NODES) -> tuple[FloatArray, FloatArray]:
    """Give the Gauss-Legendre nodes and weights on [0, 1].

    Losses are close to quadratic in the exchange and three nodes are exact to the fifth degree:
    what is left is below the rounding of a power flow.
    """
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return frozen((nodes + 1.0) / 2.0), frozen(weights / 2.0)


def aumann_shapley(
    exchange_kw: FloatArray, loss_per_kw: FloatArray, weights: FloatArray
) -> FloatArray:
    """Give each microgrid's share of the losses. [kW]

    ``share_i = exchange_i * sum_k weight_k * d loss / d exchange_i (node_k * exchange)``

    Parameters
    ----------
    exchange_kw : (members,) array
        The real exchange. [kW]
    loss_per_kw : (nodes, members) array
        Marginal losses at the nodes of the ray. [kW/kW]
    weights : (nodes,) array
        Of the nodes; they add up to 1.
    """
    return np.asarray(exchange_kw * (weights @ loss_per_kw), dtype=np.float64)
