"""For which steps of a window orders are asked, and how often: what markets of orders share."""

from __future__ import annotations

from typing import Literal, get_args

from mmgsim.contracts import MarketView

__all__ = ["Traded", "check_asking", "traded_offsets"]

Traded = Literal["gate", "window"]


def check_asking(trades: str, rounds: int) -> None:
    """Refuse options that say no steps, or no round.

    Raises
    ------
    ValueError
        Naming the option.
    """
    if trades not in get_args(Traded):
        raise ValueError(f"trades is one of {', '.join(get_args(Traded))}, not {trades!r}")
    if rounds < 1:
        raise ValueError(f"rounds is at least 1, not {rounds}")


def traded_offsets(trades: Traded, view: MarketView) -> range:
    """Give the steps, counted in the window: those until the next gate, or all."""
    steps = view.window.steps
    return range(steps if trades == "window" else view.steps_to_gate or steps)
