"""Differential evolution of scipy, a generation a round, so that it can be gone on with."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, ClassVar, Final

import numpy as np
from scipy.optimize import differential_evolution

from mmgsim.contracts import FloatArray
from mmgsim.sizing.problem import VectorCost
from mmgsim.sizing.stopping import Led, Patience

__all__ = ["Evolution"]

_PER_SIZE: Final = 15
_LEAST: Final = 5
"""Vectors that differences of vectors take."""
_GENERATOR: Final = (
    "rng" if "rng" in signature(differential_evolution).parameters else "seed"  # scipy below 1.15
)


class Evolution(Led):
    """Differential evolution. Its first round also looks at vectors drawn as a Latin hypercube.

    Every round is one generation of `scipy.optimize.differential_evolution` (``best1bin``, factor
    drawn from [0.5, 1), crossover 0.7) on the population of the last one, with a generator of
    its own, seeded by seed and round. scipy neither polishes nor stops: `patience` does.

    Parameters
    ----------
    cost : VectorCost
        What is made small.
    low, high : (free sizes,) arrays
        Limits of vectors.
    seed : int
        Of all draws.
    population : int or None
        Vectors; 15 a free size unless given.
    patience : Patience
        400 rounds, or 40 without a gain of 1e-6, unless given.

    Raises
    ------
    ValueError
        If there are fewer than 5 vectors, or nothing to find.

    References
    ----------
    .. [1] R. Storn and K. Price, J. Global Optim. 11 (1997) 341, doi:10.1023/A:1008202821328.
    """

    PATIENCE: ClassVar[Patience] = Patience(rounds=400, idle_rounds=40, gain=1e-6)
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
        vectors = _PER_SIZE * len(low) if population is None else population
        if vectors < _LEAST or not len(low):
            raise ValueError(f"an evolution has at least {_LEAST} vectors and one size to find")
        super().__init__(patience, len(low))
        self._cost, self._low, self._high = cost, low, high
        self._seed = seed
        self._vectors: FloatArray = np.zeros((vectors, len(low)))
        self._costs: FloatArray = np.full(vectors, np.inf)

    def advance(self) -> None:
        """Make one generation."""
        generator = np.random.default_rng([self._seed, self.rounds])
        if not self.rounds:
            self._vectors = self._drawn(generator)
            self._costs = self._cost(self._vectors)
        found = differential_evolution(
            self._asked(),
            np.stack([self._low, self._high], axis=1),
            init=self._vectors,
            maxiter=1,
            tol=0.0,
            polish=False,
            updating="deferred",
            vectorized=True,
            **{_GENERATOR: generator},
        )
        self._vectors, self._costs = self._within(found.population), found.population_energies
        self._leader.see(self._vectors, self._costs, self._patience.gain)

    def state(self) -> Mapping[str, Any]:
        """Give all that it takes to go on."""
        return {
            **self._leader.state(),
            "seed": self._seed,
            "vectors": self._vectors.copy(),
            "costs": self._costs.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._leader.restore(state)
        self._seed = int(state["seed"])
        self._vectors, self._costs = np.array(state["vectors"]), np.array(state["costs"])

    def _drawn(self, generator: np.random.Generator) -> FloatArray:
        """Draw a Latin hypercube: of every range, each of as many equal parts once."""
        count = len(self._vectors)
        parts = generator.permuted(np.tile(np.arange(count), (len(self._low), 1)), axis=1).T
        share = (parts + generator.random(parts.shape)) / count
        return self._within(self._low + (self._high - self._low) * share)

    def _within(self, vectors: FloatArray) -> FloatArray:
        # scipy keeps vectors as shares of the range, whose rounding may lead out of it.
        return np.clip(vectors, self._low, self._high)

    def _asked(self) -> VectorCost:
        """Give what answers scipy, which first asks for the population that it is given."""
        known = [self._costs]

        def costs(columns: FloatArray) -> FloatArray:
            return known.pop() if known else self._cost(self._within(columns.T))

        return costs
