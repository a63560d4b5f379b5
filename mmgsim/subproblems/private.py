"""What lies behind a connection point, as a Pyomo block that several problems share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmgsim.contracts import Device, Disclosure
from mmgsim.subproblems.block import declare_microgrid, is_cheating, update_microgrid
from mmgsim.subproblems.devices import Horizon
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
        variables, constraints, and terms of the Expression ``private_cost`` [currency]: linear, and
        feasible in every window. What changes between windows is a mutable Param.
    update : callable
        ``update(solver, block, declared)`` writes a window's numbers into it.
    is_cheating : callable
        ``is_cheating(solver, block, devices)`` tells whether a solved LP does what only binaries
        can forbid; it is then declared and solved anew with ``horizon.is_exclusive``.
    """

    declare: Callable[[Any, tuple[Device, ...], Horizon], None] = declare_microgrid
    update: Callable[[Solver, Any, Disclosure], None] = update_microgrid
    is_cheating: Callable[[Solver, Any, tuple[Device, ...]], bool] = is_cheating
