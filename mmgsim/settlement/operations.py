"""What running the devices cost, and what unserved demand was worth."""

from __future__ import annotations

from collections.abc import Mapping

from mmgsim.contracts import (
    NO_SESSIONS,
    Battery,
    CarriedState,
    Device,
    Diesel,
    Dispatch,
    Item,
    Load,
    OperationCost,
    Realised,
    Renewable,
    SessionRule,
    SessionStore,
)

__all__ = [
    "missing_kwh",
    "operation_costs",
    "shed_critical_kw",
    "shed_kw",
    "shed_value",
    "spilled_kw",
]


def operation_costs(
    devices: tuple[Device, ...], before: CarriedState, dispatch: Dispatch, step_h: float
) -> tuple[OperationCost, ...]:
    """Give fuel, start-ups and wear of a microgrid in one step; nothing where nothing ran.

    Fuel is the true quadratic cost of what each unit generated. A start is about no energy.

    Parameters
    ----------
    devices : tuple of Device
        What the microgrid owns.
    before : CarriedState
        At the start of the step: a unit that was on does not start.
    dispatch : Dispatch
        What the devices did.
    step_h : float
        Length of the step. [h]
    """
    used = (
        _fuel(devices, dispatch, step_h),
        _start_ups(devices, before, dispatch),
        _wear(devices, dispatch, step_h),
    )
    return tuple(cost for cost in used if cost.kwh or cost.cost)


def _fuel(devices: tuple[Device, ...], dispatch: Dispatch, step_h: float) -> OperationCost:
    kwh = cost = 0.0
    for device in devices:
        if isinstance(device, Diesel):
            power_kw = dispatch.operations[device.name].out_kw
            kwh += power_kw * step_h
            cost += float(device.fuel_per_h(power_kw)) * step_h
    return OperationCost(Item.FUEL, kwh, cost)


def _start_ups(
    devices: tuple[Device, ...], before: CarriedState, dispatch: Dispatch
) -> OperationCost:
    cost = sum(
        device.start_up_cost
        for device in devices
        if isinstance(device, Diesel)
        and device.is_on(dispatch.operations[device.name].out_kw)
        and not before.diesel[device.name].is_on
    )
    return OperationCost(Item.START_UP, 0.0, cost)


def _wear(devices: tuple[Device, ...], dispatch: Dispatch, step_h: float) -> OperationCost:
    kwh = cost = 0.0
    for device in devices:
        if isinstance(device, Battery | SessionStore):
            discharged_kwh = dispatch.operations[device.name].out_kw * step_h
            kwh += discharged_kwh if device.wear_per_kwh else 0.0
            cost += discharged_kwh * device.wear_per_kwh
    return OperationCost(Item.WEAR, kwh, cost)


def missing_kwh(
    devices: tuple[Device, ...], sessions: Mapping[str, SessionRule], dispatch: Dispatch
) -> dict[str, float]:
    """Give what sessions that end with the step lack of what they want, by device name. [kWh]

    Parameters
    ----------
    devices : tuple of Device
        What the microgrid owns.
    sessions : mapping
        Of its vehicles and flexible loads by name, over a window that begins with the step.
    dispatch : Dispatch
        What the devices did.
    """
    lacking = {}
    for device in devices:
        if isinstance(device, SessionStore) and sessions[device.name].is_leaving[0]:
            rule, operation = sessions[device.name], dispatch.operations[device.name]
            left_kwh = device.energy_after(rule, operation)
            lacking[device.name] = float(rule.missing_kwh(left_kwh)[0])
    return lacking


def shed_kw(
    devices: tuple[Device, ...],
    realised: Realised,
    dispatch: Dispatch,
    sessions: Mapping[str, SessionRule] = NO_SESSIONS,
) -> float:
    """Give the load that was shed in one step. [kW]

    What a flexible load lacks at the end of its time is shed in its last step.
    """
    shed = sum(
        realised.kw[device.name] - dispatch.operations[device.name].in_kw
        for device in devices
        if isinstance(device, Load)
    )
    lacking = missing_kwh(devices, sessions, dispatch)
    return shed + sum(
        lacking[device.name] / sessions[device.name].step_h
        for device in devices
        if isinstance(device, SessionStore) and not device.is_vehicle and device.name in lacking
    )


def shed_critical_kw(devices: tuple[Device, ...], realised: Realised, dispatch: Dispatch) -> float:
    """Give the critical load that was shed in one step. [kW]"""
    return sum(
        device.shed_critical_kw(realised.kw[device.name], dispatch.operations[device.name].in_kw)
        for device in devices
        if isinstance(device, Load)
    )


def spilled_kw(devices: tuple[Device, ...], realised: Realised, dispatch: Dispatch) -> float:
    """Give the renewable power that was available and not used in one step. [kW]"""
    return sum(
        realised.kw[device.name] - dispatch.operations[device.name].out_kw
        for device in devices
        if isinstance(device, Renewable)
    )


def shed_value(
    devices: tuple[Device, ...],
    realised: Realised,
    dispatch: Dispatch,
    *,
    step_h: float,
    sessions: Mapping[str, SessionRule] = NO_SESSIONS,
) -> float:
    """Give the value of load that was shed, and of charge that lacked, in one step. [currency]"""
    shed_per_h = sum(
        device.shed_value_per_h(realised.kw[device.name], dispatch.operations[device.name].in_kw)
        for device in devices
        if isinstance(device, Load)
    )
    lacking = missing_kwh(devices, sessions, dispatch)
    return step_h * shed_per_h + sum(
        device.missing_per_kwh * lacking[device.name]
        for device in devices
        if isinstance(device, SessionStore) and device.name in lacking
    )
