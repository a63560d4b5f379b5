"""The searches by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from mmgsim.errors import near_miss
from mmgsim.sizing.evolution import Evolution
from mmgsim.sizing.problem import Problem, Search
from mmgsim.sizing.swarm import Swarm

__all__ = ["METHODS", "search_of"]

METHODS: Final[Mapping[str, type[Swarm] | type[Evolution]]] = MappingProxyType(
    {"swarm": Swarm, "evolution": Evolution}
)
"""`swarm` is the search of paper 004, `evolution` another one that the first is held against."""


def search_of(
    method: str,
    problem: Problem,
    seed: int,
    *,
    rounds: int | None = None,
    population: int | None = None,
) -> Search:
    """Give a search over the free sizes of a problem that has not begun.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    problem : Problem
        Which sizes are free, and what they cost.
    seed : int
        Of all draws: the same seed finds the same.
    rounds : int or None
        After which it ends at the latest, as the method has it unless given.
    population : int or None
        Vectors a round, likewise.

    Raises
    ------
    ValueError
        If there is no such method, no size is free, or there are too few rounds or vectors.
    """
    if method not in METHODS:
        raise ValueError(f"no method of sizing {method!r}; {near_miss(method, METHODS)}")
    kind = METHODS[method]
    patience = kind.PATIENCE if rounds is None else replace(kind.PATIENCE, rounds=rounds)
    search: Search = kind(
        problem.costs,
        problem.low,
        problem.high,
        seed=seed,
        population=population,
        patience=patience,
    )
    return search
