"""From plan to fact: what a microgrid does in a step when reality differs from its forecast.

Trades are firm. Devices hold their plan, clipped to what is available and storable; import and
export take the difference up to the envelope; beyond it storage, then spill, then priced shedding.
What was to be spilled or shed is used or served after all before anything else is shed or spilled.
"""

from __future__ import annotations

from mmgsim.contracts import (
    Battery,
    Device,
    Dispatch,
    Load,
    Operation,
    Realised,
    Renewable,
    View,
)

__all__ = ["hold_plan", "net_limits_kw"]

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
    inside_kw = min(max(exchange_kw, low_kw), high_kw)
    left_kw = _shift(view, realised, operations, inside_kw - exchange_kw)
    flags = ("outside_envelope",) if abs(left_kw) > TOLERANCE_KW else ()
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
    low_kw, high_kw = net_limits_kw(device, view, 0.0)
    return Operation(out_kw=min(planned.out_kw, high_kw), in_kw=min(planned.in_kw, -low_kw))


def net_limits_kw(device: Device, view: View, realised_kw: float) -> tuple[float, float]:
    """Give the least and the most net power of a device in this step, generation positive. [kW]

    Parameters
    ----------
    device : Device
        Of the view.
    view : View
        Its window starts at the step.
    realised_kw : float
        Realised demand or available power; without effect on storage. [kW]
    """
    if isinstance(device, Load):
        return -realised_kw, 0.0
    if not isinstance(device, Battery):
        return 0.0, realised_kw
    energy_kwh, step_h = view.state.energy_kwh[device.name], view.window.step_h
    most_in_kw = (device.energy_kwh - energy_kwh) / (device.efficiency * step_h)
    most_out_kw = (energy_kwh - device.energy_min_kwh) * device.efficiency / step_h
    return (
        -min(max(most_in_kw, 0.0), device.power_kw),
        min(max(most_out_kw, 0.0), device.power_kw),
    )


def _shift(view: View, realised: Realised, operations: dict[str, Operation], by_kw: float) -> float:
    """Raise or lower the net power of the devices one after the other; give what is left. [kW]

    Too much leaves: storage takes up, load is served that was to be shed, then sun and wind are
    spilled. Too much enters: storage gives out, sun and wind are used that were to be spilled,
    then load is shed.
    """
    for device in _order(view.devices, is_surplus=by_kw < 0.0):
        if by_kw == 0.0:
            break
        now_kw = operations[device.name].net_kw
        low_kw, high_kw = net_limits_kw(device, view, realised.kw.get(device.name, 0.0))
        after_kw = max(now_kw + by_kw, min(low_kw, now_kw))
        after_kw = min(after_kw, max(high_kw, now_kw))
        operations[device.name] = Operation(out_kw=max(after_kw, 0.0), in_kw=max(-after_kw, 0.0))
        by_kw -= after_kw - now_kw
    return by_kw


def _order(devices: tuple[Device, ...], *, is_surplus: bool) -> list[Device]:
    """Give storage first, then what costs nothing, then what does; loads by their price."""
    storage = [device for device in devices if isinstance(device, Battery)]
    renewables = [device for device in devices if isinstance(device, Renewable)]
    loads = sorted(
        (device for device in devices if isinstance(device, Load)),
        key=lambda load: (load.shed_price_per_kwh, load.name),
    )
    if is_surplus:
        return [*storage, *loads[::-1], *renewables]
    return [*storage, *renewables, *loads]
