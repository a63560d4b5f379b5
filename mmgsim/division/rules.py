"""Rules that divide a day's money, and how far each is from what it should keep.

A bill is what a member pays in all: grid, operations, local energy, transfers.

=========== ======================================== ==================================
rule        bill                                     guarantees
=========== ======================================== ==================================
`none`      local energy is free                     budget
`midpoint`  price midway between the alternatives    budget; somebody may lose by storage
`marginal`  price is the dual of the local balance   budget, rationality, core, for an LP
`nash`      everybody gains the same                 budget, rationality
`shapley`   mean of what each adds, over all orders  budget, rationality
`nucleolus` least content group most content         budget, rationality, core if not empty
=========== ======================================== ==================================

That marginal prices are in the core is Owen's theorem [1]_: a bill is the member's part of the
Lagrangian at these prices, and the parts of a group are a lower bound of what it pays on its own.
Pay-as-bid is none of these: costs of groups know no bids.

.. [1] G. Owen, "On the core of linear production games", Mathematical Programming 9, 1975,
   doi:10.1007/BF01681356.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

import numpy as np

from mmgsim.contracts import FloatArray, frozen
from mmgsim.coordination import Split, divide, savings
from mmgsim.division.game import EXACT_MEMBERS, DayGame, Progress
from mmgsim.division.sampling import sampled_shapley
from mmgsim.errors import Fault, near_miss
from mmgsim.profiles import stream

__all__ = [
    "RULE_WORDS",
    "Bills",
    "GroupCosts",
    "Rule",
    "Violations",
    "bills_by_rule",
    "rule_faults",
    "violations",
]


class Rule(StrEnum):
    """By which rule a day's money is divided."""

    NONE = "none"
    MIDPOINT = "midpoint"
    MARGINAL = "marginal"
    NASH = "nash"
    SHAPLEY = "shapley"
    NUCLEOLUS = "nucleolus"


RULE_WORDS: Mapping[Rule, str] = MappingProxyType(
    {
        Rule.NONE: "local energy is free; each pays for its exchange with the grid, network "
        "charges and its devices alone",
        Rule.MIDPOINT: "local energy costs the mean of what the grid pays for it and what it takes "
        "for it, the local charge taken off",
        Rule.MARGINAL: "local energy costs what one more kWh would cost all together in that step",
        Rule.NASH: "everybody saves the same amount against being alone",
        Rule.SHAPLEY: "each saves what it adds to the saving when it joins the others, as a mean "
        "over all orders of joining",
        Rule.NUCLEOLUS: "the group that gains least over what it would save on its own gains as "
        "much as possible, then the next one, and so on",
    }
)
"""What each rule does, in one line."""

_SPLITS = {Rule.NASH: Split.EQUAL, Rule.SHAPLEY: Split.SHAPLEY, Rule.NUCLEOLUS: Split.NUCLEOLUS}


@dataclass(frozen=True, slots=True, eq=False)
class Bills:
    """What members pay by a rule.

    Parameters
    ----------
    bills : (n,) array
        Negative where somebody earns. [currency]
    standard_error : (n,) array or None
        Of a rule whose bills are estimated. [currency]
    """

    bills: FloatArray
    standard_error: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Violations:
    """The worst that a rule does to what it should keep, 0 where it keeps it. [currency]

    Parameters
    ----------
    budget : float
        How far all bills together are from what the plan costs.
    rationality : float
        The most that a member pays above what it would alone.
    core : float
        The most that a group, all but everybody, pays above what it would on its own.
    loser : str
        Who that member is; empty where nobody loses.
    group : tuple of str
        Who that group is; empty where none would leave.
    """

    budget: float
    rationality: float
    core: float
    loser: str = ""
    group: tuple[str, ...] = ()


class GroupCosts(Protocol):
    """What groups of members pay on their own, of a day or of anything else."""

    @property
    def names(self) -> tuple[str, ...]:
        """Members, in the order that groups name them by."""

    @property
    def alone(self) -> FloatArray:
        """What each pays on its own: (n,) array. [currency]"""

    @property
    def total(self) -> float:
        """What all pay together. [currency]"""

    @property
    def known(self) -> Mapping[int, float]:
        """What the groups that were looked at pay, by the bits of their members. [currency]"""


def rule_faults(rules: list[str], members: int | None) -> list[Fault]:
    """Tell which rules there are not, or not for so many members; None where that is unknown."""
    faults = []
    for text in rules:
        if text == "pay-as-bid":
            why = "divides by bids, and a game of what groups pay has none"
            faults.append(Fault("rules", f"{text!r} {why}", f"rules are {', '.join(Rule)}"))
        elif text not in list(Rule):
            cure = near_miss(text, list(map(str, Rule)))
            faults.append(Fault("rules", f"there is no rule {text!r}", cure))
        elif text == Rule.NUCLEOLUS and members is not None and members > EXACT_MEMBERS:
            what = f"nucleolus looks at all groups of {members} microgrids"
            faults.append(Fault("rules", what, f"it is for up to {EXACT_MEMBERS}; leave it out"))
    if not rules:
        faults.append(Fault("rules", "names no rule", f"rules are {', '.join(Rule)}"))
    twice = sorted({text for text in rules if rules.count(text) > 1})
    faults += [Fault("rules", f"names {text!r} twice", "once is enough") for text in twice]
    return faults


def bills_by_rule(
    game: DayGame, rules: tuple[Rule, ...], *, orders: int, progress: Progress | None = None
) -> dict[Rule, Bills]:
    """Give what everybody pays by each rule.

    Up to `EXACT_MEMBERS` members every group is solved; beyond, Shapley values are estimated from
    `orders` orders, drawn whether or not they are asked for: the core is looked at in their groups.
    """
    zero = np.zeros_like(game.price_per_kwh)
    priced = {
        Rule.NONE: zero,
        Rule.MIDPOINT: game.midpoint_per_kwh,
        Rule.MARGINAL: game.price_per_kwh,
    }
    found = {rule: Bills(game.bills(price)) for rule, price in priced.items()}
    if game.is_exact:
        worth = savings(game.costs(progress))
        for rule, split in _SPLITS.items():
            if rule in rules:
                found[rule] = Bills(frozen(game.alone - divide(split, worth, game.alone)))
    else:
        gain = float(game.alone.sum()) - game.total
        found[Rule.NASH] = Bills(frozen(game.alone - gain / len(game.names)))
        drawn = sampled_shapley(
            game.cost,
            len(game.names),
            orders=orders,
            rng=stream(game.day.seed, "division", "orders"),
            progress=progress,
        )
        # The Shapley value of costs: that of savings, taken off what each pays alone.
        found[Rule.SHAPLEY] = Bills(drawn.shares, drawn.standard_error)
    return {rule: found[rule] for rule in rules}


def violations(game: GroupCosts, bills: FloatArray, *, rounding: float) -> Violations:
    """Find the worst that bills do, over all members and all groups that were looked at.

    Parameters
    ----------
    game : GroupCosts
        Whose groups; a `DayGame` is one.
    bills : (n,) array
        [currency]
    rounding : float
        What counts as nothing: that of solvers. [currency]
    """
    above = bills - game.alone
    everybody = (1 << len(game.names)) - 1
    masks = [mask for mask in game.known if 0 < mask < everybody]
    worst, group = 0.0, 0
    if masks:
        members = np.array([[mask >> i & 1 for i in range(len(bills))] for mask in masks])
        excess = members @ bills - np.array([game.known[mask] for mask in masks])
        at = int(excess.argmax())
        worst, group = float(excess[at]), masks[at]
    budget = abs(float(bills.sum()) - game.total)
    loss = float(above.max())
    return Violations(
        budget=_cut(budget, rounding),
        rationality=_cut(loss, rounding),
        core=_cut(worst, rounding),
        loser=game.names[int(above.argmax())] if loss > rounding else "",
        group=_members_of(game, group) if worst > rounding else (),
    )


def _cut(amount: float, rounding: float) -> float:
    return amount if amount > rounding else 0.0


def _members_of(game: GroupCosts, mask: int) -> tuple[str, ...]:
    return tuple(name for i, name in enumerate(game.names) if mask >> i & 1)
