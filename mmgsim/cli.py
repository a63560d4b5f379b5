"""The command line.

Exit codes: 0 done; 2 the input is wrong; 3 ended early, partial results kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mmgsim.engine import MultiMicrogridModel
from mmgsim.errors import MmgsimError, ResultsError, ScenarioError, UnknownNameError
from mmgsim.report import summary_rows, write_report
from mmgsim.run import run as run_scenario
from mmgsim.scenario import bundled_scenarios, load_scenario, parse_override
from mmgsim.tables import Results

__all__ = ["app", "main"]

WRONG_INPUT = 2
ENDED_EARLY = 3

app = typer.Typer(
    name="mmgsim",
    help="Agent-based co-simulation of multi-microgrid energy trading.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="Bundled name, or path to a folder or YAML file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set any key, such as gate.every=1d."),
]


def main() -> None:
    """Run the command line; every error of ours becomes one message and an exit code."""
    try:
        app()
    except (ScenarioError, UnknownNameError, ResultsError) as error:
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(WRONG_INPUT)
    except MmgsimError as error:
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        err.print("The run ended early; what was simulated is in the result folder.")
        sys.exit(ENDED_EARLY)


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios that come with mmgsim."""
    table = Table("scenario", "days", "microgrids", "coordination", "what it is")
    for name in bundled_scenarios():
        scenario = load_scenario(name).scenario
        table.add_row(
            name,
            str(scenario.days),
            str(len(scenario.microgrids)),
            scenario.coordination.kind,
            scenario.description,
        )
    out.print(table)


@app.command()
def check(scenario: ScenarioArgument, set_: SetOption = None) -> None:
    """Check a scenario and all its series; say everything that is wrong at once."""
    model = MultiMicrogridModel(scenario, overrides=_overrides(set_ or []))
    table = Table("series", "label", "where it comes from")
    for label in model.inputs.labels:
        table.add_row(label.where, label.label.value, label.description)
    out.print(table)
    steps = model.clock.steps
    out.print(
        f"{model.scenario.name}: no faults; {steps} steps, {len(model.microgrids)} microgrids."
    )


@app.command()
def run(  # noqa: PLR0913  one parameter per option of the command line
    scenario: ScenarioArgument,
    days: Annotated[int | None, typer.Option(help="Local days to simulate.")] = None,
    coordination: Annotated[str | None, typer.Option(help="Kind of coordination.")] = None,
    strategy: Annotated[
        list[str] | None, typer.Option(metavar="NAME|MG=NAME", help="Strategy of all or of one.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Root of all random streams.")] = None,
    set_: SetOption = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Result folder.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON, and nothing else.")
    ] = False,
) -> None:
    """Simulate a scenario and write tables, summary and report to a result folder."""
    overrides = _overrides(set_ or [])
    for key, value in (("days", days), ("seed", seed), ("coordination.kind", coordination)):
        if value is not None:
            overrides[key] = value
    everybody = _strategies(strategy or [], overrides)
    with _Bar(is_shown=err.is_terminal and not quiet) as bar:
        try:
            results = run_scenario(
                scenario,
                overrides=overrides,
                strategy=everybody,
                out=out_dir,
                progress=bar.show,
            )
        except KeyboardInterrupt:
            err.print("Interrupted; what was simulated is in the result folder.")
            raise typer.Exit(ENDED_EARLY) from None
    if as_json:
        sys.stdout.write(json.dumps(results.summary, indent=2) + "\n")
    elif not quiet:
        _print_summary(results)


@app.command()
def report(folder: Annotated[Path, typer.Argument(metavar="RUN_DIR")]) -> None:
    """Draw the report of a result folder anew."""
    out.print(f"report: {write_report(Results(folder))}")


def _overrides(texts: list[str]) -> dict[str, Any]:
    try:
        return dict(parse_override(text) for text in texts)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _strategies(texts: list[str], overrides: dict[str, Any]) -> str | None:
    """Read ``NAME`` for everybody and ``MG=NAME`` for one, the latter into overrides."""
    everybody = None
    for text in texts:
        name, equals, chosen = text.partition("=")
        if equals:
            overrides[f"microgrids.{name}.strategy"] = chosen
        else:
            everybody = name
    return everybody


def _print_summary(results: Results) -> None:
    summary = results.summary
    table = Table("quantity", "value", title=f"{summary['scenario']} · {summary['coordination']}")
    for name, value in summary_rows(summary):
        table.add_row(name, value)
    out.print(table)
    out.print(f"results: {results.folder}", soft_wrap=True)
    out.print(f"report:  {results.folder / 'report.html'}", soft_wrap=True)


class _Bar:
    """Progress in simulated time, on standard error and only to a terminal."""

    def __init__(self, *, is_shown: bool) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.fields[now]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[status]}"),
            console=err,
            disable=not is_shown,
        )
        self._task = self._progress.add_task("run", total=None, now="reading", status="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, model: MultiMicrogridModel) -> None:
        """Show how far a model is."""
        self._progress.update(
            self._task,
            total=model.clock.steps,
            completed=model.clock.step + 1,
            now=f"{model.clock.local_now:%a %d %b %H:%M}",
            status=model.recorder.status,
        )
