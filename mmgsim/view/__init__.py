"""The live view: a model that is stepped, or a finished run, on a page in the browser."""

from mmgsim.view.player import Player, State
from mmgsim.view.sheet import Sheet, draw_sheet
from mmgsim.view.sources import LiveSource, ReplaySource
from mmgsim.view.start import open_view

__all__ = ["LiveSource", "Player", "ReplaySource", "Sheet", "State", "draw_sheet", "open_view"]
