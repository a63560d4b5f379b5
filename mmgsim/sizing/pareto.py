"""Levelised cost against the reliability index: what is best in one for what it is in the other."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import FloatArray
from mmgsim.errors import MissingExtraError
from mmgsim.sizing.problem import Problem

__all__ = ["Front", "front", "has_pymoo"]

_WORST: Final = 1e30
"""Of both objectives, where a vector has no levelised cost; such vectors break the constraint."""


def has_pymoo() -> bool:
    """Tell whether the extra that finds fronts is installed."""
    return find_spec("pymoo") is not None


@dataclass(frozen=True, slots=True, eq=False)
class Front:
    """Vectors of which none is better than another in both, by rising levelised cost.

    Parameters
    ----------
    vectors : (points, free sizes) array
        [kW], [kWh]
    lcoe_per_kwh : (points,) array
        Levelised cost. [currency/kWh]
    reliability : (points,) array
        Reliability index. [currency/year]
    """

    vectors: FloatArray
    lcoe_per_kwh: FloatArray
    reliability: FloatArray


def front(problem: Problem, *, seed: int, population: int = 100, generations: int = 100) -> Front:
    """Find what levelised cost and reliability index can be together, by NSGA-II of pymoo.

    Parameters
    ----------
    problem : Problem
        Which sizes are free; its own objective is not looked at.
    seed : int
        Of all draws: the same seed finds the same.
    population, generations : int
        How many vectors, and for how long.

    Returns
    -------
    Front
        Empty if nothing serves the least own share.

    Raises
    ------
    MissingExtraError
        If pymoo is not installed.

    References
    ----------
    .. [1] K. Deb et al., IEEE Trans. Evol. Comput. 6 (2002) 182, doi:10.1109/4235.996017.
    """
    if not has_pymoo():
        raise MissingExtraError("pareto", ["pymoo"])
    make = importlib.import_module
    static = make("pymoo.problems.static").StaticProblem
    evaluator = make("pymoo.core.evaluator").Evaluator()
    free = make("pymoo.core.problem").Problem(
        n_var=len(problem.low), n_obj=2, n_ieq_constr=1, xl=problem.low, xu=problem.high
    )
    algorithm = make("pymoo.algorithms.moo.nsga2").NSGA2(pop_size=population)
    algorithm.setup(free, termination=("n_gen", generations), seed=seed, verbose=False)
    while algorithm.has_next():
        asked = algorithm.ask()
        objectives, lack = _judged(problem, asked.get("X"))
        evaluator.eval(static(free, F=objectives, G=lack), asked)
        algorithm.tell(infills=asked)
    vectors = np.clip(algorithm.pop.get("X").astype(np.float64), problem.low, problem.high)
    judged = problem.appraised(vectors)
    is_real = judged.is_enough & np.isfinite(judged.lcoe_per_kwh)
    both = np.stack([judged.lcoe_per_kwh, judged.reliability], axis=1)[is_real]
    order = _undominated(both)
    return Front(vectors[is_real][order], both[order, 0], both[order, 1])


def _judged(problem: Problem, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give both objectives, and by how much the own share is too small: columns."""
    judged = problem.appraised(np.clip(vectors, problem.low, problem.high))
    is_real = np.isfinite(judged.lcoe_per_kwh)[:, None]
    both = np.stack([judged.lcoe_per_kwh, judged.reliability], axis=1)
    lack = (problem.terms.least_own_share - judged.own_share)[:, None]
    return np.where(is_real, both, _WORST), np.where(is_real, lack, 1.0)


def _undominated(both: FloatArray) -> NDArray[np.intp]:
    """Give the rows that no other is better than, by their first column."""
    order = np.lexsort((both[:, 1], both[:, 0]))
    second = both[order, 1]
    least_before = np.concatenate([[np.inf], np.minimum.accumulate(second)[:-1]])[: len(second)]
    best: NDArray[np.intp] = order[second < least_before]
    return best
