"""What planning with several scenarios was worth, as a table of the report."""

from __future__ import annotations

from mmgsim.plots import plain
from mmgsim.report.page import table
from mmgsim.tables import Results

__all__ = ["planning", "planning_told"]

_READINGS = {
    "mean": "promised by planning for the mean of the scenarios",
    "wait_and_see": "with each scenario known beforehand (wait and see)",
    "two_stage": "one plan for all scenarios",
    "mean_plan": "the plan for the mean, in all scenarios",
    "stochastic_solution": "value of the stochastic solution: the last less the one before",
    "perfect_information": "value of perfect information: one plan for all less wait and see",
}


def planning(results: Results) -> str:
    """Give the costs of a window in all readings: at the first gate, and the mean of all gates."""
    view = results.plot.view
    if not _has_planning(results):
        return ""
    gates = view.frame("planning")
    rows = [
        (meaning, plain(gates[name].iloc[0], 2), plain(gates[name].mean(), 2))
        for name, meaning in _READINGS.items()
    ]
    head = ("cost of a window", f"first gate [{view.currency}]", f"mean [{view.currency}]")
    return table(head, rows, numbers=(1, 2))


def planning_told(results: Results) -> str:
    """Say how to read it, where there is anything."""
    if not _has_planning(results):
        return ""
    most = int(results.plot.view.frame("planning")["courses"].max())
    return (
        f"Every gate planned for {most} scenarios of what might come. Costs are expected ones, or "
        "what the coordination judges costs by, without imbalance."
    )


def _has_planning(results: Results) -> bool:
    """Tell whether there is something to show; older results lack the table."""
    view = results.plot.view
    return view.has("planning") and not view.frame("planning").empty
