"""What running the devices cost, and what unserved demand was worth."""

from __future__ import annotations

from mmgsim.contracts import (
    Battery,
    Device,
    Dispatch,
    Item,
    Load,
    OperationCost,
    Realised,
    Renewable,
)

__all__ = ["operation_costs", "shed_kw", "shed_value", "spilled_kw"]


def operation_costs(
    devices: tuple[Device, ...], dispatch: Dispatch, step_h: float
) -> tuple[OperationCost, ...]:
    """Give the wear of all batteries of a microgrid in one step; nothing where nothing ran."""
    kwh = cost = 0.0
    for device in devices:
        if isinstance(device, Battery):
            discharged_kwh = dispatch.operations[device.name].out_kw * step_h
            kwh += discharged_kwh if device.wear_per_kwh else 0.0
            cost += discharged_kwh * device.wear_per_kwh
    return (OperationCost(Item.WEAR, kwh, cost),) if kwh else ()


def shed_kw(devices: tuple[Device, ...], realised: Realised, dispatch: Dispatch) -> float:
    """Give the load that was shed in one step. [kW]"""
    return sum(
        realised.kw[device.name] - dispatch.operations[device.name].in_kw
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
    devices: tuple[Device, ...], realised: Realised, dispatch: Dispatch, step_h: float
) -> float:
    """Give the value of the load that was shed in one step. [currency]"""
    return step_h * sum(
        device.shed_price_per_kwh * shed_kw((device,), realised, dispatch)
        for device in devices
        if isinstance(device, Load)
    )
