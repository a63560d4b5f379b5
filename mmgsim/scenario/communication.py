"""Who cannot be reached in which steps of a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mmgsim.profiles import TimeIndex
from mmgsim.scenario.events import instant_of, steps_since
from mmgsim.scenario.schema import Scenario

__all__ = ["Absences"]


@dataclass(frozen=True, slots=True)
class Absences:
    """All times at which somebody is away.

    Parameters
    ----------
    times : tuple of (str, int, int)
        Name of the microgrid, first step, and first step after it; they may lie beyond the run.
    """

    times: tuple[tuple[str, int, int], ...] = ()

    @classmethod
    def of(cls, scenario: Scenario) -> Absences:
        """Give those of a scenario."""
        run = TimeIndex.of_local_days(
            scenario.start, scenario.days, step_h=scenario.step_h, timezone=scenario.timezone
        )

        def step_of(moment: datetime) -> int:
            instant = instant_of(moment, scenario.timezone)
            assert instant is not None  # refused when the scenario was checked
            return round(steps_since(run.start, instant, scenario.step))

        return cls(
            tuple(
                (away.microgrid, step_of(away.start), step_of(away.end))
                for away in scenario.communication.away
            )
        )

    def at(self, step: int) -> frozenset[str]:
        """Give who is away in a step."""
        return frozenset(name for name, first, stop in self.times if first <= step < stop)
