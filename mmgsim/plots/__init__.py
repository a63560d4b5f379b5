"""Pictures of a run as plotly figures, in one style."""

from mmgsim.plots.clock import local_time, stamps, told_spans, told_times, twice_told
from mmgsim.plots.day import days_in_choice
from mmgsim.plots.energy import exchange_figure
from mmgsim.plots.feeder import moment_figure
from mmgsim.plots.feeder_view import FeederView
from mmgsim.plots.flags import flag_events, flags_table, meaning, stand_ins
from mmgsim.plots.granted import NOBODY_ASKED, requests_table
from mmgsim.plots.limit_prices import limit_prices_table
from mmgsim.plots.messages import messages_figure
from mmgsim.plots.money import bills_by_item, bills_figure, gains_table, prices_figure
from mmgsim.plots.numbers import brief, plain
from mmgsim.plots.plots import Plots
from mmgsim.plots.storage import stored_figure
from mmgsim.plots.style import layout
from mmgsim.plots.view import RunTables, RunView, device_names

__all__ = [
    "NOBODY_ASKED",
    "FeederView",
    "Plots",
    "RunTables",
    "RunView",
    "bills_by_item",
    "bills_figure",
    "brief",
    "days_in_choice",
    "device_names",
    "exchange_figure",
    "flag_events",
    "flags_table",
    "gains_table",
    "layout",
    "limit_prices_table",
    "local_time",
    "meaning",
    "messages_figure",
    "moment_figure",
    "plain",
    "prices_figure",
    "requests_table",
    "stamps",
    "stand_ins",
    "stored_figure",
    "told_spans",
    "told_times",
    "twice_told",
]
