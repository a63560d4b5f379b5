"""What the DNO's problem is given and what it gives: offers in blocks, own devices, the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType

from mmgsim.contracts import Device, DeviceSchedule, Disclosure, FloatArray
from mmgsim.subproblems.dlmp import LocationalPrices
from mmgsim.subproblems.to_ac import AcSchedule, StepStatus

__all__ = ["BlockOffer", "NetworkPlan", "NetworkWindow", "OfferPoint", "OwnSite"]


@dataclass(frozen=True, slots=True)
class OfferPoint:
    """Where offers come from, and how many blocks they have; the problem is built for these.

    Parameters
    ----------
    name : str
        Of the microgrid.
    bus : int
        pandapower's label.
    exports, imports : int
        Number of blocks each way.
    rating_kva : float
        Apparent power of its inverter; infinite where only the limits of reactive power count.
    kvar_per_kw : float or None
        Reactive power that follows active power; None where it is free within its limits.
    """

    name: str
    bus: int
    exports: int
    imports: int
    rating_kva: float = inf
    kvar_per_kw: float | None = None


@dataclass(frozen=True, slots=True)
class OwnSite:
    """Devices of the DNO itself at a bus: storage, diesel.

    Parameters
    ----------
    name : str
        Unique among sites and offer points.
    bus : int
        pandapower's label.
    devices : tuple of Device
        They exchange active power only.
    """

    name: str
    bus: int
    devices: tuple[Device, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BlockOffer:
    """What a microgrid offers over a window.

    Parameters
    ----------
    export_kw, export_per_kwh : (exports, steps) arrays
        Most power of each block, and what a kWh of it costs. [kW], [currency/kWh]
    import_kw, import_per_kwh : (imports, steps) arrays
        Likewise, and what a kWh of it is worth.
    must_take_kw : (steps,) array
        Generation that comes whatever the price; it can only be spilled. [kW]
    q_min_kvar, q_max_kvar : (steps,) arrays
        Reactive power, positive when it leaves the microgrid. [kvar]
    """

    export_kw: FloatArray
    export_per_kwh: FloatArray
    import_kw: FloatArray
    import_per_kwh: FloatArray
    must_take_kw: FloatArray
    q_min_kvar: FloatArray
    q_max_kvar: FloatArray


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NetworkWindow:
    """The numbers of one window.

    Parameters
    ----------
    step : int
        First step of the window, for messages.
    demand_kw, demand_kvar : (buses, steps) arrays
        Background, as `FeederTree.background_kw` gives it. [kW], [kvar]
    buy_per_kwh, sell_per_kwh : (steps,) arrays
        Upstream prices. [currency/kWh]
    offers : mapping of BlockOffer
        By name of the offer point.
    own : mapping of Disclosure
        By name of the own site.
    shed_price_per_kwh, spill_price_per_kwh : float
        Of background that is not served, and of generation that must be taken and is not.
    rating_share : (lines + trafos, steps) array or None
        What current limits are, as a share of the feeder's own; these by default.
    connections_kw : mapping of pairs of (steps,) arrays
        The most that may enter and leave each offer point; only where ties join them. [kW]
    tie_loss_per_kwh : float
        Penalty on what is lost in ties. [currency/kWh]
    """

    step: int
    demand_kw: FloatArray
    demand_kvar: FloatArray
    buy_per_kwh: FloatArray
    sell_per_kwh: FloatArray
    offers: Mapping[str, BlockOffer]
    own: Mapping[str, Disclosure] = field(default_factory=lambda: MappingProxyType({}))
    shed_price_per_kwh: float = 1.5
    spill_price_per_kwh: float = 0.0
    rating_share: FloatArray | None = None
    connections_kw: Mapping[str, tuple[FloatArray, FloatArray]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    tie_loss_per_kwh: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NetworkPlan:
    """What the network serves, and at which prices.

    Losses, voltages and loading are NaN in a step (`VIOLATED`) without an AC power flow. Buses are
    those of the tree: `FeederTree.places` says where a bus of the feeder stands among them.

    Parameters
    ----------
    status : tuple of StepStatus
        Per step.
    cost : float
        Of the schedule with the true power at the substation and the true fuel cost, without the
        loss penalty. [currency]
    exchange_kw, q_kvar : mapping of (steps,) arrays
        By offer point: what passes it, after spilling, positive when it leaves the microgrid.
    accepted_export_kw, accepted_import_kw : mapping of (blocks, steps) arrays
        By offer point; with ties, whichever way it goes. [kW]
    tie_loss_kw : (steps,) array
        Lost in all ties together. [kW]
    spilled_kw : mapping of (steps,) arrays
        By offer point. [kW]
    own : mapping of mappings of DeviceSchedule
        By own site and device.
    shed_kw, drawn_kw, drawn_kvar : (buses, steps) arrays
        Background not served; what each bus draws in all. [kW], [kvar]
    slack_kw, loss_kw : (steps,) arrays
        Of the AC power flow: power drawn upstream, and losses. [kW]
    vm_pu : (steps, buses) array
        Voltages. [pu]
    loading : (steps, lines + trafos) array
        Currents as shares of the ratings of their step, at the end with more; 0 without rating or
        out of service.
    prices : LocationalPrices
        At all buses.
    schedule : AcSchedule
        How it was found.
    """

    status: tuple[StepStatus, ...]
    cost: float
    exchange_kw: Mapping[str, FloatArray]
    q_kvar: Mapping[str, FloatArray]
    accepted_export_kw: Mapping[str, FloatArray]
    accepted_import_kw: Mapping[str, FloatArray]
    tie_loss_kw: FloatArray
    spilled_kw: Mapping[str, FloatArray]
    own: Mapping[str, Mapping[str, DeviceSchedule]]
    shed_kw: FloatArray
    drawn_kw: FloatArray
    drawn_kvar: FloatArray
    slack_kw: FloatArray
    loss_kw: FloatArray
    vm_pu: FloatArray
    loading: FloatArray
    prices: LocationalPrices
    schedule: AcSchedule
