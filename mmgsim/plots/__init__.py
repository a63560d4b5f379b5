"""Pictures of a run as plotly figures, in one style."""

from mmgsim.plots.day import days_in_choice
from mmgsim.plots.flags import flags_table
from mmgsim.plots.money import bills_by_item, gains_table
from mmgsim.plots.numbers import brief, plain
from mmgsim.plots.plots import Plots
from mmgsim.plots.style import layout
from mmgsim.plots.view import RunTables, RunView, local_time

__all__ = [
    "Plots",
    "RunTables",
    "RunView",
    "bills_by_item",
    "brief",
    "days_in_choice",
    "flags_table",
    "gains_table",
    "layout",
    "local_time",
    "plain",
]
