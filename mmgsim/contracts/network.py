"""What market and DNO say to each other about the network: which limits a pattern reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mmgsim.contracts.messages import Message
from mmgsim.contracts.window import FloatArray, Window

__all__ = ["LimitKind", "NetworkQuery", "NetworkRows", "ShadowPrices"]


class LimitKind(StrEnum):
    """Kind of a limit of the network."""

    VOLTAGE_MAX = "voltage_max"
    VOLTAGE_MIN = "voltage_min"
    CURRENT = "current"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NetworkQuery(Message):
    """To the DNO: which limits of the network do these exchanges reach?

    Parameters
    ----------
    exchange_kw : mapping of (steps,) arrays
        By name of microgrid. [kW]
    again : tuple of (int, LimitKind, int)
        Limits whose tangents are wanted in any case, by position of the step in the window, kind
        and element, as in `NetworkRows`.
    """

    window: Window
    exchange_kw: Mapping[str, FloatArray]
    again: tuple[tuple[int, LimitKind, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NetworkRows(Message):
    """The answer to a `NetworkQuery`: linear limits on the exchanges, and the losses around them.

    ``sum_i coefficient[row, i] * exchange_kw[i, offset[row]] <= limit[row]``

    Rows are the tangents, at the exchanges of the query, of the limits that these break, of
    those of the same step that they nearly reach, and of those asked for again. Zero exchange
    always keeps them: a limit that the background breaks by itself is only kept from being
    broken further. Tangents of low voltages leave out nothing that the network carries, so they
    hold for good; those of high voltages and of currents may leave out a little, the more the
    further away they were taken, and go where the next one of the same limit leaves more room.

    Parameters
    ----------
    window : Window
        Of the query.
    members : tuple of str
        Order of the microgrids in the columns.
    offset : tuple of int
        Position of each row's step in the window.
    limit_kind : tuple of LimitKind
        Of the limit.
    element : tuple of int
        Position of its bus, or of its branch, in the DNO's own order.
    coefficient : (rows, members) array
        The largest of a row is 1 or -1.
    limit : (rows,) array
        Room at zero exchange. [kW]
    share_per_kw : (rows,) array
        Part of the whole limit of the bus or branch that a kW of the row is.
    loss_kw : (steps,) array
        All losses at the exchanges of the query; NaN where there is no power flow. [kW]
    loss_per_kw : (steps, members) array
        Their derivative by what leaves each microgrid; NaN alike.
    """

    window: Window
    members: tuple[str, ...]
    offset: tuple[int, ...]
    limit_kind: tuple[LimitKind, ...]
    element: tuple[int, ...]
    coefficient: FloatArray
    limit: FloatArray
    share_per_kw: FloatArray
    loss_kw: FloatArray
    loss_per_kw: FloatArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ShadowPrices(Message):
    """To the DNO: what its limits were worth in a clearing. It calls for no reply.

    Parameters
    ----------
    energy_per_kwh, loss_per_kwh : (steps,) array
        What a kWh is worth before the network comes into it, and what a lost one costs; 0 where
        losses are nobody's concern. [currency/kWh]
    prices_per_kwh : mapping of (steps,) arrays
        What a kWh from each microgrid is worth once the network has come into it, by name.
        [currency/kWh]
    offset, limit_kind, element : tuples
        Of the limits, as in `NetworkRows`.
    worth_per_h : (limits,) array
        What the whole limit would be worth again: currency per hour and share of the limit.
    """

    window: Window
    energy_per_kwh: FloatArray
    loss_per_kwh: FloatArray
    prices_per_kwh: Mapping[str, FloatArray]
    offset: tuple[int, ...]
    limit_kind: tuple[LimitKind, ...]
    element: tuple[int, ...]
    worth_per_h: FloatArray
