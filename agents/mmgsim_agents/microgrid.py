"""The microgrid as a Mesa agent: it observes, answers, dispatches. How it decides is a strategy."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from typing import Any

import mesa
import numpy as np

from mmgsim.contracts import (
    Award,
    Dispatch,
    Envelope,
    FloatArray,
    MemberStep,
    Message,
    Plan,
    Realised,
    SessionStore,
    Strategy,
    Tariff,
    Trade,
    View,
    frozen,
    payload_bytes,
)
from mmgsim.engine import (
    Futures,
    MicrogridSetup,
    MicrogridStep,
    MultiMicrogridModel,
    Seat,
    check_kept,
    guarded,
    says_itself,
)
from mmgsim.errors import ContractError, PlugInError
from mmgsim.profiles import stream
from mmgsim.settlement import (
    missing_kwh,
    operation_costs,
    shed_critical_kw,
    shed_kw,
    shed_value,
    spilled_kw,
)
from mmgsim.subproblems import (
    dispatch_faults,
    hold_plan,
    outside_envelope_kw,
    reply_faults,
    session_rules,
    split_exchange,
    storage_rules,
)
from mmgsim_agents.strategies import SelfConsumer

__all__ = ["MicrogridAgent"]

TOLERANCE = 1e-6  # kW or kWh: larger than the rounding of a solver
MOST_BYTES = 100_000_000  # of one reply; the largest useful ones have some MB


class MicrogridAgent(mesa.Agent):
    """Owns devices and their state; everything it reveals is a message.

    Attributes
    ----------
    name : str
        Of the microgrid.
    state, first_state : CarriedState
        What its devices carry into the next step, and carried into the first.
    plan : Plan or None
        Own last plan, with its device schedule.
    last : MicrogridStep or None
        What it did in the last step.
    """

    role = "microgrid"

    def __init__(self, model: MultiMicrogridModel, setup: MicrogridSetup) -> None:
        super().__init__(model)
        self.name = self.who = setup.member.name
        self.member = setup.member
        self.devices = setup.devices
        self.state = self.first_state = setup.state
        self._seat: Seat[tuple[Strategy]] = Seat(setup.make_strategy, lambda: (SelfConsumer(),))
        self.plan: Plan | None = None
        self._promise: Plan | None = None
        self.last: MicrogridStep | None = None
        self._meters = setup.meters
        self._sessions = setup.sessions
        self._miss_price_per_kwh = setup.miss_price_per_kwh
        self._trades: tuple[Trade, ...] = ()
        self._inbox: list[Message] = []
        self._asked: frozenset[type[Message]] = frozenset()
        self._memory: dict[str, object] = {}
        self._tariff: Tariff | None = None
        self._envelope: Envelope | None = None
        self._view: View | None = None

    @property
    def view(self) -> View:
        """All that its strategy may look at now."""
        if self._view is None or self._tariff is None or self._envelope is None:
            raise ContractError(self.name, ["was asked before it could observe anything"])
        return replace(
            self._view,
            tariff=self._tariff,
            envelope=self._envelope,
            plan=self.plan,
            trades=self._trades,
            messages=tuple(self._inbox),
            asked=self._asked,
        )

    @property
    def strategy(self) -> Strategy:
        """How it decides: its strategy, or the stand-in after a fault."""
        return self._seat.now[0]

    def fall_back(self) -> bool:
        """Have the stand-in decide until the next gate; False where it does already."""
        return self._seat.fall_back()

    # ------------------------------------------------------------------ from day to day
    def renew(self, *, failed_only: bool) -> None:
        """Have the strategy as new."""
        seconds = self.model.scenario.faults.time_limit_s
        self._seat.renew(self.who, seconds, failed_only=failed_only)

    def carried(self) -> dict[str, Any]:
        """Give all that goes on from one day into the next."""
        return {
            "member": self.member,
            "devices": self.devices,
            "miss_price_per_kwh": self._miss_price_per_kwh,
            "state": self.state,
            "first_state": self.first_state,
            "plan": self.plan,
            "promise": self._promise,
            "trades": self._trades,
            "inbox": self._inbox,
            "asked": self._asked,
            "memory": self._memory,
            "seat": self._seat.carried(),
        }

    def take_over(self, carried: Mapping[str, Any]) -> None:
        """Go on from what was carried."""
        # Limits and prices that are left out in the scenario are taken from its series; they stay
        # what they were where a run is made longer.
        self.member, self.devices = carried["member"], carried["devices"]
        self._miss_price_per_kwh = carried["miss_price_per_kwh"]
        self.state, self.first_state = carried["state"], carried["first_state"]
        self.plan, self._promise = carried["plan"], carried["promise"]
        self._trades, self._inbox = carried["trades"], carried["inbox"]
        self._memory, self._asked = carried["memory"], carried["asked"]
        self._seat.take_over(carried["seat"])

    def meet(self, futures: Futures, true_kw: Mapping[tuple[str, str], FloatArray]) -> None:
        """Have another future come true for its devices. [kW]"""
        self._meters.meet(futures, true_kw)

    # ------------------------------------------------------------------ in a step
    def may_answer_in_thread(self, message: Message) -> bool:
        """Tell whether the strategy says that it can answer this in a thread of its own."""
        if not says_itself(self.strategy, "answers_in_threads"):
            return False  # nobody could stop it there, and it never said that nobody has to
        with self._guarded("telling what it answers in threads"):
            return type(message) in getattr(self.strategy, "answers_in_threads", ())

    def reads(self, kind: type[Message]) -> bool:
        """Tell whether the strategy wants to be sent a kind of public message."""
        with self._guarded("telling what it reads"):
            return kind in getattr(self.strategy, "reads", ())

    def receive(self, message: Message) -> Message | None:
        """Keep what is published; answer what is asked, without the private part of a plan."""
        if isinstance(message, Tariff):
            self._tariff = message
        elif isinstance(message, Envelope):
            self._envelope = message
        if type(message) not in self.strategy.answers:
            self._inbox.append(message)
            return None
        self._asked |= {type(message)}
        view = self.view
        with self._guarded(f"answering {type(message).__name__}"):
            reply = self.strategy.answer(view, message)
            if reply is None:
                return None
            if payload_bytes(reply) > MOST_BYTES:
                raise ContractError(self.name, [f"replies with more than {MOST_BYTES / 1e6:g} MB"])
            faults = list(reply_faults(reply, view, message))
            if faults:
                raise ContractError(self.name, faults)
            if not isinstance(reply, Plan):
                return reply
            self.plan, self._promise = reply.kept(), reply.public()
        self._trades = message.trades if isinstance(message, Award) else ()
        return self._promise

    def begin_gate(self) -> None:
        """Forget what was asked at this gate so far: nothing comes of it."""
        self._asked = frozenset()

    def plan_alone(self) -> Plan:
        """Plan without any trade, as somebody does whom nobody reaches."""
        self.begin_gate()
        window = self.model.clock.window()
        plan = self.receive(Award(sender=self.name, to=self.name, window=window))
        if not isinstance(plan, Plan):
            raise ContractError(self.name, ["gives no plan where it is awarded nothing"])
        return plan

    def observe(self) -> None:
        """Look at the own devices and expect the steps ahead."""
        clock, scenario = self.model.clock, self.model.scenario
        window = clock.window()
        if clock.opens_gate:
            self._seat.open_gate()
        if self._tariff is None or self._envelope is None:
            raise ContractError("the DNO", [f"published no tariff or envelope for {self.name}"])
        forecast_kw = self._meters.forecast_kw(window)
        self._view = View(
            name=self.name,
            window=window,
            devices=self.devices,
            state=self.state,
            forecast_kw=forecast_kw,
            outlook=self._meters.outlook(window, forecast_kw),
            storage=storage_rules(
                scenario.gate.end_of_window,
                self.devices,
                self.state,
                window,
                clock.due(window),
                miss_price_per_kwh=self._miss_price_per_kwh,
            ),
            sessions=session_rules(
                self.devices,
                self._sessions,
                self.state,
                window,
                miss_price_per_kwh=self._miss_price_per_kwh,
            ),
            tariff=self._tariff,
            envelope=self._envelope,
            power_factor=self.member.power_factor,
            memory=deepcopy(self._memory),
            rng=stream(scenario.seed, "strategy", self.name, str(clock.step)),
        )

    def dispatch(self) -> None:
        """Act on what really happened; the distance to the plan is imbalance."""
        view = self.view
        realised = self._meters.realised(self.model.clock.step)
        try:
            dispatch = self._dispatched(view, realised)
        except (ContractError, PlugInError) as fault:
            self.model.contain(fault)
            view = replace(view, memory=deepcopy(self._memory))  # what it was given may be spoilt
            dispatch = self._dispatched(view, realised)
        self._act(view, realised, dispatch)
        self._memory = dict(dispatch.memory)
        self._inbox.clear()
        self._asked = frozenset()

    def _dispatched(self, view: View, realised: Realised) -> Dispatch:
        """Give what the strategy makes of the step, held to its contract."""
        with self._guarded("dispatching"):
            dispatch = self.strategy.dispatch(view, realised)
            faults = dispatch_faults(view, realised, dispatch)
            if faults:
                raise ContractError(self.name, faults)
            memory = dict(dispatch.memory)
            if memory:
                check_kept(memory)
            return replace(dispatch, operations=dict(dispatch.operations), memory=memory)

    def _guarded(self, doing: str) -> AbstractContextManager[None]:
        seconds = self.model.scenario.faults.time_limit_s
        return guarded(self.name, doing, self.strategy, seconds)

    def limit(self, exchange_kw: float) -> None:
        """Act again, because the feeder carries only `exchange_kw` of what was tried.

        Physics decides, not the strategy: storage, then spill, then priced shedding.
        """
        view = self.view
        steps = np.ones(view.window.steps)
        carried = Envelope(
            microgrid=self.name,
            window=view.window,
            import_limit_kw=frozen(max(-exchange_kw, 0.0) * steps),
            export_limit_kw=frozen(max(exchange_kw, 0.0) * steps),
        )
        realised = self._meters.realised(self.model.clock.step)
        dispatch = hold_plan(replace(view, envelope=carried), realised)
        self._act(view, realised, replace(dispatch, flags=(*dispatch.flags, "not_carried")))

    def _act(self, view: View, realised: Realised, dispatch: Dispatch) -> None:
        self.state = view.state.after(
            self.devices, dispatch.operations, view.window.step_h, view.sessions
        )
        self.last = self._record(view, realised, dispatch)

    def _record(self, view: View, realised: Realised, dispatch: Dispatch) -> MicrogridStep:
        step_h = view.window.step_h
        tie_kw = view.tie_kw
        exchange_kw = sum(operation.net_kw for operation in dispatch.operations.values()) - tie_kw
        planned_kw, bought_kw, sold_kw = exchange_kw, 0.0, 0.0
        if self._promise is not None:
            at = self._promise.window.offset(view.window.first_step)
            planned_kw = float(self._promise.exchange_kw[at])
            bought_kw = sum(float(t.kw[at]) for t in view.trades if t.buyer == self.name)
            sold_kw = sum(float(t.kw[at]) for t in view.trades if t.seller == self.name)
        import_kw, export_kw, _ = split_exchange(
            np.array([exchange_kw]), np.array([sold_kw - bought_kw])
        )
        return MicrogridStep(
            realised=realised,
            dispatch=dispatch,
            money=MemberStep(
                name=self.name,
                import_kw=float(import_kw[0]),
                export_kw=float(export_kw[0]),
                exchange_kw=exchange_kw,
                planned_exchange_kw=planned_kw,
                operations=operation_costs(self.devices, view.state, dispatch, step_h),
            ),
            bought_kw=bought_kw,
            sold_kw=sold_kw,
            tie_kw=tie_kw,
            q_kvar=exchange_kw * view.kvar_per_kw,
            shed_kw=shed_kw(self.devices, realised, dispatch, view.sessions),
            shed_critical_kw=shed_critical_kw(self.devices, realised, dispatch),
            spilled_kw=spilled_kw(self.devices, realised, dispatch),
            shed_value=shed_value(
                self.devices, realised, dispatch, step_h=step_h, sessions=view.sessions
            ),
            missing_kwh=missing_kwh(self.devices, view.sessions, dispatch),
            flags=self._flags(view, realised, dispatch),
        )

    def _flags(self, view: View, realised: Realised, dispatch: Dispatch) -> tuple[str, ...]:
        """Say what was out of the ordinary, in the plan and in what came of it."""
        flags = [*(view.plan.flags if view.plan else ()), *dispatch.flags, *self._seat.flags]
        if any(rule.is_moved for rule in view.storage.values()):
            flags.append("target_moved")
        if shed_kw(self.devices, realised, dispatch, view.sessions) > TOLERANCE:
            flags.append("shed")
        if shed_critical_kw(self.devices, realised, dispatch) > TOLERANCE:
            flags.append("shed_critical")
        lacking = missing_kwh(self.devices, view.sessions, dispatch)
        vehicles = {d.name for d in self.devices if isinstance(d, SessionStore) and d.is_vehicle}
        if any(kwh > TOLERANCE for name, kwh in lacking.items() if name in vehicles):
            flags.append("charge_missed")
        if outside_envelope_kw(view, dispatch) > TOLERANCE:
            flags.append("outside_envelope")
        for name, rule in view.storage.items():
            stored_kwh = self.state.energy_kwh[name]
            below_kwh, above_kwh = rule.low_kwh[0] - stored_kwh, stored_kwh - rule.high_kwh[0]
            if max(below_kwh, above_kwh) > TOLERANCE:
                flags.append("level_missed")
        return tuple(sorted(set(flags)))
