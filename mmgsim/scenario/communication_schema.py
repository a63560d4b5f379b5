"""The keys of imperfect communication between the market and everybody else."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mmgsim.scenario.fields import Config, Moment, Name, Number

__all__ = ["AwayConfig", "CommunicationConfig"]


class AwayConfig(Config):
    """A microgrid that nobody reaches for some time: it plans for itself, and comes back."""

    microgrid: Name
    """Which one."""
    start: Moment
    """Begin of the first step, local time like `2021-01-31 12:00`."""
    end: Moment
    """End of the last step, local time."""


class CommunicationConfig(Config):
    """How well the market can talk with microgrids and the DNO while a gate is cleared.

    What the DNO publishes, what meters tell and bills arrive always. Who does not reply is asked
    again; who stays silent is left out of the gate, plans for itself and trades nothing.
    """

    loss_probability: Annotated[Number, Field(ge=0, lt=1)] = 0.0
    """Of every question and every reply, to be lost on its way."""
    delay_rounds: Annotated[int, Field(ge=0, le=1000)] = 0
    """How many rounds later than at once a reply arrives; so long is waited for it."""
    repeats: Annotated[int, Field(ge=0, le=1000)] = 5
    """How often a question without reply is asked again."""
    deadline_rounds: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Rounds after which a gate is over, those of waiting included: what is not cleared by then is
    not traded. Without it a gate takes its time."""
    away: tuple[AwayConfig, ...] = ()
    """Who cannot be reached when."""

    @property
    def rounds_of_exchange(self) -> int:
        """What one exchange of messages takes at most. [rounds]"""
        return (1 + self.delay_rounds) * (1 + self.repeats)
