"""What market and DNO say to each other about the network: which limits a pattern reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mmgsim.contracts.messages import Message
from mmgsim.contracts.window import FloatArray, Window

__all__ = ["LimitKind", "NetworkQuery", "NetworkRows"]


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
    broken further. Tangents of currents and of low voltages leave out nothing that the network
    carries, so they hold for good; one of a high voltage leaves out a little, the more the
    further away it was taken, and the next one of the same limit takes its place.

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
    loss_kw: FloatArray
    loss_per_kw: FloatArray
