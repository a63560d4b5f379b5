"""Warnings of a scenario that has no faults: what its files say, and what its feeder does alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmgsim.errors import Fault
from mmgsim.network import Feeder, Flow, FlowStatus, SweepFlow
from mmgsim.scenario import Inputs, LoadedScenario, unusual

__all__ = ["warnings_of"]


def warnings_of(loaded: LoadedScenario, inputs: Inputs, feeder: Feeder | None) -> tuple[Fault, ...]:
    """Give everything that is probably not meant, with lines and in the order of the file.

    Raises
    ------
    ScenarioError
        If there is no power flow at the peak of the background, without any microgrid.
    """
    found = unusual(loaded.scenario, inputs)
    if feeder is not None:
        share = float(inputs.background.max())
        nothing = np.zeros((1, len(feeder.members)))
        flow = SweepFlow(feeder).solve(np.array([share]), nothing, nothing)
        if flow.status[0] is FlowStatus.NOT_CONVERGED:
            raise loaded.refusal([_collapse(feeder, share)])
        found += [*_broken_limits(feeder, flow), *_odd_buses(feeder, flow)]
    return loaded.placed(found)


def _collapse(feeder: Feeder, share: float) -> Fault:
    """Say that the background alone is more than the feeder can carry."""
    return Fault(
        "network.background.scale",
        f"{feeder.background.scale:g}: the feeder cannot carry the peak of the background, "
        f"{share * feeder.background_kw:g} kW; there is no AC power flow even without microgrids",
        "lower it (a share of the case's loads, not percent), or give another case",
    )


def _broken_limits(feeder: Feeder, flow: Flow) -> Iterator[Fault]:
    """Doubt limits that the background breaks at its peak, whatever the microgrids do."""
    cure = "lower network.background.scale, unless limits are meant to be broken"
    vm_pu, limits = flow.vm_pu[0], feeder.limits
    if "undervoltage" in flow.flags[0]:
        low = int(np.nanargmin(vm_pu))
        what = f"the background alone leaves {vm_pu[low]:.4f} pu at bus {feeder.buses[low]}"
        yield Fault("network.v_min_pu", f"{limits.v_min_pu:g}: {what}", cure)
    if "overvoltage" in flow.flags[0]:
        high = int(np.nanargmax(vm_pu))
        what = f"without microgrids there are {vm_pu[high]:.4f} pu at bus {feeder.buses[high]}"
        yield Fault("network.v_max_pu", f"{limits.v_max_pu:g}: {what}", cure)
    if "line_overload" in flow.flags[0]:
        line = int(np.argmax(flow.loading_percent[0]))
        percent = flow.loading_percent[0, line]
        what = f"the background alone loads line {feeder.lines[line]} with {percent:.0f} %"
        yield Fault("network.ratings", what, cure)
    if "trafo_overload" in flow.flags[0]:
        what = f"the background alone loads a transformer with {flow.loading_max_percent[0]:.0f} %"
        yield Fault("network", what, cure)


def _odd_buses(feeder: Feeder, flow: Flow) -> Iterator[Fault]:
    """Doubt microgrids where the feeder cannot bind them, and where nothing reaches them."""
    table = feeder.net.ext_grid
    slack = set(table.bus[table.in_service])
    for member in feeder.members:
        where = f"microgrids.{member.name}.bus"
        if member.bus in slack:
            what = f"{member.bus} is the bus of the upstream grid: no limit ever binds there"
            yield Fault(where, what, "give the bus of its feeder")
        elif f"unsupplied:{member.name}" in flow.flags[0]:
            what = f"{member.bus} is on an island: {member.name} can exchange nothing"
            yield Fault(where, what, "close a line or switch of the net, unless meant")
