"""Every plan against the same futures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import Any

from mmgsim.engine import MultiMicrogridModel
from mmgsim.errors import JudgementEndedEarlyError
from mmgsim.judge.folder import JudgeRows, judge_rows
from mmgsim.judge.judgement import Judgement
from mmgsim.judge.plans import Plan, PlanChoice, chosen_plans, loaded_plans
from mmgsim.judge.worker import Met, Task, begin, told, work
from mmgsim.kept import choose_study_folder
from mmgsim.lock import held
from mmgsim.processes import outcomes

__all__ = ["JudgeProgress", "judge"]

JudgeProgress = Callable[[int, int], None]
"""Called with how many futures were met, over all plans, and of how many."""

_FUTURES_PER_TASK = 10
"""So many are lost at most when a process is ended; making the model for them takes as long as
meeting three."""


def judge(  # noqa: PLR0913  one parameter per choice of a judgement
    scenario: str | Path,
    plans: str | Iterable[PlanChoice],
    *,
    futures: int = 500,
    level: float = 0.95,
    overrides: Mapping[str, Any] | None = None,
    workers: int = 1,
    out: str | Path | None = None,
    progress: JudgeProgress | None = None,
    resume: bool = False,
) -> Judgement:
    """Have every plan meet the same sampled futures, and hold what it costs side by side.

    The first gate is cleared once a plan, before anything is known of any future. Then each future
    comes true from the first step on: microgrids dispatch, the power flow runs (swept, to 1e-8 pu
    what `mmgsim run` has), bills are written, and later gates of the scenario plan again with what
    was seen. Nothing else differs from a run with ``uncertainty.future`` of that number. Values do
    not depend on the number of processes. With more than one, a script of yours calls this below
    ``if __name__ == "__main__":``, because each process reads the script first.

    Parameters
    ----------
    scenario : str or Path
        Bundled name, folder or YAML file; it says under `uncertainty` what is uncertain.
    plans : str, or iterable of str or mapping
        Coordinations, ``central``; with a strategy for all, ``central+robust``; or mappings with
        the keys `coordination`, `strategy`, `forecast`, `set` and `name`. The others are held
        against the first.
    futures : int
        How many are sampled: numbers 1 to this.
    level : float
        Of the conditional value at risk, from 0 to below 1.
    overrides : mapping
        Values by dotted path, of all plans. Plans expect the mean of what can come, whatever the
        `forecast` of the scenario; here, or in a plan, another one can be set.
    workers : int
        Processes.
    out : str, Path or None
        Folder, which must not exist or be empty, but for `resume`: gets `futures.csv`,
        `futures.parquet`, `judge.json` and `judge.html`; ``runs/<scenario>-judge-<time>`` by
        default.
    progress : callable or None
        Called as futures are met, and once at the beginning.
    resume : bool
        Go on with the judgement in `out`: keep its rows and make those that lack. More futures and
        further plans may be asked for; everything else has to be the same.

    Raises
    ------
    ScenarioError, ComparisonError
        Naming every fault; nothing is written then.
    ValueError
        If there is no future to meet, or no share of futures beyond the level.
    JudgementEndedEarlyError
        If a plan failed in some future; the others are in the folder.
    """
    if futures < 1:
        raise ValueError(f"futures is at least 1, not {futures}")
    if not 0.0 <= level < 1.0:
        raise ValueError(f"level is from 0 to below 1, not {level:g}")
    found = chosen_plans(scenario, plans)
    given = dict(overrides or {})
    loaded = loaded_plans(scenario, found, given)
    model = MultiMicrogridModel(next(iter(loaded.values())))  # reads series: their faults too
    path = choose_study_folder(out, model.scenario.name, "judge", resume=resume)
    with held(path):
        folder = judge_rows(path, loaded, model, resume=resume)
        numbers = range(1, futures + 1)

        def judgement() -> Judgement:
            return Judgement(
                model.scenario,
                found,
                folder.rows,
                numbers,
                level=level,
                folder=path,
                knows=[
                    name for name, one in loaded.items() if one.scenario.forecast.kind == "perfect"
                ],
            )

        tasks = _tasks(folder, found, str(scenario), given, numbers)
        watch = progress or _nobody
        total = len(found) * futures

        def left_over(left: int) -> None:
            watch(total - left, total)

        return _made(folder, tasks, judgement, workers=workers, progress=left_over)


def _tasks(
    folder: JudgeRows,
    plans: Iterable[Plan],
    scenario: str,
    overrides: Mapping[str, Any],
    numbers: range,
) -> list[Task]:
    """Give what is left to do, with the first gate of every plan cleared."""
    found: list[Task] = []
    for plan in plans:
        lacking = tuple(n for n in numbers if not folder.has_ended((plan.name, n)))
        if not lacking:
            continue
        try:
            start = begin(plan, scenario, overrides)
        except Exception as error:  # noqa: BLE001  rows of the table: the other plans go on
            folder.add([Met(plan.name, future, {}, told(error)) for future in lacking])
            continue
        found += [
            Task(plan, scenario, overrides, start, lacking[at : at + _FUTURES_PER_TASK])
            for at in range(0, len(lacking), _FUTURES_PER_TASK)
        ]
    return found


def _made(
    folder: JudgeRows,
    tasks: list[Task],
    judgement: Callable[[], Judgement],
    *,
    workers: int,
    progress: Callable[[int], None],
) -> Judgement:
    """Have the plans meet what they lack, and write what came of it."""
    left = sum(len(task.futures) for task in tasks)
    made, why = None, ""
    try:
        progress(left)
        with closing(outcomes(work, tasks, workers)) as found:
            for rows in found:
                folder.add(rows)
                left -= len(rows)
                progress(left)
    except BrokenProcessPool:
        why = "a process was ended from outside, perhaps for want of memory"
    except KeyboardInterrupt as error:
        error.add_note(f"What was met is in {folder.path}; go on: --out {folder.path} --resume")
        raise
    finally:
        # Whatever happened: what was met is in the table.
        if folder.rows:
            made = judgement()
            made.write()
    if why or made is None or made.failed:
        raise JudgementEndedEarlyError(folder.path, made.failed if made else {}, made, why)
    return made


def _nobody(done: int, total: int) -> None:
    """Show no progress."""
