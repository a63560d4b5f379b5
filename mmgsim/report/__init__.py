"""HTML pages that need no network: the report of a run, and runs side by side."""

from mmgsim.report.compared import COMPARED_NOTE, Compared, compared_rows
from mmgsim.report.comparison_figures import COMPARISON_FIGURES
from mmgsim.report.comparison_page import write_comparison_page
from mmgsim.report.html import write_report
from mmgsim.report.numbers import summary_rows

__all__ = [
    "COMPARED_NOTE",
    "COMPARISON_FIGURES",
    "Compared",
    "compared_rows",
    "summary_rows",
    "write_comparison_page",
    "write_report",
]
