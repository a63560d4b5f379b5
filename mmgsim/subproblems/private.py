"""What lies behind a connection point, as a Pyomo block that several problems share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyomo.core.expr.visitor import polynomial_degree

from mmgsim.contracts import Device, Disclosure
from mmgsim.errors import ModelError
from mmgsim.subproblems.block import declare_microgrid, is_cheating, update_microgrid
from mmgsim.subproblems.devices import Horizon
from mmgsim.subproblems.linear_form import LINEAR_CURE
from mmgsim.subproblems.solver import Solver

__all__ = ["PrivateModel"]


@dataclass(frozen=True, slots=True)
class PrivateModel:
    """How the private part of a microgrid becomes a Pyomo block: devices, and more of your own.

    The same block plans for itself, follows awards and answers prices, so that a plan costs what
    was offered.

    Parameters
    ----------
    declare : callable
        ``declare(block, devices, horizon)`` calls `declare_microgrid` on the block and adds
        variables, constraints, and terms of the Expression ``private_cost`` [currency]: linear, or
        mixed-integer linear, and feasible in every window. What changes between windows is a
        mutable Param.
    update : callable
        ``update(solver, block, declared)`` writes a window's numbers into it.
    is_cheating : callable
        ``is_cheating(solver, block, devices)`` tells whether a solved LP does what only binaries
        can forbid; it is then declared and solved anew with ``horizon.is_exclusive``.
    """

    declare: Callable[[Any, tuple[Device, ...], Horizon], None] = declare_microgrid
    update: Callable[[Solver, Any, Disclosure], None] = update_microgrid
    is_cheating: Callable[[Solver, Any, tuple[Device, ...]], bool] = is_cheating

    @property
    def owner(self) -> str:
        """The class of the strategy that declares the model, or else the function."""
        bound_to = getattr(self.declare, "__self__", None)
        if bound_to is not None:
            return type(bound_to).__name__
        return str(getattr(self.declare, "__qualname__", self.declare))

    def build(
        self,
        name: str,
        block: Any,
        devices: tuple[Device, ...],
        horizon: Horizon,
        *,
        further: tuple[str, ...] = (),
    ) -> None:
        """Declare a block, and see that what problems need is there and costs are linear.

        Parameters
        ----------
        name : str
            Of the microgrid.
        block : pyomo Block
            Without anything in it.
        devices : tuple of Device
            What the microgrid owns.
        horizon : Horizon
            Size of the problem.
        further : tuple of str
            What else the block has to have.

        Raises
        ------
        ModelError
            Naming what is missing or not linear.
        """
        self.declare(block, devices, horizon)
        lacking = [owed for owed in ("exchange_kw", *_COSTS, *further) if not hasattr(block, owed)]
        if not lacking:
            steps = range(horizon.steps)
            lacking = [f"exchange_kw[{t}]" for t in steps if t not in block.exchange_kw]
        if lacking:
            shown = ", ".join(lacking[:3]) + (" and more" if len(lacking) > 3 else "")
            raise ModelError(name, self.owner, f"it lacks {shown}; {_LACKING_CURE}")
        for cost in _COSTS:
            if polynomial_degree(getattr(block, cost)) not in (0, 1):
                raise ModelError(name, self.owner, f"{cost} is not linear; {LINEAR_CURE}")

    @contextmanager
    def blaming(self, name: str) -> Iterator[None]:
        """Say of a model that somebody else declared that it cannot be used, and why."""
        try:
            yield
        except ValueError as error:
            if self.declare is declare_microgrid:
                raise
            raise ModelError(name, self.owner, str(error)) from error


_COSTS = ("private_cost", "miss_cost")
_LACKING_CURE = (
    "`declare` owes the block exchange_kw[t] for every step t, private_cost and miss_cost, as "
    "`declare_microgrid` gives them"
)
