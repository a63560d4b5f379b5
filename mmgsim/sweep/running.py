"""Running one scenario over many values of its keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path
from typing import Any

from mmgsim.engine import MultiMicrogridModel
from mmgsim.errors import SweepEndedEarlyError
from mmgsim.kept import choose_study_folder
from mmgsim.lock import held
from mmgsim.processes import outcomes
from mmgsim.sweep.folder import SweepFolder
from mmgsim.sweep.reading import LoadedSweep, load_sweep
from mmgsim.sweep.study import Sweep
from mmgsim.sweep.worker import work

__all__ = ["SweepProgress", "sweep"]

SweepProgress = Callable[[int, int], None]
"""Called with how many runs are done, and of how many."""


def sweep(
    given: str | Path | Mapping[str, Any],
    *,
    workers: int | None = None,
    out: str | Path | None = None,
    progress: SweepProgress | None = None,
    resume: bool = False,
) -> Sweep:
    """Run one scenario over values of its keys, in processes side by side, into one table.

    A run that fails is a row with its error; the others go on. Values do not depend on the number
    of processes. With more than one, a script of yours calls this below
    ``if __name__ == "__main__":``, because each process reads the script first.

    Parameters
    ----------
    given : str, Path or mapping
        A sweep file, or what would stand in one: ``{"scenario": "duo", "seeds": 30}``.
    workers : int or None
        Processes; as the sweep says by default, which is 1.
    out : str, Path or None
        Folder, which must not exist or be empty, but for `resume`: gets a result folder a run under
        `runs`, `sweep.csv`, `sweep.parquet`, `sweep.json` and `sweep.html`;
        ``runs/<scenario>-sweep-<time>`` by default.
    progress : callable or None
        Called when a run has ended, and once at the beginning.
    resume : bool
        Go on with the sweep in `out`: keep its complete runs, and make those that lack or failed.
        What was cut off goes on after its last day. Another sweep there is refused, and one that
        another process still makes.

    Raises
    ------
    ScenarioError
        Naming every fault of the sweep and of its values; nothing is written then.
    SweepEndedEarlyError
        If a run failed; what finished is in the folder.
    """
    loaded = load_sweep(given)
    model = MultiMicrogridModel(loaded.first)  # reads series and network: their faults too
    path = choose_study_folder(out, model.scenario.name, "sweep", resume=resume)
    with held(path):
        folder = SweepFolder(path, loaded, model, resume=resume)
        return _made(folder, loaded, workers or loaded.config.workers, progress)


def _made(
    folder: SweepFolder, loaded: LoadedSweep, workers: int, progress: SweepProgress | None
) -> Sweep:
    """Make the runs that lack, and write the table of all."""
    tasks, total, why = folder.tasks(), len(loaded.runs), ""
    made = None
    done = total - len(tasks)
    try:
        if progress is not None:
            progress(done, total)
        with closing(outcomes(work, tasks, workers)) as found:
            for outcome in found:
                folder.add(outcome)
                done += 1
                if progress is not None:
                    progress(done, total)
    except BrokenProcessPool:
        why = "a process was ended from outside, perhaps for want of memory"
    except KeyboardInterrupt as error:
        error.add_note(f"What finished is in {folder.path}; to go on: --out {folder.path} --resume")
        raise
    finally:
        # Whatever happened: what ended is in the table.
        if folder.ended:
            made = Sweep(loaded, folder.ended, folder.path)
            made.write()
    if why or made is None or made.failed:
        raise SweepEndedEarlyError(folder.path, made.failed if made else {}, made, why)
    return made
