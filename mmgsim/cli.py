"""The command line.

Exit codes: 0 done; 2 the input is wrong; 3 ended early, partial results kept. What was asked for
goes to standard output; progress, messages and warnings go to standard error.
"""

from __future__ import annotations

import gc
import json
import logging
import signal
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from mmgsim import studies
from mmgsim.engine import MessageBus, MultiMicrogridModel, build
from mmgsim.errors import (
    Fault,
    InputError,
    MmgsimError,
    near_miss,
)
from mmgsim.kit import Template, write_new
from mmgsim.options import (
    CoordinationOption,
    DaysOption,
    JsonOption,
    OutOption,
    QuietOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    StrategyOption,
    coordination_of,
    options_of,
    overrides_of,
    strategies_of,
)
from mmgsim.profiles import SIMBENCH_INSTALL, has_simbench
from mmgsim.report import write_report
from mmgsim.run import run as run_scenario
from mmgsim.scenario import (
    bundled_scenarios,
    devices_page,
    load_scenario,
    needs_simbench,
    plug_ins,
    scenario_page,
    scenario_schema,
)
from mmgsim.scenario import freeze as freeze_scenario
from mmgsim.sweep import sweep_page
from mmgsim.tables import Results, tables_page
from mmgsim.terminal import (
    ENDED_EARLY,
    WRONG_INPUT,
    check_resumable,
    complain,
    ends_told,
    out,
    print_plug_ins,
    print_summary,
    progress_told,
    warn,
)
from mmgsim.year import day_faults

__all__ = ["ENDED_EARLY", "WRONG_INPUT", "app", "main"]

app = typer.Typer(
    name="mmgsim",
    help="Agent-based co-simulation of multi-microgrid energy trading.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line; every error of ours becomes one message and an exit code."""
    logging.getLogger("mmgsim").setLevel(logging.ERROR)  # what is contained is told at the end
    # What was imported stays until the end: looking through it for garbage takes half a second.
    gc.freeze()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is simulated is written first
    try:
        app()
    except MmgsimError as error:
        complain(str(error))
        sys.exit(WRONG_INPUT)


def _print_version(is_asked: bool) -> None:
    if not is_asked:
        return
    try:
        sys.stdout.write(f"mmgsim {version('mmgsim')}\n")
    except PackageNotFoundError:  # run from a source tree that is not installed
        sys.stdout.write("mmgsim, not installed\n")
    raise typer.Exit


@app.callback()
def _common(
    is_asked: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Agent-based co-simulation of multi-microgrid energy trading."""
    del is_asked  # the callback has answered it


@app.command("list")
def list_scenarios(
    plugins: Annotated[
        bool,
        typer.Option(
            "--plugins",
            help="List strategies, operators, markets and coordinations instead, also those of "
            "installed packages.",
        ),
    ] = False,
) -> None:
    """List the scenarios that come with mmgsim."""
    if plugins:
        print_plug_ins(plug_ins())
        return
    table = Table("scenario", "days", "microgrids", "coordination", "needs", "what it is")
    needing: list[str] = []
    for name in bundled_scenarios():
        scenario = load_scenario(name).scenario
        needs = "simbench" if needs_simbench(scenario) else ""
        needing += [name] if needs else []
        table.add_row(
            name,
            str(scenario.days),
            str(len(scenario.microgrids)),
            scenario.coordination.kind,
            needs,
            Text(scenario.description),
        )
    out.print(table)
    if needing and not has_simbench():
        names = ", ".join(needing)
        out.print(f"simbench is not installed; for {names}: {SIMBENCH_INSTALL}", soft_wrap=True)


@app.command()
def check(scenario: ScenarioArgument, set_: SetOption = None) -> None:
    """Check a scenario and all its series; say everything that is wrong at once."""
    model = MultiMicrogridModel(scenario, overrides=overrides_of(set_ or []))
    faults = day_faults(model.loaded)  # days that only `year` runs
    if faults:
        raise model.loaded.refusal(faults)
    table = Table(Column("series", overflow="fold"), "label", "where it comes from")
    for label in model.inputs.labels:
        table.add_row(*(Text(x) for x in (label.where, label.label.value, label.description)))
    out.print(table)
    steps = model.clock.steps
    for warning in model.warnings:
        warn(warning)
    count = len(model.warnings)
    days = len(model.scenario.year)
    of_a_year = f", {days} representative days" if days else ""
    doubts = f", {count} warning{'' if count == 1 else 's'}" if count else ""
    out.print(
        f"{model.scenario.name}: no faults{doubts}; {steps} steps, "
        f"{len(model.microgrids)} microgrids{of_a_year}."
    )


@app.command()
def run(  # noqa: PLR0913  one parameter per option of the command line
    scenario: ScenarioArgument,
    days: DaysOption = None,
    coordination: CoordinationOption = None,
    strategy: StrategyOption = None,
    seed: SeedOption = None,
    set_: SetOption = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads in which microgrids answer; as processors.")
    ] = None,
    payloads: Annotated[
        bool, typer.Option("--payloads", help="Write all that is said to the table payloads.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the run in --out after its last day, or make it longer."
        ),
    ] = False,
) -> None:
    """Simulate a scenario and write tables, summary and report to a result folder."""
    check_resumable(out_dir, "run", resume=resume)
    overrides = options_of(days=days, seed=seed, coordination=coordination_of(coordination))
    overrides |= overrides_of(set_ or [])
    everybody = strategies_of(strategy or [], overrides)
    with progress_told(quiet=quiet) as bar:
        results = run_scenario(
            scenario,
            overrides=overrides,
            strategy=everybody,
            out=out_dir,
            progress=bar.show,
            bus=MessageBus(workers=workers, keeps_payloads=payloads),
            resume=resume,
        )
    if as_json:
        content = {"results": str(results.folder), **results.summary}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    elif not quiet:
        print_summary(results)


for _command in (
    studies.compare,
    studies.year,
    studies.sweep,
    studies.judge,
    studies.size,
    studies.divide,
    studies.reproduce,
):
    app.command()(_command)  # here, so that the help lists them after `run`


@app.command()
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN_DIR", help="Result folder, as `run` writes it.")
    ],
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where to write; RUN_DIR/report.html."),
    ] = None,
) -> None:
    """Draw the report of a result folder anew, from the folder alone."""
    if out_file is not None and out_file.is_dir():
        raise typer.BadParameter(f"{out_file} is a folder; give a file", param_hint="--out")
    with ends_told():
        path = write_report(Results(folder), out_file)
    out.print(f"report: {path}", markup=False, soft_wrap=True)


@app.command()
def new(
    what: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(Template)}.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as night_owl.")],
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="Where to; here by default.")
    ] = Path(),
) -> None:
    """Write a plug-in or a scenario of your own to begin with, and its test; it works at once."""
    if what not in list(Template):
        fault = Fault(
            repr(what), "is nothing that can be begun", near_miss(what, list(map(str, Template)))
        )
        raise InputError("mmgsim new", [fault])
    written = write_new(Template(what), name, folder)
    for path in written.files:
        out.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
    for command in written.commands:
        out.print(f"try:  {command}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def view(  # noqa: PLR0913  one parameter per option of the command line
    target: Annotated[
        str, typer.Argument(metavar="SCENARIO|RUN_DIR", help="A scenario, or a run to go through.")
    ],
    days: DaysOption = None,
    coordination: CoordinationOption = None,
    strategy: StrategyOption = None,
    seed: SeedOption = None,
    set_: SetOption = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 takes a free one.")
    ] = 0,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address of the page.")
    ] = False,
) -> None:
    """Watch a scenario being simulated, or go through a run, in the browser (extra `view`)."""
    # Only here: it takes time to import, and is seldom needed.
    from mmgsim.view import LiveSource, ReplaySource, open_view

    overrides = options_of(days=days, seed=seed, coordination=coordination_of(coordination))
    overrides |= overrides_of(set_ or [])
    everybody = strategies_of(strategy or [], overrides)
    is_run = target not in bundled_scenarios() and (Path(target) / "manifest.json").is_file()
    if is_run and (overrides or everybody):
        raise typer.BadParameter(f"{target} is a finished run: nothing can be set in it")

    def model() -> MultiMicrogridModel:
        return build(target, overrides=overrides, strategy=everybody)

    def told(address: str) -> None:
        out.print(f"live view: {address} (Ctrl-C ends it)", markup=False, soft_wrap=True)

    open_view(
        lambda: ReplaySource(Results(target)) if is_run else LiveSource(model),
        port=port,
        opens_browser=not no_browser,
        told=told,
    )


@app.command()
def freeze(
    scenario: ScenarioArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.")],
    set_: SetOption = None,
) -> None:
    """Write a scenario with every series as CSV, to send, to edit or to keep."""
    # What `check` refuses is not written.
    loaded = MultiMicrogridModel(scenario, overrides=overrides_of(set_ or [])).loaded
    with ends_told():
        frozen = freeze_scenario(loaded, folder)
    out.print(f"scenario: {frozen.source}", markup=False, soft_wrap=True)


@app.command()
def schema(
    tables: Annotated[
        bool, typer.Option("--tables", help="The columns of the result tables, as Markdown.")
    ] = False,
    devices: Annotated[
        bool, typer.Option("--devices", help="The keys of devices and series, as Markdown.")
    ] = False,
    scenario: Annotated[
        bool, typer.Option("--scenario", help="All other keys of scenario files, as Markdown.")
    ] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="The keys of sweep files, as Markdown.")
    ] = False,
) -> None:
    """Print the JSON schema of scenario files, for editors that complete and check keys."""
    asked = (
        (tables, tables_page),
        (devices, devices_page),
        (scenario, scenario_page),
        (sweep, sweep_page),
    )
    pages = [page() for is_asked, page in asked if is_asked]
    if pages:
        sys.stdout.write("\n".join(pages))
        return
    sys.stdout.write(json.dumps(scenario_schema(), indent=2) + "\n")
