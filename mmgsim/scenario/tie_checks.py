"""What tie lines must be beyond their types; what needs the net is checked where it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mmgsim.errors import near_miss
from mmgsim.scenario.schema import Scenario
from mmgsim.scenario.tie_schema import TieConfig

__all__ = ["tie_faults"]

_Found = tuple[Sequence[str | int], str, str]

_OF_AC = ("r_ohm", "x_ohm", "std_type", "length_km", "close_line")
_LINE_CURE = "give r_ohm and x_ohm, or std_type and length_km, or close_line"


def tie_faults(scenario: Scenario) -> Iterator[_Found]:
    """Give every fault of the tie lines that needs no net to see."""
    names = [microgrid.name for microgrid in scenario.microgrids]
    count = Counter(tie.name for tie in scenario.ties)
    closing: dict[int | None, str] = {}
    for position, tie in enumerate(scenario.ties):
        path = ("ties", position)
        if count[tie.name] > 1:
            yield (*path, "name"), f"{tie.name!r} is used twice", "give each its own name"
        for end in dict.fromkeys(tie.between):
            if end not in names:
                yield (*path, "between"), f"there is no microgrid {end!r}", near_miss(end, names)
        if tie.between[0] == tie.between[1]:
            what = f"both ends are at {tie.between[0]}"
            yield (*path, "between"), what, "name two different microgrids"
        closed_by = closing.setdefault(tie.close_line, tie.name)
        if tie.close_line is not None and closed_by != tie.name:
            what = f"line {tie.close_line} is closed by {closed_by!r} already"
            yield (*path, "close_line"), what, "leave one of the two out, or give another line"
        faults = _private_faults(tie) if tie.mode == "private" else _ac_faults(tie, scenario)
        yield from (((*path, key) if key else path, what, cure) for key, what, cure in faults)


def _private_faults(tie: TieConfig) -> Iterator[tuple[str, str, str]]:
    if tie.limit_kw is None:
        yield "limit_kw", "is missing", "say what the line carries at most"
    for key in _OF_AC:
        if getattr(tie, key) is not None:
            yield key, "has no effect on a private tie", "leave it out, or use mode: ac"


def _ac_faults(tie: TieConfig, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    if scenario.network is None:
        yield "mode", "there is no network", "add one, or use mode: private"
    if tie.loss_share:
        yield "loss_share", "an ac line loses what physics says", "leave it out"
    pairs = (("r_ohm", "x_ohm"), ("std_type", "length_km"))
    for pair in pairs:
        lacking = [key for key in pair if getattr(tie, key) is None]
        if len(lacking) == 1:
            (other,) = set(pair) - set(lacking)
            yield lacking[0], f"is missing beside {other}", _LINE_CURE
    given = [pair[0] for pair in pairs if any(getattr(tie, key) is not None for key in pair)]
    given += ["close_line"] if tie.close_line is not None else []
    if len(given) != 1:
        what = f"says by {' and '.join(given)} what line it is" if given else "says of no line"
        yield "", what, f"{_LINE_CURE}; one of them"
