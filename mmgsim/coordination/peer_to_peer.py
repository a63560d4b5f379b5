"""Everybody serves itself first; what is left over goes to the nearest who lack, then to the grid.

The priority of paper 004: own load, own battery, nearest peer at the agreed price, other peers, the
grid. The first two are each microgrid's own business: `self-consumer` does what the paper says,
`cost-minimiser` what is cheapest at the grid. Both plan without any trade in mind; what they lack
and have left over in each step is matched, the shortest pairs first.

Nobody is asked to lose: a kWh is traded only in steps in which the seller gets no less than the
grid pays, and the buyer, with the local charge of the network, pays no more than the grid takes.
With the paper's retail prices that is every step; with its 0.12 for grid energy it is none, as 0.15
between peers is dearer. Whoever holds its plan then pays at most what it would alone. That needs
forecasts that hold: firm trades are paid for whether the energy was needed or not.

It looks for no optimum, proves no bound, and batteries do not know that peers exist.

References
----------
.. [1] Paper 004, peer-to-peer rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    MarketView,
    Message,
    Request,
    RequestQuery,
    Tariff,
    Trade,
)
from mmgsim.coordination.nearest import matched_by_distance
from mmgsim.coordination.pair_trades import bilateral_awards, bilateral_clearing, bilateral_trades
from mmgsim.coordination.peer_terms import DistancesOption, PeerDistances, PeerPrice, PriceOption
from mmgsim.coordination.replies import plans_by_name, replies_by_name
from mmgsim.errors import ranges
from mmgsim.scenario import Inputs, Scenario

__all__ = ["PeerToPeer"]

BoolArray = NDArray[np.bool_]

# Smaller amounts are what solvers leave of nothing. [kW]
LEAST_KW = 1e-6

# Prices that are no further apart are the same, but for rounding. [currency/kWh]
SAME_PER_KWH = 1e-12


class PeerToPeer:
    """Has everybody request, matches requests by distance, and awards bilateral trades.

    Parameters
    ----------
    price_per_kwh : float, str or mapping
        What the seller gets: one price, ``midpoint`` between its alternatives at the grid, or a
        price by name of the seller. [currency/kWh]
    distances : str or mapping of mappings
        ``feeder``: along the lines of the feeder, all the same without a network; ``equal``: all
        the same; or kilometres by the names of both ends, each pair once. [km]
    """

    asks: frozenset[type[Message]] = frozenset({RequestQuery, Award})

    def __init__(
        self,
        *,
        price_per_kwh: PriceOption = "midpoint",
        distances: DistancesOption = "feeder",
    ) -> None:
        self._price = PeerPrice(price_per_kwh)
        self._distances = PeerDistances(distances)

    def scenario_faults(self, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
        """Give option, fault and cure of what does not fit the microgrids of a scenario."""
        names = [microgrid.name for microgrid in scenario.microgrids]
        for option, terms in (("price_per_kwh", self._price), ("distances", self._distances)):
            for what, cure in terms.faults(names):
                yield option, what, cure

    def scenario_doubts(self, scenario: Scenario, inputs: Inputs) -> Iterator[tuple[str, str, str]]:
        """Give option, doubt and cure of prices at which nobody would trade, with the hours."""
        names = [microgrid.name for microgrid in scenario.microgrids]
        run = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
        floor = inputs.export_per_kwh[run]
        buy = inputs.import_per_kwh[run] + inputs.network_charge_per_kwh[run]
        ceiling = buy - inputs.local_charge_per_kwh[run]
        price = self._price.of(names, floor, ceiling)
        # Steps in which no price at all would do are the tariff's.
        is_refused = _has_room(floor, ceiling) & ~_is_fair(price, floor, ceiling)
        hour = inputs.index.local().hour.to_numpy()[run]
        options = [f"price_per_kwh.{name}" for name in names]
        for row, option in enumerate(options if self._price.is_by_seller else ["price_per_kwh"]):
            if is_refused[row].any():
                what = (
                    f"is less than the grid pays a seller, or with the local charge more than it "
                    f"takes from a buyer, in {int(is_refused[row].sum())} of {inputs.run_steps} "
                    f"steps (hours {ranges(hour[is_refused[row]])}): nobody trades at it then"
                )
                yield option, what, "give a price between both, or 'midpoint'"

    def terms(
        self,
        names: Sequence[str],
        floor_per_kwh: FloatArray,
        ceiling_per_kwh: FloatArray,
        feeder_km: FloatArray | None = None,
    ) -> tuple[FloatArray, BoolArray, FloatArray]:
        """Give on which terms these microgrids would trade.

        Parameters
        ----------
        names : sequence of str
            Microgrids.
        floor_per_kwh, ceiling_per_kwh : (steps,) arrays
            What a kWh earns at the grid, and what it costs there without the local charge.
            [currency/kWh]
        feeder_km : (microgrids, microgrids) array or None
            Along the lines of the feeder, if there is one. [km]

        Returns
        -------
        (microgrids, steps) array, (microgrids, steps) array of bool, (microgrids, microgrids) array
            What each gets for a kWh [currency/kWh]; where it sells at all; how far they are apart
            [km].
        """
        price = self._price.of(names, floor_per_kwh, ceiling_per_kwh)
        may_sell = _is_fair(price, floor_per_kwh, ceiling_per_kwh)
        return price, may_sell, self._distances.among(names, feeder_km)

    def reset(self) -> None:
        """Keep nothing from gate to gate."""

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        del memory
        self._view = view
        self._trades: tuple[Trade, ...] | None = None

    def ask(self) -> list[Message]:
        """Ask what everybody lacks and has left over on its own; then award the trades."""
        if self._trades is not None:
            return bilateral_awards(self._view, self._trades)
        window = self._view.window
        return [RequestQuery(to=member.name, window=window) for member in self._view.members]

    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Match the requests; clear once everybody has planned with its trades."""
        if self._trades is None:
            self._trades = self._matched(replies_by_name(replies, Request))
            return None
        return bilateral_clearing(
            self._view, plans_by_name(replies), self._trades, lower=None, rounds=(), memory={}
        )

    def _matched(self, requests: Mapping[str, Request]) -> tuple[Trade, ...]:
        """Give the trades of a gate."""
        names = [member.name for member in self._view.members]
        floor, ceiling = _alternatives(self._view.tariff)
        price = self._price.of(names, floor, ceiling)
        net_kw = np.stack([requests[name].surplus_kw - requests[name].lack_kw for name in names])
        net_kw = np.where(np.abs(net_kw) > LEAST_KW, net_kw, 0.0)
        traded_kw = matched_by_distance(
            np.where(_is_fair(price, floor, ceiling), np.maximum(net_kw, 0.0), 0.0),
            np.maximum(-net_kw, 0.0),
            self._distances.of(self._view),
        )
        return bilateral_trades(names, traded_kw, price[:, None])


def _alternatives(tariff: Tariff) -> tuple[FloatArray, FloatArray]:
    """Give what a seller gets at the grid, and what a buyer saves there beyond the local charge."""
    return tariff.export_per_kwh, tariff.buy_per_kwh - tariff.local_charge_per_kwh


def _is_fair(price: FloatArray, floor: FloatArray, ceiling: FloatArray) -> BoolArray:
    """Tell where neither seller nor buyer loses, and the two together gain: (members, steps)."""
    is_between = (price >= floor - SAME_PER_KWH) & (price <= ceiling + SAME_PER_KWH)
    return is_between & _has_room(floor, ceiling)


def _has_room(floor: FloatArray, ceiling: FloatArray) -> BoolArray:
    """Tell in which steps there is something to gain between a seller and a buyer."""
    return ceiling > floor + SAME_PER_KWH
