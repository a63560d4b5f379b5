"""The message bus: everything that agents say to each other goes through it and is counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Protocol

from mmgsim.contracts import Message, payload_bytes
from mmgsim.errors import ContractError, near_miss

__all__ = ["Addressee", "MessageBus", "Traffic"]


class Addressee(Protocol):
    """An agent that can be written to.

    `role` is the kind of agent: dno, market or microgrid. `who` is what people call it in messages
    and in the table of faults: "the DNO", "the market", or the name of the microgrid.
    """

    name: str
    role: str
    who: str

    def may_answer_in_thread(self, message: Message) -> bool:
        """Tell whether it can answer this while others answer too."""
        ...

    def receive(self, message: Message) -> Message | None:
        """Take a message; give the reply if it is a question."""
        ...


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much was said."""

    messages: int
    bytes: int


class MessageBus:
    """Delivers messages between agents at once, counts them, and keeps them on request.

    Parameters
    ----------
    workers : int or None
        Threads in which agents may answer at the same time; by default as many as there are
        processors to run them. The replies are the same.
    keeps_payloads : bool
        Keep what was said until `take_payloads` is called.
    """

    def __init__(self, *, workers: int | None = None, keeps_payloads: bool = False) -> None:
        self._workers = _processors() if workers is None else workers
        self._pool: ThreadPoolExecutor | None = None
        self.keeps_payloads = keeps_payloads
        self._payloads: list[Message] | None = [] if keeps_payloads else None
        self._addressees: dict[str, Addressee] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._bytes: Counter[tuple[str, str]] = Counter()
        self._sent: Counter[str] = Counter()
        self._sent_bytes: Counter[str] = Counter()
        self._messages_total = 0
        self._bytes_total = 0

    def register(self, addressee: Addressee) -> None:
        """Make an agent reachable under its name."""
        self._addressees[addressee.name] = addressee

    def send(self, sender: str, messages: Iterable[Message]) -> None:
        """Deliver messages that call for no reply."""
        for message in messages:
            self._addressees[message.to].receive(self._addressed(sender, message))

    def exchange(self, sender: str, questions: Iterable[Message]) -> list[Message]:
        """Deliver questions and give the replies, in the order of the questions.

        Raises
        ------
        ContractError
            If there is no such addressee, or it does not reply.
        """
        asked = [self._addressed(sender, question) for question in questions]
        replies = []
        for question, reply in zip(asked, self._answers(asked), strict=True):
            if reply is None:
                who = self._addressees[question.to].who
                raise ContractError(who, [f"does not reply to {type(question).__name__}"])
            reply = replace(reply, sender=question.to, to=sender)
            self._count(reply)
            replies.append(reply)
        return replies

    def _answers(self, asked: list[Message]) -> list[Message | None]:
        """Have everybody answer; side by side where all of them can, and are not the same."""
        listeners = [self._addressees[question.to] for question in asked]
        pairs = list(zip(listeners, asked, strict=True))
        if (
            self._workers < 2
            or len({listener.name for listener in listeners}) < max(len(asked), 2)
            or not all(listener.may_answer_in_thread(question) for listener, question in pairs)
        ):
            return [listener.receive(question) for listener, question in pairs]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="mmgsim")
        futures = [self._pool.submit(listener.receive, question) for listener, question in pairs]
        wait(futures)  # nobody goes on answering after somebody's error is told
        return [future.result() for future in futures]

    def count(self, sender: str, message: Message) -> None:
        """Count a message that is not delivered: it got lost, or says again what was said."""
        self._add_up(replace(message, sender=sender))

    @property
    def traffic(self) -> Traffic:
        """How much was said since the start."""
        return Traffic(messages=self._messages_total, bytes=self._bytes_total)

    @traffic.setter
    def traffic(self, traffic: Traffic) -> None:
        self._messages_total, self._bytes_total = traffic.messages, traffic.bytes

    def take_counts(self) -> list[tuple[str, str, int, int]]:
        """Give kind, role of sender, messages and bytes since the last call."""
        rows = [(*key, self._counts[key], self._bytes[key]) for key in sorted(self._counts)]
        self._counts.clear()
        self._bytes.clear()
        return rows

    def take_senders(self) -> list[tuple[str, int, int]]:
        """Give name of sender, messages and bytes since the last call."""
        rows = [(name, self._sent[name], self._sent_bytes[name]) for name in sorted(self._sent)]
        self._sent.clear()
        self._sent_bytes.clear()
        return rows

    def take_payloads(self) -> list[Message]:
        """Give what was said since the last call, in order; nothing where it is not kept."""
        said = self._payloads or []
        if self._payloads is not None:
            self._payloads = []
        return said

    def _addressed(self, sender: str, message: Message) -> Message:
        """Fill in who speaks, and count."""
        if message.to not in self._addressees:
            near = near_miss(message.to, self._addressees)
            who = self._addressees[sender].who
            raise ContractError(who, [f"writes to {message.to!r}: no such agent; {near}"])
        message = replace(message, sender=sender)
        self._count(message)
        return message

    def _count(self, message: Message) -> None:
        if self._payloads is not None:
            self._payloads.append(message)
        self._add_up(message)

    def _add_up(self, message: Message) -> None:
        key = (type(message).__name__, self._addressees[message.sender].role)
        size = payload_bytes(message)
        self._counts[key] += 1
        self._bytes[key] += size
        self._sent[message.sender] += 1
        self._sent_bytes[message.sender] += size
        self._messages_total += 1
        self._bytes_total += size


def _processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
