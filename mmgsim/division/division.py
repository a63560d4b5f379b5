"""A division: its tables and the files it is written to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmgsim.division.game import EXACT_MEMBERS, DayGame
from mmgsim.division.rules import RULE_WORDS, Bills, Rule, Violations
from mmgsim.report import Divided, write_division_page
from mmgsim.tables import write_json, write_text

__all__ = ["ALL", "Division"]

ALL = "(all)"
"""Row of all microgrids together; no microgrid can be called so."""


class Division:
    """What members of a day's game pay by several rules.

    Parameters
    ----------
    game : DayGame
        What was divided.
    bills : mapping
        Of all members, by rule.
    found : mapping
        What each rule fails to keep.
    rounding : float
        What counts as nothing: that of solvers. [currency]
    orders : int
        How many were drawn, where groups were sampled.

    Attributes
    ----------
    game : DayGame
        As given.
    folder : Path or None
        Where it was written.

    Examples
    --------
    >>> division = mmgsim.divide("wa9", "marginal,shapley")  # doctest: +SKIP
    >>> division.table.query("rule == 'shapley'")[["microgrid", "bill"]]  # doctest: +SKIP
    """

    def __init__(
        self,
        game: DayGame,
        bills: Mapping[Rule, Bills],
        found: Mapping[Rule, Violations],
        *,
        rounding: float,
        orders: int,
    ) -> None:
        self.game, self._bills, self._found = game, dict(bills), dict(found)
        self._rounding, self._orders = rounding, orders
        self.folder: Path | None = None

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a rule and microgrid, `(all)` included.

        `bill`, `alone` (what it pays on its own), `saving` [currency], and `standard_error` of the
        bill, 0 where it is not estimated.
        """
        parts = []
        for rule, one in self._bills.items():
            error = np.zeros_like(one.bills) if one.standard_error is None else one.standard_error
            frame = pd.DataFrame(
                {
                    "rule": str(rule),
                    "microgrid": [*self.game.names, ALL],
                    "bill": [*one.bills, one.bills.sum()],
                    "alone": [*self.game.alone, self.game.alone.sum()],
                    "standard_error": [*error, 0.0],
                }
            )
            parts.append(frame)
        table = pd.DataFrame(pd.concat(parts, ignore_index=True))
        table.insert(4, "saving", table["alone"] - table["bill"])
        return table

    @cached_property
    def violations(self) -> pd.DataFrame:
        """One row a rule: `budget`, `rationality`, `core` [currency], `loser` and `group`."""
        rows = [
            {
                "budget": one.budget,
                "rationality": one.rationality,
                "core": one.core,
                "loser": one.loser,
                "group": " ".join(one.group),
            }
            for one in self._found.values()
        ]
        return pd.DataFrame(rows, index=pd.Index([str(rule) for rule in self._found], name="rule"))

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what each rule does, what was played, and what that leaves out."""
        game, count = self.game, len(self.game.names)
        looked = sum(0 < mask.bit_count() < count for mask in game.known)
        notes = [
            *(f"{rule}: {RULE_WORDS[rule]}." for rule in self._bills),
            "One day known beforehand, without a network; storage begins as the scenario says. "
            "Fixed charges and loss shares are left out.",
            f"Below {self._rounding:.2g} {game.day.currency} counts as kept.",
        ]
        if game.is_exact:
            notes.append(f"Core: all {looked} groups were looked at.")
        else:
            notes.append(
                f"More than {EXACT_MEMBERS} members: Shapley values are estimated from "
                f"{self._orders} orders, and the core is looked at in {looked} groups of them only."
            )
        if game.has_integers:
            notes.append(
                "Units are on or off: marginal prices are those with units held, and need not be "
                "in the core."
            )
        return tuple(notes)

    def divided(self) -> Divided:
        """Give all that the page and the picture are drawn from."""
        game = self.game
        return Divided(
            scenario=game.day.scenario,
            currency=game.day.currency,
            day=game.day.day.isoformat(),
            total=game.total,
            alone=pd.Series(game.alone, index=pd.Index(game.names, name="microgrid")),
            bills=self._wide("bill"),
            standard_errors=self._wide("standard_error"),
            violations=self.violations,
            notes=self.notes,
        )

    def _wide(self, column: str) -> pd.DataFrame:
        """Give a column of the table: one row a microgrid, one column a rule."""
        own = self.table[self.table.microgrid != ALL]
        wide = own.pivot(index="microgrid", columns="rule", values=column)
        return wide.reindex(index=list(self.game.names), columns=[str(r) for r in self._bills])

    def write(self, folder: str | Path) -> Path:
        """Write `bills.csv`, `violations.csv`, `divide.json` and `divide.html`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "bills.csv", self.table.to_csv(index=False))
        write_text(folder / "violations.csv", self.violations.to_csv())
        write_json(folder / "divide.json", self.as_plain_data())
        write_division_page(folder / "divide.html", self.divided())
        self.folder = folder
        return folder

    def as_plain_data(self) -> dict[str, Any]:
        """Give what `divide.json` holds."""
        game = self.game
        return {
            "format": 1,
            "scenario": game.day.scenario,
            "currency": game.day.currency,
            "day": game.day.day.isoformat(),
            "total": game.total,
            "rules": [str(rule) for rule in self._bills],
            "bills": self.table.to_dict("records"),
            "violations": self.violations.reset_index().to_dict("records"),
            "groups": len(game.known),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        """Say what was divided."""
        rules = ", ".join(map(str, self._bills))
        return f"Division({self.game.day.scenario} on {self.game.day.day}: {rules})"
