"""What an agent may look at when it decides: its own data and the messages it received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from mmgsim.contracts.devices import CarriedState, Device, StorageRule
from mmgsim.contracts.messages import Disclosure, Envelope, Message, Plan, Tariff, Trade
from mmgsim.contracts.money import Item, Objective, Party
from mmgsim.contracts.network import ShadowPrices
from mmgsim.contracts.operation import Operation
from mmgsim.contracts.outlook import Outlook
from mmgsim.contracts.planning import PlanningValue
from mmgsim.contracts.sessions import NO_SESSIONS, SessionRule
from mmgsim.contracts.ties import TieFlow, TieLine
from mmgsim.contracts.window import FloatArray, Window

__all__ = [
    "Clearing",
    "Dispatch",
    "Executed",
    "LinearisedStep",
    "MarketView",
    "Member",
    "MemberStep",
    "OperationCost",
    "OperatorView",
    "OwnDevice",
    "Realised",
    "Round",
    "View",
]


# ------------------------------------------------------------------------------------ microgrid
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class View:
    """All that a strategy knows of its own microgrid and has been told.

    Parameters
    ----------
    name : str
        Of the microgrid.
    window : Window
        The steps to plan; the first one is now.
    devices : tuple of Device
        What it owns.
    state : CarriedState
        What the devices carry into the first step.
    forecast_kw : mapping of (steps,) arrays
        Expected demand or available power by device name. A plan may not count on more: what
        comes beyond it is for `dispatch`. [kW]
    storage : mapping
        Where the energy of each storage device has to be, by device name.
    tariff, envelope : Tariff, Envelope
        As published by the DNO for this window.
    power_factor : float
        Of the exchange at the connection point, in (0, 1].
    plan : Plan or None
        Own last plan, with its device schedule.
    trades : tuple of Trade
        Own firm trades of the last award, over the window of `plan`.
    messages : tuple of Message
        What was received since the last step.
    asked : frozenset of Message types
        What it was asked at the gate of this step by the market that its plan comes from; nothing
        but the award where it was left out, or the market made way for another one.
    memory : mapping
        What the last `Dispatch` asked to be kept.
    rng : numpy.random.Generator
        Own random stream.
    outlook : Outlook or None
        What may become of the window instead of what is forecast; None where nothing is uncertain.
    sessions : mapping
        When vehicles and flexible loads are there and what they have to hold, by device name:
        those that are there, and those that are known to come within the window.
    """

    name: str
    window: Window
    devices: tuple[Device, ...]
    state: CarriedState
    forecast_kw: Mapping[str, FloatArray]
    storage: Mapping[str, StorageRule]
    tariff: Tariff
    envelope: Envelope
    power_factor: float = 1.0
    plan: Plan | None = None
    trades: tuple[Trade, ...] = ()
    messages: tuple[Message, ...] = ()
    asked: frozenset[type[Message]] = frozenset()
    memory: Mapping[str, Any] = field(default_factory=dict)
    rng: np.random.Generator | None = None
    outlook: Outlook | None = None
    sessions: Mapping[str, SessionRule] = field(default_factory=lambda: NO_SESSIONS)

    @property
    def kvar_per_kw(self) -> float:
        """Reactive power per kW of exchange, ``tan(acos(power_factor))``, of the same sign."""
        return float(np.tan(np.arccos(self.power_factor)))

    @property
    def tie_kw(self) -> float:
        """What leaves through tie lines in the first step, firm as awarded. [kW]"""
        if self.plan is None or self.plan.tie_kw is None:
            return 0.0
        return float(self.plan.tie_kw[self.plan.window.offset(self.window.first_step)])


@dataclass(frozen=True, slots=True)
class Realised:
    """What really happened in a step, as the microgrid's own meters tell.

    Parameters
    ----------
    step : int
        Index of the step in the run.
    kw : mapping
        Realised demand or available power by device name. [kW]
    """

    step: int
    kw: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a microgrid does in one step, with what really happened.

    Parameters
    ----------
    operations : mapping
        By device name, one for every device.
    memory : mapping
        Plain values to be given back in the next `View`.
    flags : tuple of str
        What was out of the ordinary.
    """

    operations: Mapping[str, Operation]
    memory: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------ DNO
@dataclass(frozen=True, slots=True)
class Member:
    """A microgrid as the DNO and the market know it: its connection point.

    Parameters
    ----------
    name : str
        Of the microgrid.
    import_limit_kw, export_limit_kw : float
        What the connection can carry. [kW]
    power_factor : float
        Of the exchange, in (0, 1].
    bus : int or None
        Bus of the feeder, None without a network.
    lcoe_per_kwh : float or None
        Levelised cost of its own generation, None where it states none. [currency/kWh]
    """

    name: str
    import_limit_kw: float
    export_limit_kw: float
    power_factor: float = 1.0
    bus: int | None = None
    lcoe_per_kwh: float | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LinearisedStep:
    """The network around one AC point, as linear functions of the microgrids' exchanges.

    Reactive power follows active power at each member's power factor.

    Parameters
    ----------
    exchange_kw : (members,) array
        Exchange at the AC point. [kW]
    voltage_pu : (buses,) array
        Voltage magnitude at the AC point. [pu]
    voltage_per_kw : (buses, members) array
        Its derivative. [pu/kW]
    voltage_min_pu, voltage_max_pu : float
        Limits. [pu]
    current_ka : (branches,) array
        Current magnitude at the AC point. [kA]
    current_per_kw : (branches, members) array
        Its derivative. [kA/kW]
    current_max_ka : (branches,) array
        Limits; infinite where a branch has no rating. [kA]
    loss_kw : float
        All losses at the AC point. [kW]
    loss_per_kw : (members,) array
        Their derivative; negative where sending out more relieves the network.
    """

    exchange_kw: FloatArray
    voltage_pu: FloatArray
    voltage_per_kw: FloatArray
    voltage_min_pu: float
    voltage_max_pu: float
    current_ka: FloatArray
    current_per_kw: FloatArray
    current_max_ka: FloatArray
    loss_kw: float
    loss_per_kw: FloatArray

    def of_first(self, members: int) -> LinearisedStep:
        """Give the same as functions of the exchanges of the first members only."""
        by_member = [
            part.name
            for part in fields(self)
            if part.name == "exchange_kw" or part.name.endswith("_per_kw")
        ]
        return replace(self, **{name: getattr(self, name)[..., :members] for name in by_member})


@dataclass(frozen=True, slots=True, eq=False)
class OwnDevice:
    """A device of the DNO itself.

    Parameters
    ----------
    site : str
        Name among all that is connected to the feeder.
    bus : int
        pandapower's label.
    declared : Disclosure
        The device, what it carries into the window, and where its energy has to be.
    """

    site: str
    bus: int
    declared: Disclosure


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class OperatorView:
    """All that the DNO knows.

    Parameters
    ----------
    window : Window
        The steps to publish for.
    members : tuple of Member
        The microgrids' connection points.
    tariff : Tariff
        The scenario's tariff over the window.
    network : sequence of LinearisedStep
        One per step of the window, around the background alone (for `publish`), the plans (for
        `review`) or the exchanges that are asked about (for a `NetworkQuery`), None where the power
        flow does not converge; empty without a network.
    background : sequence of LinearisedStep
        The same around the background alone, always.
    background_ends : tuple of sequences of LinearisedStep
        The same where the background draws as much less, and more, as the operator reckons with:
        its `background_spread`, a share; empty where that is 0 or left out.
    envelopes : mapping
        What binds now, by name of microgrid; empty before anything was published for the window.
    violations : tuple of tuple of str
        Per step the limits that the exchanges of `network` break in the AC power flow
        (``undervoltage``, ``overvoltage``, ``line_overload``, ``trafo_overload``, or
        ``not_converged``); empty without a network.
    tree : object
        The feeder as an optimiser reads it, a `mmgsim.network.FeederTree`; None without a network
        or where that is no tree. This and what follows is given with a `GrantQuery` only.
    demand_kw, demand_kvar : (buses, steps) array or None
        Background demand at the buses of `tree`. [kW], [kvar]
    shed_price_per_kwh : float or None
        Value of background demand that is not served; None where none may be shed.
        [currency/kWh]
    own : tuple of OwnDevice
        Its own devices.
    rating_share : (lines + trafos, steps) array or None
        What current limits of `tree` are in each step, as far as it is known now, as a share of
        its own; these by default.
    """

    window: Window
    members: tuple[Member, ...]
    tariff: Tariff
    network: Sequence[LinearisedStep | None] = ()
    background: Sequence[LinearisedStep | None] = ()
    background_ends: tuple[Sequence[LinearisedStep | None], ...] = ()
    envelopes: Mapping[str, Envelope] = field(default_factory=dict)
    violations: tuple[tuple[str, ...], ...] = ()
    tree: object = None
    demand_kw: FloatArray | None = None
    demand_kvar: FloatArray | None = None
    shed_price_per_kwh: float | None = None
    own: tuple[OwnDevice, ...] = ()
    rating_share: FloatArray | None = None


# --------------------------------------------------------------------------------------- market
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MarketView:
    """All that the market knows: what lies beyond the connection points, which is public.

    Parameters
    ----------
    window : Window
        The steps to clear.
    members : tuple of Member
        Who takes part, in the order of the scenario.
    tariff : Tariff
        As published.
    envelopes : mapping
        As published, by name of microgrid.
    objective : Objective
        Whose cost is made small.
    local_price : str
        Price rule of local trades, ``marginal`` or ``midpoint``.
    surplus : str
        What becomes of money that buyers paid and sellers did not get: ``kept`` by the market,
        for the ``dno``, or ``rebated`` to those who trade.
    has_network : bool
        Whether there is a network that the DNO can be asked about.
    ties : tuple of TieLine
        Lines between microgrids whose flow is the mechanism's to decide.
    distance_km : (members, members) array or None
        Length of the lines of the feeder between the members' buses, as it was built; infinite
        where none lead from one to the other. None without a network. [km]
    steps_to_gate : int or None
        How many steps of the window are over when the next gate opens that is known now; None
        where none is, so that the whole window is.
    """

    window: Window
    members: tuple[Member, ...]
    tariff: Tariff
    envelopes: Mapping[str, Envelope]
    objective: Objective
    local_price: str = "marginal"
    surplus: str = "kept"
    has_network: bool = False
    ties: tuple[TieLine, ...] = ()
    distance_km: FloatArray | None = None
    steps_to_gate: int | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """How far a mechanism was after one round: bounds of the cost, and what does not balance."""

    upper: float | None
    lower: float | None
    residual_kw: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Clearing:
    """The outcome of a gate, with its certificate.

    Parameters
    ----------
    window : Window
        The steps that were cleared.
    plans : mapping
        Public plans by name of microgrid.
    trades : tuple of Trade
        All firm trades.
    prices_per_kwh : mapping of (steps,) arrays
        Local price by name of microgrid; NaN where it trades nothing, or left out.
        [currency/kWh]
    upper : float
        Objective cost of the plans: feasible. [currency]
    lower : float or None
        No feasible plans cost less; None where the method proves nothing. [currency]
    rounds : tuple of Round
        One per exchange of messages.
    gross_cost : float
        Sum of the absolute cost terms: the scale of the gap. [currency]
    residual_kw : float
        Largest distance between sold and bought in any step. [kW]
    memory : mapping
        Plain values for the next gate.
    shadow_prices : ShadowPrices or None
        What limits of the network were worth, where the mechanism knows.
    flags : tuple of str
        What was out of the ordinary; every step until the next gate has them.
    transfers : mapping of (steps,) arrays
        By name of microgrid: what it pays the market in each step beside its trades, negative
        where it is paid; they add up to zero. [currency]
    ties : tuple of TieFlow
        What passes tie lines, each way; `Award.tie_kw` told both ends.
    planning : PlanningValue or None
        What planning with several courses was worth, where the mechanism knows.
    """

    window: Window
    plans: Mapping[str, Plan]
    trades: tuple[Trade, ...]
    prices_per_kwh: Mapping[str, FloatArray]
    upper: float
    lower: float | None
    gross_cost: float
    rounds: tuple[Round, ...]
    residual_kw: float
    memory: Mapping[str, Any] = field(default_factory=dict)
    shadow_prices: ShadowPrices | None = None
    flags: tuple[str, ...] = ()
    transfers: Mapping[str, FloatArray] = field(default_factory=dict)
    ties: tuple[TieFlow, ...] = ()
    planning: PlanningValue | None = None


@dataclass(frozen=True, slots=True)
class OperationCost:
    """What running the devices of a microgrid cost in a step, by item.

    Parameters
    ----------
    item : Item
        Fuel, start-up or wear.
    kwh : float
        Energy it is about. [kWh]
    cost : float
        [currency]
    """

    item: Item
    kwh: float
    cost: float


@dataclass(frozen=True, slots=True)
class MemberStep:
    """What one microgrid really did in a step, as far as money is concerned.

    Parameters
    ----------
    name : str
        Of the microgrid.
    import_kw, export_kw : float
        Through the grid, both non-negative. [kW]
    exchange_kw, planned_exchange_kw : float
        Net at the connection point, realised and planned, positive when leaving. [kW]
    operations : tuple of OperationCost
        What running the devices cost.
    """

    name: str
    import_kw: float
    export_kw: float
    exchange_kw: float
    planned_exchange_kw: float
    operations: tuple[OperationCost, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Executed:
    """One executed step, as the market settles it.

    Parameters
    ----------
    window : Window
        Of one step.
    tariff : Tariff
        Over that window.
    members : tuple of MemberStep
        In the order of the scenario.
    trades : tuple of Trade
        Firm trades of this step: arrays of length one.
    loss_kw : float
        AC losses of the whole feeder. [kW]
    loss_share_kw : mapping
        Part of them that each microgrid causes; the rest stays with the DNO. [kW]
    is_new_day : bool
        True in the first step of a local day, when fixed charges fall due.
    transfers : mapping
        What each microgrid pays the market beside its trades, as cleared. [currency]
    supplier : Party
        Who sells what microgrids import and buys what they export: the grid, or the DNO, which
        then pays the grid for what of it passes the substation.
    own_kw : float
        What the DNO's own devices send into the feeder, negative where they draw. [kW]
    own_operations : tuple of OperationCost
        What running them cost.
    ties : tuple of TieFlow
        What passed tie lines in this step: arrays of length one.
    """

    window: Window
    tariff: Tariff
    members: tuple[MemberStep, ...]
    trades: tuple[Trade, ...]
    loss_kw: float
    loss_share_kw: Mapping[str, float]
    is_new_day: bool
    transfers: Mapping[str, float] = field(default_factory=dict)
    supplier: Party = Party.GRID
    own_kw: float = 0.0
    own_operations: tuple[OperationCost, ...] = ()
    ties: tuple[TieFlow, ...] = ()
