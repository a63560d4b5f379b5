"""Tie lines between microgrids, beside the feeder: what they carry is decided, not physics'."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts.window import FloatArray, frozen

__all__ = ["TieFlow", "TieLine", "net_tie_kw"]


@dataclass(frozen=True, slots=True)
class TieLine:
    """A line of their own between two microgrids, whose flow a coordination may decide.

    Parameters
    ----------
    name : str
        Unique within the scenario.
    between : tuple of str
        Names of the two microgrids.
    limit_kw : float
        The most that either end sends. [kW]
    loss_share : float
        Part of what is sent that does not arrive, in [0, 1].
    """

    name: str
    between: tuple[str, str]
    limit_kw: float
    loss_share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class TieFlow:
    """What passes a tie line one way over a window; firm, like a trade.

    Parameters
    ----------
    tie : str
        Name of the line.
    sender, receiver : str
        Names of the microgrids.
    sent_kw : (steps,) array
        Power that enters the line, non-negative. [kW]
    received_kw : (steps,) array
        Power that leaves it: what is sent, less what is lost on the way. [kW]
    price_per_kwh : (steps,) array
        What the receiver pays the sender for a kWh received. [currency/kWh]
    """

    tie: str
    sender: str
    receiver: str
    sent_kw: FloatArray
    received_kw: FloatArray
    price_per_kwh: FloatArray

    def at(self, offset: int) -> TieFlow:
        """Give the flow of one step of the window, arrays of length one."""
        part = slice(offset, offset + 1)
        return TieFlow(
            self.tie,
            self.sender,
            self.receiver,
            frozen(self.sent_kw[part]),
            frozen(self.received_kw[part]),
            frozen(self.price_per_kwh[part]),
        )


def net_tie_kw(flows: Iterable[TieFlow], name: str, steps: int) -> FloatArray:
    """Give what a microgrid sends less what it receives through tie lines. [kW], (steps,) array."""
    total = np.zeros(steps)
    for flow in flows:
        if flow.sender == name:
            total += flow.sent_kw
        if flow.receiver == name:
            total -= flow.received_kw
    return total
