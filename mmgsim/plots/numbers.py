"""Numbers as text."""

from __future__ import annotations

__all__ = ["brief", "plain"]

_HUNDRED, _TEN = 99.95, 9.995
"""From here on, rounded numbers have a digit more before the point."""


def plain(number: float, digits: int) -> str:
    """Write a number with separators; rounding noise is 0, not -0."""
    return f"{round(number, digits) + 0.0:,.{digits}f}"


def brief(number: float) -> str:
    """Write a number with about three digits.

    Examples
    --------
    >>> brief(1234.5), brief(12.345), brief(-0.001)
    ('1,234', '12.3', '0.00')
    """
    return plain(number, 0 if abs(number) >= _HUNDRED else 1 if abs(number) >= _TEN else 2)
