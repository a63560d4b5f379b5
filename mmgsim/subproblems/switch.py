"""An LP, and the MILP that takes its place where the LP would cheat.

Charging and discharging a battery, or importing and exporting, in the same step is forbidden. An
LP does it only where it pays: at negative prices, or where selling earns more than buying costs.
An LP optimum that does not cheat is also the optimum of the MILP, so binaries are used only then.
Commitment of diesel is a binary in both; what is said of the LP holds for that smaller MILP too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from mmgsim.subproblems.compiled import CompiledHighs
from mmgsim.subproblems.solver import Block, MakeSolver, Outcome, Solver

__all__ = ["HonestProblem", "Solved"]

log = logging.getLogger(__name__)

# Pyomo is not made for threads: agents that answer side by side build one after the other.
_BUILDING = Lock()


@dataclass(frozen=True, slots=True)
class Solved:
    """A solved model, whether it is the one with binaries, and its outcome."""

    model: Block
    solver: Solver
    outcome: Outcome
    is_exclusive: bool


class HonestProblem:
    """Solves the LP, and the MILP where the LP cheats or is known to; each is built when needed.

    Parameters
    ----------
    build : callable
        Gives the model without (False) or with (True) binaries.
    is_cheating : callable
        Tells whether a solved LP does what is forbidden.
    make_solver : callable
        Gives the solver of a model: compiled, or `PyomoHighs` as reference and fall-back.
    """

    def __init__(
        self,
        build: Callable[[bool], Block],
        is_cheating: Callable[[Solver, Block], bool],
        make_solver: MakeSolver = CompiledHighs,
    ) -> None:
        self._build = build
        self._is_cheating = is_cheating
        self._make_solver = make_solver
        self._models: dict[bool, tuple[Block, Solver]] = {}

    def solve(
        self, update: Callable[[Solver, Block], None], *, is_arbitrage: bool, agent: str, step: int
    ) -> Solved:
        """Solve with the numbers that `update` writes into a model.

        Raises
        ------
        SubproblemError
            If the solver does not end optimal.
        """
        if not is_arbitrage:
            solved = self._solve(False, update, agent, step)
            if not self._is_cheating(solved.solver, solved.model):
                return solved
        log.info("%s at step %d: binaries keep storage and grid honest", agent, step)
        return self._solve(True, update, agent, step)

    def pair(self, *, is_exclusive: bool) -> tuple[Block, Solver]:
        """Give the model without or with binaries against cheating, and its solver."""
        if is_exclusive not in self._models:
            with _BUILDING:
                model = self._build(is_exclusive)
                self._models[is_exclusive] = (model, self._make_solver(model))
        return self._models[is_exclusive]

    def reset(self) -> None:
        """Make the solvers as new; those that cannot be are built again when needed."""
        for is_exclusive, (_, solver) in list(self._models.items()):
            if isinstance(solver, CompiledHighs):
                solver.reset()
            else:
                del self._models[is_exclusive]

    def _solve(
        self, is_exclusive: bool, update: Callable[[Solver, Block], None], agent: str, step: int
    ) -> Solved:
        model, solver = self.pair(is_exclusive=is_exclusive)
        update(solver, model)
        return Solved(model, solver, solver.solve(agent=agent, step=step), is_exclusive)
