"""HTML pages that need no network: a run, runs side by side, a year, a division, a sweep, plans."""

from mmgsim.report.annual import Annual, annual_rows
from mmgsim.report.annual_page import write_annual_page
from mmgsim.report.compared import COMPARED_NOTE, Compared, Section, compared_rows
from mmgsim.report.comparison_figures import COMPARISON_FIGURES
from mmgsim.report.comparison_page import write_comparison_page
from mmgsim.report.deciders import options_told
from mmgsim.report.divided import Divided, divided_rows
from mmgsim.report.divided_page import division_figure, write_division_page
from mmgsim.report.html import write_report
from mmgsim.report.judged import Judged, brief_verdicts, verdict_rows
from mmgsim.report.judged_page import judgement_figures, write_judged_page
from mmgsim.report.numbers import gates_without_bound, summary_rows, surplus_given
from mmgsim.report.page import page, table
from mmgsim.report.swept import Swept, mean_rows
from mmgsim.report.swept_page import write_swept_page

__all__ = [
    "COMPARED_NOTE",
    "COMPARISON_FIGURES",
    "Annual",
    "Compared",
    "Divided",
    "Judged",
    "Section",
    "Swept",
    "annual_rows",
    "brief_verdicts",
    "compared_rows",
    "divided_rows",
    "division_figure",
    "gates_without_bound",
    "judgement_figures",
    "mean_rows",
    "options_told",
    "page",
    "summary_rows",
    "surplus_given",
    "table",
    "verdict_rows",
    "write_annual_page",
    "write_comparison_page",
    "write_division_page",
    "write_judged_page",
    "write_report",
    "write_swept_page",
]
