"""Claims of a paper: what it prints, what is found by running, and what follows from both."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Claim", "Verdict", "agrees", "by_sign", "by_theorem", "has_reading"]


class Verdict(StrEnum):
    """What became of a claim."""

    REPRODUCED = "reproduced"
    """The printed number comes out, within the rounding with which it is printed."""
    SAME_SIGN = "same sign"
    """On substitute data the effect has the direction that the paper claims."""
    OTHER_SIGN = "other sign"
    """On substitute data it has the opposite direction."""
    HOLDS = "holds"
    """On substitute data a statement in words, or a count, holds."""
    FAILS = "does not hold"
    """On substitute data it does not."""
    NO_EFFECT = "no effect"
    """On substitute data nothing changes beyond what tolerances leave."""
    NOT_REPRODUCIBLE = "not reproducible"
    """The text does not say enough, or contradicts itself."""
    THEOREM = "theorem"
    """It follows from the equations alone, whatever the data; and the numbers agree."""
    BROKEN = "theorem broken"
    """It follows from the equations, and the numbers say otherwise: a fault of the program."""
    NO_VERDICT = "no verdict"
    """Found is told beside what is printed, and says nothing about it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of a paper.

    Parameters
    ----------
    number : str
        Unique within the paper.
    what : str
        What is claimed, in one line.
    printed, found : float or None
        What the paper prints, and what was computed; None where there is nothing of the kind.
    unit : str
        Of both.
    verdict : Verdict
        What follows.
    why : str
        Why it follows, and what has to be known about `found`.
    source : str
        Where in the paper.
    """

    number: str
    what: str
    printed: float | None
    found: float | None
    unit: str
    verdict: Verdict
    why: str
    source: str


def agrees(printed: float, found: float, *, rounding: float) -> Verdict:
    """Say whether a number comes out within the rounding of what is printed.

    Parameters
    ----------
    printed, found : float
        In one unit.
    rounding : float
        Half a unit of the last digit that is printed.
    """
    # A value exactly between two printed ones may be rounded to either.
    apart = abs(printed - found)
    is_same = apart <= rounding * (1.0 + 1e-6)
    return Verdict.REPRODUCED if is_same else Verdict.NOT_REPRODUCIBLE


def by_sign(printed: float, found: float, *, noise: float = 0.0) -> Verdict:
    """Say whether an effect has the claimed direction; what is within the noise is no effect.

    Parameters
    ----------
    printed, found : float
        Changes in one unit.
    noise : float
        Up to here `found` is what tolerances of solvers and power flows leave.
    """
    if abs(found) <= noise:
        return Verdict.NO_EFFECT
    return Verdict.SAME_SIGN if (found > 0.0) == (printed > 0.0) else Verdict.OTHER_SIGN


def by_theorem(found: float, *, noise: float) -> Verdict:
    """Say whether what cannot be negative is not.

    Parameters
    ----------
    found, noise : float
        In one unit. Up to `noise` it is what tolerances of solvers and power flows leave.
    """
    return Verdict.THEOREM if found >= -noise else Verdict.BROKEN


def has_reading(holds: bool) -> Verdict:
    """Say whether a statement in words, or a count, holds on substitute data."""
    return Verdict.HOLDS if holds else Verdict.FAILS
