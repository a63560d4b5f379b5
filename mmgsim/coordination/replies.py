"""Sorting the replies to a mechanism's questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from mmgsim.contracts import Message, Plan
from mmgsim.errors import ContractError

__all__ = ["plans_by_name", "replies_by_name"]

Kind = TypeVar("Kind", bound=Message)


def replies_by_name(replies: Sequence[Message], kind: type[Kind]) -> dict[str, Kind]:
    """Give the replies by sender.

    Raises
    ------
    ContractError
        If a reply is not of the kind that was asked for.
    """
    by_name: dict[str, Kind] = {}
    for reply in replies:
        if not isinstance(reply, kind):
            fault = f"answered {type(reply).__name__} where {kind.__name__} was asked for"
            raise ContractError(reply.sender, [fault])
        by_name[reply.sender] = reply
    return by_name


def plans_by_name(replies: Sequence[Message]) -> dict[str, Plan]:
    """Give the plans by sender."""
    return replies_by_name(replies, Plan)
