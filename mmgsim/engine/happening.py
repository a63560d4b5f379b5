"""What events do to a run: the feeder and the connections of a step, and who plans with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from mmgsim.engine.tie_setup import is_open
from mmgsim.errors import Fault, ScenarioError
from mmgsim.network import (
    UNRATED_KA,
    Feeder,
    FeederChange,
    FeederState,
    FeederStates,
    find_line,
)
from mmgsim.scenario import (
    EventConfig,
    IslandingConfig,
    LineEventConfig,
    LineOutageConfig,
    PriceShockConfig,
    RatingConfig,
    Timeline,
    overlaps,
)

__all__ = ["Condition", "Conditions", "line_doubts", "line_faults"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What is different in a step.

    Parameters
    ----------
    change : FeederChange
        In the feeder.
    islanded : frozenset of str
        Microgrids that can exchange nothing: their own connection is open, or they are cut off
        from the upstream grid.
    """

    change: FeederChange
    islanded: frozenset[str]


class Conditions:
    """The condition of every step, as far as it is known, and the feeder that belongs to it.

    Parameters
    ----------
    timeline : Timeline
        What happens when.
    feeder : Feeder or None
        The network as usual, if there is one.
    """

    def __init__(self, timeline: Timeline, feeder: Feeder | None) -> None:
        self._timeline = timeline
        self._states = None if feeder is None else FeederStates(feeder)
        named = [e.config.line for e in timeline.events if isinstance(e.config, LineEventConfig)]
        self._lines = {} if feeder is None else {x: find_line(feeder.net, x) for x in named}

    def of(self, step: int, *, at: int) -> Condition:
        """Give what is different in a step, as far as it is known in step `at`."""
        events = self._timeline.now(step, at=at)
        out = frozenset(self._lines[e.line] for e in events if isinstance(e, LineOutageConfig))
        ratings = [(self._lines[e.line], e.factor) for e in events if isinstance(e, RatingConfig)]
        change = FeederChange(out, frozenset(ratings))
        islanded = frozenset(e.microgrid for e in events if isinstance(e, IslandingConfig))
        if self._states is not None:
            islanded |= self._states.at(change).islanded
        return Condition(change, islanded)

    def feeder(self, condition: Condition) -> FeederState:
        """Give the feeder in a condition.

        Raises
        ------
        ValueError
            If there is no network.
        """
        if self._states is None:
            raise ValueError("there is no network")
        return self._states.at(condition.change)

    def flags(self, step: int) -> tuple[str, ...]:
        """Give the flags of a step in which something happens."""
        events = self._timeline.now(step, at=step)
        flags = [flag for flag, kind in _FLAGS.items() if any(isinstance(e, kind) for e in events)]
        islanded = self.of(step, at=step).islanded
        return (*flags, *(f"islanded:{name}" for name in sorted(islanded)))


_FLAGS = MappingProxyType(
    {"outage": LineOutageConfig, "rating_changed": RatingConfig, "price_shock": PriceShockConfig}
)


def line_faults(net: Any, events: Sequence[EventConfig]) -> Iterator[Fault]:
    """Give every reason why events cannot happen to the lines of a net."""
    things: list[tuple[str, int] | None] = [None] * len(events)
    for position, event in enumerate(events):
        if not isinstance(event, LineEventConfig):
            continue
        where = f"events.{position}.line"
        try:
            line = find_line(net, event.line)
        except ScenarioError as error:
            yield from (Fault(where, fault.what, fault.cure) for fault in error.faults)
        else:
            yield from _faults_of_line(net, event, line, where)
            things[position] = (event.kind, line)
    named = [(e.kind, e.line) if isinstance(e, LineEventConfig) else None for e in events]
    said = set(overlaps(events, named))
    for position, other in overlaps(events, things):
        if (position, other) not in said:  # otherwise found without the net
            what = f"overlaps with the one that begins at {events[other].start:%Y-%m-%d %H:%M}"
            yield Fault(f"events.{position}.start", what, "let one end before the other begins")


def line_doubts(net: Any, events: Sequence[EventConfig]) -> Iterator[Fault]:
    """Doubt events of lines that carry nothing as it is."""
    for position, event in enumerate(events):
        if isinstance(event, LineEventConfig) and is_open(net, find_line(net, event.line)):
            what = f"line {event.line} has an open switch: the event changes nothing"
            yield Fault(f"events.{position}.line", what, "give a line that is closed, unless meant")


def _faults_of_line(net: Any, event: EventConfig, line: int, where: str) -> Iterator[Fault]:
    if not net.line.in_service[line]:
        yield Fault(where, f"line {line} of the net is out of service anyway", "give another line")
    elif isinstance(event, RatingConfig) and not _is_rated(net, line):
        yield Fault(where, f"line {line} has no rating", "give network.ratings, or another line")


def _is_rated(net: Any, line: int) -> bool:
    """Tell whether a line of a net has a rating that means something."""
    rating_ka = float(net.line.max_i_ka[line])
    return bool(np.isfinite(rating_ka) and rating_ka < UNRATED_KA)
