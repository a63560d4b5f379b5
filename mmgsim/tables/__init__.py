"""Schema, writer and reader of the result folder."""

from mmgsim.tables.described import tables_page
from mmgsim.tables.envelopes import RecordedEnvelopes
from mmgsim.tables.results import Results
from mmgsim.tables.schema import TABLES, Column
from mmgsim.tables.writer import TableWriter, write_bytes, write_json, write_text

__all__ = [
    "TABLES",
    "Column",
    "RecordedEnvelopes",
    "Results",
    "TableWriter",
    "tables_page",
    "write_bytes",
    "write_json",
    "write_text",
]
