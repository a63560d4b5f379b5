"""The market's line to the others: messages may get lost, replies take time, some are away.

Rounds are the time of a gate. An exchange takes one round, and as many more as replies are late;
where a message is lost, that long is waited before the question is asked again. Who is asked again
gives the same reply: nothing is decided twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmgsim.contracts import Message
from mmgsim.engine.bus import MessageBus

__all__ = ["Line", "OutOfTimeError", "Quality", "SilenceError"]

Draws = Callable[[str], np.random.Generator]


class SilenceError(Exception):
    """Somebody does not reply, however often it is asked.

    Parameters
    ----------
    names : tuple of str
        Who.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"no reply of {', '.join(names)}")
        self.names = tuple(names)


class OutOfTimeError(Exception):
    """The rounds of a gate are used up."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How well can be talked; see `mmgsim.scenario.CommunicationConfig`.

    Parameters
    ----------
    loss_probability : float
        Of every message, to be lost.
    delay_rounds : int
        Rounds by which replies are late.
    repeats : int
        How often a question is asked again.
    deadline_rounds : int or None
        Rounds of a gate; None for no end.
    """

    loss_probability: float = 0.0
    delay_rounds: int = 0
    repeats: int = 5
    deadline_rounds: int | None = None


class Line:
    """Asks through the bus, as well as the line lets it.

    Parameters
    ----------
    bus : MessageBus
        Delivers what is not lost.
    speaker : str
        Who asks.
    quality : Quality
        Of the line.

    Attributes
    ----------
    rounds : int
        Rounds of this gate so far, those of waiting included.
    lost : int
        Messages of this gate that did not arrive.
    """

    def __init__(self, bus: MessageBus, speaker: str, quality: Quality) -> None:
        self._bus, self._speaker, self._quality = bus, speaker, quality
        self._streams: dict[str, np.random.Generator] = {}
        self._away: frozenset[str] = frozenset()
        self.rounds = self.lost = 0

    def open_gate(self, draws: Draws, away: Collection[str]) -> None:
        """Begin a gate.

        Parameters
        ----------
        draws : callable
            Gives the random stream that decides what is lost, by name of who is talked with: what
            one of them says changes no other's luck.
        away : collection of str
            Who cannot be reached.
        """
        self._draws, self._away = draws, frozenset(away)
        self._streams.clear()
        self.rounds = self.lost = 0

    @property
    def is_late(self) -> bool:
        """True where after another exchange there may be no time for a last one."""
        deadline, quality = self._quality.deadline_rounds, self._quality
        exchange = (1 + quality.delay_rounds) * (1 + quality.repeats)
        return deadline is not None and self.rounds + 2 * exchange > deadline

    def exchange(self, questions: Sequence[Message]) -> list[Message]:
        """Ask until everybody has replied; give the replies in the order of the questions.

        Raises
        ------
        SilenceError
            If somebody stays silent.
        OutOfTimeError
            If the gate is over before that.
        """
        replies: dict[int, Message] = {}
        given: dict[int, Message] = {}
        open_ = list(range(len(questions)))
        for _ in range(1 + self._quality.repeats):
            self._wait()
            reached = [k for k in open_ if self._arrives(questions[k])]
            for k in reached:
                if k in given:
                    self._bus.count(self._speaker, questions[k])
                    self._bus.count(questions[k].to, given[k])
            given |= self._asked(questions, [k for k in reached if k not in given])
            for k in reached:
                if not self._is_lost(questions[k].to):
                    replies[k] = given[k]
            open_ = [k for k in open_ if k not in replies]
            if not open_:
                return [replies[k] for k in range(len(questions))]
        raise SilenceError(sorted({questions[k].to for k in open_}))

    def _wait(self) -> None:
        """Let the rounds of one exchange pass."""
        self.rounds += 1 + self._quality.delay_rounds
        deadline = self._quality.deadline_rounds
        if deadline is not None and self.rounds > deadline:
            raise OutOfTimeError

    def _asked(self, questions: Sequence[Message], which: Sequence[int]) -> Mapping[int, Message]:
        replies = self._bus.exchange(self._speaker, [questions[k] for k in which])
        return dict(zip(which, replies, strict=True))

    def _arrives(self, question: Message) -> bool:
        """Send a question on its way; say whether it arrives."""
        if question.to not in self._away and not self._is_lost(question.to):
            return True
        self._bus.count(self._speaker, question)
        self.lost += question.to in self._away
        return False

    def _is_lost(self, name: str) -> bool:
        """Draw whether a message to or from somebody gets lost."""
        if not self._quality.loss_probability:
            return False
        if name not in self._streams:
            self._streams[name] = self._draws(name)
        is_lost = bool(self._streams[name].random() < self._quality.loss_probability)
        self.lost += is_lost
        return is_lost
