"""Solving a Pyomo model again and again, behind one small Protocol.

`PyomoHighs` is the reference: Pyomo's own persistent interface to HiGHS. Faster solvers take its
place behind `Solver`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import pyomo.environ as pyo
from numpy.typing import ArrayLike
from pyomo.contrib.solver.common.factory import SolverFactory
from pyomo.contrib.solver.common.results import TerminationCondition

from mmgsim.contracts import FloatArray
from mmgsim.errors import SubproblemError

__all__ = ["Block", "MakeSolver", "Outcome", "PyomoHighs", "Solver", "solver_time"]

Block = Any  # Pyomo carries no types; its blocks stay inside this package.

# Mixed-integer optima are compared with linear ones to 1e-6 of gross cost. A gap is relative to the
# objective, or to one currency unit where the objective is smaller than that.
MIP_GAP = 1e-8
# After which a microgrid's own MILP is left with its best solution and the bound that is proven:
# far more than any takes, so that one that hangs does not hold up the others. [s]
TIME_LIMIT_S = 60.0
# What a solution that was proven is away from its bound at most, relative like a gap.
_PROVEN = 1e-6
# A binary that is off by this lets through this share of a device's power.
INTEGRALITY = 1e-9


class Stopwatch:
    """Wall clock spent inside solvers since the process began, for the record only. [s]

    What runs at the same time in several threads counts for each of them.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add what happens inside."""
        begin = perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds += perf_counter() - begin


solver_time = Stopwatch()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Objective value of a solved model and the bound that proves it. [currency]"""

    objective: float
    bound: float

    @property
    def is_proven(self) -> bool:
        """False where the solver was left before it proved its solution."""
        return abs(self.objective - self.bound) <= _PROVEN * (1.0 + abs(self.objective))

    @classmethod
    def of(cls, objective: float, bound: float, *, is_maximised: bool) -> Outcome:
        """Give an outcome whose bound lies on the right side of its objective."""
        nearest = max if is_maximised else min
        return cls(objective=objective, bound=nearest(bound, objective))


class Solver(Protocol):
    """Solves one Pyomo model again and again, with other numbers in its mutable Params."""

    def set(self, param: Any, values: ArrayLike) -> None:
        """Write a number, or an array in the order of the index, into a mutable Param."""
        ...

    def solve(self, *, agent: str, step: int) -> Outcome:
        """Solve to optimality.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        ...

    def get(self, component: Any) -> FloatArray:
        """Give the values of a Var or linear Expression of the model, in order of its index."""
        ...

    def duals(self, constraints: Iterable[Any]) -> FloatArray:
        """Give the change of the objective per unit of each right-hand side.

        Only an LP has duals: integer variables are held where the last solve left them.
        """
        ...


MakeSolver = Callable[[Block], Solver]


class PyomoHighs:
    """Pyomo's own persistent interface to HiGHS.

    Not to be used from threads: Pyomo captures the process's output while it solves.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        An LP or MILP with one active objective.
    mip_gap : float
        Distance to the bound at which a MILP counts as solved; see `MIP_GAP`.
    """

    def __init__(self, model: Block, *, mip_gap: float = MIP_GAP) -> None:
        self._model = model
        self._highs = SolverFactory("highs")
        self._highs.config.load_solutions = False
        self._highs.config.raise_exception_on_nonoptimal_result = False
        self._highs.config.threads = 1
        self._highs.config.rel_gap = mip_gap
        self._highs.config.abs_gap = mip_gap
        self._highs.config.solver_options["mip_feasibility_tolerance"] = INTEGRALITY
        self._loader: Any = None

    def solve(self, *, agent: str, step: int) -> Outcome:
        """Solve to optimality and load the values into the model.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        with solver_time.running():
            result = self._highs.solve(self._model)
        condition = result.termination_condition
        if condition != TerminationCondition.convergenceCriteriaSatisfied:
            raise SubproblemError(agent, step, condition.name)
        self._loader = result.solution_loader
        self._loader.load_vars()
        objective = float(result.incumbent_objective)
        bound = objective if result.objective_bound is None else float(result.objective_bound)
        (goal,) = self._model.component_data_objects(pyo.Objective, active=True)
        return Outcome.of(objective, bound, is_maximised=goal.sense == pyo.maximize)

    def set(self, param: Any, values: ArrayLike) -> None:
        """Write a number, or an array in the order of the index, into a mutable Param."""
        data = list(param.values())
        for one, value in zip(data, np.broadcast_to(values, len(data)).tolist(), strict=True):
            one.set_value(float(value))

    def get(self, component: Any) -> FloatArray:
        """Give the values of a Var or linear Expression of the model, in order of its index."""
        return np.array([pyo.value(one) for one in component.values()], dtype=np.float64)

    def duals(self, constraints: Iterable[Any]) -> FloatArray:
        """Give the change of the objective per unit of each right-hand side.

        Only an LP has duals: integer variables are held where the last solve left them.
        """
        wanted = list(constraints)
        if any(not v.is_continuous() for v in self._model.component_data_objects(pyo.Var)):
            linear = _with_integers_held(self._model)
            held = PyomoHighs(linear)
            held.solve(agent="duals", step=0)
            return held.duals([linear.find_component(c.name) for c in wanted])
        by_constraint = self._loader.get_duals(wanted)
        return np.array([by_constraint[constraint] for constraint in wanted])


def _with_integers_held(model: Block) -> Block:
    linear = model.clone()
    for variable in linear.component_data_objects(pyo.Var):
        if not variable.is_continuous():
            variable.domain = pyo.Reals
            variable.fix(round(variable.value))
    return linear
