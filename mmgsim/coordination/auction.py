"""An auction of every traded step: orders in, firm trades out, and the grid for the rest.

Orders are about energy alone: a bid is what a buyer pays the seller, without the local charge that
it owes the DNO on top. So the book needs to know nothing of charges, and what crosses in it is
worth more than the charge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

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
    Side,
    Trade,
    frozen,
)
from mmgsim.coordination.order_book import BookResult, Fill, clear_book
from mmgsim.coordination.pair_trades import mean_price
from mmgsim.coordination.pool import pool_awards, pool_clearing, pool_trades
from mmgsim.coordination.replies import checked_orders, open_orders, plans_by_name
from mmgsim.coordination.traded_steps import Traded, check_asking, traded_offsets

__all__ = ["Auction"]

Pricing = Literal["pay-as-clear", "pay-as-bid"]


class Auction:
    """Has microgrids order, fills the orders step by step, and leaves the rest to the grid.

    Trades are firm and with the market. It proves no lower bound.

    Parameters
    ----------
    pricing : str
        ``pay-as-clear``: all trades of a step and round have one price, the middle of the crossing
        of its book; ``pay-as-bid``: buyers pay their bids and sellers get their asks, and
        `settlement.surplus` says what becomes of the difference.
    trades : str
        ``gate``: the steps until the next gate; ``window``: all steps that are planned.
    rounds : int
        How often orders are asked for at most. Later ones come on top of the trades before, which
        stay firm; who has bought in a step stays a buyer there, and who has sold a seller. It ends
        when nothing is filled any more.
    """

    asks: frozenset[type[Message]] = frozenset({OrderQuery, Award})

    def __init__(
        self, pricing: Pricing = "pay-as-clear", trades: Traded = "gate", *, rounds: int = 1
    ) -> None:
        if pricing not in get_args(Pricing):
            raise ValueError(f"pricing is one of {', '.join(get_args(Pricing))}, not {pricing!r}")
        check_asking(trades, rounds)
        self.pricing = pricing
        self.trades = trades
        self.rounds = rounds

    def reset(self) -> None:
        """Keep nothing: what is known of the last gate is its memory."""

    def start(self, view: MarketView, memory: Mapping[str, Any]) -> None:
        """Begin a gate, with the prices of the last one as far as they reach."""
        steps = view.window.steps
        self._view = view
        self._offsets = traded_offsets(self.trades, view)
        self._last_per_kwh = _moved_price(memory, view)
        self._price_per_kwh = np.full(steps, np.nan)
        self._trade_kw = {member.name: np.zeros(steps) for member in view.members}
        self._trades: tuple[Trade, ...] = ()
        self._rounds: list[Round] = []
        self._is_over = False

    # ------------------------------------------------------------------------------ asking
    def ask(self) -> list[Message]:
        """Ask for orders; once nothing more is filled, award the trades."""
        view = self._view
        if self._is_over:
            return pool_awards(view.window, dict.fromkeys(self._trade_kw), self._trades)
        has_price = bool(np.isfinite(self._last_per_kwh).any())
        last = frozen(self._last_per_kwh) if has_price else None
        return [
            OrderQuery(
                to=name,
                window=view.window,
                offsets=tuple(self._offsets),
                last_prices_per_kwh=last,
                firm_kw=frozen(kw) if np.any(kw) else None,
            )
            for name, kw in self._trade_kw.items()
        ]

    # --------------------------------------------------------------------------- listening
    def tell(self, replies: Sequence[Message]) -> Clearing | None:
        """Fill the orders; clear once everything is planned.

        Raises
        ------
        ContractError
            Naming the microgrid, if orders are none, or not about what was asked.
        """
        if self._is_over:
            return self._cleared(replies)
        volume_kw = self._fill(checked_orders(replies, self._view.window, self._offsets))
        self._rounds.append(Round(upper=None, lower=None, residual_kw=0.0))
        self._is_over = volume_kw == 0.0 or len(self._rounds) == self.rounds
        return None

    def _fill(self, replies: Mapping[str, Orders]) -> float:
        """Clear the books of all steps, and give how much is traded in all. [kW]"""
        steps, names = self._view.window.steps, list(self._trade_kw)
        trade_kw = {name: np.zeros(steps) for name in names}
        price_per_kwh = {name: np.zeros(steps) for name in names}
        volume_kw = 0.0
        for offset in self._offsets:
            firm_kw = {name: float(self._trade_kw[name][offset]) for name in names}
            book = clear_book({n: open_orders(replies[n], offset, firm_kw[n]) for n in names})
            for name in {fill.name for fill in book.fills}:
                trade_kw[name][offset] = _net_kw(book.of(name))
                price_per_kwh[name][offset] = self._price_of(book, name)
            if book.fills:
                self._price_per_kwh[offset] = book.middle_per_kwh
                self._last_per_kwh[offset] = book.middle_per_kwh
            volume_kw += book.volume_kw
        self._trades += pool_trades(trade_kw, price_per_kwh)
        self._trade_kw = {name: self._trade_kw[name] + trade_kw[name] for name in names}
        return volume_kw

    def _price_of(self, book: BookResult, name: str) -> float:
        """Give what somebody pays or gets for all that it trades in a step. [currency/kWh]"""
        if self.pricing == "pay-as-clear":
            return book.middle_per_kwh
        own = book.of(name)
        return sum(fill.kw * fill.price_per_kwh for fill in own) / sum(fill.kw for fill in own)

    def _cleared(self, replies: Sequence[Message]) -> Clearing:
        cleared = pool_clearing(
            self._view,
            plans_by_name(replies),
            self._trade_kw,
            None,
            lower=None,
            rounds=tuple(self._rounds),
            memory={
                "first_step": self._view.window.first_step,
                "price_per_kwh": frozen(self._price_per_kwh),
            },
        )
        return replace(cleared, trades=self._trades, prices_per_kwh=self._prices())

    def _prices(self) -> dict[str, FloatArray]:
        """Give the mean price of everybody's trades; who has none in a step sees the market's."""
        own = {
            name: mean_price(self._trades, name, len(self._price_per_kwh))
            for name in self._trade_kw
        }
        return {
            name: frozen(np.where(np.isnan(price), self._price_per_kwh, price))
            for name, price in own.items()
        }


def _net_kw(fills: Sequence[Fill]) -> float:
    """Give sold minus bought. [kW]"""
    return sum(fill.kw if fill.side is Side.SELL else -fill.kw for fill in fills)


def _moved_price(memory: Mapping[str, Any], view: MarketView) -> FloatArray:
    """Give the prices of the last gate in the steps of this window, NaN where it had none."""
    window = view.window
    last = np.full(window.steps, np.nan)
    if memory:
        known = memory["price_per_kwh"][window.first_step - memory["first_step"] :]
        count = min(len(known), window.steps)
        last[:count] = known[:count]
    return last
