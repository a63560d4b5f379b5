"""Work side by side in processes, which end in order when whoever gave it is interrupted."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Event
from typing import TypeVar

__all__ = ["Heed", "outcomes"]

Task = TypeVar("Task")
Outcome = TypeVar("Outcome")

Heed = Callable[..., None]
"""To be called after every step; raises KeyboardInterrupt where the work has to end."""


def outcomes(
    work: Callable[[Task, Heed], Outcome], tasks: Sequence[Task], workers: int
) -> Generator[Outcome, None, None]:
    """Do tasks, and give each one's outcome as soon as it is there.

    Parameters
    ----------
    work : callable
        ``work(task, heed)``, a function of a module.
    tasks : sequence
        What to do: data and references only.
    workers : int
        Processes; with one, the work is done in this one.

    Raises
    ------
    BrokenProcessPool
        If a process was killed from outside.
    """
    if workers == 1 or len(tasks) < 2:
        yield from (work(task, _heed) for task in tasks)
        return
    context = _context()
    stop = context.Event()
    pool = ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context, initializer=_begin, initargs=(stop,)
    )
    try:
        with _deaf_to_interrupts():
            waiting = [pool.submit(_work_until_stopped, work, task) for task in tasks]
        for done in as_completed(waiting):
            yield done.result()
    finally:
        stop.set()  # of no effect where all is done
        pool.shutdown(wait=True, cancel_futures=True)


def _context() -> BaseContext:
    """Give how processes are started: never forked from this one.

    Solvers and pyarrow have threads here, which no fork survives. Where the system can, processes
    are forked from one that has imported mmgsim and done nothing else: importing takes seconds.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mmgsim"])
    return context


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that do not hear Ctrl-C: they are told to stop in another way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# ---------------------------------------------------------------------------- in a worker process
_stop: Event | None = None


def _begin(stop: Event) -> None:
    global _stop
    _stop = stop
    gc.freeze()  # as the command line does
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("mmgsim").setLevel(logging.ERROR)  # warnings of runs are in their manifests
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Leave no process behind that writes to a folder which somebody may go on in."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_until_stopped(work: Callable[[Task, Heed], Outcome], task: Task) -> Outcome:
    _heed()  # some are handed out already when the others are interrupted
    return work(task, _heed)


def _heed(*_: object) -> None:
    """End the work in order, as Ctrl-C would."""
    if _stop is not None and _stop.is_set():
        raise KeyboardInterrupt
