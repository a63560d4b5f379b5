"""A folder that one process at a time works in."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mmgsim.errors import Fault, ScenarioError

__all__ = ["LOCK", "held"]

LOCK = ".lock"
"""The file that is locked; it stays, for the name alone means nothing."""

log = logging.getLogger(__name__)

_HELD = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)
"""What systems say of a lock that somebody else has."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder and keep every other process that asks from working in it.

    The lock is one of the operating system, on an open file: it ends with the process, however
    that ends. Where a file system has none, a warning says so, and the work goes on.

    Raises
    ------
    ScenarioError
        If another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a", encoding="utf-8") as file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno in _HELD:
                what, cure = "another process works in it", "wait for it, or give another --out"
                raise ScenarioError(str(folder), [Fault(str(folder), what, cure)]) from None
            log.warning("%s cannot be locked (%s): start nothing else in it", folder, error)
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        """Take the lock or raise at once; closing the file gives it back."""
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        """Take the lock or raise at once; closing the file gives it back."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
