"""Writing `compare.html`: the table and the pictures of a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from mmgsim.plots import meaning
from mmgsim.report.compared import COMPARED_NOTE, Compared, Section, compared_rows
from mmgsim.report.comparison_figures import comparison_figures
from mmgsim.report.numbers import COST_NOTE
from mmgsim.report.page import Drawing, page
from mmgsim.tables import write_text

__all__ = ["linked", "sections_table", "write_comparison_page"]


def write_comparison_page(path: Path, compared: Compared, reports: Mapping[str, str]) -> None:
    """Draw a comparison.

    Parameters
    ----------
    path : Path
        The file to write.
    compared : Compared
        What to draw.
    reports : mapping
        Where the report of each run is, as seen from the page, by the run's name.
    """
    failed = [
        f'<p class="failed">{escape(name)} did not finish and is not compared: {escape(why)}</p>'
        for name, why in compared.failed.items()
    ]
    notes = [
        f'<p class="note">{escape(note)}</p>'
        for note in (COMPARED_NOTE, COST_NOTE, *compared.notes, *_flag_notes(compared))
    ]
    body = [*failed, "<h2>In numbers</h2>", _table(compared, reports), *notes]
    drawing = Drawing()
    body += [
        f"<h2>{escape(heading)}</h2><p>{escape(text)}</p>{drawing.draw(figure)}"
        for heading, text, figure in comparison_figures(compared)
    ]
    write_text(path, page(f"{compared.scenario} · side by side", compared.subtitle, body))


def _flag_notes(compared: Compared) -> list[str]:
    """Say what the flags mean that were set."""
    told = [f"{flag}: {meaning(str(flag))}" for flag in compared.flags.index]
    return [" ".join(["Flags.", *told])] if told else []


def _table(compared: Compared, reports: Mapping[str, str]) -> str:
    names = [linked(str(name), reports) for name in compared.table.index]
    return sections_table(names, compared_rows(compared))


def sections_table(names: Sequence[str], sections: Iterable[Section]) -> str:
    """Give a table of runs side by side.

    Parameters
    ----------
    names : sequence of str
        Head of every column, as HTML.
    sections : iterable
        Headings with their rows, of a label and a text a column.
    """
    head = "".join(f"<th class=number>{name}</th>" for name in names)
    rows = []
    for heading, part in sections:
        rows.append(f"<tr><th colspan={len(names) + 1}>{escape(heading)}</th></tr>")
        for label, texts in part:
            cells = "".join(f"<td class=number>{escape(text)}</td>" for text in texts)
            rows.append(f"<tr><td>{escape(label)}</td>{cells}</tr>")
    body = "".join(rows)
    return (
        f"<div class=wide><table><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def linked(name: str, pages: Mapping[str, str]) -> str:
    """Give a name as HTML, with a link to its page if it has one."""
    if name not in pages:
        return escape(name)
    return f'<a href="{escape(quote(pages[name]))}">{escape(name)}</a>'
