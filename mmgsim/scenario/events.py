"""When events happen in steps of a run, who knows of them when, and what prices they make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from mmgsim.contracts import FloatArray
from mmgsim.profiles import TimeIndex
from mmgsim.scenario.event_schema import EventConfig, PriceShockConfig
from mmgsim.scenario.schema import Scenario

__all__ = ["TimedEvent", "Timeline", "instant_of", "steps_since"]


def instant_of(moment: datetime, timezone: str) -> datetime | None:
    """Give a moment of the local clock in UTC, the first of two; None if the clock skips it."""
    zone = ZoneInfo(timezone)
    instant = moment.replace(tzinfo=zone).astimezone(UTC)
    return instant if instant.astimezone(zone).replace(tzinfo=None) == moment else None


def steps_since(start: datetime, instant: datetime, step_min: int) -> float:
    """Give how many steps an instant is after the start of a run; whole on the grid of steps."""
    return (instant - start).total_seconds() / (60.0 * step_min)


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """An event in steps of a run, which may lie before or beyond it.

    Parameters
    ----------
    config : EventConfig
        What happens.
    first_step, stop_step : int
        The first step of it, and the first one after it.
    """

    config: EventConfig
    first_step: int
    stop_step: int

    def covers(self, step: int) -> bool:
        """Tell whether it goes on in a step."""
        return self.first_step <= step < self.stop_step

    def is_known(self, at: int) -> bool:
        """Tell whether everybody knows of it in step `at`: it was announced, or has begun."""
        return self.config.announced or self.first_step <= at


@dataclass(frozen=True, slots=True)
class Timeline:
    """All events of a run.

    Parameters
    ----------
    events : tuple of TimedEvent
        In the order of the scenario.
    is_upstream_import : bool
        Whether the upstream price is the import price, so that shocks of it count for both.
    """

    events: tuple[TimedEvent, ...] = ()
    is_upstream_import: bool = False

    @classmethod
    def of(cls, scenario: Scenario) -> Timeline:
        """Give the events of a scenario, but those at times that the clock skips."""
        index = TimeIndex.of_local_days(
            scenario.start, scenario.days, step_h=scenario.step_h, timezone=scenario.timezone
        )
        timed = []
        for event in scenario.events:
            instants = (instant_of(at, scenario.timezone) for at in (event.start, event.end))
            steps = [
                round(steps_since(index.start, instant, scenario.step))
                for instant in instants
                if instant is not None
            ]
            if len(steps) == 2:
                timed.append(TimedEvent(event, *steps))
        return cls(tuple(timed), scenario.tariff.upstream_per_kwh is None)

    def now(self, step: int, *, at: int) -> tuple[EventConfig, ...]:
        """Give what happens in a step, as far as it is known in step `at`."""
        return tuple(e.config for e in self.events if e.covers(step) and e.is_known(at))

    def surprises(self) -> tuple[int, ...]:
        """Give the steps in which something begins that was not announced, in order."""
        return tuple(sorted({e.first_step for e in self.events if not e.config.announced}))

    def price_per_kwh(
        self, name: str, quoted_per_kwh: FloatArray, *, first_step: int, at: int | None
    ) -> FloatArray:
        """Give a price with its shocks, ``factor * price + add`` while they last.

        Parameters
        ----------
        name : str
            ``import``, ``export`` or ``upstream``.
        quoted_per_kwh : (steps,) array
            The price without them. [currency/kWh]
        first_step : int
            Step of the first value.
        at : int or None
            Shocks count as far as they are known in this step; all do if it is None.
        """
        price_per_kwh = quoted_per_kwh
        step = first_step + np.arange(len(quoted_per_kwh))
        for event, shock in self._shocks(name):
            if at is None or event.is_known(at):
                is_on = (step >= event.first_step) & (step < event.stop_step)
                shocked = shock.factor * price_per_kwh + shock.add_per_kwh
                price_per_kwh = np.where(is_on, shocked, price_per_kwh)
        return price_per_kwh

    def _shocks(self, name: str) -> Iterator[tuple[TimedEvent, PriceShockConfig]]:
        """Give the shocks of a price, in the order of the scenario."""
        names = {name, "import"} if name == "upstream" and self.is_upstream_import else {name}
        for event in self.events:
            if isinstance(event.config, PriceShockConfig) and event.config.price in names:
                yield event, event.config
