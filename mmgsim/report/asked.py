"""Tables of the report about requests and grants, and about limits that had a price."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mmgsim.plots import (
    NOBODY_ASKED,
    limit_prices_table,
    plain,
    requests_table,
    told_spans,
    told_times,
)
from mmgsim.report.page import table
from mmgsim.tables import Results

__all__ = ["dno_plans", "priced_limits", "refusals"]

_MOST_GATES, _MOST_SPANS = 12, 6
_PARTS = ("operations", "upstream", "trade", "shed_value", "penalty", "objective")


def dno_plans(results: Results) -> str:
    """Give what the DNO's plan cost, by its parts, at the last question of every gate."""
    view = results.plot.view
    gates = view.needs("grants", NOBODY_ASKED).groupby("time", sort=True).last().reset_index()
    shown = gates.head(_MOST_GATES)
    rows = [
        (
            told,
            *("" if pd.isna(gate[part]) else plain(gate[part], 2) for part in _PARTS),
            "" if pd.isna(gate["background_shed_kwh"]) else plain(gate["background_shed_kwh"], 1),
            str(gate["inexact_steps"]),
            ", ".join(pair.replace("-", "\u00a0to\u00a0") for pair in gate["binding"].split())
            or "none",
        )
        for told, (_, gate) in zip(
            told_times(shown["time"], "%d %b %H:%M"), shown.iterrows(), strict=True
        )
    ]
    unit = view.currency
    head = (
        "gate",
        f"own devices [{unit}]",
        f"+ upstream [{unit}]",
        f"- trade with microgrids [{unit}]",
        f"+ value not served [{unit}]",
        f"+ penalty on refusing [{unit}]",
        f"= made small [{unit}]",
        "background not served [kWh]",
        "inexact steps",
        "full branches, by their buses",
    )
    left = len(gates) - len(shown)
    more = f"<p>{left} more gates are in the table grants.</p>" if left else ""
    return table(head, rows, numbers=range(1, len(head) - 1)) + more


def refusals(results: Results) -> str:
    """Give who asked for how much, what was refused of it, and when."""
    asked = requests_table(results.plot.view)
    step_h = results.plot.view.step_h
    rows = []
    for name in results.plot.view.microgrids:
        own = asked[asked["microgrid"] == name]
        when = own.loc[own["refused_kw"] > 0.0, "time"]
        sums = (
            step_h * float(own[f"{what}_{side}_kw"].sum())
            for side in ("lack", "surplus")
            for what in ("asked", "refused")
        )
        rows.append((name, *(plain(kwh, 1) for kwh in sums), _told(told_spans(when, step_h))))
    head = (
        "microgrid",
        "asked to take [kWh]",
        "refused of it [kWh]",
        "asked to give [kWh]",
        "refused of it [kWh]",
        "refused when",
    )
    return table(head, rows, numbers=range(1, 5))


def priced_limits(results: Results) -> str:
    """Give the limits that had a price: what they are worth, when, and when full without one."""
    view = results.plot.view
    rows = [
        (
            str(limit["name"]),
            plain(limit["per_percent"], 3),
            f"{plain(limit['most_per_h'], 2)}, {told_times(pd.Series([limit['most_at']]))[0]}",
            _told(told_spans(pd.Series(limit["times"]), view.step_h)),
            _told(
                told_spans(
                    pd.Series(limit["full"], dtype=view.frame("steps")["time"].dtype), view.step_h
                )
            ),
        )
        for _, limit in limit_prices_table(results.plot.network).iterrows()
    ]
    head = (
        "limit",
        f"1 % more would have saved [{view.currency}]",
        f"highest price [{view.currency}/h]",
        "with a price",
        "full, without a price",
    )
    return table(head, rows, numbers=(1, 2))


def _told(spans: Sequence[str]) -> str:
    more = f" and {len(spans) - _MOST_SPANS} more" if len(spans) > _MOST_SPANS else ""
    return ", ".join(span.replace(" ", "\u00a0") for span in spans[:_MOST_SPANS]) + more or "never"
