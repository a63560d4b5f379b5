"""What members save together, divided by a rule and booked as transfers between them.

A rule says what each is to pay in a window. What its plan costs it, grid and local trades included,
differs from that; the difference is a transfer to or from the market. Transfers add up to zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from mmgsim.contracts import (
    Disclosure,
    FloatArray,
    MarketView,
    Objective,
    Plan,
    TieFlow,
    frozen,
)
from mmgsim.coordination.coalitions import Coalitions
from mmgsim.coordination.pool import Prices, price_of
from mmgsim.coordination.sharing import Split, divide, savings
from mmgsim.subproblems import public_cost, public_prices

__all__ = ["MOST_MEMBERS", "Saving", "coalition_faults", "earned_per_h"]

# Coalitions double with every member, and each is a problem of its own at every gate.
MOST_MEMBERS = 10

_LOOKS_AT_COALITIONS = frozenset({Split.SHAPLEY, Split.NUCLEOLUS})


def coalition_faults(split: Split, members: int) -> Iterator[tuple[str, str, str]]:
    """Say why a rule cannot be followed with so many members: option, fault and cure."""
    if split in _LOOKS_AT_COALITIONS and members > MOST_MEMBERS:
        what = f"{split} looks at all coalitions of {members} microgrids"
        yield "split", what, f"use another rule, or at most {MOST_MEMBERS} of them"


class Saving:
    """Divides the saving of one window after another.

    Parameters
    ----------
    split : Split
        By which rule.
    loss_factor : float
        Of what sellers put in, the share that buyers do not get.
    """

    def __init__(self, split: Split, loss_factor: float = 0.0) -> None:
        self.split = split
        self._coalitions = Coalitions(loss_factor)

    def reset(self) -> None:
        """Make all problems as new, without building them again."""
        self._coalitions.reset()

    def start(self, view: MarketView, declared: Mapping[str, Disclosure], best: float) -> None:
        """Find what each pays on its own, and its share of the saving.

        With the objective `system`, plans are not made for the members' bills, and nothing is
        divided.

        Parameters
        ----------
        view : MarketView
            Of the gate.
        declared : mapping
            By name of microgrid.
        best : float
            What all pay together. [currency]

        Raises
        ------
        ValueError
            If the rule does not fit the costs.
        """
        self._view, self._best, self._names = view, best, tuple(declared)
        if view.objective is Objective.SYSTEM:
            return
        game = self._coalitions
        game.start(declared, view.envelopes, view.tariff, ties=view.ties)
        if self.split in _LOOKS_AT_COALITIONS:
            cost = game.costs().copy()
        else:
            cost = np.zeros(1 << len(declared))
            cost[1 << np.arange(len(declared))] = game.alone
        cost[-1] = best
        self._due = game.alone - divide(self.split, savings(cost), game.alone)

    def transfers(
        self,
        plans: Mapping[str, Plan],
        trade_kw: Mapping[str, FloatArray],
        price_per_kwh: Prices,
        *,
        upper: float,
        ties: tuple[TieFlow, ...] = (),
    ) -> Mapping[str, FloatArray]:
        """Give what each member pays the market in every step; they add up to zero. [currency]

        A member is to pay what it would on its own, less its share of the saving, and an equal
        part of what the plans cost beyond the optimum, as where a network refuses some of it.
        Spread evenly over the window: right in all where a gate's window is executed whole, an
        average of gates where windows overlap.
        """
        if self._view.objective is Objective.SYSTEM:
            return {}
        steps = self._view.window.steps
        owed = self.owed(plans, trade_kw, price_per_kwh, upper=upper, ties=ties)
        owed = owed - owed.mean()  # the rounding of solvers
        return {
            name: frozen(np.full(steps, one / steps))
            for name, one in zip(self._names, owed.tolist(), strict=True)
        }

    def owed(
        self,
        plans: Mapping[str, Plan],
        trade_kw: Mapping[str, FloatArray],
        price_per_kwh: Prices,
        *,
        upper: float,
        ties: tuple[TieFlow, ...] = (),
    ) -> FloatArray:
        """Give what each member owes beside its own bill; the sum is rounding. [currency]"""
        prices, step_h = public_prices(self._view.tariff), self._view.window.step_h
        due = self._due + (upper - self._best) / len(self._names)
        bills = [
            plans[name].private_cost
            + public_cost(plans[name].exchange_kw, trade_kw[name], prices, step_h)
            - step_h * float(price_of(price_per_kwh, name) @ trade_kw[name])
            - step_h * earned_per_h(ties, name)
            for name in self._names
        ]
        return np.asarray(due - np.array(bills))


def earned_per_h(flows: tuple[TieFlow, ...], name: str) -> float:
    """Give what a microgrid is paid for tie flows less what it pays. [currency/h]"""
    return sum(
        float(flow.price_per_kwh @ flow.received_kw)
        * ((flow.sender == name) - (flow.receiver == name))
        for flow in flows
    )
