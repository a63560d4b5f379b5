"""The claims of one paper, gone through: table, files and page."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from mmgsim.plots import plain
from mmgsim.report import page, table
from mmgsim.reproduce.claims import Claim, Verdict
from mmgsim.run import Progress
from mmgsim.tables import write_json, write_text

__all__ = ["HEAD", "SIGNS", "Paper", "Reproduction", "Settings", "claim_rows", "reasons"]

SIGNS = (
    "Same sign: on substitute data the effect has the direction that the paper claims; that says "
    "nothing of its size. Other sign: the opposite one."
)
"""What verdicts about effects mean, in one line."""
_BORNE_OUT = frozenset({Verdict.REPRODUCED, Verdict.SAME_SIGN, Verdict.HOLDS})
_QUICK = "Quick: fewer days were run, or fewer scenarios drawn, so that no number counts."
_LEAST_DIGITS, _MOST_DIGITS = 2, 6
_SAME = 1e-9  # In relative terms: below it two numbers differ by rounding of doubles.

HEAD = ("", "claim", "printed", "found", "unit", "verdict", "why", "source")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a paper is gone through.

    Parameters
    ----------
    folder : Path
        Where runs go.
    is_quick : bool
        True for fewer days or scenarios, which is for trying: it is said with every number that
        hangs on it.
    progress : callable or None
        Called with the model after every step of every run.
    """

    folder: Path
    is_quick: bool = False
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper whose claims can be gone through.

    Parameters
    ----------
    number, title : str
        How it is called here, and what it is about.
    claims : callable
        Runs what has to be run, and gives the claims.
    notes : tuple of str
        What has to be known of all claims.
    """

    number: str
    title: str
    claims: Callable[[Settings], list[Claim]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A paper gone through, claim by claim.

    Parameters
    ----------
    paper : Paper
        Which.
    claims : tuple of Claim
        In the order of the paper.
    is_quick : bool
        True where fewer days were run, or fewer scenarios drawn.
    folder : Path
        Where it is written.
    """

    paper: Paper
    claims: tuple[Claim, ...]
    is_quick: bool
    folder: Path

    @property
    def table(self) -> pd.DataFrame:
        """One row a claim."""
        return pd.DataFrame([asdict(claim) for claim in self.claims])

    @property
    def sums(self) -> str:
        """How many claims there are, and how many ended how."""
        count = Counter(claim.verdict for claim in self.claims)
        told = ", ".join(f"{count[verdict]} {verdict}" for verdict in Verdict if count[verdict])
        return f"{len(self.claims)} claims: {told}."

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be known of all claims; first how many ended how."""
        head = (self.sums, *((_QUICK,) if self.is_quick else ()), SIGNS)
        return (*head, *self.paper.notes)

    def as_plain_data(self) -> dict[str, Any]:
        """Give what `claims.json` holds."""
        return {
            "format": 1,
            "paper": self.paper.number,
            "title": self.paper.title,
            "quick": self.is_quick,
            "claims": [asdict(claim) for claim in self.claims],
            "notes": list(self.notes),
        }

    def write(self) -> None:
        """Write `claims.csv`, `claims.json` and `claims.html`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / "claims.csv", self.table.to_csv(index=False))
        write_json(self.folder / "claims.json", self.as_plain_data())
        notes = [f'<p class="note">{escape(note)}</p>' for note in self.notes]
        body = [*notes, table(HEAD, claim_rows(self.claims), numbers=(2, 3))]
        title = f"Paper {self.paper.number}, claim by claim"
        write_text(self.folder / "claims.html", page(title, self.paper.title, body))


def claim_rows(claims: Sequence[Claim]) -> list[tuple[str, ...]]:
    """Give claims as texts, in the order of `HEAD`."""
    return [
        (
            claim.number,
            claim.what,
            *_told(claim.printed, claim.found),
            claim.unit,
            str(claim.verdict),
            claim.why,
            claim.source,
        )
        for claim in claims
    ]


def reasons(claims: Sequence[Claim]) -> list[str]:
    """Say why claims are not borne out, those with the same reason together."""
    by_reason: dict[str, list[str]] = {}
    for claim in claims:
        if claim.verdict not in _BORNE_OUT:
            by_reason.setdefault(claim.why, []).append(claim.number)
    return [f"{', '.join(numbers)}: {why}." for why, numbers in by_reason.items()]


def _told(printed: float | None, found: float | None) -> tuple[str, str]:
    """Write two numbers with two digits, or with as many as show that they differ."""
    told = _written(printed, _LEAST_DIGITS), _written(found, _LEAST_DIGITS)
    if printed is None or found is None or math.isclose(printed, found, rel_tol=_SAME):
        return told
    for digits in range(_LEAST_DIGITS, _MOST_DIGITS + 1):
        told = _written(printed, digits), _written(found, digits)
        if told[0] != told[1]:
            break
    return told


def _written(number: float | None, digits: int) -> str:
    """Write a number with so many digits, and without them where it is whole."""
    if number is None:
        return "-"
    return plain(number, 0 if float(number).is_integer() else digits)
