"""Pairs negotiate: each trade has two names, a price of its own, and its own network charge.

Everybody orders what a kWh of each traded step is worth to it, as in an auction. But there is no
book and no common price: two microgrids agree, if they gain by it after what the network charges
this pair, and as each is the best partner that the other can get (`pairing` says who agrees with
whom, how the price splits the gain, and how much of the largest gain it reaches). Then everybody
is asked again, with its trades firm, until no pair gains any more.

That ends, whatever `rounds` is, where orders can be kept: every round but the last adds firm
trades, nobody goes back from selling to buying in a step, and devices and connections bound what
can be sold in all.

Charges are known beforehand and are owed as agreed: the buyer pays the DNO what the network charges
the pair, or is paid where the trade relieves the feeder. A charge by losses is that of a small
trade. Two who trade what they would have exchanged with the grid anyway lose what they would have
lost, so that it is a price for using the network, not a bill of what a trade has lost; with a loss
share on top microgrids pay for losses twice. Under such charges a gate may cost less than with
`central`, which trades at the tariff's local charge.

It proves no lower bound. Where a microgrid orders at its costs and its forecasts hold, no trade in
the only traded step of a gate makes it pay more than the grid would; with storage and several
traded steps the same kWh may be ordered more than once, as in an auction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmgsim.contracts import (
    Award,
    Clearing,
    FloatArray,
    MarketView,
    Message,
    OrderQuery,
    Orders,
    Round,
    Trade,
    frozen,
)
from mmgsim.coordination.pair_charges import ChargesOption, PairCharges
from mmgsim.coordination.pair_trades import (
    bilateral_awards,
    bilateral_clearing,
    bilateral_trades,
    net_trade_kw,
)
from mmgsim.coordination.pairing import match_pairs
from mmgsim.coordination.peer_terms import DistancesOption, PeerDistances
from mmgsim.coordination.replies import checked_orders, open_orders, plans_by_name
from mmgsim.coordination.traded_steps import Traded, check_asking, traded_offsets
from mmgsim.scenario import Inputs, Scenario

__all__ = ["Bilateral"]


# Of one round: less is the rounding of what is left of orders. [kW]
LEAST_KW = 1e-6


class Bilateral:
    """Has microgrids order, lets pairs agree on firm trades, and leaves the rest to the grid.

    Parameters
    ----------
    charges : str or mapping
        What the network charges a pair. ``local``: the tariff's local charge, whoever trades;
        ``losses``: that and the losses that a small trade of the pair causes, at the upstream
        price: the DNO is asked, trades that relieve the feeder pay less, even less than nothing;
        ``{per_km: 0.02}``: that and a price for each kilometre between the two. [currency/kWh/km]
    split : float
        The seller's share of what a pair gains, from 0 to 1; half is the Nash bargaining solution.
    trades : str
        ``gate``: the steps until the next gate; ``window``: all steps that are planned.
    rounds : int
        How often orders are asked for at most. Later ones come on top of the trades before, which
        stay firm; who has bought in a step stays a buyer there, and who has sold a seller. It ends
        when no pair gains any more.
    distances : str or mapping of mappings
        Of pairs that gain the same, the nearest come first. ``feeder``: along the lines of the
        feeder, all the same without a network; ``equal``: all the same; or kilometres by the names
        of both ends, each pair once; infinite: the two do not trade. [km]
    """

    does_without_dno = True  # where somebody is silent, pairs pay the local charge

    def __init__(
        self,
        *,
        charges: ChargesOption = "local",
        split: float = 0.5,
        trades: Traded = "gate",
        rounds: int = 3,
        distances: DistancesOption = "feeder",
    ) -> None:
        if not 0.0 <= split <= 1.0:
            raise ValueError(f"split is a share from 0 to 1, not {split!r}")
        check_asking(trades, rounds)
        self.split, self.trades, self.rounds = split, trades, rounds
        self._charges, self._distances = PairCharges(charges), PeerDistances(distances)
        self.asks: frozenset[type[Message]] = frozenset({OrderQuery, Award}) | self._charges.asks
        self.asks_dno = self._charges.asks_dno

    def scenario_faults(self, scenario: Scenario) -> Iterator[tuple[str, str, str]]:
        """Give option, fault and cure of what does not fit the microgrids of a scenario."""
        names = [microgrid.name for microgrid in scenario.microgrids]
        for what, cure in self._distances.faults(names):
            yield "distances", what, cure

    def scenario_doubts(self, scenario: Scenario, inputs: Inputs) -> Iterator[tuple[str, str, str]]:
        """Give option, doubt and cure of charges that charge nothing."""
        del inputs
        has_network = scenario.network is not None
        has_lengths = self._distances.differ(has_network=has_network)
        for what, cure in self._charges.doubts(has_network=has_network, has_lengths=has_lengths):
            yield "charges", what, cure

    def reset(self) -> None:
        """Keep nothing from gate to gate."""

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate."""
        del memory
        steps, members = view.window.steps, len(view.members)
        self._view = view
        self._names = [member.name for member in view.members]
        self._offsets = traded_offsets(self.trades, view)
        self._km = self._distances.of(view)
        self._charges.start(view, self._km)
        self._traded_kw = np.zeros((members, members, steps))
        self._paid_per_h = np.zeros((members, members, steps))
        self._rounds: list[Round] = []
        self._is_over = False

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask what charges need, then for orders; once no pair gains, award the trades."""
        if not self._charges.is_known:
            return self._charges.ask()
        if self._is_over:
            return bilateral_awards(self._view, self._trades())
        return [
            OrderQuery(
                to=name,
                window=self._view.window,
                offsets=tuple(self._offsets),
                firm_kw=frozen(kw) if np.any(kw) else None,
            )
            for name, kw in zip(self._names, net_trade_kw(self._traded_kw), strict=True)
        ]

    # --------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Take charges, then have pairs agree; clear once everything is planned.

        Raises
        ------
        ContractError
            Naming the microgrid, if orders are none, or not about what was asked.
        """
        if not self._charges.is_known:
            self._charges.tell(replies)
            return None
        if self._is_over:
            return bilateral_clearing(
                self._view,
                plans_by_name(replies),
                self._trades(),
                lower=None,
                rounds=self._rounds,
                memory={},
            )
        volume_kw = self._agree(checked_orders(replies, self._view.window, self._offsets))
        self._rounds.append(Round(upper=None, lower=None, residual_kw=0.0))
        self._is_over = volume_kw <= LEAST_KW or len(self._rounds) == self.rounds
        return None

    def _agree(self, replies: Mapping[str, Orders]) -> float:
        """Match the orders of every traded step, and give how much is traded in all. [kW]"""
        local = self._view.tariff.local_charge_per_kwh
        extra_per_kwh = self._charges.per_kwh() - local
        firm_kw = net_trade_kw(self._traded_kw)
        volume_kw = 0.0
        for offset in self._offsets:
            orders = {
                name: open_orders(replies[name], offset, float(firm_kw[row, offset]))
                for row, name in enumerate(self._names)
            }
            pairs = match_pairs(orders, extra_per_kwh[:, :, offset], km=self._km, split=self.split)
            self._traded_kw[:, :, offset] += pairs.kw
            self._paid_per_h[:, :, offset] += pairs.paid_per_h
            volume_kw += float(pairs.kw.sum())
        return volume_kw

    def _trades(self) -> tuple[Trade, ...]:
        """Give the trades of all pairs, each at the mean price of what the two agreed on."""
        is_traded = self._traded_kw > 0.0
        nothing = np.zeros_like(self._traded_kw)
        price = np.divide(self._paid_per_h, self._traded_kw, out=nothing, where=is_traded)
        return bilateral_trades(self._names, self._traded_kw, price, self._own_charges())

    def _own_charges(self) -> FloatArray | None:
        """Give what pairs are charged where that is not the tariff's local charge for all."""
        charge = self._charges.per_kwh()
        local = np.broadcast_to(self._view.tariff.local_charge_per_kwh, charge.shape)
        is_traded = self._traded_kw > 0.0
        if np.array_equal(charge[is_traded], local[is_traded]):
            return None
        # Who is too far to trade has no charge that could be owed.
        return np.where(np.isfinite(charge), charge, local)
