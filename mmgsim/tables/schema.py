"""The result tables: their columns, units and meaning. Public: columns are only ever added.

Times are UTC starts of the step. Powers are means over the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

__all__ = ["TABLES", "Column", "arrow_schema"]

_TIME = pa.timestamp("us", tz="UTC")
_TEXT = pa.string()
_REAL = pa.float64()
_COUNT = pa.int64()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its name, Arrow type and meaning with unit."""

    name: str
    kind: pa.DataType
    meaning: str


def _columns(*rows: tuple[str, pa.DataType, str]) -> tuple[Column, ...]:
    return (Column("time", _TIME, "start of the step"), *(Column(*row) for row in rows))


TABLES: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "dispatch": _columns(
            ("microgrid", _TEXT, "name"),
            ("load_kw", _REAL, "realised demand [kW]"),
            ("shed_kw", _REAL, "demand not served [kW]"),
            ("shed_critical_kw", _REAL, "critical demand not served, part of shed_kw [kW]"),
            ("pv_kw", _REAL, "PV used, after spill [kW]"),
            ("wind_kw", _REAL, "wind used, after spill [kW]"),
            ("spilled_kw", _REAL, "available PV and wind not used [kW]"),
            ("diesel_kw", _REAL, "diesel generation [kW]"),
            ("charge_kw", _REAL, "battery charge [kW]"),
            ("discharge_kw", _REAL, "battery discharge [kW]"),
            ("soc_kwh", _REAL, "stored energy at the end of the step, all batteries [kWh]"),
            ("ev_charge_kw", _REAL, "vehicle charge [kW]"),
            ("ev_discharge_kw", _REAL, "vehicle discharge [kW]"),
            ("import_kw", _REAL, "from the grid [kW]"),
            ("export_kw", _REAL, "to the grid [kW]"),
            ("bought_kw", _REAL, "bought locally [kW]"),
            ("sold_kw", _REAL, "sold locally [kW]"),
            ("tie_kw", _REAL, "sent less received through tie lines, beside exchange_kw [kW]"),
            ("exchange_kw", _REAL, "net at the connection point, positive when leaving [kW]"),
            ("planned_exchange_kw", _REAL, "the same as planned at the last gate [kW]"),
            ("imbalance_kw", _REAL, "realised minus planned exchange [kW]"),
            ("q_kvar", _REAL, "reactive power, positive when leaving [kvar]"),
            ("flags", _TEXT, "what was out of the ordinary, by blanks; read it as table['flags']"),
        ),
        "devices": _columns(
            ("microgrid", _TEXT, "name; `dno` for the DNO's own"),
            ("device", _TEXT, "name within the microgrid"),
            (
                "quantity",
                _TEXT,
                "available_kw, expected_kw, planned_kw, power_kw, charge_kw, discharge_kw,"
                " energy_kwh, on",
            ),
            ("value", _REAL, "of the quantity; power positive when generating [kW], [kWh] or 0/1"),
        ),
        "trades": _columns(
            ("seller", _TEXT, "microgrid, or `market` where trades are pooled"),
            ("buyer", _TEXT, "microgrid, or `market` where trades are pooled"),
            ("kw", _REAL, "firm trade [kW]"),
            ("price_per_kwh", _REAL, "from buyer to seller [currency/kWh]"),
            (
                "charge_per_kwh",
                _REAL,
                "what the buyer owes the DNO on top of it, below zero where the DNO pays; 0 where"
                " the buyer is `market` or `dno` [currency/kWh]",
            ),
        ),
        "ties": _columns(
            ("tie", _TEXT, "name of the line"),
            ("sender", _TEXT, "microgrid"),
            ("receiver", _TEXT, "microgrid"),
            ("sent_kw", _REAL, "power that enters the line, firm [kW]"),
            ("received_kw", _REAL, "power that leaves it; the rest is lost on the way [kW]"),
        ),
        "prices": _columns(
            ("microgrid", _TEXT, "name"),
            ("import_price", _REAL, "energy from the grid, without network charge [currency/kWh]"),
            ("export_price", _REAL, "energy to the grid [currency/kWh]"),
            ("network_charge", _REAL, "on imported energy [currency/kWh]"),
            (
                "local_charge",
                _REAL,
                "on locally bought energy: the tariff's, or the mean of what is bought where trades"
                " have charges of their own [currency/kWh]",
            ),
            ("local_price", _REAL, "of local trades; missing where there is no market"),
            ("import_limit_kw", _REAL, "envelope [kW]"),
            ("export_limit_kw", _REAL, "envelope [kW]"),
        ),
        "ledger": _columns(
            ("payer", _TEXT, "microgrid or party"),
            ("payee", _TEXT, "microgrid or party"),
            ("item", _TEXT, "what it is for"),
            (
                "kwh",
                _REAL,
                "energy it is about; a kWh of `local_trade` has a line for its seller and one for"
                " its buyer where the market stands between them [kWh]",
            ),
            (
                "amount",
                _REAL,
                "from payer to payee; summed over both lines of a `local_trade` through the market"
                " it counts twice, as kwh does [currency]",
            ),
        ),
        "gates": _columns(
            ("upper", _REAL, "objective cost of the plans over the window [currency]"),
            (
                "lower",
                _REAL,
                "no feasible plans cost less, with `network: rows` none within the gate's last"
                " rows; missing where not proven [currency]",
            ),
            ("gap", _REAL, "(upper - lower) / gross cost"),
            ("gross", _REAL, "sum of the absolute cost terms [currency]"),
            ("rounds", _COUNT, "exchanges of messages"),
            ("messages", _COUNT, "messages of the gate"),
            ("bytes", _COUNT, "bytes disclosed in them"),
            ("residual_kw", _REAL, "largest distance between sold and bought [kW]"),
            ("repair_rounds", _COUNT, "how often the DNO had it planned again"),
            ("violated_steps_before", _COUNT, "steps whose first plan breaks a limit in AC"),
            ("violated_steps_after", _COUNT, "the same of the last plan; missing without repair"),
            ("line_rounds", _COUNT, "rounds of the market's line, those of waiting included"),
            ("lost_messages", _COUNT, "questions and replies of the market that did not arrive"),
        ),
        "planning": _columns(
            (
                "courses",
                _COUNT,
                "scenarios that stood for what may come; no rows where the coordination plans for"
                " one forecast",
            ),
            ("mean", _REAL, "cost that planning for their mean promises [currency]"),
            ("wait_and_see", _REAL, "cost with each of them known beforehand [currency]"),
            ("two_stage", _REAL, "cost of one plan for all of them [currency]"),
            ("mean_plan", _REAL, "cost of the plan for their mean, in all of them [currency]"),
            (
                "stochastic_solution",
                _REAL,
                "value of the stochastic solution, mean_plan - two_stage [currency]",
            ),
            (
                "perfect_information",
                _REAL,
                "expected value of perfect information, two_stage - wait_and_see [currency]",
            ),
        ),
        "grants": _columns(
            ("round", _COUNT, "from 1: which question of the gate"),
            ("requested_kwh", _REAL, "lack and surplus that was asked for, over the window [kWh]"),
            ("refused_kwh", _REAL, "part of it that is not served, or is lost in ties [kWh]"),
            ("background_shed_kwh", _REAL, "background demand planned not to be served [kWh]"),
            ("operations", _REAL, "fuel, start-ups and wear of the DNO's own devices [currency]"),
            ("upstream", _REAL, "energy through the substation, background included [currency]"),
            ("trade", _REAL, "what microgrids pay the DNO less what it pays them [currency]"),
            ("shed_value", _REAL, "value of the background demand not served [currency]"),
            ("penalty", _REAL, "on what is refused; no payment [currency]"),
            (
                "objective",
                _REAL,
                "operations + upstream - trade + shed_value + penalty: what the DNO makes small"
                " [currency]",
            ),
            ("inexact_steps", _COUNT, "steps whose plan is no exact optimum on the AC equations"),
            ("binding", _TEXT, "branches that are full in some step, by their buses, by blanks"),
        ),
        "requests": _columns(
            ("round", _COUNT, "from 1: which question of the gate, as in `grants`"),
            ("microgrid", _TEXT, "name"),
            ("offset", _COUNT, "steps after the gate, from 0"),
            ("asked_lack_kw", _REAL, "what it asked to take [kW]"),
            ("asked_surplus_kw", _REAL, "what it asked to give [kW]"),
            ("granted_lack_kw", _REAL, "what it may take [kW]"),
            (
                "granted_surplus_kw",
                _REAL,
                "what it may give; one controller with private ties may be granted more at one"
                " connection and less at others [kW]",
            ),
        ),
        "faults": _columns(
            ("agent", _TEXT, "whose plug-in failed: microgrid, `the market` or `the DNO`"),
            ("kind", _TEXT, "PlugInError: it raised or took too long; ContractError: broken word"),
            ("message", _TEXT, "what went wrong"),
        ),
        "rounds": _columns(
            ("round", _COUNT, "from 1"),
            ("upper", _REAL, "best cost so far [currency]"),
            ("lower", _REAL, "best bound so far [currency]"),
            ("residual_kw", _REAL, "what does not balance [kW]"),
        ),
        "messages": _columns(
            ("kind", _TEXT, "of the message"),
            ("sender", _TEXT, "kind of agent: dno, market or microgrid"),
            ("count", _COUNT, "messages of the step"),
            ("bytes", _COUNT, "bytes disclosed in them"),
        ),
        "disclosed": _columns(
            ("agent", _TEXT, "microgrid, `market` or `dno`"),
            ("count", _COUNT, "messages that it sent in the step"),
            ("bytes", _COUNT, "bytes disclosed in them"),
        ),
        "payloads": _columns(
            ("number", _COUNT, "order within the step, from 0"),
            ("kind", _TEXT, "of the message"),
            ("sender", _TEXT, "name of the agent"),
            ("to", _TEXT, "name of the agent"),
            ("content", _TEXT, "JSON; empty table unless payloads were asked for"),
        ),
        "buses": _columns(
            ("bus", _COUNT, "index in network.json"),
            ("vm_pu", _REAL, "voltage; missing where unsupplied [pu]"),
            ("p_kw", _REAL, "consumption minus generation [kW]"),
            ("q_kvar", _REAL, "consumption minus generation [kvar]"),
        ),
        "dlmp": _columns(
            ("bus", _COUNT, "index in network.json"),
            (
                "price",
                _REAL,
                "what one more kWh drawn here is worth, under `objective: members` before the local"
                " charge: the sum of the parts; no rows where the coordination does not price the"
                " network [currency/kWh]",
            ),
            ("energy", _REAL, "before the network comes into it [currency/kWh]"),
            ("loss", _REAL, "losses, where they are part of the objective [currency/kWh]"),
            ("congestion", _REAL, "currents at their limits [currency/kWh]"),
            ("voltage", _REAL, "voltages at their limits [currency/kWh]"),
            ("residual", _REAL, "what a microgrid's own price leaves of the parts [currency/kWh]"),
        ),
        "limit_prices": _columns(
            ("limit", _TEXT, "current, voltage_max or voltage_min"),
            ("element", _TEXT, "bus, line or trafo"),
            ("index", _COUNT, "of the element in network.json"),
            (
                "price_per_h",
                _REAL,
                "what a whole further limit of that size would save: one percent more saves a"
                " hundredth of it; no rows where no limit had a price, or the coordination does not"
                " price the network [currency/h]",
            ),
        ),
        "lines": _columns(
            ("line", _COUNT, "index in network.json"),
            ("loading_percent", _REAL, "of the rating; 0 where there is none [%]"),
            ("i_ka", _REAL, "current, the larger of both ends [kA]"),
            ("p_from_kw", _REAL, "power entering at the from-bus [kW]"),
            ("loss_kw", _REAL, "[kW]"),
        ),
        "first_plans": _columns(
            (
                "quantity",
                _TEXT,
                "vm_pu or loading_percent, as the gate's first plan would have made it; rows only"
                " in steps in which that plan was reviewed and breaks a limit",
            ),
            ("index", _COUNT, "of the bus or the line in network.json"),
            ("value", _REAL, "of the quantity [pu] or [%]"),
        ),
        "profiles": _columns(
            ("profile", _TEXT, "as in the column `profile` of network.json, loads' with _pload"),
            (
                "value",
                _REAL,
                "multiple of what network.json holds; no rows where all loads follow one profile",
            ),
        ),
        "outlooks": _columns(
            ("microgrid", _TEXT, "name"),
            ("device", _TEXT, "name within the microgrid; those that are uncertain"),
            (
                "offset",
                _COUNT,
                "steps after the gate, from 0; the first gate of every quarter of a local day has"
                " rows, no run without uncertainty",
            ),
            ("expected_kw", _REAL, "mean of demand or available power, given what was seen [kW]"),
            ("p05_kw", _REAL, "what it does not exceed with a probability of 5 % [kW]"),
            ("p25_kw", _REAL, "the same of 25 % [kW]"),
            ("p75_kw", _REAL, "the same of 75 % [kW]"),
            ("p95_kw", _REAL, "the same of 95 % [kW]"),
        ),
        "steps": _columns(
            ("status", _TEXT, "ok, violations, unsupplied or not_converged; ok without a network"),
            (
                "flags",
                _TEXT,
                "what was out of the ordinary, separated by blanks; `plan_violation`:"
                " the gate's first plan broke a limit here, `repaired`: and the step ended ok;"
                " `bound_broken`: the gate's lower bound is above the cost of its own plans, so"
                " somebody does not plan what it offers",
            ),
            ("background_share", _REAL, "background load over its value in network.json"),
            (
                "background_kw",
                _REAL,
                "background load, less generation that follows a profile of its own [kW]",
            ),
            ("substation_kw", _REAL, "from the upstream grid [kW]"),
            ("vm_min_pu", _REAL, "lowest voltage [pu]"),
            ("vm_max_pu", _REAL, "highest voltage [pu]"),
            ("loading_max_percent", _REAL, "highest loading [%]"),
            ("loss_kw", _REAL, "all AC losses [kW]"),
            (
                "unserved_kwh",
                _REAL,
                "background demand that was not served [kWh]",
            ),
            ("upstream_price", _REAL, "what the grid charges the DNO [currency/kWh]"),
            ("shed_value", _REAL, "value of the load shed by the microgrids [currency]"),
        ),
        "timings": _columns(
            ("gate_s", _REAL, "wall clock of planning [s]"),
            ("power_flow_s", _REAL, "wall clock of the power flow and its derivatives [s]"),
            ("step_s", _REAL, "wall clock of the whole step [s]"),
        ),
    }
)
"""The columns of every result table, by its name."""


def arrow_schema(table: str) -> pa.Schema:
    """Give the Arrow schema of a table."""
    return pa.schema(
        [pa.field(c.name, c.kind, metadata={"meaning": c.meaning}) for c in TABLES[table]]
    )
