"""Requests of microgrids, and what the DNO grants of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from mmgsim.contracts.devices import DeviceSchedule
from mmgsim.contracts.messages import Message, Request
from mmgsim.contracts.ties import TieLine
from mmgsim.contracts.window import FloatArray, Window

__all__ = [
    "DnoCost",
    "Grant",
    "GrantQuery",
    "Grants",
    "RequestQuery",
    "Security",
]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RequestQuery(Message):
    """How much do you lack, how much is left over?"""

    window: Window


class Security(StrEnum):
    """Which limits of the network a DNO keeps when it grants.

    NONE: no voltage and no current limits; losses count all the same. LIMITS: all of them.
    """

    NONE = "none"
    LIMITS = "limits"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class GrantQuery(Message):
    """To the DNO: which part of these requests can the network carry?

    Parameters
    ----------
    requests : mapping of Request
        By name of microgrid: at its connection point, or where there are `ties` of all that its
        devices lack and have left over, whichever way that goes.
    security : Security
        Which limits count.
    ties : tuple of TieLine
        Lines between microgrids that one controller of all uses as suits the network: what one
        requests may be granted at the connection point of another, as far as lines carry it.
    pooled : bool
        True where surplus goes to others that lack first: only the rest is trade with the DNO.
    """

    window: Window
    requests: Mapping[str, Request]
    security: Security = Security.LIMITS
    ties: tuple[TieLine, ...] = ()
    pooled: bool = False


@dataclass(frozen=True, slots=True)
class DnoCost:
    """What a DNO's plan costs over a window, by parts (paper 003, eq. 22, signs repaired).

    ``money = operations + upstream - trade``: what microgrids pay is the DNO's revenue, what they
    are paid its expense, so that trade cancels between them. (As printed, (22) books both as
    revenue.)

    Parameters
    ----------
    operations : float
        Fuel, start-ups and wear of its own devices, with levels that had to be missed. [currency]
    upstream : float
        Of all that passes the substation, background and losses included. [currency]
    trade : float
        What microgrids pay for granted lack less what they get for granted surplus. [currency]
    shed : float
        Value of the background demand that is not served. [currency]
    penalty : float
        On what is not served, and on what is lost in ties; no payment. [currency]
    """

    operations: float
    upstream: float
    trade: float
    shed: float
    penalty: float

    @property
    def money(self) -> float:
        """What the DNO pays in all. [currency]"""
        return self.operations + self.upstream - self.trade

    @property
    def objective(self) -> float:
        """What the DNO makes small: money, demand not served, and the penalty. [currency]"""
        return self.money + self.shed + self.penalty


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grants(Message):
    """The DNO's answer: what each microgrid may take and give.

    Parameters
    ----------
    grants : mapping
        By name of microgrid, at its connection point.
    refused_kw : (steps,) array or None
        What of all requests is not served, or is lost in ties; the difference of requests and
        grants if left out. [kW]
    cost : DnoCost or None
        What the DNO's plan with them costs it.
    status : tuple of str
        Per step how the plan stands to its AC power flow: ``exact``, ``inexact`` or ``violated``.
    binding : tuple of str
        Branches that are full in some step, by the buses at their ends, such as ``5-25``.
    marginal_per_kwh : mapping of (steps,) arrays
        What one more kWh drawn at each connection point would cost. [currency/kWh]
    background_shed_kw : (buses, steps) array or None
        Background demand that is not to be served. [kW]
    schedule : mapping or None
        Planned operation of the DNO's own devices, by name. It stays at home: `public` takes it
        out.
    """

    grants: Mapping[str, Request]
    refused_kw: FloatArray | None = None
    cost: DnoCost | None = None
    status: tuple[str, ...] = ()
    binding: tuple[str, ...] = ()
    marginal_per_kwh: Mapping[str, FloatArray] = field(default_factory=lambda: MappingProxyType({}))
    background_shed_kw: FloatArray | None = None
    schedule: Mapping[str, DeviceSchedule] | None = None

    def public(self) -> Grants:
        """Give what the market sees: without what the DNO does with its own devices and load."""
        return replace(self, schedule=None, background_shed_kw=None)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grant(Message):
    """To a microgrid: plan within these amounts. Both non-negative. [kW]"""

    window: Window
    lack_kw: FloatArray
    surplus_kw: FloatArray
