"""Messages that call for no reply: bills, wishes from outside, and what was traded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmgsim.contracts.messages import Message
from mmgsim.contracts.money import LedgerLine
from mmgsim.contracts.window import FloatArray

__all__ = ["Bulletin", "Instruction", "Statement"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Statement(Message):
    """Own ledger lines of the step."""

    lines: tuple[LedgerLine, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Instruction(Message):
    """What somebody outside the model wants of a microgrid in this step.

    It calls for no reply; the strategy `driven` does what it can of it. Give it to an agent by
    ``model.microgrids["MG1"].receive(...)`` between `begin_step` and `step`.

    Parameters
    ----------
    net_kw : mapping
        Wanted discharge minus charge by storage device; one that is left out is as cheap as it
        can be. [kW]
    markup : float
        Share of their price by which asks are raised and bids are lowered; below 0 the other way,
        up to the middle between the true ones of a step in which it asks and bids.
    """

    net_kw: Mapping[str, float]
    markup: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bulletin(Message):
    """What was traded in a step, for everybody who reads it: one entry a microgrid and side.

    It names nobody, and is sorted by price, then by power, so that positions tell nothing either.

    Parameters
    ----------
    sold_kw, sold_per_kwh : (sellers,) array
        What each seller sold, and its mean price. [kW], [currency/kWh]
    bought_kw, bought_per_kwh : (buyers,) array
        The same of buyers.
    """

    sold_kw: FloatArray
    sold_per_kwh: FloatArray
    bought_kw: FloatArray
    bought_per_kwh: FloatArray
