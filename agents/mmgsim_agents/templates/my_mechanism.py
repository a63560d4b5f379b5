"""A mechanism of your own: how microgrids are brought together at a gate.

    mmgsim run duo --coordination my_mechanism.py:MyMechanism

It only asks and listens: `start` begins a gate, `ask` gives the next questions, `tell` takes their
answers, in the same order, and gives a `Clearing` when the gate is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    MarketView,
    Message,
    Request,
    RequestQuery,
)
from mmgsim.coordination.pool import (
    local_price,
    match_pool,
    pool_awards,
    pool_clearing,
    pool_trades,
)
from mmgsim.coordination.replies import plans_by_name, replies_by_name


class MyMechanism:
    """A pool at the mid-rate: what some have left over goes to those who lack, half-way in price.

    Everybody says what it lacks and has left over at the grid's prices; surplus is matched with
    lack, the longer side in proportion. It proves nothing about the best there is: `lower` is None.

    Parameters
    ----------
    share : float
        Part of what could be traded that is traded, in [0, 1].
    """

    # What members are asked. Strategies that do not answer one of these are refused beforehand.
    asks: frozenset[type[Message]] = frozenset({RequestQuery, Award})

    # The options of a scenario arrive here:
    # `coordination: {kind: "my_mechanism.py:MyMechanism", share: 0.8}`
    def __init__(self, share: float = 1.0) -> None:
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share is in [0, 1], not {share:g}")
        self.share = share

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate; nothing but `memory` is left of the last one, and this one needs none."""
        del memory
        # The market knows what is public: members, window, tariff, envelopes. Not their devices.
        self._view = view
        self._trade_kw: dict[str, FloatArray] | None = None
        ceiling = view.tariff.buy_per_kwh - view.tariff.local_charge_per_kwh
        self._price_per_kwh = local_price("midpoint", view.tariff, ceiling)

    def ask(self) -> list[Message]:
        """Ask for requests first; once trades are matched, award them."""
        names, window = [member.name for member in self._view.members], self._view.window
        if self._trade_kw is None:
            return [RequestQuery(to=name, window=window) for name in names]
        trades = pool_trades(self._trade_kw, self._price_per_kwh)
        # None leaves the exchange to the microgrid: only its trades are firm.
        return pool_awards(window, dict.fromkeys(names), trades)

    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Match what was asked for; once everybody has planned, clear."""
        if self._trade_kw is None:
            requests = replies_by_name(replies, Request)
            # Change what follows: who trades how much with whom. It has to add up to zero.
            exchange_kw = {
                name: np.asarray(request.surplus_kw - request.lack_kw)
                for name, request in requests.items()
            }
            matched = match_pool(exchange_kw, self._view.tariff)
            self._trade_kw = {name: self.share * kw for name, kw in matched.items()}
            return None
        # Plans go on as they were given; their cost is the upper bound.
        plans = plans_by_name(replies)
        return pool_clearing(self._view, plans, self._trade_kw, self._price_per_kwh, lower=None)
