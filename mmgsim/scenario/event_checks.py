"""What events must be beyond their types: times on the clock and the grid, things that are there.

Lines are checked where the net is read.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime

from mmgsim.errors import Fault, near_miss
from mmgsim.profiles import TimeIndex
from mmgsim.scenario.communication_schema import AwayConfig
from mmgsim.scenario.event_schema import (
    EventConfig,
    IslandingConfig,
    LineEventConfig,
    PriceShockConfig,
)
from mmgsim.scenario.events import Timeline, instant_of, steps_since
from mmgsim.scenario.schema import Scenario

__all__ = ["event_doubts", "event_faults", "overlaps", "time_faults"]

_Found = tuple[Sequence[str | int], str, str]


def event_faults(scenario: Scenario) -> Iterator[_Found]:
    """Give every fault of the events that needs no net to see; steps have to be sound."""
    names = [microgrid.name for microgrid in scenario.microgrids]
    for position, event in enumerate(scenario.events):
        path = ("events", position)
        for key, what, cure in time_faults(event, scenario):
            yield (*path, key), what, cure
        if isinstance(event, IslandingConfig) and event.microgrid not in names:
            what = f"there is no microgrid {event.microgrid!r}"
            yield (*path, "microgrid"), what, near_miss(event.microgrid, names)
        if isinstance(event, LineEventConfig) and scenario.network is None:
            yield (*path, "line"), "there is no network", "add one, or use kind: islanding"
    things = [_thing(event) for event in scenario.events]
    for position, other in overlaps(scenario.events, things):
        begin = scenario.events[other].start
        what = f"overlaps with the one that begins at {begin:%Y-%m-%d %H:%M}"
        yield ("events", position, "start"), what, "let one end before the other begins"


def overlaps(
    events: Sequence[EventConfig], things: Sequence[Hashable]
) -> Iterator[tuple[int, int]]:
    """Give the positions of events, and of an earlier one about the same thing at the same time.

    Parameters
    ----------
    events : sequence of EventConfig
        All events.
    things : sequence
        What each is about; None where that is unknown.
    """
    for position, event in enumerate(events):
        for other in range(position):
            is_same = things[position] is not None and things[position] == things[other]
            if is_same and event.start < events[other].end and events[other].start < event.end:
                yield position, other
                break


def event_doubts(scenario: Scenario) -> Iterator[Fault]:
    """Doubt events that change nothing in the run."""
    run = TimeIndex.of_local_days(
        scenario.start, scenario.days, step_h=scenario.step_h, timezone=scenario.timezone
    )
    for position, event in enumerate(Timeline.of(scenario).events):
        where, shock = f"events.{position}", event.config
        if event.stop_step <= 0 or event.first_step >= run.steps:
            what = f"lies {'before' if event.stop_step <= 0 else 'after'} the run"
            yield Fault(f"{where}.start", what, "check the year, unless meant")
        if isinstance(shock, PriceShockConfig) and (shock.factor, shock.add_per_kwh) == (1.0, 0.0):
            yield Fault(where, "changes no price", "give factor or add_per_kwh")


def _thing(event: EventConfig) -> Hashable:
    """Give what an event is about."""
    if isinstance(event, LineEventConfig):
        return event.kind, event.line
    if isinstance(event, IslandingConfig):
        return event.kind, event.microgrid
    return event.kind, event.price


def time_faults(
    event: EventConfig | AwayConfig, scenario: Scenario
) -> Iterator[tuple[str, str, str]]:
    """Give every fault of the begin and end of something: key, fault, cure."""
    start = datetime(scenario.start.year, scenario.start.month, scenario.start.day)  # noqa: DTZ001  a wall clock
    begin = instant_of(start, scenario.timezone)
    ends: list[datetime] = []
    for key, moment in (("start", event.start), ("end", event.end)):
        instant = instant_of(moment, scenario.timezone)
        if instant is None:
            what = f"the clocks of {scenario.timezone} skip {moment:%Y-%m-%d %H:%M}"
            yield key, what, "give a time that there is on that day"
            continue
        ends.append(instant)
        if begin is not None and steps_since(begin, instant, scenario.step) % 1.0:
            what = f"no step of {scenario.step} min begins at {moment:%H:%M}"
            yield key, what, "give a time at which a step begins, or make the steps shorter"
    if len(ends) == 2 and ends[1] <= ends[0]:
        yield "end", f"{event.end:%Y-%m-%d %H:%M} is not after the start", "give a later time"
