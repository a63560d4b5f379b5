"""Request, grant, re-schedule: the three steps of paper 003.

1. The microgrids plan for themselves, or one controller plans for all, and request what their plans
   exchange.
2. The DNO grants what the network carries (`mmgsim.subproblems.granting`).
3. They plan again within what was granted.

The paper's cases are two choices. Case 1: ``security: none``; case 2: ``security: limits``; case 3:
that with ``controller: aggregated``.

In step 3 a plan costs at least what it did in step 1, as limits were added; with the same requests,
limits never lower the DNO's objective; the joint plan costs at most what the plans on their own do
together. That one controller for all lowers the cost of the DNO is no theorem: its requests are
others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Literal, get_args

import numpy as np

from mmgsim.contracts import (
    Clearing,
    Grant,
    GrantQuery,
    Grants,
    MarketView,
    Message,
    Objective,
    Plan,
    Request,
    RequestQuery,
    Round,
    Security,
    TieLine,
)
from mmgsim.coordination.aggregated import Aggregated, requests_of
from mmgsim.coordination.pool import pool_clearing
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.coordination.sharing import Split
from mmgsim.scenario import Inputs, Scenario

__all__ = ["Hierarchical", "Who"]

Who = Literal["each", "aggregated"]

# Grants that have moved by no more are settled: 1e-3 MW, as in paper 003. [kW]
SETTLED_KW = 1.0


class _Step(Enum):
    """What is asked next."""

    REQUEST = 1
    GRANT = 2
    RESCHEDULE = 3


class Hierarchical:
    """Has microgrids request, the DNO grant, and microgrids plan again within their grants.

    Parameters
    ----------
    security : str
        ``limits``: the DNO keeps voltages and currents; ``none``: it keeps neither, and grants
        whatever its own problem can serve.
    controller : str
        ``each``: every microgrid requests and plans for itself, and trades with the DNO alone.
        ``aggregated``: all disclose to one controller, which requests and plans for them together;
        what one has left over goes to others first, through the feeder.
    rounds : int
        Passes of steps 2 and 3 at most: from the second one on, what the last plans exchange is
        requested. Requests only shrink, so that grants settle; they count as settled once none
        moves by more than 1 kW. The paper passes once, and says nothing of more.
    split : str
        How the saving of an aggregated controller is divided: ``equal``, ``shapley``,
        ``nucleolus``, both of at most 10 microgrids, or ``proportional`` to what each pays on its
        own. Where somebody's cost is negative there are no such shares. That is seen at a gate and
        not when a scenario is checked: the gate fails, and `faults` says what stands in for it.
    """

    asks_dno: frozenset[type[Message]] = frozenset({GrantQuery})

    def __init__(
        self,
        *,
        security: str = "limits",
        controller: Who = "each",
        rounds: int = 1,
        split: str = "equal",
    ) -> None:
        if security not in list(Security):
            raise ValueError(f"security is one of {', '.join(Security)}, not {security!r}")
        if controller not in get_args(Who):
            raise ValueError(f"controller is one of {', '.join(get_args(Who))}, not {controller!r}")
        if split not in list(Split):
            raise ValueError(f"split is one of {', '.join(Split)}, not {split!r}")
        if rounds < 1:
            raise ValueError(f"rounds is at least 1, not {rounds}")
        self.security, self.rounds = Security(security), rounds
        self._controller: _Each | Aggregated = (
            _Each() if controller == "each" else Aggregated(Split(split))
        )
        self.asks = self._controller.asks
        self.uses_ties = controller == "aggregated"

    def scenario_faults(self, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
        """Give option, fault and cure of what a scenario has that a rule cannot divide."""
        yield from self._controller.member_faults(len(scenario.microgrids))

    def scenario_doubts(self, scenario: Scenario, inputs: Inputs) -> Iterator[tuple[str, str, str]]:
        """Give option, doubt and cure of what is given and divides nothing."""
        del inputs
        given = scenario.coordination.options().get("split")
        if given is None:
            return
        if isinstance(self._controller, _Each):
            what = f"{given!r} has no effect with controller: each: no saving is divided"
            yield "split", what, "set controller: aggregated, or leave it out"
        elif scenario.objective is Objective.SYSTEM:
            what = f"{given!r} has no effect with objective: system: no saving is divided"
            yield "split", what, "set objective: members, or leave it out"

    def reset(self) -> None:
        """Make the problems of the controller as new."""
        self._controller.reset()

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        del memory
        self._view, self._next = view, _Step.REQUEST
        self._controller.start(view)
        self._requests: Mapping[str, Request] = {}
        self._grants: Mapping[str, Request] = {}
        self._passes: list[Round] = []
        self._moved_kw = np.inf

    def ask(self) -> list[Message]:
        """Ask for what step 1, 2 or 3 needs."""
        if self._next is _Step.REQUEST:
            return self._controller.request_questions()
        if self._next is _Step.GRANT:
            query = GrantQuery(
                to="dno",
                window=self._view.window,
                requests=dict(self._requests),
                security=self.security,
                # Later passes are about what is planned, and that stands at each connection.
                ties=() if self._passes else self._controller.ties,
                pooled=self._controller.pools,
            )
            return [query]
        return self._controller.plan_questions(self._grants)

    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Go on to the next step; clear once grants are settled, or after the last pass."""
        if self._next is _Step.REQUEST:
            self._requests = self._controller.take_requests(replies)
            self._next = _Step.GRANT
            return None
        if self._next is _Step.GRANT:
            self._take_grants(replies_by_name(replies, Grants)["dno"])
            self._next = _Step.RESCHEDULE
            return None
        clearing = self._controller.take_plans(replies, tuple(self._passes))
        self._passes.append(Round(clearing.upper, clearing.lower, self._moved_kw))
        if self._moved_kw <= SETTLED_KW or len(self._passes) >= self.rounds:
            return clearing
        self._requests = requests_of(
            {name: plan.exchange_kw for name, plan in clearing.plans.items()}
        )
        self._next = _Step.GRANT
        return None

    def _take_grants(self, given: Grants) -> None:
        """Note the grants, and how far they are from what was there before. [kW]"""
        before = self._grants or self._requests
        self._moved_kw = max(
            float(np.abs(getattr(given.grants[name], side) - getattr(was, side)).max())
            for name, was in before.items()
            for side in ("lack_kw", "surplus_kw")
        )
        self._grants = given.grants


class _Each:
    """Every microgrid for itself: requests of its own, plans within its own grants."""

    asks: frozenset[type[Message]] = frozenset({RequestQuery, Grant})
    pools = False
    ties: tuple[TieLine, ...] = ()

    def member_faults(self, members: int) -> Iterator[tuple[str, str, str]]:
        """Find nothing: any number may plan for themselves."""
        del members
        return iter(())

    def reset(self) -> None:
        """Keep nothing from gate to gate."""

    def start(self, view: MarketView) -> None:
        """Begin a gate."""
        self._view = view

    def request_questions(self) -> list[Message]:
        """Ask everybody for its request."""
        window = self._view.window
        return [RequestQuery(to=member.name, window=window) for member in self._view.members]

    def take_requests(self, replies: Sequence[Message]) -> Mapping[str, Request]:
        """Take the requests as they are."""
        return replies_by_name(replies, Request)

    def plan_questions(self, grants: Mapping[str, Request]) -> list[Message]:
        """Ask everybody to plan within its grant."""
        return [
            Grant(
                to=member.name,
                window=self._view.window,
                lack_kw=grants[member.name].lack_kw,
                surplus_kw=grants[member.name].surplus_kw,
            )
            for member in self._view.members
        ]

    def take_plans(self, replies: Sequence[Message], rounds: tuple[Round, ...]) -> Clearing:
        """Clear with the plans as they are: nobody trades but with the DNO."""
        nothing = np.zeros(self._view.window.steps)
        plans: dict[str, Plan] = plans_by_name(replies)
        no_trade = dict.fromkeys(plans, nothing)
        return pool_clearing(self._view, plans, no_trade, None, lower=None, rounds=rounds)
