"""Simulated time: the only thing that advances it, and what falls due when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from mmgsim.contracts import Window
from mmgsim.scenario import Inputs, Scenario, ends_at_clock, gate_mask, starts_day

__all__ = ["Clock"]


class Clock:
    """Counts the steps of a run.

    Parameters
    ----------
    scenario : Scenario
        Says when gates open and levels are due.
    inputs : Inputs
        Gives the instants.
    surprises : sequence of int
        Steps in which something begins that nobody has planned with.

    Attributes
    ----------
    step : int
        The current step of the run, -1 before the first.
    steps : int
        How many the run has.
    cleared : int or None
        The last step whose gate is over already.
    """

    def __init__(self, scenario: Scenario, inputs: Inputs, surprises: Sequence[int] = ()) -> None:
        self.step = -1
        self.cleared: int | None = None
        self.steps = inputs.run_steps
        self.step_h = scenario.step_h
        self._timezone = scenario.timezone
        self._lead = inputs.lead_steps
        self._times = inputs.index.utc().to_pydatetime()
        self._local = inputs.index.local().to_pydatetime()
        run = inputs.index.part(0, inputs.index.steps)
        self._starts_day = starts_day(run)
        self._is_gate = gate_mask(run.part(self._lead, self.steps), scenario.gate.every)
        self._announced = np.append(np.flatnonzero(self._is_gate), self.steps)
        if scenario.gate.on_event == "replan":
            self._is_gate[[step for step in surprises if 0 <= step < self.steps]] = True
        rule = scenario.gate.end_of_window
        self._is_due = (
            ends_at_clock(run, rule.at)
            if rule.kind == "cyclic"
            else np.zeros(run.steps, dtype=np.bool_)
        )
        self.horizon = scenario.gate.horizon // scenario.step

    @property
    def position(self) -> int:
        """Position of the current step in the arrays of `Inputs`."""
        return self._lead + self.step

    @property
    def now(self) -> datetime:
        """Start of the current step, UTC."""
        moment: datetime = self._times[self.position]
        return moment

    @property
    def local_now(self) -> datetime:
        """Start of the current step on the local clock."""
        moment: datetime = self._local[self.position]
        return moment

    @property
    def is_finished(self) -> bool:
        """True once the last step is over."""
        return self.step >= self.steps - 1

    @property
    def is_gate(self) -> bool:
        """True where a window is planned."""
        return bool(self._is_gate[self.step])

    @property
    def opens_gate(self) -> bool:
        """True where a window is still to be planned."""
        return self.is_gate and self.cleared != self.step

    @property
    def steps_to_gate(self) -> int:
        """How many steps are over when the next gate opens, or the run ends.

        Gates that surprises will open are known to nobody yet.
        """
        later = np.searchsorted(self._announced, self.step, side="right")
        return int(self._announced[later]) - self.step

    @property
    def is_new_day(self) -> bool:
        """True in the first step of a local day, and in the first of all."""
        return self.step == 0 or bool(self._starts_day[self.position])

    @property
    def ends_day(self) -> bool:
        """True in the last step of a local day, and in the last of all."""
        return self.is_finished or bool(self._starts_day[self.position + 1])

    def advance(self) -> None:
        """Go to the next step."""
        self.step += 1

    def window(self, steps: int | None = None) -> Window:
        """Give the window from now on, as long as the horizon if not said otherwise."""
        return Window(
            first_step=self.step,
            steps=self.horizon if steps is None else steps,
            step_h=self.step_h,
            start=self.now,
            timezone=self._timezone,
        )

    def due(self, window: Window) -> tuple[int, ...]:
        """Give the positions in a window of the steps at whose end a storage level is due."""
        first = self._lead + window.first_step
        return tuple(int(k) for k in np.flatnonzero(self._is_due[first : first + window.steps]))
