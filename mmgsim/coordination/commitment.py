"""What a robust gate has decided beforehand, kept in plain values until its steps are over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mmgsim.contracts import FloatArray, Window
from mmgsim.subproblems import RobustProblem

__all__ = ["held_decisions", "is_committed", "remembered"]


def remembered(problem: RobustProblem, first: FloatArray, window: Window) -> dict[str, Any]:
    """Give the decisions of the first day of a window, by the steps of the run that they are on in.

    Parameters
    ----------
    problem : RobustProblem
        Of the window.
    first : (decisions,) array
        What was decided.
    window : Window
        The steps ahead.
    """
    days_end = window.first_step + min(window.steps, window.steps_per_day)
    on: dict[str, list[int]] = {}
    for (key, offset), value in zip(problem.labels, first.tolist(), strict=True):
        step = window.first_step + offset
        if value > 0.5 and step < days_end:
            on.setdefault(key, []).append(step)
    return {"end": days_end, "on": on}


def is_committed(memory: Mapping[str, Any], window: Window) -> bool:
    """Tell whether the first step of a window was decided on at an earlier gate."""
    return bool(memory) and window.first_step < int(memory["end"])


def held_decisions(problem: RobustProblem, memory: Mapping[str, Any], window: Window) -> FloatArray:
    """Give the decisions that are held at a later gate: (decisions,) array, NaN for free ones."""
    held = np.full(len(problem.labels), np.nan)
    on = {key: set(steps) for key, steps in memory["on"].items()}
    for place, (key, offset) in enumerate(problem.labels):
        step = window.first_step + offset
        if step < memory["end"]:
            held[place] = float(step in on.get(key, ()))
    return held
