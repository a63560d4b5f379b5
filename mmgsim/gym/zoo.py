"""What the gym is made with, or else what to install."""

from __future__ import annotations

from mmgsim.errors import MissingExtraError

_NEEDED = ("gymnasium", "pettingzoo")

try:
    from gymnasium.spaces import Box
    from pettingzoo import ParallelEnv
except ModuleNotFoundError as error:
    if error.name not in _NEEDED:
        raise  # they are there; what they import is not
    raise MissingExtraError("gym", _NEEDED) from error

__all__ = ["Box", "ParallelEnv"]
