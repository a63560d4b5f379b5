"""When a search ends: after so many rounds, or when it has gained nothing for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.sizing.problem import Best

__all__ = ["Leader", "Led", "Patience"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a search goes on.

    Parameters
    ----------
    rounds : int
        At most.
    idle_rounds : int
        After so many without a gain it ends.
    gain : float
        What counts as one, relative to the cost.
    """

    rounds: int
    idle_rounds: int
    gain: float

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.idle_rounds < 1 or not self.gain >= 0.0:
            raise ValueError("a search has at least one round, and gains are at least 0")


class Leader:
    """The best so far, and for how long it has been about as good.

    Parameters
    ----------
    free : int
        Length of a vector.
    """

    def __init__(self, free: int) -> None:
        self.best = Best(np.full(free, np.nan), np.inf)
        self.rounds = 0
        self._idle_rounds = 0
        self._mark = np.inf

    def see(self, vectors: FloatArray, costs: FloatArray, gain: float) -> None:
        """Take in the vectors of one round. What is not better changes nothing."""
        at = int(np.argmin(costs))
        if costs[at] < self.best.cost or not self.rounds:
            self.best = Best(vectors[at].copy(), float(costs[at]))
        cost, mark = self.best.cost, self._mark
        is_gain = cost < mark if mark == np.inf else mark - cost > gain * abs(mark)
        self._mark = cost if is_gain else mark
        self._idle_rounds = 0 if is_gain else self._idle_rounds + 1
        self.rounds += 1

    def is_done(self, patience: Patience) -> bool:
        """Tell whether a search ends here."""
        return self.rounds >= patience.rounds or self._idle_rounds >= patience.idle_rounds

    def state(self) -> Mapping[str, Any]:
        """Give all that it takes to go on."""
        return {
            "best_vector": self.best.vector.copy(),
            "best_cost": self.best.cost,
            "rounds": self.rounds,
            "idle_rounds": self._idle_rounds,
            "mark": self._mark,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self.best = Best(np.array(state["best_vector"]), float(state["best_cost"]))
        self.rounds, self._idle_rounds = int(state["rounds"]), int(state["idle_rounds"])
        self._mark = float(state["mark"])


class Led:
    """What every search tells of itself: its best so far, and whether it has had enough.

    Parameters
    ----------
    patience : Patience
        How long it goes on.
    free : int
        Length of a vector.
    """

    def __init__(self, patience: Patience, free: int) -> None:
        self._patience, self._leader = patience, Leader(free)

    @property
    def best(self) -> Best:
        """What is the best so far."""
        return self._leader.best

    @property
    def rounds(self) -> int:
        """How many rounds were made."""
        return self._leader.rounds

    @property
    def most_rounds(self) -> int:
        """How many rounds there are at most."""
        return self._patience.rounds

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to come."""
        return self._leader.is_done(self._patience)
