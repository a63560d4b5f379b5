"""Holding a strategy to its word: what a plan or a dispatch promises and devices cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Battery,
    Device,
    Diesel,
    DieselState,
    Disclosure,
    Dispatch,
    FloatArray,
    Grant,
    Load,
    Message,
    Offer,
    Operation,
    Order,
    OrderQuery,
    Orders,
    Plan,
    PriceQuery,
    ProximalOffer,
    Realised,
    Renewable,
    Request,
    SessionStore,
    Side,
    View,
)
from mmgsim.subproblems.realise import RAMP_MISSED, hold_plan, net_limits_kw

__all__ = [
    "dispatch_faults",
    "offer_faults",
    "orders_faults",
    "outside_envelope_kw",
    "plan_faults",
    "reply_faults",
]

# Larger than the rounding of a solver, smaller than anything that matters. [kW], [kWh]
TOLERANCE = 1e-6


def reply_faults(reply: Any, view: View, message: Message) -> Iterator[str]:
    """Tell everything that is wrong with what a strategy answers to a message."""
    if not isinstance(reply, Message):
        yield f"answers {type(message).__name__} by {type(reply).__name__}, which is no message"
    elif isinstance(reply, Offer) and isinstance(message, PriceQuery):
        yield from offer_faults(reply, message)
    elif isinstance(reply, Orders) and isinstance(message, OrderQuery):
        yield from orders_faults(reply, message)
    else:
        checks: dict[type[Message], Callable[[Any, View], Iterator[str]]] = {
            Plan: plan_faults,
            Disclosure: _disclosure_faults,
            Request: _request_faults,
            ProximalOffer: _proximal_faults,
        }
        if isinstance(reply, Plan) and not _holds_ties(reply, message):
            yield "tie_kw of the plan is not that of the award; pass it on as it is"
            return
        if type(reply) in checks:
            faults = list(checks[type(reply)](reply, view))
            yield from faults
            if isinstance(reply, Plan) and not faults:
                yield from _grant_faults(reply, message)


def _holds_ties(plan: Plan, message: Message) -> bool:
    """Tell whether a plan has the tie flows that it was awarded: the other end counts on them."""
    awarded = message.tie_kw if isinstance(message, Award) else None
    if plan.tie_kw is None or awarded is None:
        return plan.tie_kw is awarded
    return np.array_equal(plan.tie_kw, awarded)


def _grant_faults(plan: Plan, message: Message) -> Iterator[str]:
    """Tell by how much a plan exchanges more than the DNO granted."""
    granted = message.granted if isinstance(message, Award) else message
    if isinstance(granted, Grant | Request) and "missed" not in plan.flags:
        bought_kw, sold_kw = -plan.exchange_kw, plan.exchange_kw
        beyond_kw = max((bought_kw - granted.lack_kw).max(), (sold_kw - granted.surplus_kw).max())
        if beyond_kw > TOLERANCE:
            yield f"the exchange is {beyond_kw:g} kW beyond what was granted"


def _request_faults(request: Request, view: View) -> Iterator[str]:
    for name in ("lack_kw", "surplus_kw"):
        values = getattr(request, name)
        if not is_finite(values, view.window.steps) or values.min() < -TOLERANCE:
            yield f"{name} is not {view.window.steps} finite numbers from 0"


def orders_faults(reply: Orders, query: OrderQuery) -> Iterator[str]:
    """Tell what is no order, is not about what was asked, or would trade with itself at a loss."""
    faults = [fault for order in reply.orders for fault in _order_faults(order, query)]
    yield from faults
    if faults:
        return
    for offset in query.offsets:
        asks, bids = (
            [o.price_per_kwh for o in reply.orders if (o.offset, o.side) == (offset, side)]
            for side in (Side.SELL, Side.BUY)
        )
        if asks and bids and max(bids) > min(asks):
            yield (
                f"bids {max(bids):g} and asks {min(asks):g} at position {offset}: "
                "it would buy from itself"
            )


def _order_faults(order: Any, query: OrderQuery) -> Iterator[str]:
    if not isinstance(order, Order):
        yield f"orders {type(order).__name__}, not Order"
        return
    if order.offset not in query.offsets:
        yield f"orders for position {order.offset}, which is not traded"
    if not isinstance(order.side, Side):
        yield f"orders on the side {order.side!r}; it is Side.BUY or Side.SELL"
    if not (np.isfinite([order.kw, order.price_per_kwh]).all() and order.kw >= 0.0):
        yield f"orders {order.kw} kW at {order.price_per_kwh}"


def _proximal_faults(offer: ProximalOffer, view: View) -> Iterator[str]:
    if not is_finite(offer.exchange_kw, view.window.steps):
        yield f"exchange_kw is not {view.window.steps} finite numbers"
        return
    if not np.isfinite(offer.private_cost):
        yield "private_cost is not finite"
    low_kw, high_kw = -view.envelope.import_limit_kw, view.envelope.export_limit_kw
    over_kw = np.maximum(low_kw - offer.exchange_kw, offer.exchange_kw - high_kw).max()
    if over_kw > TOLERANCE:
        yield f"the exchange leaves the envelope by {over_kw:g} kW"


def is_finite(values: Any, steps: int) -> bool:
    """Tell whether something is one finite number a step."""
    return np.shape(values) == (steps,) and bool(np.isfinite(values).all())


def plan_faults(plan: Any, view: View) -> Iterator[str]:
    """Tell everything that a plan promises and the microgrid cannot keep, or that is no plan."""
    if not isinstance(plan, Plan):
        yield f"gives {type(plan).__name__}, not Plan"
        return
    steps = view.window.steps
    if plan.window != view.window:
        yield "the plan is of another window than was asked for; pass on that of the view"
        return
    for name, values in (("exchange_kw", plan.exchange_kw), ("q_kvar", plan.q_kvar)):
        if not is_finite(values, steps):
            yield f"{name} is not {steps} finite numbers"
            return
    if not np.isfinite(plan.private_cost):
        yield "private_cost is not finite"
    if not _are_texts(plan.flags):
        yield f"flags are texts, not {plan.flags}"
        return
    low_kw, high_kw = -view.envelope.import_limit_kw, view.envelope.export_limit_kw
    outside_kw = max((low_kw - plan.exchange_kw).max(), (plan.exchange_kw - high_kw).max())
    if outside_kw > TOLERANCE and "missed" not in plan.flags:
        yield f"the exchange leaves the envelope by {outside_kw:g} kW"
    if plan.schedule is not None:
        yield from _schedule_faults(plan, view)
        return
    least_kw, most_kw = _reach_kw(view)
    leaving_kw = _leaving_kw(plan)
    beyond_kw = max((least_kw - leaving_kw).max(), (leaving_kw - most_kw).max())
    if beyond_kw > TOLERANCE:
        yield f"the exchange is {beyond_kw:g} kW more than all devices can do together"


def _leaving_kw(plan: Plan) -> FloatArray:
    """Give all that leaves: at the connection point, and through ties as awarded. [kW]"""
    return plan.exchange_kw if plan.tie_kw is None else plan.exchange_kw + plan.tie_kw


def _reach_kw(view: View) -> tuple[FloatArray, FloatArray]:
    """Give the least and the most that all devices together could let out in each step. [kW]"""
    least_kw, most_kw = np.zeros(view.window.steps), np.zeros(view.window.steps)
    for device in view.devices:
        if isinstance(device, Battery):
            least_kw, most_kw = least_kw - device.power_kw, most_kw + device.power_kw
        elif isinstance(device, SessionStore):
            plugged = view.sessions[device.name].is_plugged
            least_kw = least_kw - plugged * device.charge_kw
            most_kw = most_kw + plugged * device.discharge_kw
        elif isinstance(device, Diesel):
            most_kw = most_kw + device.power_max_kw
        elif isinstance(device, Load):
            least_kw = least_kw - view.forecast_kw[device.name]
        else:
            most_kw = most_kw + view.forecast_kw[device.name]
    return least_kw, most_kw


def _schedule_faults(plan: Plan, view: View) -> Iterator[str]:
    schedule = plan.schedule or {}
    if set(schedule) != {device.name for device in view.devices}:
        yield f"the schedule names {sorted(schedule)}, not all devices"
        return
    unclear = [
        f"{what} of {name} is not {view.window.steps} finite numbers from 0"
        for name, entry in schedule.items()
        for what in ("out_kw", "in_kw", "expected_kw", "energy_kwh")
        if (values := getattr(entry, what)) is not None
        and (not is_finite(values, view.window.steps) or np.min(values) < -TOLERANCE)
    ]
    if unclear:
        yield from unclear
        return
    net_kw = sum(entry.out_kw - entry.in_kw for entry in schedule.values())
    if np.abs(net_kw - _leaving_kw(plan)).max() > TOLERANCE:
        with_ties = "" if plan.tie_kw is None else " and the awarded tie_kw"
        yield f"the devices do not add up to the exchange{with_ties}"
    for device in view.devices:
        entry = schedule[device.name]
        if isinstance(device, Battery):
            yield from _battery_faults(device, entry, view, is_missed="missed" in plan.flags)
            continue
        if isinstance(device, Diesel):
            yield from _diesel_plan_faults(device, entry, view, is_missed="missed" in plan.flags)
            continue
        if isinstance(device, SessionStore):
            yield from _session_faults(device, entry, view, is_missed="missed" in plan.flags)
            continue
        is_load = isinstance(device, Load)
        used_kw, other_kw = (entry.in_kw, entry.out_kw) if is_load else (entry.out_kw, entry.in_kw)
        over_kw = (used_kw - view.forecast_kw[device.name]).max()
        if over_kw > TOLERANCE:
            yield f"{device.name} leaves 0..available by {over_kw:g} kW"
        if other_kw.max() > TOLERANCE:
            yield f"{device.name} {'generates' if is_load else 'consumes'} {other_kw.max():g} kW"


def _battery_faults(device: Battery, entry: Any, view: View, *, is_missed: bool) -> Iterator[str]:
    charged_kwh = view.window.step_h * (
        device.efficiency * entry.in_kw - entry.out_kw / device.efficiency
    )
    energy_kwh = view.state.energy_kwh[device.name] + np.cumsum(charged_kwh)
    rule = view.storage[device.name]
    over_kwh = max((energy_kwh - rule.high_kwh).max(), (rule.low_kwh - energy_kwh).max())
    if over_kwh > TOLERANCE and not is_missed:
        yield f"{device.name} misses its levels by {over_kwh:g} kWh"
    if max(entry.in_kw.max(), entry.out_kw.max()) > device.power_kw + TOLERANCE:
        yield f"{device.name} exceeds its power limit"
    if np.minimum(entry.in_kw, entry.out_kw).max() > TOLERANCE:
        yield f"{device.name} charges and discharges at once"


def _session_faults(
    device: SessionStore, entry: Any, view: View, *, is_missed: bool
) -> Iterator[str]:
    rule = view.sessions[device.name]
    energy_kwh = device.stored_kwh(rule, entry.in_kw, entry.out_kw)
    over_kwh = max((energy_kwh - device.energy_kwh).max(), (rule.floor_kwh - energy_kwh).max())
    if over_kwh > TOLERANCE:
        yield f"{device.name} leaves its limits of energy by {over_kwh:g} kWh"
    lacking_kwh = (rule.due_kwh() - energy_kwh).max()
    if device.is_vehicle and lacking_kwh > TOLERANCE and not is_missed:
        yield f"{device.name} gets {lacking_kwh:g} kWh less than it wants and could have"
    over_kw = max(
        (entry.in_kw - rule.is_plugged * device.charge_kw).max(),
        (entry.out_kw - rule.is_plugged * device.discharge_kw).max(),
    )
    if over_kw > TOLERANCE:
        yield f"{device.name} exceeds its power limit, or is away, by {over_kw:g} kW"
    if np.minimum(entry.in_kw, entry.out_kw).max() > TOLERANCE:
        yield f"{device.name} charges and discharges at once"


def _diesel_plan_faults(
    device: Diesel, entry: Any, view: View, *, is_missed: bool
) -> Iterator[str]:
    """Tell the first step of a window that a diesel unit cannot do after those before it."""
    state = view.state.diesel[device.name]
    for offset in range(view.window.steps):
        operation = entry.at(offset)
        faults = list(
            _diesel_faults(device, operation, state, view.window.step_h, is_missed=is_missed)
        )
        if faults:
            yield f"{faults[0]}, at position {offset} of the window"
            return
        state = device.state_after(operation)


def _diesel_faults(
    device: Diesel, operation: Operation, state: DieselState, step_h: float, *, is_missed: bool
) -> Iterator[str]:
    """Tell what a diesel unit cannot do after a state; `is_missed` excuses a fast fall."""
    out_kw = operation.out_kw
    if not abs(operation.in_kw) <= TOLERANCE:
        yield f"{device.name} in_kw = {operation.in_kw:g}, possible 0..0"
    low_kw, high_kw = device.range_kw(state, step_h)
    low_kw = device.power_min_kw if is_missed else low_kw
    is_off = abs(out_kw) <= TOLERANCE
    if not is_off and not low_kw - TOLERANCE <= out_kw <= high_kw + TOLERANCE:
        yield f"{device.name} out_kw = {out_kw:g}, possible 0 or {low_kw:g}..{high_kw:g}"
    if is_off and not is_missed and device.beyond_ramp_kw(state, 0.0, step_h) > TOLERANCE:
        yield (
            f"{device.name} stops from {state.power_kw:g} kW, "
            f"possible from {device.switch_kw(step_h):g}"
        )


def _are_texts(flags: Any) -> bool:
    return isinstance(flags, tuple) and all(isinstance(flag, str) for flag in flags)


def _disclosure_faults(told: Disclosure, view: View) -> Iterator[str]:
    """Tell what nobody can plan with in a disclosure; it need not be true."""
    steps = view.window.steps
    if told.window != view.window:
        yield "the disclosure is of another window than was asked for"
    for device in told.devices:
        name = device.name
        if isinstance(device, Load | Renewable):
            values = told.forecast_kw.get(name)
            if values is None or not is_finite(values, steps) or values.min() < -TOLERANCE:
                yield f"the forecast of {name} is not {steps} finite numbers from 0"
            yield from _outlook_faults(told, name, steps)
        elif isinstance(device, Diesel):
            if name not in told.state.diesel:
                yield f"the state of {name} is not disclosed"
        elif isinstance(device, SessionStore):
            sessions = told.sessions.get(name)
            if sessions is None or not all(is_finite(x, steps) for x in sessions.arrays()):
                yield f"the sessions of {name} are not {steps} finite numbers each"
        else:
            yield from _told_battery_faults(name, told)


def _told_battery_faults(name: str, told: Disclosure) -> Iterator[str]:
    steps, rule = told.window.steps, told.storage.get(name)
    if rule is None or not all(is_finite(x, steps) for x in (rule.low_kwh, rule.high_kwh)):
        yield f"the levels of {name} are not {steps} finite numbers"
    if not np.isfinite(told.state.energy_kwh.get(name, np.nan)):
        yield f"the stored energy of {name} is not disclosed"


def _outlook_faults(told: Disclosure, name: str, steps: int) -> Iterator[str]:
    """Tell what nobody can plan with in samples and bounds, where some are shown."""
    if name in told.samples_kw:
        samples_kw = np.asarray(told.samples_kw[name])
        is_sound = samples_kw.ndim == 2 and samples_kw.shape[1] == steps and len(samples_kw) > 0
        if not is_sound or not np.isfinite(samples_kw).all() or samples_kw.min() < -TOLERANCE:
            yield f"the samples of {name} are not rows of {steps} finite numbers from 0"
    bounds = [told.low_kw.get(name), told.high_kw.get(name)]
    if all(bound is None for bound in bounds):
        return
    if any(bound is None or not is_finite(bound, steps) for bound in bounds):
        yield f"the bounds of {name} are not {steps} finite numbers each"
    elif (np.asarray(bounds[0]) > np.asarray(bounds[1]) + TOLERANCE).any():
        yield f"the lower bound of {name} is above the upper one"


def offer_faults(offer: Offer, query: PriceQuery) -> Iterator[str]:
    """Tell where offers are of another shape than asked for, are no numbers, or prove too much."""
    queries, steps = query.prices_per_kwh.shape
    offers = queries + query.alone + query.again
    blocks = np.shape(offer.private_cost)[-1] if np.ndim(offer.private_cost) else 0
    shapes: list[tuple[str, Any, tuple[int, ...]]] = [
        ("exchange_kw", offer.exchange_kw, (offers, blocks, steps)),
        ("private_cost", offer.private_cost, (offers, blocks)),
        ("lower_bound", offer.lower_bound, (queries,)),
    ]
    if offer.hourly_kw is not None or offer.hourly_cost is not None:
        shapes += [
            ("hourly_kw", offer.hourly_kw, (offers, steps)),
            ("hourly_cost", offer.hourly_cost, (offers, steps)),
        ]
    for name, values, shape in shapes:
        if np.shape(values) != shape:
            yield f"{name} has shape {np.shape(values)}, not {shape}"
            return
        if not np.isfinite(values).all():
            yield f"{name} is not all finite"
            return
    if len(offer.indivisible) not in (0, blocks):
        yield f"indivisible names {len(offer.indivisible)} of {blocks} blocks"
    if not query.in_parts and (blocks != 1 or offer.hourly_kw is not None):
        yield "answers in parts where it was asked as a whole"
    yield from _bound_faults(offer, query)


def _bound_faults(offer: Offer, query: PriceQuery) -> Iterator[str]:
    queries = len(query.prices_per_kwh)
    exchange_kw, cost = offer.exchange_kw[:queries].sum(1), offer.private_cost[:queries].sum(1)
    if offer.hourly_kw is not None and offer.hourly_cost is not None:
        exchange_kw = exchange_kw + offer.hourly_kw[:queries]
        cost = cost + offer.hourly_cost[:queries].sum(1)
    revenue = query.window.step_h * (exchange_kw * query.prices_per_kwh).sum(1)
    over = offer.lower_bound - (cost - revenue)
    if (over > TOLERANCE * (1.0 + np.abs(cost) + np.abs(revenue))).any():
        yield f"a lower bound is above the cost of its own offer by {over.max():g}"


def dispatch_faults(view: View, realised: Realised, dispatch: Any) -> list[str]:
    """Tell everything that a dispatch asks of the devices and they cannot do."""
    if not isinstance(dispatch, Dispatch):
        return [f"gives {type(dispatch).__name__}, not Dispatch"]
    names = {device.name for device in view.devices}
    if set(dispatch.operations) != names:
        return [f"operations of {sorted(dispatch.operations)} for devices {sorted(names)}"]
    if not _are_texts(dispatch.flags):
        return [f"flags are texts, not {dispatch.flags}"]
    faults = [
        fault for device in view.devices for fault in _step_faults(device, view, realised, dispatch)
    ]
    return faults or list(_envelope_faults(view, realised, dispatch))


def _step_faults(
    device: Device, view: View, realised: Realised, dispatch: Dispatch
) -> Iterator[str]:
    operation = dispatch.operations[device.name]
    if isinstance(device, Diesel):
        state, is_missed = view.state.diesel[device.name], RAMP_MISSED in dispatch.flags
        yield from _diesel_faults(device, operation, state, view.window.step_h, is_missed=is_missed)
        return
    low_kw, most_out_kw = net_limits_kw(device, view, realised.kw.get(device.name, 0.0))
    for what, kw, most_kw in (
        ("in", operation.in_kw, -low_kw),
        ("out", operation.out_kw, most_out_kw),
    ):
        if not -TOLERANCE <= kw <= most_kw + TOLERANCE:
            yield f"{device.name} {what}_kw = {kw:g}, possible 0..{most_kw:g}"
    if min(operation.in_kw, operation.out_kw) > TOLERANCE:
        yield f"{device.name} takes in and gives out in the same step"


def _envelope_faults(view: View, realised: Realised, dispatch: Dispatch) -> Iterator[str]:
    over_kw = outside_envelope_kw(view, dispatch)
    if over_kw <= TOLERANCE:
        return
    least_kw = outside_envelope_kw(view, hold_plan(view, realised))
    if over_kw > least_kw + TOLERANCE:
        yield (
            f"the exchange leaves the envelope by {over_kw:g} kW, where storage, spill and "
            f"shedding can keep it to {least_kw:g} kW"
        )


def outside_envelope_kw(view: View, dispatch: Dispatch) -> float:
    """Give how far the exchange of a dispatch lies outside the envelope of its step. [kW]"""
    exchange_kw = sum(operation.net_kw for operation in dispatch.operations.values()) - view.tie_kw
    import_kw, export_kw = view.envelope.import_limit_kw[0], view.envelope.export_limit_kw[0]
    return float(max(exchange_kw - export_kw, -exchange_kw - import_kw, 0.0))
