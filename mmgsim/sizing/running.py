"""Sizing a scenario: the search, its bound, what else was asked for, and the folder of all that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from mmgsim.contracts import FloatArray
from mmgsim.division import EXACT_MEMBERS
from mmgsim.engine import load_variant
from mmgsim.errors import Fault, MissingExtraError, ScenarioError, SubproblemError, near_miss
from mmgsim.kept import choose_study_folder, goes_on_said
from mmgsim.lock import held
from mmgsim.scenario import LoadedScenario, SizingConfig
from mmgsim.sizing.case import Sharing, SizingCase
from mmgsim.sizing.checking import check_in_runs
from mmgsim.sizing.exact import least_annual_cost
from mmgsim.sizing.games import (
    Game,
    Played,
    Players,
    Share,
    descend,
    groups_of_microgrids,
    groups_of_technologies,
    play,
)
from mmgsim.sizing.kept import WHAT, KeptSearch
from mmgsim.sizing.monthly import month_table
from mmgsim.sizing.objectives import Objective, Terms
from mmgsim.sizing.pareto import front, has_pymoo
from mmgsim.sizing.problem import Best, Problem
from mmgsim.sizing.reading import sizing_case, yearly_scenario
from mmgsim.sizing.searching import METHODS, search_of
from mmgsim.sizing.sensitivity import sensitivity_table
from mmgsim.sizing.study import SizeStudy, cost_table, size_names, size_table
from mmgsim.sizing.winner import with_sizes, write_scenario
from mmgsim.sizing.yearly import YearSimulator, has_numba

__all__ = ["EXACT", "FURTHER", "SizeProgress", "size"]

SizeProgress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""

Further = Literal["sensitivity", "front", "games", "check"]
FURTHER: tuple[str, ...] = get_args(Further)
"""What can be asked for besides the sizes."""

EXACT = "exact"
"""The method that has no search: sizes of the linear program."""

_KEEP_EVERY_S = 5.0
"""So much of a search is lost at most when it is ended."""
_STARTS = 2
"""Sizes from which each structure of a game begins, besides those that are known."""
_NAMES: Mapping[str, Callable[[], Iterable[str]]] = {
    "sharing": lambda: list(Sharing),
    "objective": lambda: list(Objective),
    "method": lambda: [*METHODS, EXACT],
}


def size(  # noqa: PLR0913  one parameter per choice of a sizing
    scenario: str | Path | LoadedScenario,
    *,
    sharing: str = Sharing.PEERS,
    objective: str = Objective.WEIGHTED,
    method: str = "evolution",
    further: Iterable[str] = (),
    search_seed: int = 1,
    overrides: Mapping[str, Any] | None = None,
    workers: int | None = None,
    out: str | Path | None = None,
    progress: SizeProgress | None = None,
    resume: bool = False,
) -> SizeStudy:
    """Find how large wind, PV and batteries should be, by a year of the rule of paper 004.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file; it says under `sizing` what is sized and what it costs.
    sharing : str
        ``grid``, ``peers`` or ``pool``: what microgrids do with what they have left over.
    objective : str
        ``weighted``, ``lcoe``, ``reliability`` or ``annual-cost``.
    method : str
        ``evolution`` (differential evolution), ``swarm`` (that of the paper), or ``exact``, the
        linear program: the annual cost, with perfect foresight, alone or pooled.
    further : iterable of str
        Any of ``sensitivity`` (prices and discount rate), ``front`` (levelised cost against
        reliability), ``games`` (who builds what if technologies or microgrids decide for
        themselves), ``check`` (the sizes in the full simulator, on days that stand for the year).
    search_seed : int
        Of all draws of the search; the seed of the scenario draws its series.
    overrides : mapping
        Values by dotted path.
    workers : int or None
        Threads, by default one a processor. They change no value.
    out : str, Path or None
        Folder, which must not exist or be empty, but for `resume`: gets tables, `size.json`,
        `size.html` and the scenario `sized`; ``runs/<scenario>-size-<time>`` by default.
    progress : callable or None
        Called as work is done.
    resume : bool
        Go on with the search in `out`; its end is what it would have been.

    Raises
    ------
    ScenarioError
        Naming every fault; nothing is written then.
    MissingExtraError
        If a front is asked for and pymoo is not installed.
    YearEndedEarlyError
        If runs of a check fail; the sizes and what was asked for before it are written.
    """
    asked = tuple(dict.fromkeys(further))
    _check_choices({"sharing": sharing, "objective": objective, "method": method}, asked)
    loaded = load_variant(scenario, dict(overrides or {}))
    case = sizing_case(loaded)
    problem = _problem(loaded, case, Sharing(sharing), Objective(objective), workers)
    _check_fits(loaded, problem, method, asked)
    folder = choose_study_folder(out, loaded.scenario.name, WHAT, resume=resume)
    choices = {"sharing": sharing, "objective": objective, "method": method, "seed": search_seed}
    with held(folder), goes_on_said(folder, "What was found"):
        kept = KeptSearch(folder, loaded, case, choices, resume=resume)
        work = _Work(loaded, problem, method, search_seed, progress or _nobody)
        found, rounds = work.found(kept)
        study = work.study(found, rounds, folder)
        write_scenario(folder / "sized", with_sizes(loaded, case, study.sizes))
        study.write()  # whatever becomes of the rest
        for what in asked:
            work.further(study, what)
            study.write()
    return study


def _problem(
    loaded: LoadedScenario,
    case: SizingCase,
    sharing: Sharing,
    objective: Objective,
    workers: int | None,
) -> Problem:
    sizing = loaded.scenario.sizing
    assert isinstance(sizing, SizingConfig)  # a case has one
    if sharing is Sharing.POOL and not case.stores.are_alike:
        what = "batteries that differ in efficiency, power or levels cannot be pooled"
        fault = Fault("sharing", what, "give all the same, or another way of sharing")
        raise ScenarioError(loaded.source, [fault])
    simulator = YearSimulator(case, sharing, workers=workers)
    return Problem.of(simulator, Terms.of(case, sizing), objective)


def _check_choices(chosen: Mapping[str, str], further: Iterable[str]) -> None:
    """Refuse names that there are not, all at once."""
    faults = [
        Fault(key, f"there is no {value!r}", near_miss(value, _NAMES[key]()))
        for key, value in chosen.items()
        if value not in _NAMES[key]()
    ]
    faults += [
        Fault("further", f"there is no {value!r}", near_miss(value, FURTHER))
        for value in further
        if value not in FURTHER
    ]
    if faults:
        raise ScenarioError("sizing", faults)
    if "front" in further and not has_pymoo():
        raise MissingExtraError("pareto", ["pymoo"])


def _check_fits(
    loaded: LoadedScenario, problem: Problem, method: str, further: Iterable[str]
) -> None:
    """Refuse what cannot do what is asked for, and a search without anything to find."""
    faults = []
    sharing, objective = problem.simulator.sharing, problem.objective
    if method == EXACT and (sharing is Sharing.PEERS or objective is not Objective.ANNUAL_COST):
        what = "the linear program knows the annual cost, alone with the grid or pooled"
        faults.append(Fault("method", what, "--objective annual-cost --sharing grid, or pool"))
    if not problem.is_free.any():
        what = "no size is free: every least size is also the largest"
        faults.append(Fault("sizing", what, "widen min and max"))
    if "games" in further and problem.case.members > EXACT_MEMBERS:
        what = f"games divide between up to {EXACT_MEMBERS} microgrids, not {problem.case.members}"
        faults.append(Fault("further", what, "leave them out"))
    if faults:
        raise ScenarioError(loaded.source, faults)


class _Work:
    """What is done for one sizing."""

    def __init__(
        self,
        loaded: LoadedScenario,
        problem: Problem,
        method: str,
        seed: int,
        progress: SizeProgress,
    ) -> None:
        self._loaded = loaded
        self._problem = problem
        self._method = method
        self._seed = seed
        self._progress = progress
        self._why_no_bound = ""
        self._year = yearly_scenario(loaded)

    # --------------------------------------------------------------------------------- sizes
    def found(self, kept: KeptSearch) -> tuple[FloatArray, pd.DataFrame]:
        """Give the sizes and the best of every round, gone on from what was kept."""
        problem = self._problem
        if self._method == EXACT:
            self._progress("linear program", 0, 1)
            least = least_annual_cost(problem.case, problem.simulator.sharing, problem.terms)
            sizes = np.clip(least.sizes, problem.case.low, problem.case.high)
            self._progress("linear program", 1, 1)
            self._check_found(float(problem.costs(sizes[problem.is_free][None])[0]))
            return sizes, pd.DataFrame({"round": [], "best": []})
        search = search_of(self._method, problem, self._seed)
        bests = kept.restore(search)
        last_s = monotonic()
        while not search.is_done:
            search.advance()
            bests.append(search.best.cost)
            self._progress(f"best {search.best.cost:.6g}", search.rounds, search.most_rounds)
            if monotonic() - last_s > _KEEP_EVERY_S or search.is_done:
                kept.keep({**search.state(), "bests": np.array(bests)})
                last_s = monotonic()
        self._check_found(search.best.cost)
        rounds = pd.DataFrame({"round": np.arange(1, len(bests) + 1), "best": bests})
        return problem.sizes(search.best.vector[None])[0], rounds

    def _check_found(self, cost: float) -> None:
        if np.isfinite(cost):
            return
        share = f"{100 * self._problem.terms.least_own_share:g} % of the load from own devices"
        what, cure = f"no sizes within the limits serve {share}", "raise the largest sizes"
        if self._method == EXACT:
            what = f"the linear program leaves it out, and its sizes do not serve {share}"
            cure = "take a search"
        fault = Fault("sizing.least_own_share", what, f"lower it, or {cure}")
        raise ScenarioError(self._loaded.source, [fault])

    # --------------------------------------------------------------------------------- study
    def study(self, sizes: FloatArray, rounds: pd.DataFrame, folder: Path) -> SizeStudy:
        """Judge sizes, bound the annual cost, and give the study of both."""
        problem, scenario = self._problem, self._loaded.scenario
        bound = self._bound()
        sizing = size_table(problem, sizes)
        return SizeStudy(
            scenario=scenario.name,
            currency=scenario.currency,
            method=self._method,
            problem=problem,
            sizes=sizes,
            cost=float(problem.costs(sizes[problem.is_free][None])[0]),
            seed=self._seed,
            days=self._year.scenario.days,
            bound=bound,
            rounds=rounds,
            sizing=sizing,
            costs=cost_table(problem, sizes),
            flows=month_table(problem.simulator, sizes, self._year.scenario.start),
            folder=folder,
            notes=tuple(self._notes(sizing)),
        )

    def _bound(self) -> float | None:
        """Give what no sizes cost less than, if the linear program of the year ends."""
        problem = self._problem
        self._progress("bound", 0, 1)
        try:
            found = least_annual_cost(problem.case, problem.simulator.sharing, problem.terms).bound
        except SubproblemError as error:
            self._why_no_bound = f"No bound of the annual cost was found: {error}"
            return None
        self._progress("bound", 1, 1)
        return found

    def _notes(self, sizing: pd.DataFrame) -> Iterable[str]:
        if self._why_no_bound:
            yield self._why_no_bound
        if sizing.at_limit.isin(["low", "high"]).any():
            yield "Sizes at a limit are decided by it, not by the objective."
        if self._problem.objective is Objective.RELIABILITY:
            yield "The reliability index knows no cost of devices: it asks for the largest sizes."
        if not has_numba():
            yield "Computed by numpy; with numba (pip install 'mmgsim[fast]') it takes a thirtieth."

    # ------------------------------------------------------------------------------- further
    def further(self, study: SizeStudy, what: str) -> None:
        """Add what was asked for besides."""
        self._progress(what, 0, 1)
        if what == "sensitivity":
            # Numbers change a little: the best is looked for from where it was.
            near = replace(self._problem, at=study.sizes)
            study.sensitivity = sensitivity_table(near, study.sizes, self._best_near)
        elif what == "front":
            study.front = self._front()
        elif what == "games":
            self._games(study)
        else:
            sized = with_sizes(self._year, self._problem.case, study.sizes)
            study.check = check_in_runs(
                sized, self._problem.simulator, study.sizes, folder=study.folder / "check"
            )
        self._progress(what, 1, 1)

    def _best_near(self, problem: Problem) -> Best:
        return descend(problem, self._seed)

    def _front(self) -> pd.DataFrame:
        found = front(self._problem, seed=self._seed)
        columns = {"lcoe_per_kwh": found.lcoe_per_kwh, "reliability": found.reliability}
        names = size_names(size_table(self._problem, self._problem.case.high))
        is_owned = self._problem.case.present > 0.0
        sizes = self._problem.sizes(found.vectors)[:, is_owned]
        return pd.DataFrame({**columns, **dict(zip(names, sizes.T, strict=True))})

    def _games(self, study: SizeStudy) -> None:
        """Play the games of technologies, and divide what they and microgrids save together."""
        simulator, terms = self._problem.simulator, self._problem.terms
        players = Players.technologies(self._problem.case)
        played: list[Played] = []
        for share in (Share.FULL, Share.EQUAL):
            game = Game(simulator, terms, players, share)
            known = [study.sizes, *(one.cooperative.sizes for one in played)]
            played.append(play(game, starts=_STARTS, seed=self._seed, known=known))
            self._progress(f"games, {share} shares", len(played), 4)
        study.structures = pd.concat([one.structures for one in played], ignore_index=True)
        study.payoffs = pd.concat([one.payoffs for one in played], ignore_index=True)
        groups = {}
        for between, find in (
            ("technologies", groups_of_technologies),
            ("microgrids", groups_of_microgrids),
        ):
            groups[between] = find(simulator, terms, seed=self._seed)
            self._progress(f"games, groups of {between}", 2 + len(groups), 4)
        study.divisions = _by_players({name: one.divisions for name, one in groups.items()})
        study.violations = _by_players(
            {name: one.violations.reset_index() for name, one in groups.items()}
        )


def _by_players(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put tables below each other, with a column `between` that says between whom."""
    parts = [table.assign(between=between) for between, table in tables.items()]
    table = pd.concat(parts, ignore_index=True)
    return table[["between", *(name for name in table if name != "between")]]


def _nobody(what: str, done: int, total: int) -> None:
    """Show no progress."""
