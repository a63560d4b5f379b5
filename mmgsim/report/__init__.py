"""HTML pages that need no network: the report of a run, runs side by side, a year, claims."""

from mmgsim.report.annual import Annual, annual_rows
from mmgsim.report.annual_page import write_annual_page
from mmgsim.report.compared import COMPARED_NOTE, Compared, Section, compared_rows
from mmgsim.report.comparison_figures import COMPARISON_FIGURES
from mmgsim.report.comparison_page import write_comparison_page
from mmgsim.report.deciders import options_told
from mmgsim.report.html import write_report
from mmgsim.report.numbers import summary_rows, surplus_given
from mmgsim.report.page import page, table

__all__ = [
    "COMPARED_NOTE",
    "COMPARISON_FIGURES",
    "Annual",
    "Compared",
    "Section",
    "annual_rows",
    "compared_rows",
    "options_told",
    "page",
    "summary_rows",
    "surplus_given",
    "table",
    "write_annual_page",
    "write_comparison_page",
    "write_report",
]
