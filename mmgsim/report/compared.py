"""Runs side by side in words and units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mmgsim.metrics import METRICS
from mmgsim.plots import plain

__all__ = ["COMPARED_NOTE", "Compared", "Section", "compared_rows", "written"]

COMPARED_NOTE = (
    "Energy left in storage is not in the objective cost, the cost of the members or the cost of "
    "the system; 'less the value of energy left' takes it off. Captured share: the part of the "
    "trading gain, isolated less central, that a run has; '-' where not exactly one run "
    "of either is here, or the gain is next to nothing. 95 % of the gates needed at most as many "
    "rounds as said. Bytes are the volume of what was said, not its content: whole models can be "
    "shorter than many offers, and give away more. Seconds depend on the machine."
)
"""What the numbers of a comparison are."""

BLANK = "-"
FLAGS = "Steps with a flag"
VIOLATED = "limits violated"
Section = tuple[str, list[tuple[str, list[str]]]]
"""A heading, and rows of a label and the text of every run."""
_Quantity = tuple[str, str, int]
"""Label, column of the table, digits."""
_IN_PERCENT = (
    "captured_share",
    "captured_share_incl_energy_left",
    "price_of_decentralisation",
    "gap_max",
    "gap_mean",
)

_SECTIONS: tuple[tuple[str, tuple[_Quantity, ...]], ...] = (
    (
        "Cost [{currency}]",
        (
            ("objective cost", "objective_cost", 2),
            ("less the value of energy left", "objective_cost_incl_energy_left", 2),
            ("value of energy left in storage", "energy_left_value", 2),
            ("cost of the members, all bills", "members_cost", 2),
            ("of it, kept by the market", "market_kept", 2),
            ("surplus passed on to the DNO, or rebated", "surplus_passed_on", 2),
            ("cost of the system, without transfers", "system_cost", 2),
            ("of it, background demand not served", "unserved_value", 2),
        ),
    ),
    (
        "Captured share of the trading gain [%]",
        (
            ("by objective cost", "captured_share", 2),
            ("less the value of energy left", "captured_share_incl_energy_left", 2),
        ),
    ),
    (
        "Price of decentralisation [%]",
        (("dearer than central, of its cost", "price_of_decentralisation", 2),),
    ),
    (
        "Certified gap of a gate [% of gross cost]",
        (
            ("worst", "gap_max", 4),
            ("mean", "gap_mean", 4),
            ("gates", "gates", 0),
            ("gates without a bound", "gates_without_bound", 0),
        ),
    ),
    (
        "Rounds of a gate",
        (
            ("mean", "rounds_mean", 1),
            ("95 % of gates", "rounds_p95", 0),
            ("most", "rounds_max", 0),
            ("plans sent back by the DNO, all gates", "repair_rounds", 0),
        ),
    ),
    (
        "What was said",
        (
            ("messages", "messages", 0),
            ("bytes disclosed by all", "bytes", 0),
            ("bytes disclosed by microgrids", "bytes_of_microgrids", 0),
            ("what microgrids disclose", "microgrids_disclose", 0),
        ),
    ),
    (
        "Seconds",
        (
            ("wall clock", "wall_s", 2),
            ("solvers", "solver_s", 2),
            ("power flow", "power_flow_s", 2),
        ),
    ),
    (
        "Energy [kWh]",
        (
            ("traded locally", "traded_kwh", 1),
            ("AC losses of the feeder", "losses_kwh", 1),
            ("load shed", "shed_kwh", 1),
            ("renewable energy spilled", "spilled_kwh", 1),
            ("background demand not served", "unserved_kwh", 1),
        ),
    ),
    (
        "Market and community",
        tuple((one.label, name, one.digits) for name, one in METRICS.items()),
    ),
    (
        "How savings against isolated are spread",
        (
            ("Gini: 0 where all save the same", "gini_of_savings", 3),
            ("Jain: 1 where all save the same", "jain_of_savings", 3),
        ),
    ),
    (
        "Steps",
        (
            ("ok", "steps_ok", 0),
            (VIOLATED, "steps_violations", 0),
            ("somebody unsupplied", "steps_unsupplied", 0),
            ("power flow not converged", "steps_not_converged", 0),
        ),
    ),
)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """What a comparison is drawn from.

    Parameters
    ----------
    scenario, currency, timezone, subtitle : str
        What all runs have in common.
    step_h : float
        Length of a step. [h]
    table : DataFrame
        One row a run, by its name; columns as of `mmgsim.compare.Comparison.table`.
    by_microgrid : DataFrame
        Bills: one row a microgrid, one column a run. [currency]
    gates : DataFrame
        Gates of all runs, with a column `run`.
    sent : DataFrame
        Bytes: one row a run, one column a role of sender.
    flags : DataFrame
        In how many steps each flag was set: one row a flag, one column a run.
    failed : mapping
        Why a run is not among them, by its name.
    notes : tuple of str
        What else has to be known.
    """

    scenario: str
    currency: str
    timezone: str
    subtitle: str
    step_h: float
    table: pd.DataFrame
    by_microgrid: pd.DataFrame
    gates: pd.DataFrame
    sent: pd.DataFrame
    flags: pd.DataFrame
    failed: Mapping[str, str]
    notes: tuple[str, ...]


def compared_rows(compared: Compared) -> list[Section]:
    """Give sections of rows: a label, and the text of every run; flags only if any was set."""
    table, sections = compared.table, []
    for heading, quantities in _SECTIONS:
        rows = [
            (
                _told(label, table),
                [written(value, digits, scale=_scale(column)) for value in table[column]],
            )
            for label, column, digits in quantities
        ]
        sections.append((heading.format(currency=compared.currency), rows))
    bills = [
        (str(name), [written(value, 2) for value in row])
        for name, row in zip(
            compared.by_microgrid.index, compared.by_microgrid.to_numpy(), strict=True
        )
    ]
    flags = [
        (str(flag), [written(count, 0) for count in row])
        for flag, row in zip(compared.flags.index, compared.flags.to_numpy(), strict=True)
    ]
    if flags:
        sections.append((FLAGS, flags))
    sections.append((f"Bill of each microgrid [{compared.currency}]", bills))
    return sections


def _told(label: str, table: pd.DataFrame) -> str:
    """Give a label, and say of violated limits where nobody had the plans mended."""
    is_frozen = label == VIOLATED and table.envelopes_frozen.any()
    return f"{label} (frozen envelopes: not repaired)" if is_frozen else label


def written(value: Any, digits: int, *, scale: float = 1.0) -> str:
    """Write a number, or that there is none; words stay as they are."""
    if isinstance(value, str):
        return value
    return BLANK if pd.isna(value) else plain(scale * value, digits)


def _scale(column: str) -> float:
    return 100.0 if column in _IN_PERCENT else 1.0
