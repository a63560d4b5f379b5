"""Names that installed packages register for strategies, operators, markets and mechanisms.

A package does so by an entry point, in its pyproject.toml:

    [project.entry-points."mmgsim.strategies"]
    my-strategy = "my_package.my_strategy:MyStrategy"

Nothing of it is imported before a scenario uses the name.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from mmgsim.errors import PackageError

__all__ = ["GROUPS", "Kind", "load_registered", "package_of", "registered"]


class Kind(StrEnum):
    """What can be replaced by reference."""

    STRATEGY = "strategy"
    OPERATOR = "operator"
    MARKET = "market"
    MECHANISM = "coordination"
    AGENT = "agent"


GROUPS: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.STRATEGY: "mmgsim.strategies",
        Kind.OPERATOR: "mmgsim.operators",
        Kind.MARKET: "mmgsim.markets",
        Kind.MECHANISM: "mmgsim.mechanisms",
    }
)
"""Groups of entry points."""


def registered(kind: Kind) -> tuple[EntryPoint, ...]:
    """Give what installed packages register, in the order of names and packages."""
    return _registered(GROUPS[kind], tuple(sys.path)) if kind in GROUPS else ()


@lru_cache
def _registered(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Read the metadata of all packages once for every search path: it takes some 50 ms."""
    del path
    found = entry_points(group=group)
    return tuple(sorted(found, key=lambda entry: (entry.name, package_of(entry))))


def package_of(entry: EntryPoint) -> str:
    """Give name and version of the package that an entry point belongs to."""
    package = entry.dist
    return "an unknown package" if package is None else f"{package.name} {package.version}"


def load_registered(kind: Kind, name: str) -> Any:
    """Give the class that a package registers under a name, None where no package does.

    Raises
    ------
    PackageError
        If the package is broken, or several packages register the name.
    """
    entries = [entry for entry in registered(kind) if entry.name == name]
    if not entries:
        return None
    if len(entries) > 1:
        packages = " and ".join(f"{package_of(x)} ({x.value})" for x in entries)
        cure = "uninstall all but one, or name the class: " + " or ".join(
            f"{entry.value!r}" for entry in entries
        )
        raise PackageError(kind, name, f"is registered by {packages}", cure)
    (entry,) = entries
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        why = f"of {package_of(entry)} cannot be loaded: {type(error).__name__}: {error}"
        cure = f"mend or reinstall the package; it registers {entry.value!r}"
        raise PackageError(kind, name, why, cure) from error
