"""What imperfect communication must be beyond its types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmgsim.errors import near_miss
from mmgsim.scenario.communication_schema import CommunicationConfig
from mmgsim.scenario.event_checks import time_faults
from mmgsim.scenario.schema import Scenario

__all__ = ["communication_faults"]

_Found = tuple[Sequence[str | int], str, str]


def communication_faults(scenario: Scenario) -> Iterator[_Found]:
    """Give every fault of the communication; steps have to be sound."""
    talk = scenario.communication
    names = [microgrid.name for microgrid in scenario.microgrids]
    for position, away in enumerate(talk.away):
        path = ("communication", "away", position)
        for key, what, cure in time_faults(away, scenario):
            yield (*path, key), what, cure
        if away.microgrid not in names:
            what = f"there is no microgrid {away.microgrid!r}"
            yield (*path, "microgrid"), what, near_miss(away.microgrid, names)
    yield from _deadline_faults(talk)


def _deadline_faults(talk: CommunicationConfig) -> Iterator[_Found]:
    """Refuse a deadline that not even a question and an award may keep."""
    needed = 2 * talk.rounds_of_exchange
    if talk.deadline_rounds is not None and talk.deadline_rounds < needed:
        what = (
            f"{talk.deadline_rounds} rounds are over before a question and an award are, which "
            f"may take {needed}: 2 * (1 + delay_rounds) * (1 + repeats)"
        )
        cure = f"use at least {needed}, or fewer repeats"
        yield ("communication", "deadline_rounds"), what, cure
