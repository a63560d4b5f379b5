"""From plan to fact: what a microgrid does in a step when reality differs from its forecast.

Trades and what passes tie lines are firm. Devices hold their plan, clipped to what is available,
storable and within ramps; import and export take the difference up to the envelope; beyond it
storage, then running diesel and spill, then priced shedding, the critical part of a load last. What
was to be spilled or shed is used or served after all before anything else is shed or spilled. Who
is planned to be off stays off: starts are for the plan.

Vehicles and flexible loads hold their plan too, and charge more where what a vehicle wants would
get out of reach. They help like storage as far as that stays in reach; what goes beyond it is shed
in the order of its price.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from math import inf

from mmgsim.contracts import (
    Battery,
    Device,
    Diesel,
    Dispatch,
    Load,
    Operation,
    Realised,
    Renewable,
    SessionStore,
    View,
)

__all__ = ["RAMP_MISSED", "hold_plan", "net_limits_kw"]

# Flag of a step in which a diesel unit lost its load faster than its ramp.
RAMP_MISSED = "ramp_missed"

# Larger than the rounding of a solver, smaller than anything that matters. [kW]
TOLERANCE_KW = 1e-6


class _Part(Enum):
    """Which part of a device's power is shifted; loads and sessions have more than the whole."""

    WHOLE = auto()
    REST = auto()
    CRITICAL = auto()
    SPARE = auto()
    """What leaves all that is due in reach."""


def hold_plan(view: View, realised: Realised) -> Dispatch:
    """Hold the plan as far as what really happened allows.

    Parameters
    ----------
    view : View
        Its window starts at the step to dispatch; its plan may be older.
    realised : Realised
        Demand and available power of the step. [kW]
    """
    operations, left_kw = _inside_envelope(view, realised)
    if left_kw < -TOLERANCE_KW:
        operations, left_kw = _lose_load(view, realised, operations, left_kw)
    flags: tuple[str, ...] = ()
    if any(
        device.beyond_ramp_kw(
            view.state.diesel[device.name], operations[device.name].out_kw, view.window.step_h
        )
        > TOLERANCE_KW
        for device in _diesels(view.devices)
    ):
        flags += (RAMP_MISSED,)
    return Dispatch(operations=operations, memory=view.memory, flags=flags)


def _inside_envelope(
    view: View, realised: Realised, off: tuple[str, ...] = ()
) -> tuple[dict[str, Operation], float]:
    """Give the planned operations, shifted into the envelope, and what does not fit. [kW]

    Diesel units named in `off` are off, whatever was planned.
    """
    operations = {
        device.name: Operation()
        if device.name in off
        else _planned(view, device, realised.kw.get(device.name, 0.0))
        for device in view.devices
    }
    # What leaves through ties is firm: it comes on top of what the envelope lets through.
    low_kw = view.tie_kw - float(view.envelope.import_limit_kw[0])
    high_kw = view.tie_kw + float(view.envelope.export_limit_kw[0])
    leaving_kw = sum(operation.net_kw for operation in operations.values())
    inside_kw = min(max(leaving_kw, low_kw), high_kw)
    return operations, _shift(view, realised, operations, inside_kw - leaving_kw)


def _lose_load(
    view: View, realised: Realised, operations: dict[str, Operation], left_kw: float
) -> tuple[dict[str, Operation], float]:
    """Take diesel down faster than its ramp, then off; give operations and what is left. [kW]

    The last resort where more leaves than the envelope lets through: an engine can always lose its
    load. Once a unit has to go off, the others begin again from their plan.
    """
    off: tuple[str, ...] = ()
    running = [d for d in _diesels(view.devices)[::-1] if d.is_on(operations[d.name].out_kw)]
    for device in running:
        left_kw = _fall(running, operations, left_kw)
        if left_kw >= -TOLERANCE_KW:
            break
        off += (device.name,)
        operations, left_kw = _inside_envelope(view, realised, off)
    return operations, _fall(running, operations, left_kw)


def _fall(units: list[Diesel], operations: dict[str, Operation], left_kw: float) -> float:
    """Lower running units to their least power, one after the other; give what is left. [kW]"""
    for unit in units:
        now_kw = operations[unit.name].out_kw
        if left_kw < 0.0 and unit.is_on(now_kw):
            after_kw = max(now_kw + left_kw, unit.power_min_kw)
            operations[unit.name] = Operation(out_kw=after_kw)
            left_kw += now_kw - after_kw
    return left_kw


def _planned(view: View, device: Device, realised_kw: float) -> Operation:
    """Give the planned operation of one device, clipped to what is available and storable."""
    schedule = (view.plan.schedule or {}).get(device.name) if view.plan is not None else None
    expected_kw, after_kwh = None, inf
    if view.plan is None or schedule is None:
        planned = Operation()
    else:
        offset = view.plan.window.offset(view.window.first_step)
        planned = schedule.at(offset)
        expected_kw = None if schedule.expected_kw is None else schedule.expected_kw[offset]
        after_kwh = inf if schedule.energy_kwh is None else float(schedule.energy_kwh[offset])
    if isinstance(device, Battery):
        return _storable(device, planned, view)
    if isinstance(device, SessionStore):
        return _reaching(device, planned, view, after_kwh)
    if isinstance(device, Diesel):
        return _runnable(device, planned, view)
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


def _reaching(
    device: SessionStore, planned: Operation, view: View, planned_kwh: float
) -> Operation:
    """Give the planned power, or as much more charge as keeps what is due in reach.

    A flexible load that was to be left unserved charges no more than brings it to what was planned
    for the end of the step.
    """
    rule = view.sessions[device.name]
    least_kw, spare_kw, _ = device.limits_kw(rule)
    if not device.is_vehicle:
        behind_kwh = planned_kwh - float(rule.arrives_kwh[0])
        spare_kw = max(spare_kw, -behind_kwh / (device.efficiency * rule.step_h))
    net_kw = max(min(planned.net_kw, spare_kw), least_kw)
    return Operation(out_kw=max(net_kw, 0.0), in_kw=max(-net_kw, 0.0))


def _runnable(device: Diesel, planned: Operation, view: View) -> Operation:
    """Give the planned power within ramps; who is still too high to stop comes down first."""
    state, step_h = view.state.diesel[device.name], view.window.step_h
    can_stop = device.beyond_ramp_kw(state, 0.0, step_h) <= TOLERANCE_KW
    if can_stop and not device.is_on(planned.out_kw):
        return Operation()
    low_kw, high_kw = device.range_kw(state, step_h)
    return Operation(out_kw=min(max(planned.out_kw, low_kw), high_kw))


def net_limits_kw(device: Device, view: View, realised_kw: float) -> tuple[float, float]:
    """Give the least and the most net power of a device in this step, generation positive. [kW]

    Those of a diesel unit hold while it is on.

    Parameters
    ----------
    device : Device
        Of the view.
    view : View
        Its window starts at the step.
    realised_kw : float
        Realised demand or available power; without effect on storage and diesel. [kW]
    """
    if isinstance(device, Load):
        return -realised_kw, 0.0
    if isinstance(device, Diesel):
        return device.range_kw(view.state.diesel[device.name], view.window.step_h)
    if isinstance(device, SessionStore):
        least_kw, _, most_kw = device.limits_kw(view.sessions[device.name])
        return least_kw, most_kw
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

    Too much leaves: storage takes up, load is served that was to be shed, running diesel comes
    down, then sun and wind are spilled. Too much enters: storage gives out, sun and wind are used
    that were to be spilled, running diesel goes up, then load is shed, its critical part last.
    Vehicles and flexible loads are storage as far as what is due stays in reach, and load beyond.
    """
    for device, part in _order(view, is_surplus=by_kw < 0.0):
        if by_kw == 0.0:
            break
        now_kw = operations[device.name].net_kw
        if isinstance(device, Diesel) and not device.is_on(now_kw):
            continue
        low_kw, high_kw = net_limits_kw(device, view, realised.kw.get(device.name, 0.0))
        if isinstance(device, Load) and part is not _Part.WHOLE:
            edge_kw = device.critical_share * low_kw
            low_kw, high_kw = (edge_kw, high_kw) if part is _Part.CRITICAL else (low_kw, edge_kw)
        if isinstance(device, SessionStore) and part is _Part.SPARE:
            _, high_kw, _ = device.limits_kw(view.sessions[device.name])
        after_kw = max(now_kw + by_kw, min(low_kw, now_kw))
        after_kw = min(after_kw, max(high_kw, now_kw))
        operations[device.name] = Operation(out_kw=max(after_kw, 0.0), in_kw=max(-after_kw, 0.0))
        by_kw -= after_kw - now_kw
    return by_kw


def _order(view: View, *, is_surplus: bool) -> list[tuple[Device, _Part]]:
    """Give storage first, then what saves most or costs least; diesel and loads by their price."""
    devices = view.devices
    storage = _whole(device for device in devices if isinstance(device, Battery))
    storage += [(device, _Part.SPARE) for device in devices if isinstance(device, SessionStore)]
    renewables = [device for device in devices if isinstance(device, Renewable)]
    loads, diesels = _load_parts(view), _diesels(devices)
    if is_surplus:
        return [*storage, *loads[::-1], *_whole(diesels[::-1]), *_whole(renewables)]
    return [*storage, *_whole(renewables), *_whole(diesels), *loads]


def _whole(devices: Iterable[Device]) -> list[tuple[Device, _Part]]:
    return [(device, _Part.WHOLE) for device in devices]


def _load_parts(view: View) -> list[tuple[Device, _Part]]:
    """Give the parts of all loads, and what sessions are due, in the order in which they go."""
    parts: list[tuple[float, Load | SessionStore, _Part]] = []
    for load in view.devices:
        if isinstance(load, SessionStore):
            price = view.sessions[load.name].miss_price_per_kwh * load.efficiency
            parts.append((price, load, _Part.WHOLE))
        elif isinstance(load, Load) and load.critical_share:
            parts.append((load.shed_price_per_kwh, load, _Part.REST))
            parts.append((load.critical_shed_price_per_kwh, load, _Part.CRITICAL))
        elif isinstance(load, Load):
            parts.append((load.shed_price_per_kwh, load, _Part.WHOLE))
    parts.sort(key=lambda part: (part[0], part[1].name))  # stable: of one load, the rest first
    return [(load, which) for _, load, which in parts]


def _diesels(devices: tuple[Device, ...]) -> list[Diesel]:
    """Give the diesel units, the one with the cheapest kWh first."""
    units = [device for device in devices if isinstance(device, Diesel)]
    return sorted(units, key=lambda unit: (unit.cost_per_kwh, unit.name))
