"""Plays a run: one thread steps and draws, everybody else reads what is there or asks for more."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from mmgsim.errors import MmgsimError
from mmgsim.view.sheet import Sheet, draw_sheet
from mmgsim.view.sources import Source

__all__ = ["SPEEDS", "Player", "State"]

log = logging.getLogger(__name__)

SPEEDS = {"0.5": 0.5, "1": 1.0, "2": 2.0, "5": 5.0, "fastest": float("inf")}
"""Steps per second that can be chosen, by label; slower where a step takes longer."""


@dataclass(frozen=True, eq=False)
class State:
    """What a page shows at one moment.

    Parameters
    ----------
    title : str
        Scenario and coordination.
    can_seek : bool
        Whether there is a slider of time.
    steps, all_steps : int
        How many steps are over, and how many there are.
    is_playing, is_busy : bool
        Whether it goes on by itself, and whether something is being computed now.
    speed : str
        One of `SPEEDS`.
    sheet : Sheet
        Numbers and pictures.
    error : str
        What ended the run early, if anything did.
    """

    title: str
    can_seek: bool
    steps: int
    all_steps: int
    is_playing: bool
    is_busy: bool
    speed: str
    sheet: Sheet
    error: str = ""

    @property
    def is_over(self) -> bool:
        """True after the last step, and where nothing can follow."""
        return self.steps >= self.all_steps or bool(self.error)


class Player:
    """Steps a source and draws it, in a thread of its own, so that no page ever waits.

    All pages that are open show the same run.

    Parameters
    ----------
    source : Source
        Used by the player's thread alone from now on.

    Attributes
    ----------
    state : State
        The newest; replaced as a whole, so that it can be read at any time.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._condition = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._is_closed = False
        self._due = 0.0
        snapshot = source.snapshot()
        self.state = State(
            title=source.title,
            can_seek=source.can_seek,
            steps=snapshot.steps,
            all_steps=snapshot.all_steps,
            is_playing=False,
            is_busy=False,
            speed="2",
            sheet=draw_sheet(snapshot),
        )
        self._thread = threading.Thread(target=self._work, name="mmgsim-player", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------- asked for by the page
    def play(self) -> None:
        """Go on by itself, until paused or over."""
        with self._condition:
            self._change(is_playing=not self.state.is_over)
            self._due = monotonic()

    def pause(self) -> None:
        """Stop after the step that is being computed."""
        with self._condition:
            self._change(is_playing=False)

    def step(self) -> None:
        """Go one step further."""
        self._ask(self._source.advance)

    def go_to(self, steps: int) -> None:
        """Go to where so many steps are over; only the last of several wishes is fulfilled."""
        with self._condition:
            self._jobs.clear()
        self._ask(lambda: self._source.go_to(steps))

    def reset(self) -> None:
        """Begin again."""
        with self._condition:
            self._jobs.clear()
            self._change(is_playing=False)
        self._ask(self._source.reset)

    def set_speed(self, speed: str) -> None:
        """Choose one of `SPEEDS`."""
        with self._condition:
            self._change(speed=speed)
            self._due = monotonic()

    def close(self, patience_s: float = 5.0) -> None:
        """End the thread after the step that is being computed. [s]"""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        self._thread.join(patience_s)

    # ------------------------------------------------------------------------ the player's thread
    def _ask(self, job: Callable[[], None]) -> None:
        with self._condition:
            self._jobs.append(job)
            self._condition.notify_all()

    def _change(self, **values: object) -> None:
        """Replace parts of the state; only with the condition held."""
        self.state = replace(self.state, **values)  # type: ignore[arg-type]  # by name
        self._condition.notify_all()

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            self._do(job)

    def _next_job(self) -> Callable[[], None] | None:
        """Wait for what is to be done next; None at the end."""
        with self._condition:
            while not self._is_closed:
                if self._jobs:
                    return self._jobs.popleft()
                wait_s = None
                if self.state.is_playing:
                    wait_s = self._due - monotonic()
                    if wait_s <= 0.0:
                        self._due = monotonic() + 1.0 / SPEEDS[self.state.speed]
                        return self._source.advance
                self._condition.wait(wait_s)
        return None

    def _do(self, job: Callable[[], None]) -> None:
        """Do it and draw where it leads; whatever goes wrong is shown, and ends the playing."""
        with self._condition:
            self._change(is_busy=True)
        try:
            job()
            snapshot = self._source.snapshot()
            sheet, error = draw_sheet(snapshot), ""
        except Exception as raised:
            log.exception("the live view could not go on")
            ours = isinstance(raised, MmgsimError)
            error = str(raised) if ours else f"{type(raised).__name__}: {raised}"
            with self._condition:
                self._change(is_busy=False, is_playing=False, error=error)
            return
        with self._condition:
            goes_on = self.state.is_playing and snapshot.steps < snapshot.all_steps
            self._change(
                steps=snapshot.steps,
                all_steps=snapshot.all_steps,
                sheet=sheet,
                is_busy=False,
                is_playing=goes_on,
                error=error,
            )
