"""From what agents report to the rows of the result tables, and to running totals."""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from mmgsim.contracts import (
    Clearing,
    Item,
    LedgerLine,
    Message,
    Objective,
    Party,
    Tariff,
    plain_content,
)
from mmgsim.engine.bus import Traffic
from mmgsim.engine.dno_rows import (
    bus_price_rows,
    grant_row,
    limit_price_rows,
    request_rows,
)
from mmgsim.engine.microgrid_rows import device_rows, dispatch_row
from mmgsim.engine.outlook_rows import OutlookRows
from mmgsim.engine.records import MicrogridStep
from mmgsim.errors import ContractError, PlugInError
from mmgsim.network import PlannedFlow
from mmgsim.settlement import OPERATIONS, account
from mmgsim.subproblems import solver_time

__all__ = ["OBJECTIVE_FREE", "Recorder", "Totals"]

log = logging.getLogger(__name__)

NAN = float("nan")
BOUND_TOLERANCE = 1e-6  # of gross cost: a lower bound above the plans' cost by less is rounding
OBJECTIVE_FREE = frozenset({Item.LOSS_SHARE, Item.IMBALANCE, Item.FIXED_CHARGE, Item.SURPLUS})
"""Items of a bill that are not part of the objective of a gate. Neither is what the market earns
between buyers and sellers: it is theirs before anybody divides it."""


@dataclass(slots=True)
class Totals:
    """Sums since the start. [currency], [kWh]"""

    members_cost: float = 0.0
    objective_cost: float = 0.0
    system_cost: float = 0.0
    market_kept: float = 0.0
    imported_kwh: float = 0.0
    exported_kwh: float = 0.0
    traded_kwh: float = 0.0
    loss_kwh: float = 0.0
    spilled_kwh: float = 0.0
    shed_kwh: float = 0.0
    shed_critical_kwh: float = 0.0
    unserved_kwh: float = 0.0
    unserved_value: float = 0.0
    imbalance_kwh: float = 0.0
    substation_kwh: float = 0.0
    gap_max: float | None = None
    gates: int = 0
    bounds_broken: int = 0
    bounds_missing: int = 0
    line_rounds: int = 0
    lost_messages: int = 0
    left_out: int = 0
    rounds: int = 0
    cost_by_microgrid: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    steps_by_status: Counter[str] = field(default_factory=Counter)
    steps_plan_violation: int = 0
    steps_repaired: int = 0
    energy_left_kwh: float = 0.0
    traffic: Traffic = field(default_factory=lambda: Traffic(0, 0))
    faults: int = 0
    gate_s: float = 0.0
    solver_s: float = 0.0
    power_flow_s: float = 0.0

    @property
    def steps(self) -> int:
        """How many steps were executed and recorded."""
        return sum(self.steps_by_status.values())


class Recorder:
    """Writes the rows of every step of a model.

    Attributes
    ----------
    totals : Totals
        Of the steps that are over; what a step adds counts at its end, like its rows.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.totals = Totals()
        self._ahead = Totals()
        self._messages_before = 0
        self._bytes_before = 0
        self._solver_s_before = solver_time.seconds
        self._gate_flags: tuple[str, ...] = ()
        self._faulty: set[str] = set()
        self._outlooks = OutlookRows()

    def carried(self) -> dict[str, Any]:
        """Give all that goes on from one day into the next."""
        return {"totals": self.totals, "gate_flags": self._gate_flags}

    def take_over(self, carried: Mapping[str, Any]) -> None:
        """Go on from the sums of an earlier part of the run."""
        self.totals, self._gate_flags = carried["totals"], carried["gate_flags"]
        self._ahead = deepcopy(self.totals)
        self._solver_s_before = solver_time.seconds - self.totals.solver_s

    def fault(self, fault: ContractError | PlugInError) -> None:
        """Record what a plug-in did wrong; the step is flagged."""
        log.warning("step %d: %s", self._model.clock.step, fault)
        self._add("faults", (self._model.clock.now, fault.agent, type(fault).__name__, str(fault)))
        self._ahead.faults += 1
        self._faulty.add(fault.agent)

    def fault_flags(self, agent: str) -> tuple[str, ...]:
        """Give the flag of an agent whose plug-in failed in this step."""
        return ("fault",) if agent in self._faulty else ()

    def _flags_of(self, microgrid: Any) -> set[str]:
        return {*microgrid.last.flags, *self.fault_flags(microgrid.name)}

    # ------------------------------------------------------------------------------- gates
    def open_gate(self) -> None:
        """Start counting the messages of a gate."""
        traffic = self._model.bus.traffic
        self._messages_before, self._bytes_before = traffic.messages, traffic.bytes
        self._gate_flags = ()

    def close_gate(self, clearing: Clearing) -> None:
        """Record the outcome of a gate and its certificate."""
        now, traffic = self._model.clock.now, self._model.bus.traffic
        gap = None
        if clearing.lower is None:
            self._ahead.bounds_missing += 1
        else:
            gap = (clearing.upper - clearing.lower) / max(clearing.gross_cost, 1e-9)
            if gap < -BOUND_TOLERANCE:
                self._gate_flags = ("bound_broken",)
                self._ahead.bounds_broken += 1
            widest = self._ahead.gap_max
            self._ahead.gap_max = gap if widest is None else max(gap, widest)
        self._add(
            "gates",
            (
                now,
                clearing.upper,
                clearing.lower,
                gap,
                clearing.gross_cost,
                len(clearing.rounds),
                traffic.messages - self._messages_before,
                traffic.bytes - self._bytes_before,
                clearing.residual_kw,
                self._model.dno.repair_rounds,
                *self._model.dno.violated_steps(),
                self._model.market.line.rounds,
                self._model.market.line.lost,
            ),
        )
        if clearing.planning is not None:
            self._add("planning", (now, *clearing.planning.numbers()))
        for number, (query, grants) in enumerate(self._model.dno.grants, 1):
            self._add("grants", (now, number, *grant_row(query, grants, self._model.clock.step_h)))
            self._model.writer.add("requests", request_rows(now, number, query, grants))
        self._model.writer.add(
            "rounds",
            [
                (now, number, turn.upper, turn.lower, turn.residual_kw)
                for number, turn in enumerate(clearing.rounds, 1)
            ],
        )
        self._model.writer.add("outlooks", list(self._outlooks.of_gate(self._model)))
        self._ahead.gates += 1
        self._ahead.rounds += len(clearing.rounds)
        self._ahead.line_rounds += self._model.market.line.rounds
        self._ahead.lost_messages += self._model.market.line.lost
        self._ahead.left_out += _left_out(clearing)

    # ------------------------------------------------------------------------------- steps
    def record(self) -> None:
        """Record an executed step."""
        model, now = self._model, self._model.clock.now
        add, step_h = model.writer.add, model.clock.step_h
        add(
            "dispatch",
            [dispatch_row(now, agent, self._flags_of(agent), step_h) for agent in model.microgrids],
        )
        owners = (*model.microgrids, model.dno.own)
        add("devices", [row for owner in owners for row in device_rows(now, owner)])
        add("trades", _trade_rows(now, model.market.trades_now(), self._tariff))
        add("ties", _tie_rows(now, model.market.ties_now()))
        add("prices", [self._price_row(now, agent) for agent in model.microgrids])
        add(
            "ledger",
            [(now, x.payer, x.payee, str(x.item), x.kwh, x.amount) for x in model.market.lines],
        )
        add("messages", [(now, *row) for row in model.bus.take_counts()])
        add("disclosed", [(now, *row) for row in model.bus.take_senders()])
        add("payloads", _payload_rows(now, model.bus.take_payloads()))
        self._record_flow(now)
        self._add_up([agent.last for agent in model.microgrids], model.market.lines, step_h)
        self._faulty.clear()

    def record_timings(self, *, gate_s: float, flow_s: float, step_s: float) -> None:
        """Record the wall clock, apart from everything that must repeat; so a step is over."""
        self._add("timings", (self._model.clock.now, gate_s, flow_s, step_s))
        self._ahead.gate_s += gate_s
        self._ahead.solver_s = solver_time.seconds - self._solver_s_before
        self._ahead.power_flow_s += flow_s
        self._model.writer.commit()
        self.totals, self._ahead = self._ahead, deepcopy(self._ahead)

    @property
    def status(self) -> str:
        """Status of the last step."""
        last = self._model.dno.last
        return "ok" if last is None else str(last.flow.status[0].value)

    @property
    def vm_min_pu(self) -> float:
        """Lowest voltage of the last step, NaN without a network. [pu]"""
        last = self._model.dno.last
        return NAN if last is None else float(last.flow.vm_min_pu[0])

    @property
    def _upstream_per_kwh(self) -> float:
        """Upstream price of the step, as published. [currency/kWh]"""
        return float(self._tariff.upstream_per_kwh[0])

    @property
    def _tariff(self) -> Tariff:
        """The tariff of the step, as published."""
        tariff: Tariff = self._model.market.view(self._model.clock.window(1)).tariff
        return tariff.now()

    def _unserved(self, step_h: float) -> tuple[float, float]:
        """Give the background demand that was not served, and its value where it has a price."""
        last, price = self._model.dno.last, self._model.dno.own.shed_price_per_kwh
        unserved_kwh = 0.0 if last is None else last.unserved_kw * step_h
        return unserved_kwh, unserved_kwh * (price or 0.0)

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        self._model.writer.add(table, [row])

    def _price_row(self, now: Any, agent: Any) -> tuple[Any, ...]:
        tariff, envelope = agent.view.tariff, agent.view.envelope
        return (
            now,
            agent.name,
            float(tariff.import_per_kwh[0]),
            float(tariff.export_per_kwh[0]),
            float(tariff.network_charge_per_kwh[0]),
            _mean_charge(self._model.market.trades_now(), agent.name, tariff),
            self._model.market.price_now(agent.name),
            float(envelope.import_limit_kw[0]),
            float(envelope.export_limit_kw[0]),
        )

    def _record_flow(self, now: Any) -> None:
        model, last = self._model, self._model.dno.last
        step_h = model.clock.step_h
        upstream = self._upstream_per_kwh
        shed_value = sum(agent.last.shed_value for agent in model.microgrids)
        flags = {flag for agent in model.microgrids for flag in self._flags_of(agent)}
        flags |= set(self._gate_flags)
        flags |= {*model.market.flags, *model.dno.flags}
        if last is None:
            net_kw = -sum(agent.last.money.exchange_kw for agent in model.microgrids)
            row = ("ok", " ".join(sorted(flags)), 0.0, 0.0, net_kw, NAN, NAN, NAN, 0.0, 0.0)
        else:
            flow = last.flow
            row = (
                self.status,
                " ".join(sorted(flags | set(last.flags))),
                last.background_share,
                last.background_kw,
                float(flow.slack_p_kw[0]),
                float(flow.vm_min_pu[0]),
                float(flow.vm_max_pu[0]),
                float(flow.loading_max_percent[0]),
                float(flow.loss_kw[0]),
                last.unserved_kw * step_h,
            )
            self._record_network(now, flow)
            self._model.writer.add("dlmp", bus_price_rows(now, last.bus_prices))
            self._model.writer.add("limit_prices", limit_price_rows(now, last.limit_prices))
            self._model.writer.add("first_plans", self._first_plan_rows(now, last.first_plan))
            values = last.profile_values.items()
            self._model.writer.add("profiles", [(now, name, value) for name, value in values])
        self._add("steps", (now, *row, upstream, shed_value))

    def _record_network(self, now: Any, flow: Any) -> None:
        feeder = self._model.dno.feeder
        buses = (feeder.buses, flow.vm_pu[0], flow.p_kw[0], flow.q_kvar[0])
        lines = (
            feeder.lines,
            flow.loading_percent[0],
            flow.i_ka[0],
            flow.p_from_kw[0],
            flow.line_loss_kw[0],
        )
        for table, columns in (("buses", buses), ("lines", lines)):
            plain = [column if isinstance(column, tuple) else column.tolist() for column in columns]
            rows = [(now, *values) for values in zip(*plain, strict=True)]
            self._model.writer.add(table, rows)

    def _first_plan_rows(self, now: Any, plan: PlannedFlow | None) -> list[tuple[Any, ...]]:
        if plan is None:
            return []
        feeder = self._model.dno.feeder
        parts = (
            ("vm_pu", feeder.buses, plan.vm_pu),
            ("loading_percent", feeder.lines, plan.loading_percent),
        )
        return [
            (now, quantity, index, value)
            for quantity, indices, values in parts
            for index, value in zip(indices, values.tolist(), strict=True)
        ]

    # ------------------------------------------------------------------------------ totals
    def _add_up(self, steps: list[MicrogridStep], lines: list[LedgerLine], step_h: float) -> None:
        totals, model = self._ahead, self._model
        shed_value = sum(step.shed_value for step in steps)
        for step in steps:
            money, name = step.money, step.money.name
            cost = account(lines, name) + step.shed_value
            totals.cost_by_microgrid[name] += cost
            totals.members_cost += cost
            totals.imported_kwh += money.import_kw * step_h
            totals.exported_kwh += money.export_kw * step_h
            totals.traded_kwh += step.sold_kw * step_h
            totals.shed_kwh += step.shed_kw * step_h
            totals.shed_critical_kwh += step.shed_critical_kw * step_h
            totals.spilled_kwh += step.spilled_kw * step_h
            totals.imbalance_kwh += abs(money.exchange_kw - money.planned_exchange_kw) * step_h
        totals.market_kept -= account(lines, Party.MARKET)
        totals.loss_kwh += model.loss_kw * step_h
        net_import_kw = -sum(step.money.exchange_kw for step in steps) - model.dno.own.last.sent_kw
        operations = sum(line.amount for line in lines if line.item in OPERATIONS)
        upstream_kwh = (net_import_kw + model.loss_kw) * step_h
        unserved_kwh, unserved_value = self._unserved(step_h)
        if model.dno.own.shed_price_per_kwh is not None:
            upstream_kwh -= unserved_kwh  # what is not served is not bought either
        system_cost = upstream_kwh * self._upstream_per_kwh + operations
        system_cost += shed_value + unserved_value
        totals.system_cost += system_cost
        if model.scenario.objective is Objective.SYSTEM:
            totals.objective_cost += system_cost
        else:
            totals.objective_cost += shed_value + sum(
                account(lines, step.money.name, counts=lambda item: item not in OBJECTIVE_FREE)
                for step in steps
            )
            totals.objective_cost += account(
                lines, Party.MARKET, counts=lambda item: item == Item.LOCAL_TRADE
            )
        flow = None if model.dno.last is None else model.dno.last.flow
        totals.unserved_kwh += unserved_kwh
        totals.unserved_value += unserved_value
        substation_kw = net_import_kw if flow is None else float(flow.slack_p_kw[0])
        totals.substation_kwh += substation_kw * step_h
        totals.steps_by_status[self.status] += 1
        flags = () if model.dno.last is None else model.dno.last.flags
        totals.steps_plan_violation += "plan_violation" in flags
        totals.steps_repaired += "repaired" in flags
        totals.energy_left_kwh, totals.traffic = model.energy_left_kwh(), model.bus.traffic


def _left_out(clearing: Clearing) -> int:
    """Count the microgrids that were left out of a gate: all, where its time was over."""
    if "out_of_time" in clearing.flags:
        return len(clearing.plans)
    return sum(flag.startswith("left_out:") for flag in clearing.flags)


def _payload_rows(now: Any, said: list[Message]) -> list[tuple[Any, ...]]:
    return [
        (now, number, type(one).__name__, one.sender, one.to, json.dumps(plain_content(one)))
        for number, one in enumerate(said)
    ]


def _tie_rows(now: Any, flows: Any) -> list[tuple[Any, ...]]:
    return [
        (now, f.tie, f.sender, f.receiver, float(f.sent_kw[0]), float(f.received_kw[0]))
        for f in flows
    ]


def _trade_rows(now: Any, trades: Any, tariff: Any) -> list[tuple[Any, ...]]:
    return [
        (
            now,
            trade.seller,
            trade.buyer,
            float(trade.kw[0]),
            float(trade.price_per_kwh[0]),
            float(trade.charged_per_kwh(tariff)[0]),
        )
        for trade in trades
    ]


def _mean_charge(trades: Any, name: str, tariff: Any) -> float:
    """Give what a microgrid owes the DNO on a kWh that it buys locally: the tariff's, or a mean.

    A mean only where its trades have charges of their own: the tariff's is then kept to the digit.
    [currency/kWh]
    """
    bought = [trade for trade in trades if trade.buyer == name]
    if all(trade.charge_per_kwh is None for trade in bought):
        return float(tariff.local_charge_per_kwh[0])
    owed_per_h = sum(float((trade.kw * trade.charged_per_kwh(tariff))[0]) for trade in bought)
    return owed_per_h / sum(float(trade.kw[0]) for trade in bought)
