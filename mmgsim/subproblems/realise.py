"""From plan to fact: what a microgrid does in a step when reality differs from its forecast.

Trades are firm. Devices hold their plan, clipped to what is available and storable; import and
export take the difference up to the envelope; beyond it storage, then spill, then priced shedding.
What was to be spilled or shed is used or served after all before anything else is shed or spilled.
"""

from __future__ import annotations

from mmgsim.contracts import (
    Battery,
    CarriedState,
    Device,
    Dispatch,
    Load,
    Operation,
    Realised,
    Renewable,
    View,
)

__all__ = ["battery_room_kw", "hold_plan"]

# Larger than the rounding of a solver, smaller than anything that matters. [kW]
TOLERANCE_KW = 1e-6


def hold_plan(view: View, realised: Realised) -> Dispatch:
    """Hold the plan as far as what really happened allows.

    Parameters
    ----------
    view : View
        Its window starts at the step to dispatch; its plan may be older.
    realised : Realised
        Demand and available power of the step. [kW]
    """
    operations = {
        device.name: _planned(view, device, realised.kw.get(device.name, 0.0))
        for device in view.devices
    }
    low_kw = -float(view.envelope.import_limit_kw[0])
    high_kw = float(view.envelope.export_limit_kw[0])
    exchange_kw = sum(operation.net_kw for operation in operations.values())
    if exchange_kw > high_kw:
        left_kw = _take_up(view, operations, exchange_kw - high_kw)
        left_kw = _serve(view.devices, operations, realised, left_kw)
        left_kw = _spill(view.devices, operations, left_kw)
    elif exchange_kw < low_kw:
        left_kw = _give_out(view, operations, low_kw - exchange_kw)
        left_kw = _use(view.devices, operations, realised, left_kw)
        left_kw = _shed(view.devices, operations, left_kw)
    else:
        left_kw = 0.0
    flags = ("outside_envelope",) if left_kw > TOLERANCE_KW else ()
    return Dispatch(operations=operations, memory=view.memory, flags=flags)


def _planned(view: View, device: Device, realised_kw: float) -> Operation:
    """Give the planned operation of one device, clipped to what is available and storable."""
    schedule = (view.plan.schedule or {}).get(device.name) if view.plan is not None else None
    if view.plan is None or schedule is None:
        planned, expected_kw = Operation(), None
    else:
        offset = view.plan.window.offset(view.window.first_step)
        planned = schedule.at(offset)
        expected_kw = None if schedule.expected_kw is None else schedule.expected_kw[offset]
    if isinstance(device, Battery):
        return _storable(device, planned, view)
    is_load = isinstance(device, Load)
    used_kw = realised_kw
    if expected_kw is not None:
        used_kw = _held(planned.in_kw if is_load else planned.out_kw, expected_kw, realised_kw)
    return Operation(in_kw=used_kw) if is_load else Operation(out_kw=used_kw)


def _held(planned_kw: float, expected_kw: float, realised_kw: float) -> float:
    """Give what is used when not all that was expected was to be used. [kW]

    No more than planned is shed or spilled, and only of what exceeds the planned use.
    """
    unused_kw = max(float(expected_kw) - planned_kw, 0.0)
    return realised_kw - min(unused_kw, max(realised_kw - planned_kw, 0.0))


def _storable(device: Battery, planned: Operation, view: View) -> Operation:
    most_in_kw, most_out_kw = battery_room_kw(device, view.state, view.window.step_h)
    return Operation(out_kw=min(planned.out_kw, most_out_kw), in_kw=min(planned.in_kw, most_in_kw))


def battery_room_kw(device: Battery, state: CarriedState, step_h: float) -> tuple[float, float]:
    """Give the most that a battery can charge and discharge in this step. [kW]"""
    energy_kwh = state.energy_kwh[device.name]
    most_in_kw = (device.energy_kwh - energy_kwh) / (device.efficiency * step_h)
    most_out_kw = (energy_kwh - device.energy_min_kwh) * device.efficiency / step_h
    return (
        min(max(most_in_kw, 0.0), device.power_kw),
        min(max(most_out_kw, 0.0), device.power_kw),
    )


def _take_up(view: View, operations: dict[str, Operation], surplus_kw: float) -> float:
    """Have storage discharge less, then charge more; give what is left. [kW]"""
    for device in view.devices:
        if isinstance(device, Battery) and surplus_kw > 0.0:
            now = operations[device.name]
            less_kw = min(now.out_kw, surplus_kw)
            room_kw = battery_room_kw(device, view.state, view.window.step_h)[0] - now.in_kw
            more_kw = min(max(room_kw, 0.0), surplus_kw - less_kw)
            operations[device.name] = Operation(now.out_kw - less_kw, now.in_kw + more_kw)
            surplus_kw -= less_kw + more_kw
    return surplus_kw


def _give_out(view: View, operations: dict[str, Operation], lack_kw: float) -> float:
    """Have storage charge less, then discharge more; give what is left. [kW]"""
    for device in view.devices:
        if isinstance(device, Battery) and lack_kw > 0.0:
            now = operations[device.name]
            less_kw = min(now.in_kw, lack_kw)
            room_kw = battery_room_kw(device, view.state, view.window.step_h)[1] - now.out_kw
            more_kw = min(max(room_kw, 0.0), lack_kw - less_kw)
            operations[device.name] = Operation(now.out_kw + more_kw, now.in_kw - less_kw)
            lack_kw -= less_kw + more_kw
    return lack_kw


def _serve(
    devices: tuple[Device, ...], operations: dict[str, Operation], realised: Realised, kw: float
) -> float:
    """Serve load that was to be shed, the dearest first; give what is left. [kW]"""
    for device in _by_shed_price(devices)[::-1]:
        in_kw = operations[device.name].in_kw
        more_kw = min(max(realised.kw.get(device.name, 0.0) - in_kw, 0.0), kw)
        operations[device.name] = Operation(in_kw=in_kw + more_kw)
        kw -= more_kw
    return kw


def _use(
    devices: tuple[Device, ...], operations: dict[str, Operation], realised: Realised, kw: float
) -> float:
    """Use wind and sun that was to be spilled, in the order of the devices; give what is left."""
    for device in devices:
        if isinstance(device, Renewable):
            out_kw = operations[device.name].out_kw
            more_kw = min(max(realised.kw.get(device.name, 0.0) - out_kw, 0.0), kw)
            operations[device.name] = Operation(out_kw=out_kw + more_kw)
            kw -= more_kw
    return kw


def _spill(
    devices: tuple[Device, ...], operations: dict[str, Operation], surplus_kw: float
) -> float:
    """Use less wind and sun, in the order of the devices; give what is left. [kW]"""
    for device in devices:
        if isinstance(device, Renewable) and surplus_kw > 0.0:
            out_kw = operations[device.name].out_kw
            spilled_kw = min(out_kw, surplus_kw)
            operations[device.name] = Operation(out_kw=out_kw - spilled_kw)
            surplus_kw -= spilled_kw
    return surplus_kw


def _shed(devices: tuple[Device, ...], operations: dict[str, Operation], lack_kw: float) -> float:
    """Shed load, the cheapest first; give what is left. [kW]"""
    for device in _by_shed_price(devices):
        in_kw = operations[device.name].in_kw
        shed_kw = min(in_kw, lack_kw)
        operations[device.name] = Operation(in_kw=in_kw - shed_kw)
        lack_kw -= shed_kw
    return lack_kw


def _by_shed_price(devices: tuple[Device, ...]) -> list[Load]:
    """Give the loads, those that are cheapest to shed first."""
    loads = [device for device in devices if isinstance(device, Load)]
    return sorted(loads, key=lambda load: (load.shed_price_per_kwh, load.name))
