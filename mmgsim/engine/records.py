"""What agents report of an executed step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmgsim.contracts import Dispatch, FloatArray, MemberStep, OperationCost, Realised
from mmgsim.network import Flow, PlannedFlow
from mmgsim.subproblems import BusPrices, LimitPrice

__all__ = ["FlowStep", "MicrogridStep", "OwnStep"]


@dataclass(frozen=True, slots=True, eq=False)
class MicrogridStep:
    """What a microgrid really did in a step.

    Parameters
    ----------
    realised : Realised
        Demand and available power.
    dispatch : Dispatch
        Operation of every device.
    money : MemberStep
        The same as far as money is concerned.
    bought_kw, sold_kw : float
        Firm trades. [kW]
    tie_kw : float
        What left through tie lines, less what came. [kW]
    q_kvar : float
        Reactive power, positive when leaving. [kvar]
    shed_kw, shed_critical_kw, spilled_kw : float
        Demand not served, the critical part of it, and available wind and sun not used. [kW]
    shed_value : float
        Value of the load that was shed, and of charge that vehicles lacked. [currency]
    missing_kwh : mapping
        What sessions that ended with the step lacked, by name of vehicle or flexible load. [kWh]
    flags : tuple of str
        What was out of the ordinary, in plan and dispatch.
    """

    realised: Realised
    dispatch: Dispatch
    money: MemberStep
    bought_kw: float
    sold_kw: float
    tie_kw: float
    q_kvar: float
    shed_kw: float
    shed_critical_kw: float
    spilled_kw: float
    shed_value: float
    missing_kwh: Mapping[str, float]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class OwnStep:
    """What the DNO's own devices really did in a step.

    Parameters
    ----------
    realised : Realised
        Of nothing but the step: its devices follow no series.
    dispatch : Dispatch
        Operation of every device.
    exchange_kw, q_kvar : (connections,) array
        What enters the feeder at each of its own connections; demand that is not served counts as
        power that enters. [kW], [kvar]
    sent_kw : float
        What its devices send together. [kW]
    shed_kw : float
        Background demand that it leaves unserved. [kW]
    operations : tuple of OperationCost
        What running the devices cost.
    flags : tuple of str
        What was out of the ordinary.
    """

    realised: Realised
    dispatch: Dispatch
    exchange_kw: FloatArray
    q_kvar: FloatArray
    sent_kw: float
    shed_kw: float
    operations: tuple[OperationCost, ...]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class FlowStep:
    """The AC power flow of an executed step.

    Parameters
    ----------
    flow : Flow
        One point.
    background_share : float
        Background load over its value in the net.
    background_kw : float
        What the background draws; where its generators follow profiles, less what they give. [kW]
    unserved_kw : float
        Demand behind no microgrid that was not served: the feeder could not, or the DNO planned
        not to. [kW]
    loss_share_kw : (members,) array
        Losses that each microgrid causes; zero where they are not divided. [kW]
    flags : tuple of str
        What was out of the ordinary.
    bus_prices : BusPrices or None
        What a kWh was worth at every bus, where a mechanism knows what limits are worth.
    profile_values : mapping
        Value of each profile that elements follow of their own, by its name.
    first_plan : PlannedFlow or None
        What the gate's first plan would have done, where it broke a limit and was reviewed.
    limit_prices : tuple of LimitPrice
        Limits that had a price, where a mechanism knows what limits are worth.
    """

    flow: Flow
    background_share: float
    background_kw: float
    unserved_kw: float
    loss_share_kw: FloatArray
    flags: tuple[str, ...] = ()
    bus_prices: BusPrices | None = None
    profile_values: Mapping[str, float] = field(default_factory=dict)
    first_plan: PlannedFlow | None = None
    limit_prices: tuple[LimitPrice, ...] = ()
