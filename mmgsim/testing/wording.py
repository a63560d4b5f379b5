"""How conformance suites say what is wrong: in which world, and how to look at it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mmgsim.contracts import plain_content
from mmgsim.engine import check_kept
from mmgsim.errors import CheckpointError, ContractError, PlugInError

__all__ = ["content", "in_world", "memory_faults", "raise_if_any"]


def raise_if_any(make: Any, faults: Iterable[str], again: str) -> None:
    """Raise with every fault, each once.

    Parameters
    ----------
    make : Any
        What gives the plug-in; most often its class.
    faults : iterable of str
        What is wrong.
    again : str
        The call that looks at one world again.

    Raises
    ------
    ContractError
        If there is any.
    """
    found = list(dict.fromkeys(faults))
    if found:
        name = getattr(make, "__name__", "the plug-in")
        raise ContractError(name, [*found, f"to look at world N alone: mmgsim.testing.{again}"])


def in_world(seed: int, what: str, check: Callable[[], Iterable[str]]) -> Iterator[str]:
    """Give the faults of a check with their place; whatever a plug-in raises is one of them."""
    try:
        for fault in check():
            yield f"world {seed}, {what}: {fault}"
    except ContractError as error:
        yield f"world {seed}, {what}: {'; '.join(error.faults)}"
    except Exception as error:  # noqa: BLE001  somebody else's class may raise anything
        yield f"world {seed}, {what}: {PlugInError('it', 'here', error)}"


def memory_faults(memory: Any) -> Iterator[str]:
    """Tell whether a memory could not be carried on from day to day."""
    try:
        check_kept(dict(memory))
    except CheckpointError as error:
        yield str(error)
    except (TypeError, ValueError):
        yield f"its memory is {type(memory).__name__}; give a dict of plain values"


def content(answer: Any) -> str:
    """Give what somebody says as text: the same text, the same numbers to the last digit."""
    return repr(plain_content(answer))
