"""What agents say to each other. Everything an agent reveals is in one of these.

The sign rule, once for the whole code base: ``exchange_kw = export + sold - import - bought`` is
the net power at a microgrid's connection point, positive when it leaves the microgrid; ``trade_kw
= sold - bought`` is the part of it that goes through the market.

Arrays run over the steps of the message's window. Prices are currency per kWh, power is kW.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.contracts.devices import CarriedState, Device, DeviceSchedule, StorageRule
from mmgsim.contracts.money import Party
from mmgsim.contracts.sessions import NO_SESSIONS, SessionRule
from mmgsim.contracts.window import FloatArray, Window, frozen

__all__ = [
    "Award",
    "Disclose",
    "Disclosure",
    "Envelope",
    "Message",
    "Offer",
    "Order",
    "OrderQuery",
    "Orders",
    "Plan",
    "PriceQuery",
    "Request",
    "Side",
    "Tariff",
    "Trade",
    "payload_bytes",
    "plain_content",
]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Message:
    """Something said by one agent to another.

    Whoever asks fills `to`; the bus fills `sender`, so that nobody can speak for another.
    """

    sender: str = ""
    to: str = ""


# ------------------------------------------------------------------ DNO -> microgrids and market
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Tariff(Message):
    """Prices of energy and of the network, as published by the DNO.

    Parameters
    ----------
    import_per_kwh, export_per_kwh : (steps,) array
        Price of energy bought from and sold to the grid, without network charge. [currency/kWh]
    network_charge_per_kwh : (steps,) array
        Paid to the DNO on every imported kWh. [currency/kWh]
    local_charge_per_kwh : (steps,) array
        Paid to the DNO on every locally bought kWh, unless a trade has a charge of its own.
        [currency/kWh]
    upstream_per_kwh : (steps,) array
        What the grid charges the DNO, for losses. [currency/kWh]
    imbalance_per_kwh : float
        Paid on the distance between planned and realised exchange. [currency/kWh]
    fixed_per_day : float
        Paid to the DNO per microgrid and local day. [currency/day]
    """

    window: Window
    import_per_kwh: FloatArray
    export_per_kwh: FloatArray
    network_charge_per_kwh: FloatArray
    local_charge_per_kwh: FloatArray
    upstream_per_kwh: FloatArray
    imbalance_per_kwh: float
    fixed_per_day: float

    @property
    def buy_per_kwh(self) -> FloatArray:
        """What an imported kWh costs in all: energy and network charge. [currency/kWh]"""
        return self.import_per_kwh + self.network_charge_per_kwh

    def now(self) -> Tariff:
        """Give the tariff of the first step alone."""
        return replace(
            self,
            window=replace(self.window, steps=1),
            import_per_kwh=self.import_per_kwh[:1],
            export_per_kwh=self.export_per_kwh[:1],
            network_charge_per_kwh=self.network_charge_per_kwh[:1],
            local_charge_per_kwh=self.local_charge_per_kwh[:1],
            upstream_per_kwh=self.upstream_per_kwh[:1],
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Envelope(Message):
    """How much may pass a connection point: ``-import_limit <= exchange <= export_limit``.

    Parameters
    ----------
    microgrid : str
        Whose connection point it is about.
    import_limit_kw, export_limit_kw : (steps,) array
        Both non-negative. [kW]
    """

    microgrid: str
    window: Window
    import_limit_kw: FloatArray
    export_limit_kw: FloatArray

    def tightened(self, other: Envelope) -> Envelope:
        """Give this envelope cut by another one in the steps that both cover."""
        shift = self.window.first_step - other.window.first_step
        both = max(0, min(self.window.steps, other.window.steps - shift))
        import_limit_kw, export_limit_kw = self.import_limit_kw.copy(), self.export_limit_kw.copy()
        for own, cut in (
            (import_limit_kw, other.import_limit_kw),
            (export_limit_kw, other.export_limit_kw),
        ):
            own[:both] = np.minimum(own[:both], cut[shift : shift + both])
        return replace(
            self, import_limit_kw=frozen(import_limit_kw), export_limit_kw=frozen(export_limit_kw)
        )


# --------------------------------------------------------------------------- price coordination
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PriceQuery(Message):
    """What would you exchange at these prices?

    Parameters
    ----------
    prices_per_kwh : (queries, steps) array
        Price at the addressee's own connection point, paid for what leaves it. [currency/kWh]
    in_parts : bool
        True where the microgrid may answer part by part and leave its envelope to the market;
        False where it answers as a whole and keeps its envelope.
    alone : bool
        Offer also what you would exchange without any local trade.
    again : bool
        Offer also what is nearest to your last plan.
    held : tuple of int or None
        Answer with the decisions that cannot be mixed, such as on or off, as each block took them
        in this offer, counted from the first one of this gate; -1 for blocks without.
    """

    window: Window
    prices_per_kwh: FloatArray
    in_parts: bool = False
    alone: bool = False
    again: bool = False
    held: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Offer(Message):
    """The best answers to a `PriceQuery`: columns (feasible) and cuts (bound) at once.

    The first offers answer the prices in their order; then comes the one without local trade, then
    the one nearest to the last plan, as far as they were asked for.

    A block is a part of the microgrid that decides on its own over the whole window; a microgrid
    that answers as a whole has one block. What decides on its own in every single step is the
    hourly part. Blocks of different offers may be combined, and so may the hourly parts, step by
    step.

    Parameters
    ----------
    exchange_kw : (offers, blocks, steps) array
        Feasible exchange of the blocks. [kW]
    private_cost : (offers, blocks) array
        Fuel, wear, shedding at that exchange. [currency]
    hourly_kw, hourly_cost : (offers, steps) array or None
        The same for the hourly part; None where there is none. [kW], [currency]
    lower_bound : (queries,) array
        At each price, no exchange makes private cost minus revenue smaller; with decisions held,
        none that holds them. [currency]
    indivisible : tuple of bool
        Of each block: whether its offers cannot be mixed, because units are on or off in them.
    """

    exchange_kw: FloatArray
    private_cost: FloatArray
    lower_bound: FloatArray
    hourly_kw: FloatArray | None = None
    hourly_cost: FloatArray | None = None
    indivisible: tuple[bool, ...] = ()


# ------------------------------------------------------------------------------------- auctions
class Side(StrEnum):
    """Side of an order."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class Order:
    """Willing to buy (sell) up to `kw` in one step at `price_per_kwh` or less (more).

    `offset` is the position of the step in the window. The price is what passes between buyer and
    seller: a buyer has taken off already the local charge that it owes the DNO on top of it.
    """

    offset: int
    side: Side
    kw: float
    price_per_kwh: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OrderQuery(Message):
    """Which orders do you place for these steps of the window, knowing the last prices?

    Parameters
    ----------
    offsets : tuple of int
        Positions of the traded steps in the window.
    last_prices_per_kwh : (steps,) array or None
        Prices of the last clearing, if there was one; NaN in steps without. [currency/kWh]
    firm_kw : (steps,) array or None
        What the addressee has sold less what it has bought in this gate already: orders come on
        top of it. None where that is nothing. [kW]
    """

    window: Window
    offsets: tuple[int, ...]
    last_prices_per_kwh: FloatArray | None = None
    firm_kw: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Orders(Message):
    """The answer to an `OrderQuery`."""

    orders: tuple[Order, ...]


# ------------------------------------------------------------------------- central coordination
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Disclose(Message):
    """Show what you own and what it costs. (A strategy may misreport.)

    Parameters
    ----------
    samples : int or None
        Show also so many equally likely courses of what is uncertain.
    within : float or None
        Show also between which bounds what is uncertain stays in a step, with this probability.
    """

    window: Window
    samples: int | None = None
    within: float | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Disclosure(Message):
    """A microgrid's declared devices, state and forecasts.

    Parameters
    ----------
    window : Window
        Which it is about.
    forecast_kw : mapping of (steps,) arrays
        Demand or available power by device name. [kW]
    storage : mapping
        Where the energy of each storage device has to be, by device name.
    samples_kw : mapping of (samples, steps) arrays
        Courses of demand or available power by device name, where they were asked for and
        something is uncertain; sample k of all microgrids belongs to the same weather. [kW]
    low_kw, high_kw : mapping of (steps,) arrays
        Bounds of demand or available power by device name, where they were asked for and something
        is uncertain. [kW]
    sessions : mapping
        When vehicles and flexible loads are there and what they have to hold, by device name.
    """

    window: Window
    devices: tuple[Device, ...]
    state: CarriedState
    forecast_kw: Mapping[str, FloatArray]
    storage: Mapping[str, StorageRule]
    samples_kw: Mapping[str, FloatArray] = field(default_factory=lambda: MappingProxyType({}))
    low_kw: Mapping[str, FloatArray] = field(default_factory=lambda: MappingProxyType({}))
    high_kw: Mapping[str, FloatArray] = field(default_factory=lambda: MappingProxyType({}))
    sessions: Mapping[str, SessionRule] = field(default_factory=lambda: NO_SESSIONS)


# ---------------------------------------------------------------------------- award, plan, bill
@dataclass(frozen=True, slots=True, eq=False)
class Trade:
    """A firm trade over a window.

    Pooled mechanisms trade through the party ``market``; bilateral ones name both microgrids.

    Parameters
    ----------
    seller, buyer : str
        Names of the parties.
    kw, price_per_kwh : (steps,) array
        Power, non-negative, and its price. [kW], [currency/kWh]
    charge_per_kwh : (steps,) array or None
        What a buyer owes the DNO on top of the price, below zero where the DNO pays it; None for
        the local charge of the tariff. The market and the DNO owe none. [currency/kWh]
    """

    seller: str
    buyer: str
    kw: FloatArray
    price_per_kwh: FloatArray
    charge_per_kwh: FloatArray | None = None

    def charged_per_kwh(self, tariff: Tariff) -> FloatArray:
        """Give what the buyer owes the DNO on a kWh: zero for the market and the DNO itself.

        Parameters
        ----------
        tariff : Tariff
            Over the same steps. [currency/kWh]
        """
        if self.buyer in (Party.MARKET, Party.DNO):
            return np.zeros_like(tariff.local_charge_per_kwh)
        return tariff.local_charge_per_kwh if self.charge_per_kwh is None else self.charge_per_kwh

    def at(self, offset: int) -> Trade:
        """Give the trade of one step of the window, arrays of length one."""
        part, charge = slice(offset, offset + 1), self.charge_per_kwh
        return Trade(
            self.seller,
            self.buyer,
            frozen(self.kw[part]),
            frozen(self.price_per_kwh[part]),
            None if charge is None else frozen(charge[part]),
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Request(Message):
    """A microgrid's lack and surplus over the window, both non-negative. [kW]"""

    lack_kw: FloatArray
    surplus_kw: FloatArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Award(Message):
    """What the mechanism decided for one microgrid.

    Parameters
    ----------
    trades : tuple of Trade
        Firm trades of the addressee.
    exchange_kw : (steps,) array or None
        The whole exchange where the mechanism fixes it; otherwise import and export are the
        microgrid's choice inside its envelope. [kW]
    tie_kw : (steps,) array or None
        What the addressee sends less what it receives through tie lines, firm like a trade; none
        if left out. It leaves beside the exchange, not as part of it. [kW]
    granted : Request or None
        What the DNO granted at the connection of the addressee: limits of any exchange, the
        awarded one and whatever is planned in its place; the envelope alone counts if left out.
    is_binding : bool
        True where a limit of the network that the awarded exchanges leave no room takes any part of
        this one, in at least one step: the award is then followed over the whole window, also where
        that costs demand or a level that the addressee could keep. Limits with a little room left
        do not count, though another exchange might break them.
    """

    window: Window
    trades: tuple[Trade, ...] = ()
    exchange_kw: FloatArray | None = None
    tie_kw: FloatArray | None = None
    granted: Request | None = None
    is_binding: bool = False

    def trade_kw(self) -> FloatArray:
        """Give sold minus bought of the addressee. [kW], (steps,) array."""
        total = np.zeros(self.window.steps)
        for trade in self.trades:
            total += trade.kw if trade.seller == self.to else -trade.kw
        return total


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan(Message):
    """What a microgrid will do: the reply to an `Award` or a `Grant`.

    Parameters
    ----------
    exchange_kw, q_kvar : (steps,) array
        Net active and reactive power at the connection point, positive when leaving. [kW], [kvar]
    private_cost : float
        Planned fuel, wear, shedding and end-of-window terms, as the microgrid reports them: with
        whatever else its private model costs, disclosed or not. [currency]
    schedule : mapping or None
        Planned operation by device name. It stays at home: `public` takes it out.
    flags : tuple of str
        What was out of the ordinary, such as ``target_moved``.
    tie_kw : (steps,) array or None
        What leaves through tie lines, exactly as awarded; None where nothing was. What the devices
        give out together is ``exchange + tie``. [kW]
    """

    window: Window
    exchange_kw: FloatArray
    q_kvar: FloatArray
    private_cost: float
    schedule: Mapping[str, DeviceSchedule] | None = None
    flags: tuple[str, ...] = ()
    tie_kw: FloatArray | None = None

    def kept(self) -> Plan:
        """Give the plan with a schedule that nobody can change any more."""
        if self.schedule is None:
            return self.public()
        schedule = {name: entry.kept() for name, entry in self.schedule.items()}
        return replace(self.public(), schedule=MappingProxyType(schedule))

    def public(self) -> Plan:
        """Give the plan as others may see it: without the device schedule, and for good."""
        return replace(
            self,
            exchange_kw=frozen(self.exchange_kw),
            q_kvar=frozen(self.q_kvar),
            schedule=None,
            tie_kw=None if self.tie_kw is None else frozen(self.tie_kw),
        )


def payload_bytes(content: Any) -> int:
    """Count the bytes that a message discloses: 8 per number, one per character.

    Windows, addresses and field names are the same for everybody and are not counted.
    """
    if isinstance(content, np.ndarray):
        return int(content.nbytes)
    if isinstance(content, str):
        return len(content)
    if isinstance(content, int | float | np.generic):
        return 8
    if isinstance(content, Mapping):
        return sum(payload_bytes(key) + payload_bytes(item) for key, item in content.items())
    if isinstance(content, tuple | list):
        return sum(payload_bytes(item) for item in content)
    if is_dataclass(content) and not isinstance(content, Window):
        return sum(
            payload_bytes(getattr(content, part.name))
            for part in fields(content)
            if part.name not in ("sender", "to")
        )
    return 0


def plain_content(content: Any) -> Any:
    """Give a message, or anything in one, as numbers, texts, lists and mappings, for a log."""
    if isinstance(content, np.ndarray | np.generic):
        return content.tolist()
    if isinstance(content, Mapping):
        return {str(key): plain_content(item) for key, item in content.items()}
    if isinstance(content, tuple | list):
        return [plain_content(item) for item in content]
    if isinstance(content, datetime):
        return content.isoformat()
    if is_dataclass(content):
        return {
            part.name: plain_content(getattr(content, part.name))
            for part in fields(content)
            if part.name not in ("sender", "to")
        }
    return content
