"""The market as a Mesa agent: it runs the mechanism at every gate and books every step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import mesa
from numpy.random import Generator

from mmgsim.contracts import (
    Award,
    Bulletin,
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
    Party,
    Plan,
    Statement,
    Tariff,
    TieFlow,
    TieLine,
    Trade,
    Window,
)
from mmgsim.coordination import Isolated
from mmgsim.engine import (
    Line,
    MultiMicrogridModel,
    OutOfTimeError,
    Quality,
    Seat,
    SilenceError,
    check_kept,
    guarded,
)
from mmgsim.errors import ContractError, PlugInError
from mmgsim.profiles import stream
from mmgsim.scenario import Absences
from mmgsim.settlement import bill, ledger_faults
from mmgsim.subproblems import clearing_faults
from mmgsim_agents.bulletin import bulletin
from mmgsim_agents.left_out import among, with_left_out
from mmgsim_agents.markets.standard import StandardMarket

__all__ = ["MarketAgent"]

# Of one gate; the slowest mechanisms take some hundred.
MOST_EXCHANGES = 2_000


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
    line : Line
        How it talks with the others while a gate is cleared.
    """

    name = "market"
    role = "market"
    who = "the market"

    def __init__(
        self,
        model: MultiMicrogridModel,
        make_market: Callable[[], tuple[Market, Mechanism]],
        members: tuple[Member, ...],
        ties: tuple[TieLine, ...] = (),
        distance_km: FloatArray | None = None,
    ) -> None:
        super().__init__(model)
        self._seat: Seat[tuple[Market, Mechanism]] = Seat(make_market, _stand_in)
        self.members = members
        self.ties = ties
        self.distance_km = distance_km
        self.clearing: Clearing | None = None
        self.lines: list[LedgerLine] = []
        self._memory: Mapping[str, Any] = {}
        self._remembered: tuple[str, ...] = ()
        talk = model.scenario.communication
        self.line = Line(
            model.bus,
            self.name,
            Quality(talk.loss_probability, talk.delay_rounds, talk.repeats, talk.deadline_rounds),
        )
        self._absences = Absences.of(model.scenario)
        self._tariff: Tariff | None = None
        self._envelopes: dict[str, Envelope] = {}

    @property
    def market(self) -> Market:
        """How it decides: its market, or the stand-in after a fault."""
        return self._seat.now[0]

    def fall_back(self) -> bool:
        """Leave everybody alone with the grid until the next gate; False where that is so."""
        return self._seat.fall_back()

    @property
    def flags(self) -> tuple[str, ...]:
        """What is out of the ordinary about who decides in this step."""
        flags = (*self._seat.flags, *self.model.recorder.fault_flags(self.who))
        cleared = () if self.clearing is None else self.clearing.flags
        return (*(f"market_{flag}" for flag in flags), *cleared)

    # ------------------------------------------------------------------ from day to day
    def renew(self, *, failed_only: bool) -> None:
        """Have the market as new."""
        seconds = self.model.scenario.faults.time_limit_s
        self._seat.renew(self.who, seconds, failed_only=failed_only)

    def carried(self) -> dict[str, Any]:
        """Give all that goes on from one day into the next."""
        return {
            "members": self.members,
            "clearing": self.clearing,
            "memory": self._memory,
            "remembered": self._remembered,
            "seat": self._seat.carried(),
        }

    def take_over(self, carried: Mapping[str, Any]) -> None:
        """Go on from what was carried."""
        self.members = carried["members"]
        self.clearing, self._memory = carried["clearing"], carried["memory"]
        self._remembered = carried["remembered"]
        self._seat.take_over(carried["seat"])

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
            surplus=self.model.scenario.settlement.surplus,
            has_network=self.model.scenario.network is not None,
            ties=self.ties,
            distance_km=self.distance_km,
            steps_to_gate=min(self.model.clock.steps_to_gate, window.steps),
        )

    def gate(self) -> Clearing:
        """Run the mechanism to its certificate, without those who cannot be reached."""
        while True:
            self.model.microgrids.do("begin_gate")
            try:
                clearing = self._cleared()
            except (ContractError, PlugInError) as fault:
                self.model.contain(fault)  # and begin again, with a stand-in in its place
            else:
                self._memory = clearing.memory
                self.clearing = clearing
                if clearing.shadow_prices is not None:
                    self.model.bus.send(self.name, [replace(clearing.shadow_prices, to="dno")])
                return clearing

    def _cleared(self) -> Clearing:
        """Clear with everybody who replies; the others plan for themselves and trade nothing."""
        view = self.view(self.model.clock.window())
        with self._guarded("choosing a mechanism"):
            mechanism = self.market.mechanism(view)
        everybody = frozenset(member.name for member in self.members)
        silent: frozenset[str] = frozenset()
        flags: tuple[str, ...] = ()
        while silent < everybody:
            try:
                clearing = self._cleared_by(
                    mechanism, _seen_by(mechanism, view, everybody - silent)
                )
            except SilenceError as silence:
                silent |= frozenset(silence.names)
                # A network is asked about the exchanges of all.
                asks_dno = bool(getattr(mechanism, "asks_dno", ()))
                if asks_dno and not _does_without_dno(mechanism):
                    silent = everybody
                flags = tuple(f"left_out:{name}" for name in sorted(silent & everybody))
                if asks_dno and silent < everybody:
                    flags = (*flags, "local_charges")
            except OutOfTimeError:
                silent, flags = everybody, ("out_of_time",)
            else:
                return with_left_out(view, clearing, self._alone(silent), flags)
        return with_left_out(view, None, self._alone(everybody), flags)

    def _alone(self, names: Collection[str]) -> dict[str, Plan]:
        """Have microgrids plan for themselves, without a word to the market."""
        return {
            member.name: self.model.microgrids[member.name].plan_alone()
            for member in self.members
            if member.name in names
        }

    def _cleared_by(self, mechanism: Mechanism, view: MarketView) -> Clearing:
        """Have the mechanism ask until it clears."""
        names = tuple(member.name for member in view.members)
        with self._guarded("beginning a gate", mechanism):
            # What was learnt of another group says little of this one.
            mechanism.start(view, self._memory if names == self._remembered else {})
        awarded: dict[str, tuple[Trade, ...]] = {}
        planned: dict[str, Plan] = {}
        for _ in range(MOST_EXCHANGES):
            with self._guarded("asking", mechanism):
                if self.line.is_late and hasattr(mechanism, "hurry"):
                    mechanism.hurry()
                questions = _messages(mechanism.ask())
            replies = self.line.exchange(questions)
            with self._guarded("taking replies", mechanism):
                clearing = mechanism.tell(replies)
            awarded |= {x.to: x.trades for x in questions if isinstance(x, Award)}
            planned |= {x.sender: x for x in replies if isinstance(x, Plan)}
            if clearing is None:
                continue
            with self._guarded("clearing", mechanism):
                faults = clearing_faults(clearing, view, awarded, planned)
                if faults:
                    raise ContractError(self.who, faults)
                check_kept(clearing)
                self._remembered = names
                return clearing
        raise ContractError(self.who, [f"does not clear after {MOST_EXCHANGES} exchanges"])

    def open_gate(self) -> None:
        """Give a market that failed another chance, and begin the time of a gate."""
        self._seat.open_gate()
        seed, step = self.model.scenario.seed, self.model.clock.step

        def draws(name: str) -> Generator:
            return stream(seed, "communication", name, str(step))

        self.line.open_gate(draws, self._absences.at(step))

    def _guarded(self, doing: str, plug_in: Any = None) -> AbstractContextManager[None]:
        seconds = self.model.scenario.faults.time_limit_s
        plug_in = self.market if plug_in is None else plug_in
        members = [member.name for member in self.members]
        return guarded(self.who, doing, plug_in, seconds, may_blame=members)

    def settle(self) -> None:
        """Book the executed step and tell every microgrid its own lines."""
        window = self.model.clock.window(1)
        view = self.view(window)
        view = replace(view, tariff=view.tariff.now())
        own = self.model.dno.own.last
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
            transfers=self._transfers_now(),
            supplier=Party(self.model.scenario.tariff.supplier),
            own_kw=own.sent_kw,
            own_operations=own.operations,
            ties=self.ties_now(),
        )
        try:
            self.lines = self._settled(view, executed)
        except (ContractError, PlugInError) as fault:
            self.model.contain(fault)
            self.lines = self._settled(view, executed)
        self.model.bus.send(
            self.name,
            [
                Statement(to=member.name, lines=bill(self.lines, member.name))
                for member in self.members
            ],
        )
        self._publish(executed.trades)

    def _publish(self, trades: Sequence[Trade]) -> None:
        """Tell what was traded to whoever reads it."""
        names = [member.name for member in self.members]
        readers = [name for name in names if self._reads(name)]
        if readers:
            news = bulletin(trades, names)
            self.model.bus.send(self.name, [replace(news, to=name) for name in readers])

    def _reads(self, name: str) -> bool:
        """Tell whether a microgrid reads bulletins; where it fails at that, its stand-in tells."""
        try:
            return bool(self.model.microgrids[name].reads(Bulletin))
        except PlugInError as fault:
            self.model.contain(fault)
            return False

    def _settled(self, view: MarketView, executed: Executed) -> list[LedgerLine]:
        """Give the market's ledger lines, held to their contract."""
        with self._guarded("settling"):
            lines = list(self.market.settle(view, executed))
            faults = ledger_faults(lines, executed)
            if faults:
                raise ContractError(self.who, faults)
        return lines

    def trades_now(self) -> tuple[Trade, ...]:
        """Give the firm trades of the current step, arrays of length one."""
        if self.clearing is None:
            return ()
        at = self.clearing.window.offset(self.model.clock.step)
        return tuple(trade.at(at) for trade in self.clearing.trades if trade.kw[at] > 0.0)

    def ties_now(self) -> tuple[TieFlow, ...]:
        """Give what passes tie lines in the current step, arrays of length one."""
        if self.clearing is None:
            return ()
        at = self.clearing.window.offset(self.model.clock.step)
        return tuple(flow.at(at) for flow in self.clearing.ties if flow.sent_kw[at] > 0.0)

    def _transfers_now(self) -> dict[str, float]:
        """Give what each microgrid pays the market beside its trades in the current step."""
        if self.clearing is None:
            return {}
        at = self.clearing.window.offset(self.model.clock.step)
        return {name: float(amount[at]) for name, amount in self.clearing.transfers.items()}

    def price_now(self, name: str) -> float:
        """Give the local price at a microgrid in the current step, NaN where there is none."""
        if self.clearing is None or name not in self.clearing.prices_per_kwh:
            return float("nan")
        prices: FloatArray = self.clearing.prices_per_kwh[name]
        return float(prices[self.clearing.window.offset(self.model.clock.step)])


def _does_without_dno(mechanism: Mechanism) -> bool:
    return bool(getattr(mechanism, "does_without_dno", False))


def _seen_by(mechanism: Mechanism, view: MarketView, names: Collection[str]) -> MarketView:
    """Give the view of some members, without the network where that takes the word of all."""
    part = among(view, names)
    if len(part.members) < len(view.members) and _does_without_dno(mechanism):
        return replace(part, has_network=False)
    return part


def _messages(questions: Any) -> list[Message]:
    """Give the questions of a mechanism as a list.

    Raises
    ------
    TypeError
        If one of them is no message.
    """
    asked = list(questions)
    for question in asked:
        if not isinstance(question, Message):
            raise TypeError(f"asks {type(question).__name__}, which is no message")
    return asked


def _stand_in() -> tuple[Market, Mechanism]:
    """Give a market that leaves everybody alone with the grid."""
    mechanism = Isolated()
    return StandardMarket(mechanism), mechanism
