"""Find out by experience how much more to ask: reinforcement learning over a few markups.

The algorithm is `mmgsim.coordination.RothErev`, the modified one of Nicolaisen, Petrov and
Tesfatsion (2001). What is rewarded is what own trades gained over the grid: the own money of them,
as the market's statements have it, less what the grid would have paid or taken for the same kWh.
It is known to nobody but the microgrid, needs no model, and is not negative where prices stay
between the alternatives at the grid. The bound of it: fuel and wear are not taken off, and stored
energy counts with the grid's price in the hour in which it is traded.

All is counted from gate to gate, so that a markup has its reward before the next one is drawn.
Nothing is drawn at a gate at which no orders were asked for, on a bad line or after a fault of the
market; and nothing is learnt of a gate of which a statement was missed, after a fault of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmgsim.contracts import (
    Dispatch,
    Item,
    LedgerLine,
    OrderQuery,
    Orders,
    Realised,
    Statement,
    View,
)
from mmgsim.coordination import Experience, RothErev
from mmgsim.coordination.learning import MARKUPS
from mmgsim.settlement import account
from mmgsim_agents.gates import draws_of, opens_gate
from mmgsim_agents.ordering import nearer_to_grid
from mmgsim_agents.strategies.base import OptimisingStrategy

__all__ = ["Learner", "gain_over_grid"]

# No markup: before the first gate, where no orders were asked for, where not all is known of it.
NONE = -1

_OF_TRADES = frozenset({Item.LOCAL_TRADE, Item.LOCAL_CHARGE, Item.SURPLUS})


def gain_over_grid(
    lines: Sequence[LedgerLine], name: str, *, sell_per_kwh: float, buy_per_kwh: float
) -> float:
    """Give what the trades of a step brought a microgrid more than the grid would have. [currency]

    Parameters
    ----------
    lines : sequence of LedgerLine
        Its own.
    name : str
        Of the microgrid.
    sell_per_kwh, buy_per_kwh : float
        What the grid pays, and what it takes with the network charge. [currency/kWh]
    """
    trades = [line for line in lines if line.item == Item.LOCAL_TRADE]
    sold_kwh = sum(line.kwh for line in trades if line.payee == name)
    bought_kwh = sum(line.kwh for line in trades if line.payer == name)
    paid = account(lines, name, counts=_OF_TRADES.__contains__)
    return bought_kwh * buy_per_kwh - sold_kwh * sell_per_kwh - paid


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a learner remembers.

    Parameters
    ----------
    known : Experience
        Of its markups.
    choice : int
        Position of the markup of the last gate, `NONE` where nothing is to be learnt of it.
    gained : float
        Since then. [currency]
    """

    known: Experience
    choice: int = NONE
    gained: float = 0.0

    @property
    def in_the_end(self) -> Experience:
        """What is known when the time of the gate is over."""
        if self.choice == NONE:
            return self.known
        return self.known.after(self.choice, self.gained)


class Learner(OptimisingStrategy):
    """Orders at its true values with a markup that it draws at every gate, as it has learnt.

    Parameters
    ----------
    markups : sequence of float
        To choose from. Each is how far prices move from the true value towards the best that the
        grid leaves to the other side, from 0 to 1. With a single one there is nothing to learn:
        a fixed markup.
    recency : float
        Share of what was learnt that is forgotten at each gate, from 0 to 1; at least
        `experimentation` divided by the number of markups.
    experimentation : float
        Share of a reward that does not go to the markup that brought it, from 0 to below 1.
    strength : float
        What has to be learnt against at the start, in mean gains so far.
    """

    def __init__(
        self,
        markups: Sequence[float] = MARKUPS,
        recency: float = 0.1,
        *,
        experimentation: float = 0.2,
        strength: float = 9.0,
    ) -> None:
        super().__init__()
        self.markups = tuple(float(markup) for markup in markups)
        if not self.markups or not all(0.0 <= markup <= 1.0 for markup in self.markups):
            raise ValueError(f"markups are one or more numbers from 0 to 1, not {markups}")
        self._start = RothErev.even(
            len(self.markups), strength=strength, recency=recency, experimentation=experimentation
        )

    def order(self, view: View, query: OrderQuery) -> Orders:
        """Give the true orders with the markup of this gate."""
        markup = self.markups[self._draw(view).choice]
        true = super().order(view, query).orders
        return Orders(orders=tuple(nearer_to_grid(order, view, markup) for order in true))

    def dispatch(self, view: View, realised: Realised) -> Dispatch:
        """Hold the plan, and remember what was learnt."""
        learnt = self._so_far(view)
        if opens_gate(view):
            was_asked = OrderQuery in view.asked
            learnt = self._draw(view) if was_asked else _Learnt(learnt.in_the_end)
        memory = {
            "step": view.window.first_step,
            "propensities": learnt.known.learnt.propensities,
            "mean_gain": learnt.known.mean_gain,
            "gains": learnt.known.gains,
            "choice": learnt.choice,
            "gained": learnt.gained,
            # The statement of this step comes with the next one, which has a tariff of its own.
            "sell_per_kwh": float(view.tariff.export_per_kwh[0]),
            "buy_per_kwh": float(view.tariff.buy_per_kwh[0]),
        }
        return replace(super().dispatch(view, realised), memory=memory)

    def _so_far(self, view: View) -> _Learnt:
        """Give what is remembered, with the gains that statements tell of since."""
        memory: Mapping[str, Any] = view.memory
        if not memory:
            return _Learnt(Experience(self._start))
        learnt = replace(self._start, propensities=memory["propensities"])
        known = Experience(learnt, memory["mean_gain"], memory["gains"])
        if view.window.first_step != memory["step"] + 1:
            return _Learnt(known)  # a stand-in had the statements between
        gained = sum(
            gain_over_grid(
                told.lines,
                view.name,
                sell_per_kwh=memory["sell_per_kwh"],
                buy_per_kwh=memory["buy_per_kwh"],
            )
            for told in view.messages
            if isinstance(told, Statement)
        )
        return _Learnt(known, memory["choice"], memory["gained"] + gained)

    def _draw(self, view: View) -> _Learnt:
        """Give what is known once the time of the last gate is over, and draw another markup."""
        known = self._so_far(view).in_the_end
        return _Learnt(known, known.learnt.choose(draws_of(view)))
