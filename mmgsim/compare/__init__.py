"""Coordinations, or finished runs, side by side."""

from mmgsim.compare.comparison import Comparison, compare_runs
from mmgsim.compare.running import compare

__all__ = ["Comparison", "compare", "compare_runs"]
