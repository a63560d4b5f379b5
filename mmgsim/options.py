"""What the command line takes: its shared options, and how their texts are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mmgsim.division import Rule
from mmgsim.scenario import parse_coordinations, parse_override, parse_strategy

__all__ = [
    "CoordinationOption",
    "DayOption",
    "DaysOption",
    "JsonOption",
    "OrdersOption",
    "OutOption",
    "QuietOption",
    "RulesOption",
    "ScenarioArgument",
    "SeedOption",
    "SetOption",
    "StrategyOption",
    "are_runs",
    "coordination_of",
    "coordinations_of",
    "options_of",
    "overrides_of",
    "strategies_of",
]

ScenarioArgument = Annotated[
    str,
    typer.Argument(metavar="SCENARIO", help="Bundled name, or path such as ./mine or mine.yaml."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Set any key, such as gate.every=1d."),
]
DaysOption = Annotated[int | None, typer.Option(help="Local days to simulate.")]
CoordinationOption = Annotated[
    str | None,
    typer.Option(metavar="KIND", help="With options as '{kind: NAME, option: VALUE}'."),
]
SeedOption = Annotated[int | None, typer.Option(help="Root of all random streams.")]
StrategyOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME|MG=NAME",
        help="Strategy of all or of one; with options as '{kind: NAME, options: {option: VALUE}}'.",
    ),
]
DayOption = Annotated[int, typer.Option(help="Which day of the scenario; the first is 1.")]
RulesOption = Annotated[
    str | None, typer.Option(metavar="RULE,RULE...", help=f"Of {', '.join(Rule)}; all by default.")
]
OrdersOption = Annotated[
    int, typer.Option(help="Orders drawn for Shapley values of more than 12 microgrids.")
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Result folder.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", help="Print nothing but warnings and errors.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the numbers as JSON, and nothing else.")
]


def options_of(*, days: int | None, seed: int | None, coordination: Any) -> dict[str, Any]:
    """Give the overrides that options of their own stand for."""
    # The whole choice: of the options that the scenario has for that kind none is left.
    given = {"days": days, "seed": seed, "coordination": coordination}
    return {key: value for key, value in given.items() if value is not None}


def overrides_of(texts: list[str]) -> dict[str, Any]:
    """Read ``--set`` options; all that cannot be read are named at once."""
    found: dict[str, Any] = {}
    faults: list[str] = []
    for text in texts:
        try:
            path, value = parse_override(text)
        except ValueError as error:
            faults.append(str(error))
        else:
            found[path] = value
    if faults:
        raise typer.BadParameter("; ".join(faults), param_hint="--set")
    return found


def strategies_of(texts: list[str], overrides: dict[str, Any]) -> str | dict[str, Any] | None:
    """Read strategies of everybody, and of one microgrid, the latter into overrides."""
    everybody = None
    for text in texts:
        try:
            microgrid, chosen = parse_strategy(text)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--strategy") from None
        if microgrid is None:
            everybody = chosen
        else:
            overrides[f"microgrids.{microgrid}.strategy"] = chosen
    return everybody


def are_runs(targets: list[str], coordination: list[str] | None, *, has_options: bool) -> bool:
    """Tell whether finished runs are to be compared, or a scenario is to be run."""
    runs = [target for target in targets if (Path(target) / "manifest.json").is_file()]
    one_of_two = "give one scenario with --coordination a,b, or finished run folders alone"
    if not coordination and len(runs) == len(targets):
        if has_options:
            raise typer.BadParameter(f"nothing can be set in finished runs; {one_of_two}")
        return True
    if len(targets) > 1:
        others = [target for target in targets if target not in runs]
        what = f"{', '.join(others)}: no finished run" if others else "these are finished runs"
        raise typer.BadParameter(f"{what}; {one_of_two}", param_hint="SCENARIO|RUN_DIR")
    if not coordination:
        raise typer.BadParameter(
            f"{targets[0]} is no finished run; say what to run it under, such as "
            "--coordination isolated,central",
            param_hint="--coordination",
        )
    return False


def coordination_of(text: str | None) -> str | dict[str, Any] | None:
    """Read one kind, or one kind with options."""
    if text is None:
        return None
    found = coordinations_of([text])
    if len(found) != 1:
        what = f"{text!r} names {len(found)} coordinations; a run has one, `compare` takes several"
        raise typer.BadParameter(what, param_hint="--coordination")
    return found[0]


def coordinations_of(texts: list[str]) -> list[str | dict[str, Any]]:
    """Read kinds separated by commas, or kinds with options as YAML between braces."""
    try:
        return [found for text in texts for found in parse_coordinations(text)]
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--coordination") from None
