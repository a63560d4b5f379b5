"""The market as a Mesa agent: it runs the mechanism at every gate and books every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import mesa

from mmgsim.contracts import (
    Clearing,
    Envelope,
    Executed,
    FloatArray,
    LedgerLine,
    Market,
    MarketView,
    Mechanism,
    Member,
    Message,
    Statement,
    Tariff,
    Trade,
    Window,
    frozen,
)
from mmgsim.engine import MultiMicrogridModel, renewed
from mmgsim.errors import ContractError
from mmgsim.settlement import bill, ledger_faults

__all__ = ["MarketAgent"]


class MarketAgent(mesa.Agent):
    """Knows what lies beyond the connection points, and what it is told.

    Attributes
    ----------
    market : Market
        How it decides.
    clearing : Clearing or None
        The outcome of the last gate.
    lines : list of LedgerLine
        Ledger of the last step.
    """

    name = "market"
    role = "market"

    def __init__(
        self,
        model: MultiMicrogridModel,
        make_market: Callable[[], tuple[Market, Mechanism]],
        members: tuple[Member, ...],
    ) -> None:
        super().__init__(model)
        self._make_market = make_market
        self.market, self._mechanism = make_market()
        self.members = members
        self.clearing: Clearing | None = None
        self.lines: list[LedgerLine] = []
        self._memory: Mapping[str, Any] = {}
        self._tariff: Tariff | None = None
        self._envelopes: dict[str, Envelope] = {}

    # ------------------------------------------------------------------ from day to day
    def carried(self) -> dict[str, Any]:
        """Give all that goes on from one day into the next."""
        return {
            "members": self.members,
            "clearing": self.clearing,
            "lines": self.lines,
            "memory": self._memory,
        }

    def take_over(self, carried: Mapping[str, Any]) -> None:
        """Go on from what was carried, with a market as new."""
        self.members = carried["members"]
        self.clearing, self.lines = carried["clearing"], carried["lines"]
        self._memory = carried["memory"]
        self.market, self._mechanism = renewed((self.market, self._mechanism), self._make_market)

    # ------------------------------------------------------------------ in a step
    def may_answer_in_thread(self, message: Message) -> bool:
        """Tell that it answers in its turn."""
        del message
        return False

    def receive(self, message: Message) -> Message | None:
        """Keep what the DNO publishes; the market answers no questions."""
        if isinstance(message, Tariff):
            self._tariff = message
        elif isinstance(message, Envelope):
            self._envelopes[message.microgrid] = message
        return None

    def view(self, window: Window) -> MarketView:
        """All that the market may look at now."""
        if self._tariff is None:
            raise ContractError("the DNO", ["published no tariff"])
        return MarketView(
            window=window,
            members=self.members,
            tariff=self._tariff,
            envelopes=dict(self._envelopes),
            objective=self.model.scenario.objective,
            local_price=self.model.scenario.settlement.local_price,
        )

    def gate(self) -> Clearing:
        """Run the mechanism to its certificate."""
        view = self.view(self.model.clock.window())
        mechanism = self.market.mechanism(view)
        mechanism.start(view, self._memory)
        clearing: Clearing | None = None
        while clearing is None:
            replies = self.model.bus.exchange(self.name, mechanism.ask())
            clearing = mechanism.tell(replies)
        self._memory = clearing.memory
        self.clearing = clearing
        return clearing

    def settle(self) -> None:
        """Book the executed step and tell every microgrid its own lines."""
        window = self.model.clock.window(1)
        view = self.view(window)
        view = replace(view, tariff=view.tariff.now())
        executed = Executed(
            window=window,
            tariff=view.tariff,
            members=tuple(microgrid.last.money for microgrid in self.model.microgrids),
            trades=self.trades_now(),
            loss_kw=self.model.loss_kw,
            loss_share_kw=dict(
                zip((member.name for member in self.members), self.model.loss_share_kw, strict=True)
            ),
            is_new_day=self.model.clock.is_new_day,
        )
        self.lines = self.market.settle(view, executed)
        faults = ledger_faults(self.lines, [member.name for member in self.members])
        if faults:
            raise ContractError("the market", faults)
        self.model.bus.send(
            self.name,
            [
                Statement(to=member.name, lines=bill(self.lines, member.name))
                for member in self.members
            ],
        )

    def trades_now(self) -> tuple[Trade, ...]:
        """Give the firm trades of the current step, arrays of length one."""
        if self.clearing is None:
            return ()
        at = self.clearing.window.offset(self.model.clock.step)
        return tuple(
            Trade(
                trade.seller,
                trade.buyer,
                frozen(trade.kw[at : at + 1]),
                frozen(trade.price_per_kwh[at : at + 1]),
            )
            for trade in self.clearing.trades
            if trade.kw[at] > 0.0
        )

    def price_now(self, name: str) -> float:
        """Give the local price at a microgrid in the current step, NaN where there is none."""
        if self.clearing is None or name not in self.clearing.prices_per_kwh:
            return float("nan")
        prices: FloatArray = self.clearing.prices_per_kwh[name]
        return float(prices[self.clearing.window.offset(self.model.clock.step)])
