"""A division in words and units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from mmgsim.report.compared import BLANK, Section, written

__all__ = ["Divided", "divided_rows"]


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """What a division is drawn from.

    Parameters
    ----------
    scenario, currency, day : str
        What was divided.
    total : float
        What all pay together. [currency]
    alone : Series
        What each microgrid pays on its own. [currency]
    bills, standard_errors : DataFrame
        One row a microgrid, one column a rule. [currency]
    violations : DataFrame
        One row a rule, as of `mmgsim.division.Division`.
    notes : tuple of str
        What else has to be known.
    """

    scenario: str
    currency: str
    day: str
    total: float
    alone: pd.Series
    bills: pd.DataFrame
    standard_errors: pd.DataFrame
    violations: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def savings(self) -> pd.DataFrame:
        """What each saves against being alone, by rule. [currency]"""
        return -self.bills.sub(self.alone, axis=0)


def divided_rows(divided: Divided) -> list[Section]:
    """Give sections of rows: a label, and the text of every rule."""
    unit, broken = divided.currency, divided.violations
    sections: list[Section] = [
        (f"Bill of the day [{unit}]", _rows(divided.bills)),
        (f"Saving against being alone [{unit}]", _rows(divided.savings)),
    ]
    if divided.standard_errors.to_numpy().any():
        heading = f"Standard error of the bill [{unit}]"
        sections.append((heading, _rows(divided.standard_errors, adds_up=False)))
    sections.append(
        (
            f"Worst violation, 0 where it is kept [{unit}]",
            [
                ("bills add up to the cost", _texts(broken.budget)),
                ("nobody above alone", _texts(broken.rationality)),
                ("no group above its own", _texts(broken.core)),
            ],
        )
    )
    who = [("who loses", _names(broken.loser)), ("group that would leave", _names(broken.group))]
    sections.append(("Of whom", who))
    return sections


def _rows(frame: pd.DataFrame, *, adds_up: bool = True) -> list[tuple[str, list[str]]]:
    rows = [(str(name), _texts(row)) for name, row in frame.iterrows()]
    return [*rows, ("all together", _texts(frame.sum()))] if adds_up else rows


def _texts(values: Iterable[float]) -> list[str]:
    return [written(value, 2) for value in values]


def _names(values: Iterable[str]) -> list[str]:
    return [value or BLANK for value in values]
