"""What a seller that learns its markup earns among truthful rivals, day after day the same.

The seller is a `RothErev` over a few markups, the market one call of the real order book for every
gate of a day (`clear_book`, all trades at the middle of the crossing), and everybody else orders at
true values, which are drawn once a seed. It is the experiment of Nicolaisen, Petrov and Tesfatsion
(2001, doi 10.1109/4235.956714) with one learner, so that the day is stationary: what a markup earns
at a gate never changes, and whether it is found is all that is asked. In a whole simulation the
strategy ``learner`` does the same.

Three treatments see the same books: ``learner``; ``fixed``, which keeps what the learner tried
first, drawn evenly; ``truthful``, without a markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mmgsim.contracts import FloatArray, Order, Side, frozen
from mmgsim.coordination.order_book import clear_book
from mmgsim.coordination.roth_erev import Experience, RothErev
from mmgsim.interval import MeanInterval, mean_interval
from mmgsim.profiles import stream

__all__ = ["MARKUPS", "LearningStudy", "RepeatedDay", "Supply", "learning_study", "repeated_day"]

Supply = Literal["scarce", "abundant"]
Treatment = Literal["learner", "fixed", "truthful"]

MARKUPS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What a learner chooses from: how far from the true value to the best of the other side."""

# Of a kWh at the grid: what it pays, and what it takes. [currency/kWh]
FLOOR, CEILING = 0.05, 0.30
OWN_KW = 3.0
# Rivals and buyers have 1 kW each; demand is so many times that at the gates of a day.
RIVALS: Mapping[str, int] = {"scarce": 4, "abundant": 12}
BUYERS = 6
DEMAND = (0.8, 1.0, 1.2, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedDay:
    """One seller and truthful others, at the gates of a day.

    Parameters
    ----------
    cost_per_kwh : float
        Of the seller, which has `kw` to sell. [currency/kWh]
    kw : float
        [kW]
    rival_cost_per_kwh : (rivals,) array
        Each has 1 kW to sell. [currency/kWh]
    value_per_kwh : (buyers,) array
        [currency/kWh]
    demand_kw : (gates,) array
        Of each buyer. [kW]
    highest_per_kwh : float
        What nobody would pay more than. [currency/kWh]
    """

    cost_per_kwh: float
    kw: float
    rival_cost_per_kwh: FloatArray
    value_per_kwh: FloatArray
    demand_kw: FloatArray
    highest_per_kwh: float = CEILING

    @property
    def residual_supply(self) -> FloatArray:
        """What rivals can serve of the demand at each gate; below 1 the seller is needed.

        The residual supply index of power markets. (gates,) array.
        """
        demand_kw = len(self.value_per_kwh) * self.demand_kw
        return frozen(len(self.rival_cost_per_kwh) / demand_kw)

    def profit(self, markup: float, gate: int) -> float:
        """Give what the seller earns above its cost in the hour of a gate. [currency]

        Parameters
        ----------
        markup : float
            How far it asks above its cost, from 0 to 1 at the highest price.
        gate : int
            Of the day.
        """
        ask = (1.0 - markup) * self.cost_per_kwh + markup * self.highest_per_kwh
        orders = {"own": [Order(0, Side.SELL, self.kw, ask)]}
        for k, cost in enumerate(self.rival_cost_per_kwh.tolist()):
            orders[f"seller-{k}"] = [Order(0, Side.SELL, 1.0, cost)]
        for k, value in enumerate(self.value_per_kwh.tolist()):
            orders[f"buyer-{k}"] = [Order(0, Side.BUY, float(self.demand_kw[gate]), value)]
        book = clear_book(orders)
        sold_kw = sum(fill.kw for fill in book.of("own"))
        return sold_kw * (book.middle_per_kwh - self.cost_per_kwh) if sold_kw else 0.0

    def profits(self, markups: Sequence[float]) -> FloatArray:
        """Give the profit of every markup at every gate: (markups, gates) array. [currency]"""
        gates = range(len(self.demand_kw))
        return frozen([[self.profit(markup, gate) for gate in gates] for markup in markups])


def repeated_day(supply: Supply, seed: int) -> RepeatedDay:
    """Draw a day: all costs evenly from the lower half of prices, all values from the upper one.

    The seller has no better cost than its rivals. Scarce and abundant days of a seed differ by
    further rivals alone: 4 or 12 of 1 kW, for 4.8 to 7.2 kW of demand.
    """
    rng, middle = stream(seed, "learning", "day"), (FLOOR + CEILING) / 2.0
    own, *rivals = rng.uniform(FLOOR, middle, 1 + max(RIVALS.values())).tolist()
    values = rng.uniform(middle, CEILING, BUYERS)
    return RepeatedDay(
        cost_per_kwh=own,
        kw=OWN_KW,
        rival_cost_per_kwh=frozen(rivals[: RIVALS[supply]]),
        value_per_kwh=frozen(values),
        demand_kw=frozen(DEMAND),
    )


@dataclass(frozen=True, slots=True, eq=False)
class LearningStudy:
    """What the seller earned, by treatment, seed and day.

    Parameters
    ----------
    profit : mapping of (seeds, days) arrays
        By treatment. [currency/day]
    best : (seeds,) array
        What the best single markup earns. [currency/day]
    markup : (seeds, days) array
        What the learner asked with, mean of a day.
    """

    profit: Mapping[str, FloatArray]
    best: FloatArray
    markup: FloatArray

    def late(self, treatment: Treatment) -> FloatArray:
        """Give the mean profit in the second half of the days: (seeds,) array. [currency/day]"""
        days = self.profit[treatment].shape[1]
        return frozen(self.profit[treatment][:, days // 2 :].mean(axis=1))

    @property
    def attainable(self) -> FloatArray:
        """What the best single markup earns more than the truth: (seeds,) array. [currency/day]

        Zero where nothing can be gained by asking more. Who changes the markup from gate to gate
        may earn more still.
        """
        return frozen(self.best - self.profit["truthful"][:, 0])

    def gain_over(self, other: Treatment) -> MeanInterval:
        """Give what learning earned more in the second half than another treatment, seed by seed.

        With its 95 % interval over the seeds. [currency/day]
        """
        return mean_interval(self.late("learner") - self.late(other))


def learning_study(
    supply: Supply,
    *,
    seeds: Sequence[int] = range(100),
    days: int = 200,
    markups: Sequence[float] = MARKUPS,
) -> LearningStudy:
    """Have a seller learn on many stationary days.

    Parameters
    ----------
    supply : str
        ``scarce``: without the seller demand is not met; ``abundant``: it is, 1.7 to 2.5 times.
    seeds : sequence of int
        Each has costs, values and luck of its own, the same under every treatment.
    days : int
        How often the day comes.
    markups : sequence of float
        To choose from; the first is the truth.
    """
    if supply not in get_args(Supply):
        raise ValueError(f"supply is one of {', '.join(get_args(Supply))}, not {supply!r}")
    tables = [repeated_day(supply, seed).profits(markups) for seed in seeds]
    chosen = np.array([_choices(t, seed, days) for t, seed in zip(tables, seeds, strict=True)])
    by_day = np.array([table.sum(axis=1) for table in tables])  # (seeds, markups)
    gates = np.arange(tables[0].shape[1])
    learner = [table[own, gates].sum(axis=1) for table, own in zip(tables, chosen, strict=True)]
    fixed = [daily[own[0, 0]] for daily, own in zip(by_day, chosen, strict=True)]

    def every_day(profit: Sequence[float]) -> FloatArray:
        return frozen(np.repeat(np.asarray(profit)[:, None], days, axis=1))

    return LearningStudy(
        profit={
            "learner": frozen(learner),
            "fixed": every_day(fixed),
            "truthful": every_day(by_day[:, 0].tolist()),
        },
        best=frozen(by_day.max(axis=1)),
        markup=frozen(np.asarray(markups)[chosen].mean(axis=2)),
    )


def _choices(profits: FloatArray, seed: int, days: int) -> list[list[int]]:
    """Have a learner go through the days; give the position of its markup at every gate."""
    rng = stream(seed, "learning", "choices")
    known, chosen = Experience(RothErev.even(len(profits))), []
    for _ in range(days):
        today = []
        for gate in range(profits.shape[1]):
            choice = known.learnt.choose(rng)
            known = known.after(choice, float(profits[choice, gate]))
            today.append(choice)
        chosen.append(today)
    return chosen
