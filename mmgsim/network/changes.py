"""The feeder while lines are out or may carry another current than usual."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pandapower.topology import unsupplied_buses

from mmgsim.errors import Fault, ScenarioError, near_miss
from mmgsim.network.feeder import Feeder
from mmgsim.network.powerflow import PandapowerFlow, SweepFlow
from mmgsim.network.tree import FeederTree, read_tree

__all__ = ["FeederChange", "FeederState", "FeederStates", "find_line"]


def find_line(net: Any, line: int | str) -> int:
    """Give the index of a net's line by its index, its name or that of the tie that it is.

    Raises
    ------
    ScenarioError
        If there is none, or more than one of that name.
    """
    table = net.line
    if isinstance(line, int) and line in table.index:
        return line
    named = table[["name", "tie"]] if "tie" in table else table[["name"]]
    found = [int(index) for index in table.index[(named == line).any(axis=1)]]
    if isinstance(line, str) and len(found) == 1:
        return found[0]
    if isinstance(line, int):
        cure = f"lines: {table.index.min()} to {table.index.max()}" if len(table) else ""
    elif found:
        cure = f"several are called so: give one of the indices {found}"
    else:
        names = {name for name in named.to_numpy().flat if isinstance(name, str) and name}
        cure = near_miss(line, names) if names else "its lines have no names: give an index"
    raise ScenarioError("events", [Fault("line", f"the feeder has no line {line!r}", cure)])


@dataclass(frozen=True, slots=True)
class FeederChange:
    """What is different from the usual feeder.

    Parameters
    ----------
    lines_out : frozenset of int
        Lines out of service, by pandapower's index.
    ratings : frozenset of (int, float)
        Lines by index, and what their ratings are multiplied with.
    """

    lines_out: frozenset[int] = frozenset()
    ratings: frozenset[tuple[int, float]] = frozenset()


class FeederState:
    """The feeder with a change, and who solves its power flows.

    Parameters
    ----------
    feeder : Feeder
        As changed.
    islanded : frozenset of str
        Members that the change has cut off from every upstream grid.
    """

    def __init__(self, feeder: Feeder, islanded: frozenset[str] = frozenset()) -> None:
        self.feeder = feeder
        self.islanded = islanded

    @cached_property
    def flow(self) -> PandapowerFlow:
        """Of executed steps."""
        return PandapowerFlow(self.feeder)

    @cached_property
    def swept_flow(self) -> SweepFlow:
        """Of executed steps where there are many: the same to 1e-8 pu, and much faster."""
        return SweepFlow(self.feeder)

    @cached_property
    def tree(self) -> FeederTree | None:
        """For optimising on it; None where it is no tree."""
        try:
            return read_tree(self.feeder)
        except ScenarioError:
            return None

    @cached_property
    def sweep(self) -> SweepFlow:
        """Of many planned steps at once."""
        return SweepFlow(self.feeder, ladder=(1.0,))


class FeederStates:
    """The feeder with every change that was asked for, each made once.

    Parameters
    ----------
    feeder : Feeder
        As usual.
    """

    def __init__(self, feeder: Feeder) -> None:
        self._usual = feeder
        self._states = {FeederChange(): FeederState(feeder)}

    def at(self, change: FeederChange) -> FeederState:
        """Give the feeder with a change."""
        if change not in self._states:
            feeder = self._usual.changed(change.lines_out, dict(change.ratings))
            before, after = _unsupplied(self._usual), _unsupplied(feeder)
            self._states[change] = FeederState(feeder, after - before)
        return self._states[change]


def _unsupplied(feeder: Feeder) -> frozenset[str]:
    """Give the members on buses without an upstream grid."""
    dark = unsupplied_buses(feeder.net)
    return frozenset(member.name for member in feeder.members if member.bus in dark)
