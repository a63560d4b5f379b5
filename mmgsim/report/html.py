"""Writing `report.html`: what it cost, who traded what, how the feeder fared."""

from __future__ import annotations

from html import escape
from pathlib import Path

from mmgsim.errors import NothingToDrawError, ResultsError
from mmgsim.report.deciders import deciders
from mmgsim.report.numbers import COST_NOTE, summary_rows
from mmgsim.report.page import Drawing, page, table
from mmgsim.report.sections import SECTIONS, Part, Section
from mmgsim.report.tiles import tiles
from mmgsim.tables import Results, write_text

__all__ = ["write_report"]

_TABLES = (
    "dispatch",
    "devices",
    "trades",
    "prices",
    "ledger",
    "gates",
    "rounds",
    "buses",
    "lines",
    "steps",
)
"""What the report is drawn from."""
_ENDINGS = {
    "interrupted": "This run was interrupted: the report shows what was simulated until then.",
    "failed": "This run failed: the report shows what was simulated until then.",
    "running": "This run has not ended: the report shows what was written so far.",
}


def write_report(results: Results, out: Path | None = None) -> Path:
    """Draw the report of a result folder and give its path.

    Parameters
    ----------
    results : Results
        The folder; nothing else is read.
    out : Path or None
        The file to write; ``report.html`` in the folder by default.

    Raises
    ------
    ResultsError
        If the folder is incomplete or damaged; says all that is.
    """
    has_steps = bool(results.summary.get("steps"))
    if has_steps:
        _check_folder(results)
    manifest = results.manifest
    drawing = Drawing()
    ending = _ENDINGS.get(str(manifest["status"]))
    body = [] if ending is None else [f'<p class="warning">{escape(ending)}</p>']
    body += [_deciders(results), tiles(results)]
    if has_steps:
        body.append(_contents())
        body += [_section(section, results, drawing) for section in SECTIONS]
    else:
        body.append("<p>No step was simulated, so there is nothing to draw.</p>")
    body += [_numbers(results), _inputs(results)]
    subtitle = (
        f"seed {manifest['seed']}, objective {manifest['objective']}, status {manifest['status']}, "
        f"times in {manifest['timezone']}, mmgsim {manifest['versions']['mmgsim']}"
    )
    text = page(f"{manifest['scenario']} · {manifest['coordination']}", subtitle, body)
    path = out or results.folder / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def _check_folder(results: Results) -> None:
    """Read all that is drawn, so that a damaged folder gives one message and no half page."""
    faults = []
    for name in _TABLES:
        try:
            results.table(name)
        except ResultsError as error:
            faults.append(str(error))
    for name in ("scenario.yaml", "network.json"):
        has_file = (results.folder / name).is_file()
        if not has_file and (name == "scenario.yaml" or len(results.table("buses"))):
            faults.append(f"{results.folder} has no {name}")
    if faults:
        head = f"{results.folder} is incomplete or damaged, so no report can be drawn:"
        raise ResultsError("\n  - ".join([head, *faults]))


def _deciders(results: Results) -> str:
    told = "; ".join(f"{what}: {who}" for what, who in deciders(results.scenario))
    return f'<p class="note">{escape(told[0].upper() + told[1:])}.</p>'


def _contents() -> str:
    links = [f'<a href="#{section.key}">{escape(section.heading)}</a>' for section in SECTIONS]
    links += ['<a href="#numbers">In numbers</a>', '<a href="#inputs">Inputs</a>']
    return f"<nav>{''.join(links)}</nav>"


def _section(section: Section, results: Results, drawing: Drawing) -> str:
    """Give heading and parts; what the run does not have is said instead of drawn, once."""
    parts: list[str] = []
    for part in section.parts:
        shown = _part(part, results, drawing)
        if shown not in parts:
            parts.append(shown)
    return (
        f'<section id="{section.key}"><h2>{escape(section.heading)}</h2>{"".join(parts)}</section>'
    )


def _part(part: Part, results: Results, drawing: Drawing) -> str:
    try:
        made = part.make(results)
    except NothingToDrawError as reason:
        return f'<p class="none">{escape(str(reason))}</p>'
    shown = made if isinstance(made, str) else drawing.draw(made)
    text = part.text if isinstance(part.text, str) else part.text(results)
    return f"<p>{escape(text)}</p>{shown}" if text else shown


def _numbers(results: Results) -> str:
    rows = summary_rows(results)
    return (
        f'<section id="numbers"><h2>In numbers</h2>{table(("", ""), rows, numbers=(1,))}'
        f'<p class="note">{escape(COST_NOTE)}</p></section>'
    )


def _inputs(results: Results) -> str:
    rows = [(row["where"], row["label"], row["description"]) for row in results.manifest["inputs"]]
    return (
        '<section id="inputs"><h2>Where the input comes from</h2>'
        '<p class="note">real: measured or contracted; benchmark: a published standard '
        "series; synthetic: generated by a model, or assumed.</p>"
        f"{table(('series', 'label', 'source'), rows)}</section>"
    )
