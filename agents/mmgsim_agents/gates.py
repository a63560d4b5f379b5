"""What strategies that choose something once a gate have in common."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

from mmgsim.contracts import View
from mmgsim.errors import ContractError

__all__ = ["draws_of", "opens_gate"]


def opens_gate(view: View) -> bool:
    """Tell, once it is planned, whether a gate opened in this step."""
    return view.plan is not None and view.plan.window.first_step == view.window.first_step


def draws_of(view: View) -> np.random.Generator:
    """Give the own random stream from its beginning, however often it is asked for in a step.

    So all orders of a gate, and the dispatch that remembers them, see the same draws.

    Raises
    ------
    ContractError
        If there is no stream.
    """
    if view.rng is None:
        raise ContractError(view.name, ["draws what it does, but was given no random stream"])
    return deepcopy(view.rng)
