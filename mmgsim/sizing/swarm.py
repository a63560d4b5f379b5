"""The search of paper 004: particles that are drawn to what they and the others have found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.sizing.problem import VectorCost
from mmgsim.sizing.stopping import Led, Patience

__all__ = ["Swarm"]

_PARTICLES: Final = 100
_INERTIA: Final = 0.729
_PULL: Final = 1.494
"""To what a particle has found itself, and to what all have."""
_FASTEST: Final = 0.5
"""Of the range, in one round."""


class Swarm(Led):
    """Particle swarm optimisation. Its first round looks at particles drawn at random.

    ``v <- 0.729 v + 1.494 (r1 (own best - x) + r2 (best of all - x))`` with r1, r2 uniform in
    [0, 1) for every coordinate, `v` at most half the range, ``x <- x + v``. A particle that would
    leave the range stops at its border. What costs infinitely much pulls nobody: a particle that
    has found nothing yet goes to the best of all, and as long as nobody has, all are drawn anew.

    Parameters
    ----------
    cost : VectorCost
        What is made small.
    low, high : (free sizes,) arrays
        Limits of vectors.
    seed : int
        Of all draws.
    population : int or None
        Particles; 100 unless given.
    patience : Patience
        120 rounds, or 30 without a gain of 1e-6, unless given.

    Raises
    ------
    ValueError
        If there are no particles, or nothing to find.

    References
    ----------
    .. [1] Paper 004, 100 particles and 120 rounds; it prints no coefficients. These are those of
       M. Clerc and J. Kennedy, IEEE Trans. Evol. Comput. 6 (2002) 58, doi:10.1109/4235.985692.
    """

    PATIENCE: ClassVar[Patience] = Patience(rounds=120, idle_rounds=30, gain=1e-6)
    """How long it goes on unless told otherwise."""

    def __init__(
        self,
        cost: VectorCost,
        low: FloatArray,
        high: FloatArray,
        *,
        seed: int,
        population: int | None = None,
        patience: Patience = PATIENCE,
    ) -> None:
        particles = _PARTICLES if population is None else population
        if particles < 1 or not len(low):
            raise ValueError("a swarm has at least one particle and one size to find")
        super().__init__(patience, len(low))
        self._cost, self._low, self._high = cost, low, high
        self._generator = np.random.default_rng(seed)
        self._at: FloatArray = np.zeros((particles, len(low)))
        self._speed: FloatArray = np.zeros_like(self._at)
        self._own_best: FloatArray = np.zeros_like(self._at)
        self._own_cost: FloatArray = np.full(particles, np.inf)

    def advance(self) -> None:
        """Move all particles, and look at what they cost."""
        if self.best.cost == np.inf:
            self._draw()
        else:
            self._move()
        costs = self._cost(self._at)
        is_better = costs < self._own_cost
        self._own_best[is_better] = self._at[is_better]
        self._own_cost[is_better] = costs[is_better]
        self._leader.see(self._at, costs, self._patience.gain)

    def state(self) -> Mapping[str, Any]:
        """Give all that it takes to go on."""
        return {
            **self._leader.state(),
            "at": self._at.copy(),
            "speed": self._speed.copy(),
            "own_best": self._own_best.copy(),
            "own_cost": self._own_cost.copy(),
            "generator": json.dumps(self._generator.bit_generator.state),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._leader.restore(state)
        self._at, self._speed = np.array(state["at"]), np.array(state["speed"])
        self._own_best, self._own_cost = np.array(state["own_best"]), np.array(state["own_cost"])
        self._generator.bit_generator.state = json.loads(str(state["generator"]))

    def _draw(self) -> None:
        width = self._high - self._low
        self._at = self._low + width * self._generator.random(self._at.shape)
        self._speed = _FASTEST * width * self._generator.uniform(-1.0, 1.0, self._at.shape)

    def _move(self) -> None:
        to_own, to_all = self._generator.random((2, *self._at.shape))
        has_own = np.isfinite(self._own_cost)[:, None]
        own = np.where(has_own, self._own_best - self._at, 0.0)
        fastest = _FASTEST * (self._high - self._low)
        speed = _INERTIA * self._speed + _PULL * (
            to_own * own + to_all * (self.best.vector - self._at)
        )
        speed = np.clip(speed, -fastest, fastest)
        there = self._at + speed
        self._at = np.clip(there, self._low, self._high)
        self._speed = np.where(self._at == there, speed, 0.0)
