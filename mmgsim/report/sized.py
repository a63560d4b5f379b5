"""Sizes and what they are worth, in words and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from mmgsim.report.compared import written

__all__ = ["SHARING", "Sized", "size_rows", "worth_rows"]

_KINDS = {"wind": "wind", "pv": "PV", "battery": "battery"}
_LIMITS = {"low": "at its least", "high": "at its largest", "fixed": "not sized", "": ""}
SHARING = {
    "grid": "alone with the grid",
    "peers": "with peers",
    "pool": "all as one",
}
"""Ways of sharing in words."""
_WORTH = (
    ("objective, weighted", "weighted", 4, 1.0, ""),
    ("levelised cost", "lcoe_per_kwh", 2, 100.0, "0.01 {currency}/kWh"),
    ("reliability index", "reliability", 0, 1.0, "{currency}/year"),
    ("... with payments between peers", "reliability_with_payments", 0, 1.0, "{currency}/year"),
    ("annual cost", "annual_cost", 0, 1.0, "{currency}/year"),
    ("of it, devices", "capital", 0, 1.0, "{currency}/year"),
    ("of it, from the grid", "purchases", 0, 1.0, "{currency}/year"),
    ("of it, demand not served", "unserved_cost", 0, 1.0, "{currency}/year"),
    ("income from the grid", "sales", 0, 1.0, "{currency}/year"),
    ("own share of the load", "own_share", 1, 100.0, "%"),
    ("self-sufficiency", "self_sufficiency", 1, 100.0, "%"),
    ("carbon of the grid's energy", "carbon_kg", 0, 1e-3, "t/year"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Sized:
    """What the page of a sizing is drawn from.

    Parameters
    ----------
    scenario, currency, objective, sharing, method, subtitle : str
        What was sized, and how.
    cost : float
        What was made small.
    bound, gap : float or None
        Least annual cost there can be [currency/year]; how far the found sizes are above it.
    tables : mapping
        As of `mmgsim.sizing.SizeStudy.tables`.
    check_error, days_leave_out : float or None
        What runs of days that stand for the year add to the rule, and what these days leave out of
        the year: of devices and bills.
    notes : tuple of str
        What has to be known to read the numbers.
    """

    scenario: str
    currency: str
    objective: str
    sharing: str
    method: str
    subtitle: str
    cost: float
    bound: float | None
    gap: float | None
    tables: Mapping[str, pd.DataFrame]
    check_error: float | None
    days_leave_out: float | None
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What was made small, under which way of sharing."""
        return f"{self.objective.replace('-', ' ')}, {SHARING[self.sharing]}"

    @property
    def all_notes(self) -> list[str]:
        """Everything that has to be known to read the numbers."""
        found = [
            "Reliability index: what is bought from the grid and the value of demand not served; "
            "payments between peers cancel. Levelised cost: devices over the energy they serve.",
        ]
        if self.bound is not None and self.gap is not None:
            found.append(
                f"No sizes within the limits have an annual cost below {written(self.bound, 0)} "
                f"{self.currency}/year {SHARING[self.sharing]}, whatever the dispatch (linear "
                f"program with perfect foresight); those found are {100 * self.gap:.2f} % above it."
            )
        if self.check_error is not None and self.days_leave_out is not None:
            found.append(
                "Days run in the full simulator, weighted to a year, add "
                f"{100 * self.check_error:+.3f} % to what devices and bills are by the rule on the "
                f"same days. The days themselves, each begun anew, miss the year by "
                f"{100 * self.days_leave_out:+.1f} %."
            )
        return [*found, *self.notes]


def size_rows(sized: Sized) -> tuple[list[str], list[list[str]]]:
    """Give head and rows of the table of sizes."""
    head = ["microgrid", "device", "as it is", "found", "from", "to", ""]
    rows = []
    for row in sized.tables["sizes"].to_dict("records"):
        numbers = [written(row[column], 1) for column in ("present", "found", "low", "high")]
        name = f"{_KINDS[row['kind']]} [{row['unit']}]"
        rows.append([row["microgrid"], name, *numbers, _LIMITS[row["at_limit"]]])
    return head, rows


def worth_rows(sized: Sized) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Give the names of columns, and label and texts of every row: what sizes are worth."""
    table = sized.tables["costs"]
    names = [
        f"{'found' if row['sizes'] == 'found' else 'as it is'}, {SHARING[row['sharing']]}"
        for row in table.to_dict("records")
    ]
    rows = []
    for label, column, digits, scale, unit in _WORTH:
        values = table[column]
        if column in ("unserved_cost", "carbon_kg", "sales") and not values.any():
            continue
        told = f"{label} [{unit.format(currency=sized.currency)}]" if unit else label
        rows.append((told, [written(value, digits, scale=scale) for value in values]))
    return names, rows
