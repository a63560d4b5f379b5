"""The DNO as a Mesa agent: it publishes, reviews plans, and runs the power flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import mesa
import numpy as np

from mmgsim.contracts import (
    Accepted,
    Clearing,
    Envelope,
    FloatArray,
    LinearisedStep,
    Member,
    Message,
    Operator,
    OperatorView,
    frozen,
)
from mmgsim.engine import FlowStep, MultiMicrogridModel
from mmgsim.errors import ContractError
from mmgsim.network import Feeder, PandapowerFlow, linearise_many, losses_along_ray
from mmgsim.settlement import aumann_shapley, ray_nodes
from mmgsim.subproblems import envelope_faults

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
    """

    name = "dno"
    role = "dno"

    def __init__(
        self,
        model: MultiMicrogridModel,
        operator: Operator,
        members: Sequence[Member],
        feeder: Feeder | None,
    ) -> None:
        super().__init__(model)
        self.operator = operator
        self.members = tuple(members)
        self.feeder = feeder
        self.last: FlowStep | None = None
        self.repair_rounds = 0
        self._flow = PandapowerFlow(feeder) if feeder is not None else None
        self._background: dict[int, LinearisedStep | None] = {}
        self._verdicts: dict[str, Envelope] = {}

    def may_answer_in_thread(self, message: Message) -> bool:
        """Tell that it answers in its turn."""
        del message
        return False

    def receive(self, message: Message) -> Message | None:
        """Answer a question of the market."""
        return self.operator.answer(self._view(), message)

    def publish(self) -> None:
        """Tell everybody the tariff, and every microgrid its envelope, over the window ahead.

        What a review has tightened binds until the next gate.
        """
        tariff, envelopes = self.operator.publish(self._view())
        self._check(envelopes)
        if self.model.clock.is_gate:
            self.repair_rounds = 0
            self._verdicts.clear()
        envelopes = {
            name: envelope.tightened(self._verdicts[name]) if name in self._verdicts else envelope
            for name, envelope in envelopes.items()
        }
        names = [member.name for member in self.members]
        self.model.bus.send(self.name, [replace(tariff, to=to) for to in [*names, "market"]])
        self._send(envelopes)

    def accepts(self, clearing: Clearing) -> bool:
        """Review the plans; tighten envelopes where they break a limit, as often as allowed."""
        if self.repair_rounds >= self.model.scenario.repair.rounds:
            return True
        plans = clearing.plans
        exchange_kw = np.stack([plans[member.name].exchange_kw for member in self.members])
        view = self._view(exchange_kw)
        verdict = self.operator.review(view, plans)
        if isinstance(verdict, Accepted):
            return True
        self._check(verdict)
        self.repair_rounds += 1
        self._verdicts = dict(verdict)
        self._send(verdict)
        return False

    def flow(self) -> None:
        """Run the AC power flow of what was executed, and divide its losses."""
        if self._flow is None or self.feeder is None:
            return
        steps = [microgrid.last for microgrid in self.model.microgrids]
        exchange_kw = frozen([step.money.exchange_kw for step in steps])
        share = self.model.background_share(self.model.clock.step)
        q_kvar = frozen([step.q_kvar for step in steps])
        flow = self._flow.solve(frozen([share]), exchange_kw[None, :], q_kvar[None, :])
        loss_share_kw, flags = self._loss_shares(share, exchange_kw)
        lacked_kw = np.maximum(-exchange_kw, 0.0) - np.maximum(-flow.exchange_kw[0], 0.0)
        self.last = FlowStep(
            flow=flow,
            background_share=share,
            background_kw=self.feeder.background_kw * share,
            unserved_kw=max(float(flow.unserved_kw[0] - lacked_kw.sum()), 0.0),
            loss_share_kw=loss_share_kw,
            flags=(*flow.flags[0], *flags),
        )

    def not_carried(self) -> list[tuple[str, float]]:
        """Give the microgrids whose exchange the feeder could not carry, and what it did. [kW]"""
        if self.last is None:
            return []
        tried_kw = [microgrid.last.money.exchange_kw for microgrid in self.model.microgrids]
        carried_kw = self.last.flow.exchange_kw[0]
        return [
            (member.name, float(carried))
            for member, tried, carried in zip(self.members, tried_kw, carried_kw, strict=True)
            if abs(tried - carried) > TOLERANCE_KW
        ]

    def _loss_shares(
        self, share: float, exchange_kw: FloatArray
    ) -> tuple[FloatArray, tuple[str, ...]]:
        nothing = np.zeros(len(self.members))
        if self.feeder is None or self.model.scenario.settlement.loss_share == "none":
            return nothing, ()
        nodes, weights = ray_nodes()
        _, loss_per_kw = losses_along_ray(self.feeder, share, exchange_kw, nodes=nodes)
        if not np.isfinite(loss_per_kw).all():
            return nothing, ("losses_not_shared",)
        return aumann_shapley(exchange_kw, loss_per_kw, weights), ()

    def _check(self, envelopes: Mapping[str, Envelope]) -> None:
        faults = envelope_faults(envelopes, self.members, self.model.clock.window())
        if faults:
            raise ContractError("the DNO", faults)

    def _send(self, envelopes: Mapping[str, Envelope]) -> None:
        """Send every microgrid its own envelope, and the market all of them."""
        letters = [
            replace(envelope, microgrid=name, to=to)
            for name, envelope in envelopes.items()
            for to in (name, "market")
        ]
        self.model.bus.send(self.name, letters)

    def _view(self, exchange_kw: FloatArray | None = None) -> OperatorView:
        window = self.model.clock.window()
        points = [
            self._at_background(window.first_step + offset)
            if exchange_kw is None
            else self._linearised(window.first_step + offset, exchange_kw[:, offset])
            for offset in range(window.steps if self.feeder is not None else 0)
        ]
        return OperatorView(
            window=window,
            members=self.members,
            tariff=self.model.scenario_tariff(window),
            network=tuple(points),
        )

    def _at_background(self, step: int) -> LinearisedStep | None:
        """Linearise around the background alone: known ahead, so once for every step."""
        if step not in self._background:
            self._background.pop(step - 2 * self.model.clock.horizon, None)
            self._background[step] = self._linearised(step, np.zeros(len(self.members)))
        return self._background[step]

    def _linearised(self, step: int, exchange_kw: FloatArray) -> LinearisedStep | None:
        if self.feeder is None:
            return None
        share = np.array([self.model.background_share(step)])
        point = linearise_many(self.feeder, share, exchange_kw[None, :])[0]
        return None if point is None else point.step()
