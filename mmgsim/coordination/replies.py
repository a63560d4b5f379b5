"""Sorting the replies to a mechanism's questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from mmgsim.contracts import Message, Order, OrderQuery, Orders, Plan, Side, Window
from mmgsim.errors import ContractError
from mmgsim.subproblems import orders_faults

__all__ = ["checked_orders", "open_orders", "plans_by_name", "replies_by_name"]

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


def checked_orders(
    replies: Sequence[Message], window: Window, offsets: Sequence[int]
) -> dict[str, Orders]:
    """Give the orders by sender.

    Raises
    ------
    ContractError
        Naming the microgrid, if orders are none, or not about the steps that were asked about.
    """
    query = OrderQuery(window=window, offsets=tuple(offsets))
    orders = replies_by_name(replies, Orders)
    for name, reply in orders.items():
        faults = list(orders_faults(reply, query))
        if faults:
            raise ContractError(name, faults)
    return orders


def open_orders(reply: Orders, offset: int, firm_kw: float) -> list[Order]:
    """Give somebody's orders of a step, without those against its own firm trades.

    `firm_kw` is what it has sold less what it has bought there. [kW]
    """
    against = {1.0: Side.BUY, -1.0: Side.SELL}.get(float(np.sign(firm_kw)))
    return [o for o in reply.orders if o.offset == offset and o.side is not against]
