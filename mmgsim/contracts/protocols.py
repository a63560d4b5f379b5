"""The four doors: what a strategy, a DNO, a market and a mechanism must be able to do.

Each is replaced by reference in the scenario (``kind: package.module:Class``).
`mmgsim.testing` has the executable form of each: `check_strategy`, `check_operator`,
`check_market` and `check_mechanism`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from mmgsim.contracts.messages import Envelope, Message, Plan, Tariff
from mmgsim.contracts.money import LedgerLine
from mmgsim.contracts.views import (
    Clearing,
    Dispatch,
    Executed,
    MarketView,
    OperatorView,
    Realised,
    View,
)

__all__ = ["ACCEPTED", "Accepted", "Market", "Mechanism", "Operator", "Strategy"]


class Accepted:
    """What `Operator.review` gives when the network carries the plans."""


ACCEPTED = Accepted()
"""The one `Accepted`, to be given and compared with."""


@runtime_checkable
class Strategy(Protocol):
    """How a microgrid decides. Pure: no clock, no input or output, no hidden state.

    Compiled problems may be kept as a cache. At the end of every simulated day the strategy is made
    anew, or its ``reset()`` is called: it then answers as a new one would. A ``reset`` counts where
    the class has it itself, as one that is inherited does not know what was added. After a failure
    the strategy is made anew as well. The same holds for operators, markets and mechanisms. What is
    to be remembered is memory, and has to be such that pickle can write it.

    A strategy may also have ``answers_in_threads``, the kinds of messages that it can answer while
    other microgrids answer too: what it then calls must not hang or mix in threads, as Pyomo's own
    solvers do. And it may have ``reads``, the kinds of public messages that it wants to be sent:
    `Bulletin` is the only one.
    """

    answers: frozenset[type[Message]]

    def answer(self, view: View, message: Message) -> Message:
        """Reply to one message of a kind in `answers`."""
        ...

    def dispatch(self, view: View, realised: Realised) -> Dispatch:
        """Decide this step, with what really happened. Trades are firm."""
        ...


@runtime_checkable
class Operator(Protocol):
    """How the DNO decides.

    `reviews` is False for one that accepts every plan, so that asking for repair is refused. An
    operator may say in `answers` which kinds of questions it answers, and may have
    `scenario_faults(scenario)`, which gives (option, fault, cure) of
    whatever is wrong with its own options, for `mmgsim check`.
    """

    reviews: bool

    def publish(self, view: OperatorView) -> tuple[Tariff, Mapping[str, Envelope]]:
        """Give the tariff and one envelope per member over the window."""
        ...

    def answer(self, view: OperatorView, message: Message) -> Message:
        """Reply to a question of the market."""
        ...

    def review(
        self, view: OperatorView, plans: Mapping[str, Plan]
    ) -> Accepted | Mapping[str, Envelope]:
        """Accept the plans, or give tighter envelopes under which to plan again.

        Envelopes only shrink within a gate: what is looser than before changes nothing, and a
        review that tightens nothing counts as acceptance.
        """
        ...


@runtime_checkable
class Mechanism(Protocol):
    """A coordination as an ask/tell algorithm: no bus, no agents, no input or output.

    It may also have `scenario_faults(scenario)`, as an operator may, and
    `scenario_doubts(scenario, inputs)`, which gives (option, doubt, cure) of whatever is probably
    not meant, knowing the series; they are warnings.
    One that asks the DNO too names the kinds in `asks_dno`, so that an operator which does not
    answer them, and a feeder on which it cannot, are refused beforehand. The DNO answers about
    the exchanges of all: where a microgrid is silent everybody is alone, but under a mechanism
    whose `does_without_dno` is true, which then begins again without a network (`has_network`) and
    asks it nothing. One of many rounds may
    have `hurry()`, called before `ask()` where a gate has to end: it then awards what it has.
    """

    asks: frozenset[type[Message]]

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate; `memory` is what the last `Clearing` asked to be kept."""
        ...

    def ask(self) -> list[Message]:
        """Give the next questions, each with its addressee."""
        ...

    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Take the replies, in the order of the questions; give the clearing when done."""
        ...


@runtime_checkable
class Market(Protocol):
    """How the market decides: which mechanism clears a gate, and who pays whom afterwards."""

    def mechanism(self, view: MarketView) -> Mechanism:
        """Give the mechanism that clears this gate."""
        ...

    def settle(self, view: MarketView, executed: Executed) -> list[LedgerLine]:
        """Give the ledger lines of an executed step.

        Import, export, local trade and the operation of devices are booked under their `Item` with
        the kWh of the step, operation at what it cost. Everything else is free: prices, charges,
        and items of your own.
        """
        ...
