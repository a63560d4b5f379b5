"""The report of a run: one HTML file that needs no network."""

from mmgsim.report.html import write_report
from mmgsim.report.numbers import summary_rows

__all__ = ["summary_rows", "write_report"]
