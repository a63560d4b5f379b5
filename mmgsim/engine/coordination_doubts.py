"""Warnings about a coordination: options and parts of a scenario that it cannot use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mmgsim.engine.own_setup import tree_faults
from mmgsim.engine.tie_setup import tie_lines_of
from mmgsim.errors import Fault
from mmgsim.network import Feeder
from mmgsim.scenario import Kind, Scenario, find_maker

__all__ = ["coordination_doubts"]


def coordination_doubts(
    scenario: Scenario, folder: Path | None, feeder: Feeder | None
) -> Iterator[Fault]:
    """Doubt ties, rows of the network and options that the coordination does nothing with."""
    chosen = scenario.coordination
    mechanism = find_maker(Kind.MECHANISM, chosen.kind, chosen.options(), folder)()
    if tie_lines_of(scenario) and not getattr(mechanism, "uses_ties", False):
        what = f"coordination {chosen.kind!r} leaves private ties at zero"
        cure = "use central, or hierarchical with controller: aggregated, unless meant"
        yield Fault("ties", what, cure)
    if getattr(mechanism, "network", "") == "rows":
        yield from _rows_doubts(feeder)


def _rows_doubts(feeder: Feeder | None) -> Iterator[Fault]:
    """Doubt that a mechanism asks about limits that there are not, or on a feeder with loops."""
    where = "coordination.network"
    if feeder is None:
        what = "'rows' has no effect without a network"
        yield Fault(where, what, "add a network, or leave it out")
        return
    obstacles = "; ".join(fault.what for fault in tree_faults(feeder.net))
    if obstacles:
        what = f"the table dlmp stays empty, as prices at every bus need a tree: {obstacles}"
        yield Fault(where, what, "give a feeder without loops, unless rows alone are meant")
