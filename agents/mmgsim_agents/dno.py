"""The DNO as a Mesa agent: it publishes, reviews plans, and runs the power flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import mesa
import numpy as np

from mmgsim.contracts import (
    Accepted,
    Clearing,
    Envelope,
    FloatArray,
    GrantQuery,
    Grants,
    Member,
    Message,
    NetworkQuery,
    Operator,
    OperatorView,
    ShadowPrices,
    Tariff,
    frozen,
)
from mmgsim.engine import (
    FlowStep,
    MultiMicrogridModel,
    OwnSetup,
    Seat,
    guarded,
)
from mmgsim.errors import ContractError, PlugInError
from mmgsim.network import (
    Feeder,
    FlowStatus,
    PlannedFlow,
    losses_along_ray,
)
from mmgsim.settlement import aumann_shapley, ray_nodes
from mmgsim.subproblems import (
    BusPrices,
    bus_prices,
    envelope_faults,
    grant_faults,
    limit_prices,
    tariff_faults,
)
from mmgsim_agents.operators.standard import StandardOperator
from mmgsim_agents.outlook import NetworkOutlook, Points
from mmgsim_agents.own_devices import OwnDevices

__all__ = ["DnoAgent"]

TOLERANCE_KW = 1e-6  # larger than the rounding of a power flow


class DnoAgent(mesa.Agent):
    """Knows the feeder, its background and the connection points; not the devices behind them.

    Attributes
    ----------
    operator : Operator
        How it decides.
    feeder : Feeder or None
        The network, if there is one.
    last : FlowStep or None
        The power flow of the last step.
    repair_rounds : int
        How often the last gate was planned again.
    violations_before, violations_after : tuple of tuple of str, or None
        Limits that the first and the last plans of the last gate break, per step of its window;
        None if nobody looked.
    first_plans : mapping of int to PlannedFlow
        What the first plans of the last gate do to the feeder, where they break a limit; by the
        place of the step in its window.
    grants : list of (GrantQuery, Grants)
        What was asked and granted at the last gate, in this order.
    own : OwnDevices
        What it owns itself.
    """

    name = "dno"
    role = "dno"
    who = "the DNO"

    def __init__(
        self,
        model: MultiMicrogridModel,
        make_operator: Callable[[], tuple[Operator]],
        members: Sequence[Member],
        feeder: Feeder | None,
        own: OwnSetup,
    ) -> None:
        super().__init__(model)
        self._seat: Seat[tuple[Operator]] = Seat(make_operator, lambda: (StandardOperator(),))
        self.members = tuple(members)
        self.feeder = feeder
        self.last: FlowStep | None = None
        self.repair_rounds = 0
        self.violations_before: tuple[tuple[str, ...], ...] | None = None
        self.violations_after: tuple[tuple[str, ...], ...] | None = None
        self.first_plans: Mapping[int, PlannedFlow] = {}
        self.is_swept = False
        self._outlook = NetworkOutlook(model, self.members, feeder)
        self.grants: list[tuple[GrantQuery, Grants]] = []
        connections = () if feeder is None else feeder.members[len(members) :]
        self.own = OwnDevices(own, connections, self._outlook.usual_tree)
        self._envelopes: dict[str, Envelope] = {}
        self._verdicts: dict[str, Envelope] = {}
        self._gate_step = 0
        self._shadow: ShadowPrices | None = None

    @property
    def operator(self) -> Operator:
        """How it decides: its operator, or the stand-in after a fault."""
        return self._seat.now[0]

    def fall_back(self) -> bool:
        """Have the stand-in decide until the next gate; False where it does already."""
        return self._seat.fall_back()

    @property
    def flags(self) -> tuple[str, ...]:
        """What is out of the ordinary about who decides in this step, and what happens in it."""
        flags = (*self._seat.flags, *self.model.recorder.fault_flags(self.who))
        return (*(f"dno_{flag}" for flag in flags), *self._outlook.flags)

    # ------------------------------------------------------------------ from day to day
    def renew(self, *, failed_only: bool) -> None:
        """Have the operator as new."""
        seconds = self.model.scenario.faults.time_limit_s
        self._seat.renew(self.who, seconds, failed_only=failed_only)

    def carried(self) -> dict[str, Any]:
        """Give all that goes on from one day into the next."""
        return {
            "members": self.members,
            "repair_rounds": self.repair_rounds,
            "violations": (self.violations_before, self.violations_after),
            "first_plans": self.first_plans,
            "verdicts": self._verdicts,
            "gate_step": self._gate_step,
            "shadow_prices": self._shadow,
            "seat": self._seat.carried(),
            "own": self.own.carried(),
        }

    def take_over(self, carried: Mapping[str, Any]) -> None:
        """Go on from what was carried."""
        self.members = carried["members"]
        self.repair_rounds = carried["repair_rounds"]
        self.violations_before, self.violations_after = carried["violations"]
        self.first_plans = carried["first_plans"]
        self._verdicts, self._gate_step = carried["verdicts"], carried["gate_step"]
        self._shadow = carried["shadow_prices"]
        self._seat.take_over(carried["seat"])
        self.own.take_over(carried["own"])

    # ------------------------------------------------------------------ in a step
    def may_answer_in_thread(self, message: Message) -> bool:
        """Tell that it answers in its turn."""
        del message
        return False

    def receive(self, message: Message) -> Message | None:
        """Answer a question of the market, or keep what it says its limits were worth."""
        if isinstance(message, ShadowPrices):
            self._shadow = message
            return None
        points = None
        if isinstance(message, NetworkQuery):
            points = self._around(message.exchange_kw)
        with self._guarded(f"answering {type(message).__name__}"):
            view = self._view(points)
            if isinstance(message, GrantQuery):
                view = self._planning(view)
            reply = self.operator.answer(view, message)
            if isinstance(message, GrantQuery):
                faults = list(grant_faults(reply, message))
                if faults:
                    raise ContractError(self.who, faults)
        if not isinstance(message, GrantQuery) or not isinstance(reply, Grants):
            return reply
        self.grants.append((message, reply))
        self.own.take(reply, message.window)
        return reply.public()

    def publish(self) -> None:
        """Tell everybody the tariff, and every microgrid its envelope, over the window ahead.

        What a review has tightened binds until the next gate. Who is known to be islanded gets an
        envelope of zero, whatever the operator says.
        """
        self._envelopes = {}
        if self.model.clock.opens_gate:
            self._seat.open_gate()
            self._verdicts.clear()
        try:
            tariff, envelopes = self._published()
        except (ContractError, PlugInError) as fault:
            self.model.contain(fault)
            tariff, envelopes = self._published()
        envelopes = {
            name: envelope.tightened(self._verdicts[name]) if name in self._verdicts else envelope
            for name, envelope in envelopes.items()
        }
        envelopes = self._outlook.without_islands(envelopes, self.model.clock.window())
        names = [member.name for member in self.members]
        self.model.bus.send(self.name, [replace(tariff, to=to) for to in [*names, "market"]])
        self._send(envelopes)

    def open_gate(self) -> None:
        """Forget what was said of the last gate."""
        self._shadow = None
        self.grants.clear()
        self.own.open_gate()
        self.repair_rounds, self._gate_step = 0, self.model.clock.step
        self.violations_before = self.violations_after = None
        self.first_plans = {}

    def accepts(self, clearing: Clearing) -> bool:
        """Review the plans; tighten envelopes where they break a limit, as often as allowed.

        Envelopes only shrink within a gate. A review that shrinks none has nothing to repair, or
        cannot, and accepts.
        """
        rounds = self.model.scenario.repair.rounds
        if not rounds:
            return True
        plans_kw = {name: plan.exchange_kw for name, plan in clearing.plans.items()}
        points = self._around(plans_kw)
        self.violations_after = () if points is None else points.violations
        if self.violations_before is None:
            self.violations_before = self.violations_after
            self.first_plans = {} if points is None else points.broken
        if self.repair_rounds >= rounds:
            return True
        try:
            verdict = self._reviewed(points, clearing)
        except (ContractError, PlugInError) as fault:
            self.model.contain(fault)
            verdict = self._reviewed(points, clearing)
        if isinstance(verdict, Accepted):
            return True
        tightened = {
            name: envelope.tightened(verdict[name]) for name, envelope in self._envelopes.items()
        }
        if not any(_is_cut(self._envelopes[name], tightened[name]) for name in tightened):
            return True
        self.repair_rounds += 1
        self._verdicts = tightened
        self._send(tightened)
        return False

    def dispatch(self) -> None:
        """Have its own devices do what is planned."""
        window = self.model.clock.window(1)
        self.own.act(window, self.model.scenario_tariff(window))

    def flow(self) -> None:
        """Run the AC power flow of what was executed, and divide its losses."""
        if self.feeder is None:
            return
        steps = [microgrid.last for microgrid in self.model.microgrids]
        state, joined, own = self._outlook.state, self._outlook.joined, self.own.last
        if own is None:
            raise RuntimeError("the power flow comes after the DNO's own dispatch")
        exchange_kw = joined * [*(step.money.exchange_kw for step in steps), *own.exchange_kw]
        q_kvar = joined * [*(step.q_kvar for step in steps), *own.q_kvar]
        share = self.model.true_background_share(self.model.clock.step)
        solver = state.swept_flow if self.is_swept else state.flow
        flow = solver.solve(frozen(share[None]), exchange_kw[None, :], q_kvar[None, :])
        loss_share_kw, flags = self._loss_shares(state.feeder, share, exchange_kw)
        window = self.model.clock.window(1)
        carried_kw = flow.exchange_kw[0][len(steps) :]
        own = self.own.limit(window, self.model.scenario_tariff(window), carried_kw)
        lacked_kw = np.maximum(-exchange_kw, 0.0) - np.maximum(-flow.exchange_kw[0], 0.0)
        load_kw, background_kw = self.feeder.background_kw_at(share)
        nominal_kw = self.feeder.background_kw
        self.last = FlowStep(
            flow=flow,
            background_share=load_kw / nominal_kw if nominal_kw > 0.0 else 0.0,
            background_kw=background_kw,
            profile_values=self.feeder.follows.named(share),
            unserved_kw=max(float(flow.unserved_kw[0] - lacked_kw.sum()), 0.0) + own.shed_kw,
            loss_share_kw=loss_share_kw,
            flags=(
                *flow.flags[0],
                *flags,
                *own.flags,
                *self._repair_flags(flow.status[0]),
                *(("background_shed",) if own.shed_kw > TOLERANCE_KW else ()),
            ),
            bus_prices=self._bus_prices(share, exchange_kw, q_kvar),
            first_plan=self.first_plans.get(self.model.clock.step - self._gate_step),
            limit_prices=()
            if self._shadow is None
            else limit_prices(
                state.feeder, self._shadow, self._shadow.window.offset(self.model.clock.step)
            ),
        )

    def not_carried(self) -> list[tuple[str, float]]:
        """Give the microgrids whose exchange the feeder could not carry, and what it did. [kW]"""
        tried_kw = [microgrid.last.money.exchange_kw for microgrid in self.model.microgrids]
        count = len(self.members)
        if self.last is None:
            carried_kw = self._outlook.joined[:count] * tried_kw
        else:
            carried_kw = self.last.flow.exchange_kw[0][:count]
        return [
            (member.name, float(carried))
            for member, tried, carried in zip(self.members, tried_kw, carried_kw, strict=True)
            if abs(tried - carried) > TOLERANCE_KW
        ]

    def violated_steps(self) -> tuple[int | None, int | None]:
        """Count the steps whose first and last plans break a limit; None if nobody looked."""
        before, after = (
            None if flags is None else sum(map(bool, flags))
            for flags in (self.violations_before, self.violations_after)
        )
        return before, after

    def _repair_flags(self, status: FlowStatus) -> tuple[str, ...]:
        """Say whether the step was planned against a limit at first, and whether that is mended."""
        at = self.model.clock.step - self._gate_step
        if not self.violations_before or not self.violations_before[at]:
            return ()
        return ("plan_violation", *(("repaired",) if status is FlowStatus.OK else ()))

    def _loss_shares(
        self, feeder: Feeder, share: FloatArray, exchange_kw: FloatArray
    ) -> tuple[FloatArray, tuple[str, ...]]:
        count = len(self.members)
        nothing = np.zeros(count)
        if self.model.scenario.settlement.loss_share == "none":
            return nothing, ()
        nodes, weights = ray_nodes()
        _, loss_per_kw = losses_along_ray(feeder, share, exchange_kw, nodes=nodes)
        if not np.isfinite(loss_per_kw).all():
            return nothing, ("losses_not_shared",)
        # The part of the DNO's own devices stays with it.
        return aumann_shapley(exchange_kw, loss_per_kw, weights)[:count], ()

    def _bus_prices(
        self, share: FloatArray, exchange_kw: FloatArray, q_kvar: FloatArray
    ) -> BusPrices | None:
        """Give what a kWh was worth at every bus, where a mechanism said what limits were worth."""
        if self._shadow is None:
            return None
        tree = self._outlook.state.tree
        if tree is None:
            return None
        drawn = [power[:, 0].copy() for power in tree.background_kw(share[None])]
        for kw, sent in zip(drawn, (exchange_kw, q_kvar), strict=True):
            np.subtract.at(kw, tree.member_bus, sent)
        offset = self.model.clock.step - self._shadow.window.first_step
        buses = {member.name: int(member.bus or 0) for member in self.members}
        return bus_prices(tree, self._shadow, offset, (drawn[0], drawn[1]), buses)

    def _published(self) -> tuple[Tariff, Mapping[str, Envelope]]:
        """Give the operator's tariff and envelopes, held to their contract."""
        with self._guarded("publishing"):
            tariff, envelopes = self.operator.publish(self._view())
            self._check(envelopes)
            faults = tariff_faults(tariff, self.model.clock.window())
            if faults:
                raise ContractError(self.who, faults)
        return tariff, envelopes

    def _reviewed(
        self, points: Points | None, clearing: Clearing
    ) -> Accepted | Mapping[str, Envelope]:
        """Give the operator's verdict, held to its contract."""
        with self._guarded("reviewing plans"):
            verdict = self.operator.review(self._view(points), clearing.plans)
            if not isinstance(verdict, Accepted):
                self._check(verdict)
        return verdict

    def _guarded(self, doing: str) -> AbstractContextManager[None]:
        seconds = self.model.scenario.faults.time_limit_s
        return guarded(self.who, doing, self.operator, seconds)

    def _check(self, envelopes: Mapping[str, Envelope]) -> None:
        faults = envelope_faults(envelopes, self.members, self.model.clock.window())
        if faults:
            raise ContractError(self.who, faults)

    def _send(self, envelopes: Mapping[str, Envelope]) -> None:
        """Send every microgrid its own envelope, and the market all of them."""
        self._envelopes = dict(envelopes)
        letters = [
            replace(envelope, microgrid=name, to=to)
            for name, envelope in envelopes.items()
            for to in (name, "market")
        ]
        self.model.bus.send(self.name, letters)

    def _around(self, by_name: Mapping[str, FloatArray]) -> Points | None:
        """Run the AC power flow of the microgrids' exchanges and of its own plan. [kW]"""
        window = self.model.clock.window()
        sent_kw = np.stack([by_name[member.name] for member in self.members], axis=1)
        own_kw = self.own.planned_kw(window.steps)
        return self._outlook.around(np.concatenate([sent_kw, own_kw], axis=1), window)

    def _view(self, points: Points | None = None) -> OperatorView:
        window = self.model.clock.window()
        background = self._outlook.background(window)
        spread = float(getattr(self.operator, "background_spread", 0.0))
        ends = (1.0 - spread, 1.0 + spread) if spread and background else ()
        return OperatorView(
            window=window,
            members=self.members,
            tariff=self.model.scenario_tariff(window),
            network=background if points is None else points,
            background=background,
            background_ends=tuple(self._outlook.background(window, times) for times in ends),
            envelopes=dict(self._envelopes),
            violations=() if points is None else points.violations,
        )

    def _planning(self, view: OperatorView) -> OperatorView:
        """Give a view with all that the DNO plans its own problem with; it takes some time."""
        window = view.window
        demand = self._outlook.demand(window)
        return replace(
            view,
            tree=self._outlook.tree,
            demand_kw=None if demand is None else demand[0],
            demand_kvar=None if demand is None else demand[1],
            shed_price_per_kwh=self.own.shed_price_per_kwh,
            own=self.own.declared(window, self.model.clock.due(window)),
            rating_share=self._outlook.rating_share(window),
        )


def _is_cut(before: Envelope, after: Envelope) -> bool:
    """Tell whether an envelope has become smaller by more than rounding."""
    return any(
        bool((getattr(before, side) - getattr(after, side) > TOLERANCE_KW).any())
        for side in ("import_limit_kw", "export_limit_kw")
    )
