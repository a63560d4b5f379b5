"""The summary of a run in words and units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmgsim.contracts import Item, Party
from mmgsim.plots import plain, stand_ins
from mmgsim.tables import Results

__all__ = [
    "COST_NOTE",
    "gap_told",
    "gates_without_bound",
    "stand_ins_told",
    "summary_rows",
    "surplus_given",
]

COST_NOTE = (
    "Cost of the members: net payments of the microgrids and the value of shed load. "
    "Objective cost: the same without loss share, imbalance and fixed charge, or the cost of the "
    "system if the objective is system; what a gate makes small. "
    "Cost of the system: upstream price x (import - export + losses - what the DNO's own devices "
    "send), operations, the DNO's included, and the value of shed load. Background demand with a "
    "price that is not served counts at that price, and is not bought upstream. Compare forecasts "
    "by the cost of the members: imbalance is only there."
)
"""What the three costs are."""

_COSTS = (
    ("objective cost, what gates make small (objective_cost)", "objective_cost"),
    ("cost of the members, all bills (members_cost)", "members_cost"),
    ("cost of the system, without transfers (system_cost)", "system_cost"),
    ("value of energy left in storage", "energy_left_value"),
)
_ENERGIES = (
    ("imported from the grid", "imported_kwh"),
    ("exported to the grid", "exported_kwh"),
    ("traded locally", "traded_kwh"),
    ("AC losses of the feeder", "losses_kwh"),
    ("renewable energy spilled", "spilled_kwh"),
    ("load shed", "shed_kwh"),
    ("background demand not served", "unserved_kwh"),
    ("imbalance", "imbalance_kwh"),
)

_SHOWN = 0.005  # what two decimals show [currency]
_NOT_DELIVERED = ("unsupplied", "not_converged")


def summary_rows(results: Results) -> list[tuple[str, str]]:
    """Give the rows of a run's summary as text, with units."""
    summary = results.summary
    currency = summary["currency"]
    statuses = ", ".join(f"{count} {name}" for name, count in summary["steps_by_status"].items())
    rows = [(name, f"{plain(summary[key], 2)} {currency}") for name, key in _COSTS]
    rows += _surplus(results)
    if summary.get("unserved_value", 0.0) >= _SHOWN:
        value = f"{plain(summary['unserved_value'], 2)} {currency}"
        rows.append(("value of background demand not served, in system_cost", value))
    rows += [(name, f"{plain(summary[key], 1)} kWh") for name, key in _ENERGIES]
    if summary["steps"] and results.table("buses").empty:
        rows.append(("steps, without a feeder", f"{summary['steps']:,}"))
    else:
        rows.append(("steps by their power flow", statuses or "none"))
    undelivered = sum(summary["steps_by_status"].get(name, 0) for name in _NOT_DELIVERED)
    if undelivered:
        rows.append(("steps whose energy was not all delivered", f"{undelivered:,}"))
    if summary.get("faults_contained"):
        what = "faults of plug-ins, with a stand-in in their place (table faults)"
        rows.append((what, f"{summary['faults_contained']:,}"))
        rows += [(f"steps with a stand-in: {who}", steps) for who, steps in stand_ins_told(results)]
    rows += [
        ("largest gap of a gate", gap_told(results)),
        *_broken_bounds(summary),
        ("rounds, messages", f"{summary['rounds_total']:,}, {summary['messages_total']:,}"),
        *_line(results),
        (
            "seconds (planning, solvers in it; power flow)",
            f"{summary['wall_s']:.1f} ({summary['gate_s']:.1f}, {summary['solver_s']:.1f}; "
            f"{summary['power_flow_s']:.1f})",
        ),
    ]
    return rows


def gates_without_bound(results: Results) -> int:
    """Count the gates of which nothing is proven."""
    summary = results.summary
    if "gates_without_bound" in summary or not summary["steps"]:  # without steps, without tables
        return int(summary.get("gates_without_bound", 0))
    return int(results.table("gates")["lower"].isna().sum())  # missing in older results


def gap_told(results: Results) -> str:
    """Say the largest certified gap of a gate, and how many gates it does not speak of."""
    gap, unproven = results.summary["gap_max"], gates_without_bound(results)
    if gap is None:
        return "not proven"
    of_many = f", {unproven:,} of {results.summary['gates']:,} gates not proven" if unproven else ""
    return f"{plain(100 * gap, 4)} %{of_many}"


def _surplus(results: Results) -> list[tuple[str, str]]:
    """Say what buyers paid the market and sellers did not get, and who has it."""
    currency, kept = results.summary["currency"], results.summary.get("market_kept", 0.0)
    has = {"kept by the market, in the bills of the members (market_kept)": kept}
    has |= surplus_given(results)
    return [
        (f"surplus of local trade (congestion): {who}", f"{plain(amount, 2)} {currency}")
        for who, amount in has.items()
        if abs(amount) >= _SHOWN
    ]


def surplus_given(results: Results) -> dict[str, float]:
    """Give what the market passed on of what buyers paid and sellers did not get. [currency]"""
    if not results.summary["steps"]:  # then there are no tables
        return {}
    lines = results.table("ledger")
    passed = lines[lines["item"] == Item.SURPLUS]
    sums = passed.groupby(passed["payee"] == Party.DNO)["amount"].sum()
    told = {True: "to the DNO", False: "rebated to those who trade"}
    return {told[bool(is_dno)]: float(amount) for is_dno, amount in sums.items()}


def stand_ins_told(results: Results) -> list[tuple[str, str]]:
    """Say in whose place a stand-in decided, and in how many steps; who has as many together."""
    if not results.summary.get("faults_contained"):
        return []
    by_count: dict[int, list[str]] = {}
    for who, count in stand_ins(results.plot.view).items():
        by_count.setdefault(count, []).append(who)
    steps = results.summary["steps"]
    return [(", ".join(names), f"{count:,} of {steps:,}") for count, names in by_count.items()]


def _line(results: Results) -> list[tuple[str, str]]:
    """Say what a line that is not perfect did; older results do not say."""
    summary, talk = results.summary, results.scenario.get("communication", {})
    is_perfect = not (talk.get("loss_probability") or talk.get("delay_rounds") or talk.get("away"))
    if "lost_messages" not in summary or (is_perfect and talk.get("deadline_rounds") is None):
        return []
    return [
        ("messages of the market that got lost", f"{summary['lost_messages']:,}"),
        ("microgrids left out, over all gates", f"{summary['left_out']:,}"),
        ("rounds of the market's line, waiting included", f"{summary['line_rounds']:,}"),
    ]


def _broken_bounds(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say how many certificates are worth nothing, where there are any."""
    broken = summary.get("gates_bound_broken", 0)
    what = "gates whose lower bound is above the cost of their own plans (flag bound_broken)"
    return [(what, f"{broken:,} of {summary['gates']:,}")] if broken else []
