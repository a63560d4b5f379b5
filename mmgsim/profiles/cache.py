"""A cache on disk for years and nets that are slow to make: joblib's, addressed by content.

An entry is found by the hash of all it depends on. Compression carries a checksum, so that a rotten
entry is noticed and made again; two processes may share the folder.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from joblib import Memory

from mmgsim.contracts import FloatArray, frozen

__all__ = ["GENERATOR_VERSION", "cached_array", "cached_object", "use_cache_dir"]

GENERATOR_VERSION = 1
"""Raise it whenever a generator gives other numbers for the same parameters."""

_log = logging.getLogger("mmgsim.profiles.cache")


class _Store:
    """Where entries are kept; `folder` is None when the cache is off."""

    def __init__(self) -> None:
        self.folder: Path | None = Path(platformdirs.user_cache_dir("mmgsim")) / "profiles"
        self._warned = False

    def warn_once(self, reason: object) -> None:
        """Say once that the cache fails: it costs time, never a result."""
        if not self._warned:
            self._warned = True
            _log.warning("the cache %s fails: %s; computing instead", self.folder, reason)


_store = _Store()


def use_cache_dir(path: Path | None) -> None:
    """Keep what was made in `path` from now on, or nowhere if it is None."""
    global _store
    _store = _Store()
    _store.folder = path


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
    if _store.folder is None:
        return frozen(compute())
    # Floats are written so that they read back exactly.
    return frozen(_kept(_entry, _key(generator, parameters, libraries), compute))


def cached_object(
    compute: Callable[[], Any],
    *,
    generator: str,
    parameters: dict[str, str | int | float],
    libraries: tuple[str, ...],
) -> Any:
    """Give what `compute` makes, from disk if it was made before; as of `cached_array`.

    It must be possible to pickle it.
    """
    if _store.folder is None:
        return compute()
    return _kept(_object, _key(generator, parameters, libraries), compute)


def _key(
    generator: str, parameters: dict[str, str | int | float], libraries: tuple[str, ...]
) -> str:
    key = {
        "generator": generator,
        "generator_version": GENERATOR_VERSION,
        "libraries": {name: _version(name) for name in libraries},
        "parameters": parameters,
    }
    return json.dumps(key, sort_keys=True)


@cache
def _version(library: str) -> str:
    """Look a version up once: each look reads a file, and a scenario has dozens of entries."""
    return version(library)


def _kept(entry: Callable[..., Any], key: str, compute: Callable[[], Any]) -> Any:
    try:
        # joblib warns of broken or unwritable entries and then computes; that is said once, below.
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            memory = Memory(_store.folder, verbose=0, compress=True)
            values = memory.cache(entry, ignore=["compute"], verbose=0)(key, compute)
    except OSError as reason:
        _store.warn_once(reason)
        return compute()
    for warning in caught:
        _store.warn_once(warning.message)
    return values


def _entry(key: str, compute: Callable[[], FloatArray]) -> FloatArray:
    """Compute an entry; joblib keeps it under the hash of `key` alone."""
    del key
    return np.asarray(compute(), dtype=np.float64)


def _object(key: str, compute: Callable[[], Any]) -> Any:
    """Make an object; apart from `_entry`, since joblib drops what other code has made."""
    del key
    return compute()
