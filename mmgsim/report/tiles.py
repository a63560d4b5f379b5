"""The run at one glance: a few numbers at the head of the page."""

from __future__ import annotations

from html import escape

from mmgsim.plots import plain, told_times
from mmgsim.report.numbers import gap_told, stand_ins_told
from mmgsim.tables import Results

__all__ = ["tiles"]

_Tile = tuple[str, str, bool]
"""Number with unit, what it is, whether it is bad news."""


def tiles(results: Results) -> str:
    """Give the tiles as HTML."""
    shown = "".join(
        f'<div class="tile{" bad" if is_bad else ""}"><b>{escape(number)}</b>'
        f"<span>{escape(what)}</span></div>"
        for number, what, is_bad in [*_money(results), *_energy(results), *_quality(results)]
    )
    return f'<div class="tiles">{shown}</div>'


def _money(results: Results) -> list[_Tile]:
    summary = results.summary
    cost = f"{plain(summary['members_cost'], 2)} {summary['currency']}"
    return [(cost, "all bills (members_cost)", False)]


def _energy(results: Results) -> list[_Tile]:
    summary = results.summary
    rows: list[_Tile] = [
        (f"{plain(summary['traded_kwh'], 0)} kWh", "traded locally", False),
        (f"{plain(summary['imported_kwh'], 0)} kWh", "from the grid", False),
        (f"{plain(summary['exported_kwh'], 0)} kWh", "to the grid", False),
    ]
    if summary["spilled_kwh"] > 0.05:
        rows.append((f"{plain(summary['spilled_kwh'], 0)} kWh", "renewable energy spilled", False))
    if summary["shed_kwh"] > 0.05:
        rows.append((f"{plain(summary['shed_kwh'], 1)} kWh", "demand not served", True))
    critical_kwh = summary.get("shed_critical_kwh", 0.0)  # missing in older results
    if critical_kwh > 0.05:
        rows.append((f"{plain(critical_kwh, 1)} kWh", "critical demand not served", True))
    return rows


def _quality(results: Results) -> list[_Tile]:
    """Say how far from best plans may be, who decided, and whether the feeder kept its limits."""
    rows: list[_Tile] = [(gap_told(results), "worst gap of a gate", False)]
    if not results.summary["steps"]:
        return rows
    rows += [
        (f"{steps} steps", f"a stand-in decided: {who}", True)
        for who, steps in stand_ins_told(results)
    ]
    if not len(results.table("buses")):
        return [*rows, (f"{results.summary['steps']:,} steps", "without a feeder", False)]
    return [*rows, *_feeder(results)]


def _feeder(results: Results) -> list[_Tile]:
    """Say how tight it was and where, and in how many steps plans were mended or limits broken."""
    steps, frame = f"{results.summary['steps']:,} steps", results.table("steps")
    rows: list[_Tile] = []
    if frame["vm_min_pu"].notna().any():
        low, high = frame["vm_min_pu"].min(), frame["vm_max_pu"].max()
        rows.append((f"{low:.3f} to {high:.3f}", "voltage of the feeder [pu]", False))
        percent = float(frame["loading_max_percent"].max())
        place = _place(results, percent)
        rows.append((f"{plain(percent, 0)} %", f"highest loading{place}", percent > 100.01))
    repaired = results.summary["steps_repaired"]
    if repaired:
        rows.append((f"{repaired:,} of {steps}", "repaired: the first plan broke a limit", False))
    not_ok = int((frame["status"] != "ok").sum())
    if not_ok:
        return [*rows, (f"{not_ok:,} of {steps}", "power flow did not end ok", True)]
    return [*rows, (f"all {steps}", "power flow ok", False)]


def _place(results: Results, percent: float) -> str:
    """Say where and when the highest loading was: at a line, or else at a transformer."""
    if not percent > 0.0:
        return ""
    steps, lines = results.plot.view.frame("steps"), results.plot.view.frame("lines")
    at = int(steps["loading_max_percent"].argmax())
    (when,) = told_times(steps["time"].iloc[at : at + 1], "%d %b %H:%M")
    if not lines["loading_percent"].max() >= percent:
        return f": a transformer, {when}"
    line = int(lines["line"].iloc[int(lines["loading_percent"].argmax())])
    edges = results.plot.network.layout.edges
    ends = next(e for e in edges if e.kind == "line" and e.index == line)
    return f": line {ends.from_bus}-{ends.to_bus}, {when}"
