"""Warnings of a scenario that has no faults: what its files say, and what its feeder does alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.engine.coordination_doubts import coordination_doubts
from mmgsim.engine.happening import line_doubts
from mmgsim.engine.own_setup import OWN, grant_doubts
from mmgsim.errors import Fault
from mmgsim.network import Feeder, Flow, FlowStatus, SweepFlow
from mmgsim.scenario import (
    Inputs,
    LoadedScenario,
    Scenario,
    role_doubts,
    taken_elements,
    unusual,
)

__all__ = ["warnings_of"]


def warnings_of(loaded: LoadedScenario, inputs: Inputs, feeder: Feeder | None) -> tuple[Fault, ...]:
    """Give everything that is probably not meant, with lines and in the order of the file.

    Raises
    ------
    ScenarioError
        If there is no power flow at the peak of the background, without any microgrid.
    """
    found = unusual(loaded.scenario, inputs)
    found += coordination_doubts(loaded.scenario, loaded.folder, feeder)
    found += role_doubts(loaded.scenario, inputs, loaded.folder)
    if feeder is not None:
        found += grant_doubts(loaded.scenario, loaded.folder)
        extremes = _extremes(feeder, inputs.background)
        nothing = np.zeros((len(extremes), len(feeder.members)))
        flow = SweepFlow(feeder).solve(extremes, nothing, nothing)
        if flow.status[0] is FlowStatus.NOT_CONVERGED:
            raise loaded.refusal([_collapse(feeder, extremes[0])])
        found += [*_broken_limits(feeder, flow), *_odd_buses(feeder, flow)]
        found += _moved_elements(loaded.scenario, feeder)
        found += line_doubts(feeder.net, loaded.scenario.events)
    return loaded.placed(found)


def _extremes(feeder: Feeder, background: FloatArray) -> FloatArray:
    """Give the background at its peak; with generators of its own, also where it draws least."""
    if not feeder.follows.has_names:
        return np.array([float(background.max())])
    drawn_kw = [feeder.background_kw_at(share)[1] for share in background]
    return background[[int(np.argmax(drawn_kw)), int(np.argmin(drawn_kw))]]


def _collapse(feeder: Feeder, share: FloatArray) -> Fault:
    """Say that the background alone is more than the feeder can carry."""
    return Fault(
        "network.background.scale",
        f"{feeder.background.scale:g}: the feeder cannot carry the peak of the background, "
        f"{feeder.background_kw_at(share)[1]:g} kW; there is no AC power flow even without "
        "microgrids",
        "lower it (a share of the case's loads, not percent), or give another case",
    )


def _broken_limits(feeder: Feeder, flow: Flow) -> Iterator[Fault]:
    """Doubt limits that the background breaks at an extreme, whatever the microgrids do."""
    cure = "lower network.background.scale, unless limits are meant to be broken"
    limits, flags = feeder.limits, {flag for of_point in flow.flags for flag in of_point}
    if "undervoltage" in flags:
        low = int(np.nanargmin(flow.vm_pu)) % len(feeder.buses)
        least = np.nanmin(flow.vm_pu)
        what = f"the background alone leaves {least:.4f} pu at bus {feeder.buses[low]}"
        yield Fault("network.v_min_pu", f"{limits.v_min_pu:g}: {what}", cure)
    if "overvoltage" in flags:
        high = int(np.nanargmax(flow.vm_pu)) % len(feeder.buses)
        most = np.nanmax(flow.vm_pu)
        what = f"without microgrids there are {most:.4f} pu at bus {feeder.buses[high]}"
        yield Fault("network.v_max_pu", f"{limits.v_max_pu:g}: {what}", cure)
    if "line_overload" in flags:
        line = int(np.argmax(flow.loading_percent)) % len(feeder.lines)
        percent = flow.loading_percent.max()
        what = f"the background alone loads line {feeder.lines[line]} with {percent:.0f} %"
        yield Fault("network.ratings", what, cure)
    if "trafo_overload" in flags:
        percent = flow.trafo_loading_percent.max()
        what = f"the background alone loads a transformer with {percent:.0f} %"
        yield Fault("network", what, cure)


def _moved_elements(scenario: Scenario, feeder: Feeder) -> Iterator[Fault]:
    """Doubt microgrids that take an element of the net to another bus than its own."""
    bus_of = {
        name: int(bus)
        for table in ("load", "sgen")
        for name, bus in zip(feeder.net[table].name, feeder.net[table].bus, strict=True)
    }
    member_bus = {member.name: member.bus for member in feeder.members}
    for element, owners in taken_elements(scenario).items():
        for microgrid, device in owners:
            if bus_of[element] != member_bus[microgrid]:
                what = (
                    f"{element!r} is at bus {bus_of[element]} of the net, {microgrid} at bus "
                    f"{member_bus[microgrid]}: its power moves there"
                )
                where = f"microgrids.{microgrid}.devices.{device}.profile"
                yield Fault(where, what, "give the microgrid the element's bus, unless meant")


def _odd_buses(feeder: Feeder, flow: Flow) -> Iterator[Fault]:
    """Doubt microgrids where the feeder cannot bind them, and where nothing reaches them."""
    table = feeder.net.ext_grid
    slack = set(table.bus[table.in_service])
    for member in feeder.members:
        if member.name.startswith(OWN):
            continue
        where = f"microgrids.{member.name}.bus"
        if member.bus in slack:
            what = f"{member.bus} is the bus of the upstream grid: no limit ever binds there"
            yield Fault(where, what, "give the bus of its feeder")
        elif f"unsupplied:{member.name}" in flow.flags[0]:
            what = f"{member.bus} is on an island: {member.name} can exchange nothing"
            yield Fault(where, what, "close a line or switch of the net, unless meant")
