"""The rows that a microgrid's step gives the tables of dispatch and of devices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from mmgsim.contracts import Battery, Diesel, Load, RenewableKind, SessionStore

__all__ = ["device_rows", "dispatch_row"]


def dispatch_row(now: Any, agent: Any, flags: Collection[str], step_h: float) -> tuple[Any, ...]:
    """Give the row of a microgrid in the table of dispatch."""
    last, operations = agent.last, agent.last.dispatch.operations
    sums: defaultdict[str, float] = defaultdict(float)
    for device in agent.devices:
        operation = operations[device.name]
        if isinstance(device, Battery):
            sums["charge"] += operation.in_kw
            sums["discharge"] += operation.out_kw
        elif isinstance(device, Load):
            sums["load"] += last.realised.kw[device.name]
        elif isinstance(device, Diesel):
            sums["diesel"] += operation.out_kw
        elif isinstance(device, SessionStore):
            if device.is_vehicle:
                sums["ev_charge"] += operation.in_kw
                sums["ev_discharge"] += operation.out_kw
            else:
                lacking_kwh = last.missing_kwh.get(device.name, 0.0)
                sums["load"] += operation.in_kw + lacking_kwh / step_h
        else:
            sums["wind" if device.kind is RenewableKind.WIND else "pv"] += operation.out_kw
    money = last.money
    return (
        now,
        agent.name,
        sums["load"],
        last.shed_kw,
        last.shed_critical_kw,
        sums["pv"],
        sums["wind"],
        last.spilled_kw,
        sums["diesel"],
        sums["charge"],
        sums["discharge"],
        sum(agent.state.energy_kwh.values()),
        sums["ev_charge"],
        sums["ev_discharge"],
        money.import_kw,
        money.export_kw,
        last.bought_kw,
        last.sold_kw,
        last.tie_kw,
        money.exchange_kw,
        money.planned_exchange_kw,
        money.exchange_kw - money.planned_exchange_kw,
        last.q_kvar,
        " ".join(sorted(flags)),
    )


def device_rows(now: Any, agent: Any) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a microgrid's, or the DNO's, devices."""
    last, plan = agent.last, agent.plan
    for device in agent.devices:
        name = device.name
        values: dict[str, float] = {}
        if name in last.realised.kw:
            values["available_kw"] = last.realised.kw[name]
        if plan is not None and plan.schedule is not None and name in plan.schedule:
            at, schedule = plan.window.offset(last.realised.step), plan.schedule[name]
            if schedule.expected_kw is not None:
                values["expected_kw"] = float(schedule.expected_kw[at])
            values["planned_kw"] = schedule.at(at).net_kw
        values["power_kw"] = last.dispatch.operations[name].net_kw
        if isinstance(device, Battery):
            values["charge_kw"] = last.dispatch.operations[name].in_kw
            values["discharge_kw"] = last.dispatch.operations[name].out_kw
            values["energy_kwh"] = agent.state.energy_kwh[name]
        elif isinstance(device, Diesel):
            values["on"] = float(agent.state.diesel[name].is_on)
        elif isinstance(device, SessionStore):
            values |= _session_values(device, agent)
        for quantity, value in values.items():
            yield (now, agent.name, name, quantity, value)


def _session_values(device: SessionStore, agent: Any) -> dict[str, float]:
    """Give what a vehicle or a flexible load did, what it holds, and what it wanted to."""
    name, last = device.name, agent.last
    rule, operation = agent.view.sessions[name], last.dispatch.operations[name]
    values = {"charge_kw": operation.in_kw, "plugged_in": float(rule.is_plugged[0])}
    if device.is_vehicle:
        values["discharge_kw"] = operation.out_kw
    if rule.is_plugged[0]:
        values["energy_kwh"] = agent.state.session_kwh[name]
        values["needed_kwh"] = float(rule.least_kwh[0])
    if rule.is_leaving[0]:
        values["wanted_kwh"] = float(rule.wanted_kwh[0])
        values["missing_kwh"] = last.missing_kwh[name]
    return values
