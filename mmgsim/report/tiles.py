"""The run at one glance: a few numbers at the head of the page."""

from __future__ import annotations

from html import escape

from mmgsim.plots import plain
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
    if summary["shed_kwh"] > 0.05:
        rows.append((f"{plain(summary['shed_kwh'], 1)} kWh", "demand not served", True))
    return rows


def _quality(results: Results) -> list[_Tile]:
    """Say how far from best plans may be, and whether the feeder kept its limits."""
    summary = results.summary
    gap = summary["gap_max"]
    rows: list[_Tile] = [
        ("not proven" if gap is None else f"{plain(100 * gap, 4)} %", "worst gap of a gate", False)
    ]
    steps, statuses = summary["steps"], summary["steps_by_status"]
    not_ok = steps - statuses.get("ok", 0)
    if not steps:
        return rows
    frame = results.table("steps")
    if frame["vm_min_pu"].notna().any():
        low, high = frame["vm_min_pu"].min(), frame["vm_max_pu"].max()
        rows.append((f"{low:.3f} to {high:.3f}", "voltage of the feeder [pu]", False))
        loading = f"{plain(frame['loading_max_percent'].max(), 0)} %"
        rows.append((loading, "highest loading", frame["loading_max_percent"].max() > 100.01))
    told = f"{not_ok} of {steps}" if not_ok else f"all {steps}"
    rows.append((told, "steps did not end ok" if not_ok else "steps ok", bool(not_ok)))
    return rows
