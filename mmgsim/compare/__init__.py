"""Coordinations, or finished runs, side by side."""

from mmgsim.compare.comparison import Comparison, compare_runs
from mmgsim.compare.running import compare
from mmgsim.compare.variants import (
    CoordinationChoice,
    chosen_coordinations,
    reason_of,
    variants_of,
)

__all__ = [
    "Comparison",
    "CoordinationChoice",
    "chosen_coordinations",
    "compare",
    "compare_runs",
    "reason_of",
    "variants_of",
]
