"""HTML pages that need no network: of a run, of runs side by side, and of every kind of study."""

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
from mmgsim.report.sized import Sized, size_rows, worth_rows
from mmgsim.report.sized_page import sizing_figures, write_sized_page
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
    "Sized",
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
    "size_rows",
    "sizing_figures",
    "summary_rows",
    "surplus_given",
    "table",
    "verdict_rows",
    "worth_rows",
    "write_annual_page",
    "write_comparison_page",
    "write_division_page",
    "write_judged_page",
    "write_report",
    "write_sized_page",
    "write_swept_page",
]
