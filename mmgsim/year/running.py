"""Running every representative day of a scenario under several coordinations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmgsim.compare import CoordinationChoice, chosen_coordinations, reason_of, variants_of
from mmgsim.engine import load_variant
from mmgsim.errors import Fault, MmgsimError, RunEndedEarlyError, ScenarioError, YearEndedEarlyError
from mmgsim.folder import choose_folder, file_name
from mmgsim.kept import goes_on_said
from mmgsim.run import Progress, run
from mmgsim.scenario import LoadedScenario, RepresentativeDayConfig, read_inputs
from mmgsim.tables import Results
from mmgsim.year.reduction import choose_year
from mmgsim.year.study import YearStudy

__all__ = ["day_faults", "year"]


def year(  # noqa: PLR0913  one parameter per choice of a study
    scenario: str | Path | LoadedScenario,
    coordinations: str | Iterable[CoordinationChoice],
    *,
    overrides: Mapping[str, Any] | None = None,
    strategy: str | Mapping[str, Any] | None = None,
    choose: str | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    resume: bool = False,
) -> YearStudy:
    """Run the days under `year` of a scenario, and weigh them to a year.

    Every day is a run of its own, from its midnight to the next, whose storage begins as the
    scenario says; nothing is carried from day to day. What a year costs is the sum of weight times
    day. A run that fails does not keep the others from being made.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file; it names its days under `year`.
    coordinations : str, or iterable of str or mapping
        As of `mmgsim.compare`, one or more; savings are against the first.
    overrides : mapping
        Values by dotted path, for all runs.
    strategy : str, mapping or None
        Of all microgrids, in all runs.
    choose : str or None
        How many days to choose out of the calendar year of `start`, in place of those under `year`,
        and how: see `choose_year`.
    out : str, Path or None
        Folder, which must not exist or be empty, but for `resume`: gets a folder a day with a
        result folder a coordination, `year.csv`, `days.csv`, `year.json` and `year.html`;
        ``runs/<scenario>-year-<time>`` by default.
    progress : callable or None
        Called with the model after every step.
    resume : bool
        Keep the finished runs in `out`, and run only what lacks. A run of another scenario there
        is refused.

    Raises
    ------
    ScenarioError
        Naming every fault, those of the days included; nothing is written then.
    ComparisonError
        If there is no coordination, or one is there twice.
    InputError
        If `choose` names no way to choose days.
    MissingExtraError
        If it needs a library that is not installed.
    YearEndedEarlyError
        If a run failed; what finished is in the folder.
    """
    chosen = chosen_coordinations(scenario, coordinations)
    overrides, picked = dict(overrides or {}), None
    if choose is not None:
        picked = choose_year(scenario, choose, overrides=overrides)
        overrides["year"] = [day.model_dump(mode="json") for day in picked.days]
    variants = variants_of(scenario, chosen, overrides=overrides, strategy=strategy, least=1)
    loaded = next(iter(variants.values()))
    _check_days(loaded)
    if resume and out is not None:
        folder = Path(out)
    else:
        folder = choose_folder(out, loaded.scenario.name, "year")
    days = loaded.scenario.year
    finished: dict[str, dict[str, Results]] = {day.name: {} for day in days}
    failures: dict[str, Exception] = {}
    study = None
    with goes_on_said(folder, "What finished"):
        try:
            for day, name, variant in _days_of(variants):
                place = folder / day.name / file_name(name)
                try:
                    results = run(
                        _of_day(variant, day), out=place, progress=progress, resume=resume
                    )
                    finished[day.name][name] = results
                except (MmgsimError, OSError) as error:
                    is_first = not failures and not any(finished.values())
                    if is_first and not isinstance(error, RunEndedEarlyError):
                        raise  # nothing was simulated: the input is wrong on any day
                    failures[f"{day.name}, {name}"] = error
        finally:
            # Whatever happened: what finished is weighed as far as it goes.
            if any(finished.values()):
                study = YearStudy(
                    loaded.scenario.name,
                    loaded.scenario.currency,
                    days=days,
                    names=list(variants),
                    runs=finished,
                    failed={what: reason_of(error) for what, error in failures.items()},
                    chosen=picked,
                )
                study.write(folder)
    if failures or study is None:
        raise YearEndedEarlyError(folder, failures, study)
    return study


def _days_of(
    variants: Mapping[str, LoadedScenario],
) -> Iterator[tuple[RepresentativeDayConfig, str, LoadedScenario]]:
    """Give day by day every coordination, so that whole days are there first."""
    days = next(iter(variants.values())).scenario.year
    for day in days:
        for name, variant in variants.items():
            yield day, name, variant


def _of_day(loaded: LoadedScenario, day: RepresentativeDayConfig) -> LoadedScenario:
    """Give the scenario of one representative day alone: an ordinary one of a single day."""
    return load_variant(loaded, {"start": day.day.isoformat(), "days": 1, "year": []})


def _check_days(loaded: LoadedScenario) -> None:
    if not loaded.scenario.year:
        cure = "name days and weights, like {name: summer, day: 2021-01-20, weight: 62}"
        raise loaded.refusal([Fault("year", "names no day that stands for others", cure)])
    faults = day_faults(loaded)
    if faults:
        raise loaded.refusal(faults)


def day_faults(loaded: LoadedScenario) -> list[Fault]:
    """Give why a representative day cannot be run although the scenario can.

    A file may end before the day, a price may be negative on it, a clock may be put back. Parts
    that have the same fault on every day are named for each.
    """
    faults = []
    for day in loaded.scenario.year:
        try:
            own = _of_day(loaded, day)
            read_inputs(own.scenario, own.folder)
        except ScenarioError as error:
            faults += [
                Fault(f"year.{day.name}.day", f"{fault.where}: {fault.what}", fault.cure)
                for fault in error.faults
            ]
    return faults
