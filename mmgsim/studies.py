"""The commands that run a scenario more than once: side by side, for a year, for a paper.

`mmgsim.cli` puts them on the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmgsim.compare import compare as compare_scenario
from mmgsim.compare import compare_runs
from mmgsim.division import divide as divide_day
from mmgsim.errors import (
    ComparisonEndedEarlyError,
    JudgementEndedEarlyError,
    SweepEndedEarlyError,
    YearEndedEarlyError,
)
from mmgsim.folder import choose_folder
from mmgsim.judge import judge as judge_plans
from mmgsim.options import (
    DayOption,
    DaysOption,
    JsonOption,
    OrdersOption,
    OutOption,
    QuietOption,
    RulesOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    StrategyOption,
    are_runs,
    coordinations_of,
    options_of,
    overrides_of,
    strategies_of,
)
from mmgsim.reproduce import reproduce as reproduce_paper
from mmgsim.sizing import FURTHER, METHODS, Objective, Sharing
from mmgsim.sizing import size as find_sizes
from mmgsim.sweep import sweep as run_sweep
from mmgsim.terminal import (
    ENDED_EARLY,
    check_resumable,
    ends_told,
    print_comparison,
    print_division,
    print_judgement,
    print_reproduction,
    print_sizing,
    print_sweep,
    print_year,
    progress_told,
    tell_failures,
)
from mmgsim.year import Reduction
from mmgsim.year import year as study_year

__all__ = ["compare", "divide", "judge", "reproduce", "size", "sweep", "year"]


def compare(  # noqa: PLR0913  one parameter per option of the command line
    targets: Annotated[
        list[str],
        typer.Argument(metavar="SCENARIO|RUN_DIR", help="A scenario, or finished runs of one."),
    ],
    coordination: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND,KIND...",
            help="What to run the scenario under; with options as '{kind: NAME, option: VALUE}'.",
        ),
    ] = None,
    days: DaysOption = None,
    strategy: StrategyOption = None,
    seed: SeedOption = None,
    set_: SetOption = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    freeze_envelopes: Annotated[
        bool,
        typer.Option(
            "--freeze-envelopes",
            help="Keep all within the envelopes of one more run of the first, without repair.",
        ),
    ] = False,
) -> None:
    """Put coordinations of a scenario side by side, or finished runs of one scenario."""
    overrides = options_of(days=days, seed=seed, coordination=None) | overrides_of(set_ or [])
    everybody = strategies_of(strategy or [], overrides)
    has_options = bool(overrides or everybody or freeze_envelopes)
    if are_runs(targets, coordination, has_options=has_options):
        comparison = compare_runs(targets)
        scenario = comparison.compared().scenario
        with ends_told():
            comparison.write(choose_folder(out_dir, scenario, "compare"))
        print_comparison(comparison, quiet=quiet, as_json=as_json)
        return
    with progress_told(quiet=quiet) as bar:
        try:
            comparison = compare_scenario(
                targets[0],
                coordinations_of(coordination or []),
                overrides=overrides,
                strategy=everybody,
                out=out_dir,
                progress=bar.show,
                freeze_envelopes=freeze_envelopes,
            )
        except ComparisonEndedEarlyError as error:
            tell_failures(bar, error.failures, str(error))
            if error.comparison is not None:
                print_comparison(error.comparison, quiet=quiet, as_json=as_json)
            raise typer.Exit(ENDED_EARLY) from None
    print_comparison(comparison, quiet=quiet, as_json=as_json)


def year(  # noqa: PLR0913  one parameter per option of the command line
    scenario: ScenarioArgument,
    coordination: Annotated[
        list[str],
        typer.Option(
            metavar="KIND,KIND...",
            help="What to run the days under; savings are against the first.",
        ),
    ],
    strategy: StrategyOption = None,
    seed: SeedOption = None,
    set_: SetOption = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the finished runs in --out, run what lacks.")
    ] = False,
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD:DAYS",
            help=f"Choose days of the year of `start`, such as {Reduction.MEDOIDS}:5, in place of "
            f"the scenario's; METHOD is {', '.join(Reduction)}.",
        ),
    ] = None,
) -> None:
    """Run the representative days of a scenario, and weigh them to a year."""
    check_resumable(out_dir, "study", resume=resume)
    overrides = options_of(days=None, seed=seed, coordination=None) | overrides_of(set_ or [])
    everybody = strategies_of(strategy or [], overrides)
    with progress_told(quiet=quiet) as bar:
        try:
            study = study_year(
                scenario,
                coordinations_of(coordination),
                overrides=overrides,
                strategy=everybody,
                choose=choose,
                out=out_dir,
                progress=bar.show,
                resume=resume,
            )
        except YearEndedEarlyError as error:
            tell_failures(bar, error.failures, str(error))
            if error.study is not None:
                print_year(error.study, quiet=quiet, as_json=as_json)
            raise typer.Exit(ENDED_EARLY) from None
    print_year(study, quiet=quiet, as_json=as_json)


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Sweep file, see docs/sweep.md.")],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes in which runs are made; as the file says.")
    ] = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep the complete runs in --out, make the others."),
    ] = False,
) -> None:
    """Run a scenario over values of its keys, side by side, into one table."""
    check_resumable(out_dir, "sweep", resume=resume)
    with progress_told(quiet=quiet) as bar:
        try:
            made = run_sweep(file, workers=workers, out=out_dir, progress=bar.count, resume=resume)
        except SweepEndedEarlyError as error:
            failures = {f"run {number}": why for number, why in error.failures.items()}
            tell_failures(bar, failures, str(error))
            if error.sweep is not None:
                print_sweep(error.sweep, quiet=quiet, as_json=as_json)
            raise typer.Exit(ENDED_EARLY) from None
    print_sweep(made, quiet=quiet, as_json=as_json)


def judge(  # noqa: PLR0913  one parameter per option of the command line
    scenario: ScenarioArgument,
    plans: Annotated[
        str,
        typer.Option(
            metavar="PLAN,PLAN...",
            help="Coordinations, such as central; with a strategy for all, central+self-consumer; "
            "or '{coordination: central, forecast: perfect, set: {PATH: VALUE}, name: NAME}'. The "
            "others are held against the first.",
        ),
    ],
    futures: Annotated[int, typer.Option(min=1, help="How many are sampled.")] = 500,
    level: Annotated[
        float, typer.Option(min=0.0, max=0.999, help="Of the conditional value at risk.")
    ] = 0.95,
    days: DaysOption = None,
    seed: SeedOption = None,
    set_: SetOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that meet futures.")] = 1,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep the rows in --out, meet what lacks; may be more."),
    ] = False,
) -> None:
    """Have plans meet the same sampled futures: costs, tails, broken limits, unserved energy."""
    check_resumable(out_dir, "judgement", resume=resume)
    overrides = options_of(days=days, seed=seed, coordination=None) | overrides_of(set_ or [])
    with progress_told(quiet=quiet) as bar:
        try:
            made = judge_plans(
                scenario,
                plans,
                futures=futures,
                level=level,
                overrides=overrides,
                workers=workers,
                out=out_dir,
                progress=bar.count,
                resume=resume,
            )
        except JudgementEndedEarlyError as error:
            tell_failures(bar, error.failures, str(error))
            if error.judgement is not None:
                print_judgement(error.judgement, quiet=quiet, as_json=as_json)
            raise typer.Exit(ENDED_EARLY) from None
    print_judgement(made, quiet=quiet, as_json=as_json)


def size(  # noqa: PLR0913  one parameter per option of the command line
    scenario: ScenarioArgument,
    sharing: Annotated[
        Sharing, typer.Option(help="What microgrids do with what they have left over.")
    ] = Sharing.PEERS,
    objective: Annotated[Objective, typer.Option(help="What is made small.")] = Objective.WEIGHTED,
    method: Annotated[
        str, typer.Option(metavar="|".join([*METHODS, "exact"]), help="How it is searched for.")
    ] = "evolution",
    further: Annotated[
        list[str] | None,
        typer.Option("--with", metavar=",".join(FURTHER), help="What else is to be found."),
    ] = None,
    search_seed: Annotated[int, typer.Option(min=0, help="Of the search.")] = 1,
    seed: SeedOption = None,
    set_: SetOption = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads; by default one a processor.")
    ] = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the search in --out.")
    ] = False,
) -> None:
    """Find how large wind, PV and batteries should be, and write the scenario that has them."""
    check_resumable(out_dir, "sizing", resume=resume)
    overrides = options_of(days=None, seed=seed, coordination=None) | overrides_of(set_ or [])
    asked = [what.strip() for text in further or [] for what in text.split(",")]
    with progress_told(quiet=quiet) as bar:
        try:
            study = find_sizes(
                scenario,
                sharing=sharing,
                objective=objective,
                method=method,
                further=asked,
                search_seed=search_seed,
                overrides=overrides,
                workers=workers,
                out=out_dir,
                progress=bar.tell,
                resume=resume,
            )
        except YearEndedEarlyError as error:
            message = f"the check was not made; sizes are in {error.folder.parent}"
            tell_failures(bar, error.failures, message)
            raise typer.Exit(ENDED_EARLY) from None
    print_sizing(study, quiet=quiet, as_json=as_json)


def divide(  # noqa: PLR0913  one parameter per option of the command line
    scenario: ScenarioArgument,
    day: DayOption = 1,
    rules: RulesOption = None,
    orders: OrdersOption = 200,
    set_: SetOption = None,
    out_dir: OutOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Divide the cost of one day by several rules, and say what each fails to keep."""
    with progress_told(quiet=quiet) as bar:
        division = divide_day(
            scenario,
            rules,
            day=day,
            overrides=overrides_of(set_ or []),
            orders=orders,
            out=out_dir,
            progress=bar.count,
        )
    print_division(division, quiet=quiet, as_json=as_json)


def reproduce(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Its number, such as 000.")],
    out_dir: OutOption = None,
    is_quick: Annotated[
        bool, typer.Option("--quick", help="Fewer days or scenarios, to try; the claims say so.")
    ] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Go through a paper claim by claim: what is reproduced, what cannot be, and why."""
    with progress_told(quiet=quiet) as bar:
        try:
            found = reproduce_paper(paper, out=out_dir, quick=is_quick, progress=bar.show)
        except YearEndedEarlyError as error:
            message = f"no claim was gone through; what was run is in {error.folder}"
            tell_failures(bar, error.failures, message)
            raise typer.Exit(ENDED_EARLY) from None
    print_reproduction(found, quiet=quiet, as_json=as_json)
