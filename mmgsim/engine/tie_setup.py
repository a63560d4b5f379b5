"""Tie lines as they stand in a scenario: lines of the market, or lines of the feeder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Any

import pandapower as pp

from mmgsim.contracts import TieLine
from mmgsim.errors import Fault, near_miss
from mmgsim.network import UNRATED_KA
from mmgsim.scenario import Scenario, TieConfig

__all__ = ["close_ac_ties", "is_open", "tie_lines_of", "tie_net_faults"]

_KW_PER_MW = 1e3


def tie_lines_of(scenario: Scenario) -> tuple[TieLine, ...]:
    """Give the lines whose flow a coordination decides."""
    return tuple(
        TieLine(tie.name, (tie.between[0], tie.between[1]), tie.limit_kw or 0.0, tie.loss_share)
        for tie in scenario.ties
        if tie.mode == "private"
    )


# -------------------------------------------------------------------------------------- ac ties
def tie_net_faults(scenario: Scenario, net: Any) -> Iterator[Fault]:
    """Give every reason why ac ties cannot be lines of a net."""
    for place, tie, buses in _ac_ties(scenario):
        if not all(bus in net.bus.index for bus in buses):
            continue  # said of the microgrid
        where = f"ties.{place}"
        if buses[0] == buses[1]:
            what = f"both microgrids are at bus {buses[0]}"
            yield Fault(f"{where}.between", what, "no line leads from a bus to itself")
        elif tie.close_line is not None:
            yield from _closing_faults(net, tie.close_line, buses, f"{where}.close_line")
        elif net.bus.vn_kv[buses[0]] != net.bus.vn_kv[buses[1]]:
            levels = " and ".join(f"{net.bus.vn_kv[bus]:g} kV" for bus in buses)
            yield Fault(f"{where}.between", f"its buses are on {levels}", "join one level")
        elif tie.std_type is not None and tie.std_type not in net.std_types["line"]:
            what = f"pandapower has no line type {tie.std_type!r}"
            yield Fault(f"{where}.std_type", what, near_miss(tie.std_type, net.std_types["line"]))


def _closing_faults(net: Any, line: int, buses: tuple[int, int], where: str) -> Iterator[Fault]:
    open_lines = [int(index) for index in net.line.index if is_open(net, index)]
    if line not in open_lines:
        what = "is closed already" if line in net.line.index else "is no line of the net"
        yield Fault(where, f"{line} {what}", f"open lines: {open_lines or 'none'}")
        return
    ends = (int(net.line.from_bus[line]), int(net.line.to_bus[line]))
    if set(ends) != set(buses):
        what = f"line {line} joins buses {ends[0]} and {ends[1]}, the microgrids are at "
        yield Fault(where, f"{what}{buses[0]} and {buses[1]}", "give the line between their buses")


def is_open(net: Any, line: int) -> bool:
    """Tell whether a line of a net carries nothing: out of service, or a switch on it is open."""
    return not net.line.in_service[line] or not net.switch.closed[_switches(net, line)].all()


def _switches(net: Any, line: int) -> Any:
    return (net.switch.et == "l") & (net.switch.element == line)


def close_ac_ties(net: Any, scenario: Scenario) -> None:
    """Put the ac ties of a scenario into a net, which has no fault of `tie_net_faults`.

    The column `tie` of its lines says which are whose: a line that is closed keeps its own name.
    """
    tie_of: dict[int, str] = {}
    for _, tie, (start, end) in _ac_ties(scenario):
        own_ka = None
        if tie.limit_kw is not None:
            own_ka = tie.limit_kw / _KW_PER_MW / (sqrt(3.0) * float(net.bus.vn_kv[start]))
        line = tie.close_line
        if line is not None:
            net.line.loc[line, "in_service"] = True
            net.switch.loc[_switches(net, line), "closed"] = True
        elif tie.std_type is not None:
            line = pp.create_line(net, start, end, tie.length_km, tie.std_type, name=tie.name)
        else:
            line = pp.create_line_from_parameters(
                net, start, end, 1.0, tie.r_ohm, tie.x_ohm, 0.0, UNRATED_KA, name=tie.name
            )
        if own_ka is not None:
            net.line.loc[line, "max_i_ka"] = own_ka
        tie_of[int(line)] = tie.name
    if tie_of:
        net.line["tie"] = [tie_of.get(int(line)) for line in net.line.index]


def _ac_ties(scenario: Scenario) -> Iterator[tuple[int, TieConfig, tuple[int, int]]]:
    """Give the ac ties whose ends have a bus, with their places in the list and these buses."""
    bus_of: Mapping[str, int | None] = {one.name: one.bus for one in scenario.microgrids}
    for place, tie in enumerate(scenario.ties):
        first, second = (bus_of.get(end) for end in tie.between)
        if tie.mode == "ac" and first is not None and second is not None:
            yield place, tie, (first, second)
