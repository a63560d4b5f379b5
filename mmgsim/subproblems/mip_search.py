"""How HiGHS looks for solutions of a MILP, with one at hand to begin with, and without."""

from __future__ import annotations

from typing import Any

import highspy

from mmgsim.contracts import FloatArray

__all__ = ["set_search"]

# What solves MILPs of its own while a MILP is solved; the first one does so near a known solution.
_NEAR_SEARCH = "mip_heuristic_run_rins"
_SEARCHES = (
    _NEAR_SEARCH,
    "mip_heuristic_run_rens",
    "mip_heuristic_run_root_reduced_cost",
    "mip_heuristic_run_feasibility_jump",
)


def set_search(highs: Any, *, searches: bool, start: FloatArray | None) -> None:
    """Have the next solve search for solutions, and begin with one.

    With a good one at hand, searching far from it and presolving again take longer than branching.

    Parameters
    ----------
    highs : highspy.Highs
        The instance.
    searches : bool
        False for no searches at all.
    start : (columns,) array or None
        The solution to begin with.
    """
    for search in _SEARCHES:
        is_near = start is None or search == _NEAR_SEARCH
        highs.setOptionValue(search, searches and is_near)
    highs.setOptionValue("mip_allow_restart", start is None)
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        highs.setSolution(solution)
