"""A cache on disk for years that are slow to generate.

Each entry is one plain array (no pickles), found by the hash of all it depends on and put in place
by an atomic rename: two processes may share the folder, and a broken entry is made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import platformdirs

from mmgsim.contracts import FloatArray, frozen

__all__ = ["GENERATOR_VERSION", "cached_array", "use_cache_dir"]

GENERATOR_VERSION = 1
"""Raise it whenever a generator gives other numbers for the same parameters."""

_log = logging.getLogger("mmgsim.profiles.cache")


class _Store:
    """Where entries are kept; `folder` is None when the cache is off."""

    def __init__(self) -> None:
        self.folder: Path | None = Path(platformdirs.user_cache_dir("mmgsim")) / "profiles"
        self.warned = False

    def warn_once(self, what: str, reason: Exception) -> None:
        """Say once that the cache fails: it costs time, never a result."""
        if not self.warned:
            self.warned = True
            _log.warning("%s in the cache %s: %s; computing instead", what, self.folder, reason)


_store = _Store()


def use_cache_dir(path: Path | None) -> None:
    """Keep generated years in `path` from now on, or nowhere if it is None."""
    _store.folder = path
    _store.warned = False


def cached_array(
    compute: Callable[[], FloatArray],
    *,
    generator: str,
    parameters: dict[str, str | int | float],
    libraries: tuple[str, ...],
) -> FloatArray:
    """Give the array of `compute`, from disk if it was computed before.

    Parameters
    ----------
    compute : callable
        Makes the array; depends on `generator` and `parameters` alone.
    generator : str
        What makes it.
    parameters : dict
        Everything the values depend on, the seed included.
    libraries : tuple of str
        Distributions whose version may change the values.

    Returns
    -------
    array
        Read-only.
    """
    folder = _store.folder
    if folder is None:
        return frozen(compute())
    file = folder / f"{generator}-{_digest(generator, parameters, libraries)}.bin"
    found = _read(file)
    if found is not None:
        return found
    values = frozen(compute())
    _write(file, values)
    return values


def _digest(
    generator: str, parameters: dict[str, str | int | float], libraries: tuple[str, ...]
) -> str:
    key = {
        "generator": generator,
        "generator_version": GENERATOR_VERSION,
        "libraries": {name: version(name) for name in libraries},
        "parameters": parameters,
    }
    text = json.dumps(key, sort_keys=True)  # floats are written so that they read back exactly
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _read(file: Path) -> FloatArray | None:
    try:
        with file.open("rb") as stream:
            checksum = stream.read(32)
            content = stream.read()
    except FileNotFoundError:
        return None
    except OSError as reason:
        _store.warn_once("cannot read", reason)
        return None
    # A half-written or rotten entry must not pass for a result, so its content is checked.
    if hashlib.sha256(content).digest() != checksum:
        _store.warn_once("broken entry", ValueError(f"wrong checksum in {file.name}"))
        return None
    return frozen(np.frombuffer(content, dtype="<f8"))


def _write(file: Path, values: FloatArray) -> None:
    content = values.astype("<f8").tobytes()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(content).digest() + content)
            part.replace(file)
        except OSError:
            part.unlink(missing_ok=True)
            raise
    except OSError as reason:
        _store.warn_once("cannot write", reason)
