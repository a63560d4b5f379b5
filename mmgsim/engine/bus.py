"""The message bus: everything that agents say to each other goes through it and is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from mmgsim.contracts import Message, payload_bytes
from mmgsim.errors import MmgsimError, near_miss

__all__ = ["Addressee", "MessageBus", "Traffic"]


class Addressee(Protocol):
    """An agent that can be written to.

    `role` is the kind of agent: dno, market or microgrid.
    """

    name: str
    role: str

    def receive(self, message: Message) -> Message | None:
        """Take a message; give the reply if it is a question."""
        ...


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much was said."""

    messages: int
    bytes: int


class MessageBus:
    """Delivers messages between agents at once, and counts them."""

    def __init__(self) -> None:
        self._addressees: dict[str, Addressee] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()
        self._messages_total = 0
        self._bytes_total = 0

    def register(self, addressee: Addressee) -> None:
        """Make an agent reachable under its name."""
        self._addressees[addressee.name] = addressee

    def send(self, sender: str, messages: Iterable[Message]) -> None:
        """Deliver messages that call for no reply."""
        for message in messages:
            self._deliver(sender, message)

    def exchange(self, sender: str, questions: Iterable[Message]) -> list[Message]:
        """Deliver questions and give the replies, in the order of the questions.

        Raises
        ------
        MmgsimError
            If there is no such addressee, or it does not reply.
        """
        replies = []
        for question in questions:
            reply = self._deliver(sender, question)
            if reply is None:
                raise MmgsimError(f"{question.to} does not reply to {type(question).__name__}")
            reply = replace(reply, sender=question.to, to=sender)
            self._count(reply)
            replies.append(reply)
        return replies

    @property
    def traffic(self) -> Traffic:
        """How much was said since the start."""
        return Traffic(messages=self._messages_total, bytes=self._bytes_total)

    def take_counts(self) -> list[tuple[str, str, int, int]]:
        """Give kind, role of sender, messages and bytes since the last call."""
        rows = [(*key, self._counts[key], self._bytes[key]) for key in sorted(self._counts)]
        self._counts.clear()
        self._bytes.clear()
        return rows

    def _deliver(self, sender: str, message: Message) -> Message | None:
        if message.to not in self._addressees:
            raise MmgsimError(f"no agent {message.to!r}; {near_miss(message.to, self._addressees)}")
        message = replace(message, sender=sender)
        self._count(message)
        return self._addressees[message.to].receive(message)

    def _count(self, message: Message) -> None:
        key = (type(message).__name__, self._addressees[message.sender].role)
        size = payload_bytes(message)
        self._counts[key] += 1
        self._bytes[key] += size
        self._messages_total += 1
        self._bytes_total += size
