"""What the command line prints: numbers, progress, and how a run ended."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from mmgsim.compare import Comparison
from mmgsim.division import Division
from mmgsim.engine import MultiMicrogridModel
from mmgsim.errors import Fault, MmgsimError, RunEndedEarlyError
from mmgsim.judge import Judgement
from mmgsim.report import (
    COMPARED_NOTE,
    Section,
    annual_rows,
    brief_verdicts,
    compared_rows,
    divided_rows,
    mean_rows,
    size_rows,
    summary_rows,
    worth_rows,
)
from mmgsim.reproduce import HEAD, Reproduction, claim_rows, reasons
from mmgsim.scenario import PlugIn
from mmgsim.sizing import SizeStudy
from mmgsim.sweep import Sweep
from mmgsim.tables import Results
from mmgsim.year import YearStudy

__all__ = [
    "ENDED_EARLY",
    "WRONG_INPUT",
    "Bar",
    "check_resumable",
    "complain",
    "ends_told",
    "err",
    "out",
    "print_comparison",
    "print_division",
    "print_judgement",
    "print_plug_ins",
    "print_reproduction",
    "print_sizing",
    "print_summary",
    "print_sweep",
    "print_year",
    "progress_told",
    "tell_failures",
    "warn",
]

WRONG_INPUT = 2
ENDED_EARLY = 3

_CALLERS = ("mmgsim", "mmgsim_agents", "mesa")
"""Packages between the command line and a user's class."""
_LIBRARIES = ("pyomo", "highspy", "pandapower", "numpy", "scipy", "pandas", "pyarrow", "networkx")
"""Packages that a user's class may call, but that no user wrote."""

_FIGURES = 3
"""So many figures of a sweep are printed; the page has more."""

out = Console()
err = Console(stderr=True)


# ---------------------------------------------------------------------------- how a run ended
@contextmanager
def ends_told(bar: Bar | None = None) -> Iterator[None]:
    """Turn an early end into one message and an exit code."""
    try:
        yield
    except KeyboardInterrupt as error:
        message = "\n".join(["Interrupted.", *getattr(error, "__notes__", [])])
        code = ENDED_EARLY
    except RunEndedEarlyError as error:
        message, code = told(error), ENDED_EARLY
    except OSError as error:
        message, code = f"the results cannot be written: {error}", WRONG_INPUT
    else:
        return
    if bar is not None:
        bar.stop()
    complain(message)
    raise typer.Exit(code)


@contextmanager
def progress_told(*, quiet: bool) -> Iterator[Bar]:
    """Give a bar that only a terminal shows, and turn an early end into a message and a code."""
    with Bar(is_shown=err.is_terminal and not quiet) as bar, ends_told(bar):
        yield bar


def check_resumable(folder: Path | None, what: str, *, resume: bool) -> None:
    """Refuse to go on with nobody knows what.

    Raises
    ------
    typer.BadParameter
        Naming the option that is missing.
    """
    if resume and folder is None:
        raise typer.BadParameter(f"say which {what}, with --out DIR", param_hint="--resume")


def tell_failures(bar: Bar, failures: Mapping[str, Exception | str], message: str) -> None:
    """Say why each of several runs failed, and then what there is all the same."""
    bar.stop()
    for name, failure in failures.items():
        complain(f"{name}: {failure if isinstance(failure, str) else told(failure)}")
    complain(message)


def told(error: Exception) -> str:
    """Give the message of an error, after its reason where it has one."""
    if isinstance(error, RunEndedEarlyError):
        return f"{reason(error.__cause__)}\n{error}"
    return str(error)


def complain(message: str) -> None:
    """Say what is wrong on standard error."""
    err.print(message, style="red", markup=False, highlight=False, soft_wrap=True)


def warn(warning: Fault) -> None:
    """Say what is probably not meant on standard error."""
    text = f"warning: {warning}"
    err.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)


def reason(error: BaseException | None) -> str:
    """Give the message of an error of ours, and of others their author's part of the traceback."""
    if error is None or isinstance(error, MmgsimError):
        return str(error)
    frames = list(traceback.walk_tb(error.__traceback__))
    names = [_package(frame) for frame, _ in frames]
    first = next((at for at, name in enumerate(names) if name not in _CALLERS), len(frames))
    is_theirs = first < len(frames) and names[first] not in (*_LIBRARIES, *sys.stdlib_module_names)
    if isinstance(error, OSError) and not is_theirs:
        return f"the results cannot be written: {error}"
    shown = traceback.StackSummary.extract(iter(frames[first if is_theirs else 0 :]))
    text = "".join([*shown.format(), *traceback.format_exception_only(error)]).rstrip()
    whose = "A class of the scenario raised" if is_theirs else "A fault of mmgsim, please report it"
    return f"{whose}:\n{text}"


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


# ------------------------------------------------------------------------------------- printing
def print_summary(results: Results) -> None:
    """Print the numbers of a run."""
    summary = results.summary
    title = Text(f"{summary['scenario']} · {summary['coordination']}")
    table = Table("quantity", "value", title=title)
    for name, value in summary_rows(results):
        table.add_row(Text(name), Text(value))
    out.print(table)
    count = summary.get("faults_contained", 0)
    if count:
        of_many = f"{count} faults of plug-ins; the first"
        how_many = "1 fault of a plug-in" if count == 1 else of_many
        complain(f"{how_many}: {results.table('faults').message.iloc[0]}")
    for line in (f"results: {results.folder}", f"report:  {results.folder / 'report.html'}"):
        out.print(line, soft_wrap=True, markup=False)


def print_comparison(comparison: Comparison, *, quiet: bool, as_json: bool) -> None:
    """Print the numbers of a comparison that was written."""
    folder = comparison.folder or Path()
    if as_json:
        content = {"comparison": str(folder), **comparison.as_plain_data(folder)}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    if quiet:
        return
    compared = comparison.compared()
    is_frozen = compared.table.envelopes_frozen.any()
    title = f"{compared.scenario}, envelopes frozen" if is_frozen else compared.scenario
    names, sections = compared.table.index, compared_rows(compared)
    for shown in _fitting(title, [str(name) for name in names], sections, caption=COMPARED_NOTE):
        out.print(shown)
    for line in (*compared.notes, f"comparison: {folder / 'compare.html'}"):
        out.print(line, soft_wrap=True, markup=False)


def print_year(study: YearStudy, *, quiet: bool, as_json: bool) -> None:
    """Print the numbers of a year that was written."""
    folder = study.folder or Path()
    if as_json:
        content = {"study": str(folder), **study.as_plain_data()}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    if quiet:
        return
    annual = study.annual()
    title = f"{annual.scenario}, a year of {len(annual.days)} days"
    names, sections = annual.by_microgrid("cost"), annual_rows(annual)
    out.print(_side_by_side(title, names, sections, caption=" ".join(annual.notes)))
    out.print(f"year: {folder / 'year.html'}", soft_wrap=True, markup=False)


def print_sweep(sweep: Sweep, *, quiet: bool, as_json: bool) -> None:
    """Print how many runs a sweep has, and means where seeds were swept."""
    if as_json:
        content = {"sweep": str(sweep.folder), **sweep.as_plain_data()}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    if quiet:
        return
    swept = sweep.swept()
    if swept.means is not None and len(swept.table):
        head, rows = mean_rows(swept)
        shown = len(swept.groups) + 1 + _FIGURES
        columns = [Column(Text(name, overflow="fold")) for name in head[:shown]]
        title = f"{swept.subtitle}: means over seeds, with 95 % intervals"
        table = Table(*columns, title=Text(title))
        for row in rows:
            table.add_row(*(Text(text) for text in row[:shown]))
        out.print(table)
    for line in (f"table: {sweep.folder / 'sweep.csv'}", f"sweep: {sweep.folder / 'sweep.html'}"):
        out.print(line, soft_wrap=True, markup=False)


def print_judgement(judgement: Judgement, *, quiet: bool, as_json: bool) -> None:
    """Print what plans cost in the same futures; the page has more."""
    if as_json:
        content = {"judgement": str(judgement.folder), **judgement.as_plain_data()}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    if quiet:
        return
    judged = judgement.judged()
    if len(judged.verdicts):
        head, rows = brief_verdicts(judged)
        first = Column(Text(head[0]), overflow="fold")
        others = [Column(Text(name, overflow="fold"), justify="right") for name in head[1:]]
        table = Table(first, *others, title=Text(judged.subtitle))
        for row in rows:
            table.add_row(*map(Text, row))
        out.print(table)
    for line in (*judged.notes, f"judgement: {judgement.folder / 'judge.html'}"):
        out.print(line, soft_wrap=True, markup=False)


def print_division(division: Division, *, quiet: bool, as_json: bool) -> None:
    """Print bills and violations of a division that was written."""
    folder = division.folder or Path()
    if as_json:
        content = {"division": str(folder), **division.as_plain_data()}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    if quiet:
        return
    divided = division.divided()
    title = f"{divided.scenario}, {divided.day}: who pays what by which rule"
    out.print(_side_by_side(title, divided.bills, divided_rows(divided), caption=""))
    for line in (*divided.notes, f"division: {folder / 'divide.html'}"):
        out.print(line, soft_wrap=True, markup=False)


def print_sizing(study: SizeStudy, *, quiet: bool, as_json: bool) -> None:
    """Print sizes and what they are worth; the page has more."""
    if as_json:
        content = {"sizing": str(study.folder), **study.as_plain_data()}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    if quiet:
        return
    sized = study.sized()
    head, rows = size_rows(sized)
    right = [
        Column(name, justify="right" if 1 < at < 6 else "left") for at, name in enumerate(head)
    ]
    table = Table(*right, title=Text(f"{sized.scenario}: sizes for {sized.title}"))
    for row in rows:
        table.add_row(*map(Text, row))
    out.print(table)
    names, worth = worth_rows(sized)
    for shown in _fitting("What they are worth", names, [("of a year", worth)], caption=""):
        out.print(shown)
    for line in (
        *sized.all_notes,
        f"scenario: {study.folder / 'sized'}",
        f"sizing: {study.folder / 'size.html'}",
    ):
        out.print(line, soft_wrap=True, markup=False)


def print_reproduction(found: Reproduction, *, quiet: bool, as_json: bool) -> None:
    """Print the claims of a paper that was gone through."""
    if as_json:
        content = {"results": str(found.folder), **found.as_plain_data()}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
        return
    if quiet:
        return
    out.print(found.sums, soft_wrap=True, markup=False)
    title = f"Paper {found.paper.number}: {found.paper.title}"
    shown = HEAD[: HEAD.index("verdict") + 1]  # reasons are long: they stand below, and on the page
    columns = [
        Column(name, justify="right" if name in ("printed", "found") else "left", overflow="fold")
        for name in shown
    ]
    table = Table(*columns, title=Text(title))
    for row in claim_rows(found.claims):
        table.add_row(*(Text(text) for text in row[: len(shown)]))
    out.print(table)
    where = f"claims: {found.folder / 'claims.html'}"
    for line in (*reasons(found.claims), *found.notes, where):
        out.print(line, soft_wrap=True, markup=False)


_LABEL, _NAME, _RIM = 26, 12, 3
"""Characters that labels and names of runs need at least in a table, and that a column adds."""


def _fitting(
    title: str, names: Sequence[str], sections: Sequence[Section], *, caption: str
) -> Iterator[Table]:
    """Give one table of runs beside each other, or where that is too wide, one a section."""
    texts = [own for _, rows in sections for _, own in rows]
    widths = [
        max(min(len(name), _NAME), *(len(own[at]) for own in texts))
        for at, name in enumerate(names)
    ]
    if _LABEL + sum(width + _RIM for width in widths) <= out.width:
        yield _side_by_side(title, names, sections, caption=caption)
        return
    out.print(Text(title, style="italic"))
    for heading, rows in sections:
        yield from _below_each_other(heading, names, rows)
    out.print(Text(caption, style="dim"))


def _below_each_other(
    heading: str, names: Sequence[str], rows: Sequence[tuple[str, list[str]]]
) -> Iterator[Table]:
    """Give the rows of a section as columns, as many as fit beside each other a table."""
    name_width = min(max(map(len, names)), out.width // 3)
    room = out.width - name_width - _RIM - 1
    waiting = list(rows)
    while waiting:
        taken, left = 0, room
        while taken < len(waiting):
            label, texts = waiting[taken]
            left -= max(map(len, [*label.split(), *texts])) + _RIM
            if left < 0 and taken:
                break
            taken += 1
        part, waiting = waiting[:taken], waiting[taken:]
        columns = [Column(Text(label), justify="right", overflow="fold") for label, _ in part]
        head = Column("", overflow="fold", width=name_width)
        table = Table(head, *columns, title=Text(heading, style="bold"), title_justify="left")
        for at, name in enumerate(names):
            table.add_row(Text(name), *(Text(texts[at]) for _, texts in part))
        yield table


def _side_by_side(
    title: str, names: Iterable[object], sections: Iterable[Section], *, caption: str
) -> Table:
    """Give a table of runs beside each other."""
    columns = [Column(Text(str(name), overflow="fold"), justify="right") for name in names]
    table = Table("", *columns, title=Text(title), caption=caption, caption_justify="left")
    for heading, rows in sections:
        table.add_row(Text(heading, style="bold"))
        for label, texts in rows:
            table.add_row(Text(f"  {label}"), *(Text(text) for text in texts))
        table.add_section()
    return table


def print_plug_ins(found: Sequence[PlugIn]) -> None:
    """Print registered names, and on standard error what is wrong with some."""
    table = Table("kind", "name", Column("class", overflow="fold"), "package")
    for one in found:
        cells = (one.kind, f"{one.name} (!)" if one.note else one.name, one.reference, one.package)
        table.add_row(*(Text(str(cell)) for cell in cells))
    out.print(table)
    for one in found:
        if one.note:
            warn(Fault(f"{one.name} of {one.package}", one.note))


class Bar:
    """Progress in simulated time, only to a terminal, and warnings; both on standard error."""

    def __init__(self, *, is_shown: bool) -> None:
        self._warned: set[Fault] = set()
        self._progress = Progress(
            TextColumn("{task.fields[coordination]}", markup=False),
            TextColumn("[bold]{task.fields[now]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
            console=err,
            disable=not is_shown,
        )
        self._task = self._new_task()
        self._model: MultiMicrogridModel | None = None

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the terminal to messages."""
        self._progress.stop()

    def show(self, model: MultiMicrogridModel) -> None:
        """Show how far a model is; each model has a line of its own, each warning only one."""
        for warning in model.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                warn(warning)
        if self._model not in (None, model):
            self._task = self._new_task()
        self._model = model
        self._progress.update(
            self._task,
            total=model.clock.steps,
            completed=model.clock.step + 1,
            coordination=model.scenario.coordination.kind,
            now=f"{model.clock.local_now:%a %d %b %H:%M}",
            status=model.recorder.status,
        )

    def count(self, done: int, total: int) -> None:
        """Show how many of a number of problems are solved."""
        self._progress.update(
            self._task, total=total, completed=done, now=f"{done} of {total}", status=""
        )

    def tell(self, what: str, done: int, total: int) -> None:
        """Show what is being done, and how much of it."""
        self._progress.update(self._task, total=total, completed=done, now=what, status="")

    def _new_task(self) -> TaskID:
        return self._progress.add_task("run", total=None, coordination="", now="reading", status="")
