"""What a search sees: vectors between two limits, and what each of them costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.sizing.case import SizingCase
from mmgsim.sizing.objectives import Appraisal, Objective, Terms, appraise
from mmgsim.sizing.yearly import YearSimulator

__all__ = ["Best", "Problem", "Search", "VectorCost"]

VectorCost = Callable[[FloatArray], FloatArray]
"""Costs (candidates,) of vectors (candidates, free sizes); infinite where one is worth nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Which sizes are free, and what they cost.

    Parameters
    ----------
    simulator : YearSimulator
        Of the case and the way of sharing.
    terms : Terms
        How candidates are judged.
    objective : Objective
        What is made small.
    is_free : (microgrids, 3) array of bool
        Sizes that are to be found.
    at : (microgrids, 3) array
        Sizes as they are where they are not free. [kW], [kW], [kWh]
    """

    simulator: YearSimulator
    terms: Terms
    objective: Objective
    is_free: NDArray[np.bool_]
    at: FloatArray

    @classmethod
    def of(cls, simulator: YearSimulator, terms: Terms, objective: Objective) -> Problem:
        """Give the problem in which all sizes are free that the case leaves free."""
        case = simulator.case
        return cls(simulator, terms, objective, case.is_free, case.low)

    def restricted(self, is_free: NDArray[np.bool_], at: FloatArray) -> Problem:
        """Give the same with fewer free sizes, the others as they are in `at`."""
        return replace(self, is_free=self.is_free & is_free, at=at)

    @property
    def case(self) -> SizingCase:
        """The year."""
        return self.simulator.case

    @property
    def low(self) -> FloatArray:
        """Least values of a vector: (free sizes,)."""
        return self.case.low[self.is_free]

    @property
    def high(self) -> FloatArray:
        """Largest values of a vector: (free sizes,)."""
        return self.case.high[self.is_free]

    def sizes(self, vectors: FloatArray) -> FloatArray:
        """Give the sizes of vectors: (candidates, microgrids, 3). [kW], [kW], [kWh]"""
        found = np.tile(self.at, (len(vectors), 1, 1))
        found[:, self.is_free] = vectors
        return found

    def appraised(self, vectors: FloatArray) -> Appraisal:
        """Give all that vectors are judged by."""
        return appraise(self.simulator, self.sizes(vectors), self.terms)

    def costs(self, vectors: FloatArray) -> FloatArray:
        """Give what is made small: (candidates,)."""
        return self.appraised(vectors).objective(self.objective)


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best that a search has seen.

    Parameters
    ----------
    vector : (free sizes,) array
        [kW], [kWh]
    cost : float
        Infinite as long as nothing is worth anything.
    """

    vector: FloatArray
    cost: float


class Search(Protocol):
    """A search that goes on round by round, so that it can be watched, kept and gone on with."""

    @property
    def best(self) -> Best:
        """What is the best so far; never gets worse."""

    @property
    def rounds(self) -> int:
        """How many rounds were made."""

    @property
    def most_rounds(self) -> int:
        """How many rounds there are at most."""

    @property
    def is_done(self) -> bool:
        """Whether nothing more is to come."""

    def advance(self) -> None:
        """Make one more round."""

    def state(self) -> Mapping[str, Any]:
        """Give all that it takes to go on: arrays, numbers and texts by name."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; what follows is what would have followed."""
