"""A scenario under several coordinations: what each run is called, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmgsim.engine import load_variant
from mmgsim.errors import ComparisonError, Fault, MmgsimError
from mmgsim.report import options_told
from mmgsim.scenario import LoadedScenario, parse_coordinations

__all__ = [
    "CoordinationChoice",
    "chosen_coordinations",
    "reason_of",
    "variant_names",
    "variants_of",
]

CoordinationChoice = str | Mapping[str, Any]

_IN_WORDS = ("none", "one", "two")


def chosen_coordinations(
    scenario: str | Path | LoadedScenario, coordinations: str | Iterable[CoordinationChoice]
) -> list[CoordinationChoice]:
    """Read coordinations, given one by one or as one text."""
    if not isinstance(coordinations, str):
        return list(coordinations)
    try:
        return [*parse_coordinations(coordinations)]
    except ValueError as error:
        raise ComparisonError(str(scenario), [Fault("coordinations", str(error))]) from None


def reason_of(error: Exception) -> str:
    """Say why a run failed, in one line."""
    cause = error.__cause__
    if cause is None:
        return str(error)
    kind = "" if isinstance(cause, MmgsimError) else f"{type(cause).__name__}: "
    return f"{kind}{cause} ({error})"


def variants_of(
    scenario: str | Path | LoadedScenario,
    coordinations: list[CoordinationChoice],
    *,
    overrides: Mapping[str, Any],
    strategy: str | Mapping[str, Any] | None = None,
    least: int = 2,
) -> dict[str, LoadedScenario]:
    """Check the scenario under every coordination, and name the runs.

    Raises
    ------
    ScenarioError
        Naming every fault of the scenario.
    ComparisonError
        If there are fewer coordinations than the least number, or one is there twice.
    """
    faults = []
    if len(coordinations) < least:
        cure = f"give {_IN_WORDS[least]} or more, such as isolated,central"
        faults.append(Fault("coordinations", f"{len(coordinations)} to compare", cure))
    repeated = [c for at, c in enumerate(coordinations) if c in coordinations[:at]]
    faults += [Fault("coordinations", f"{c!r} is there twice", "give it once") for c in repeated]
    if faults:
        raise ComparisonError(str(scenario), faults)
    found = [
        # First and whole, so that overrides can set options and the file's own are none of it.
        load_variant(scenario, {"coordination": choice, **overrides}, strategy=strategy)
        for choice in coordinations
    ]
    chosen = [one.scenario.coordination for one in found]
    names = variant_names([(one.kind, one.options()) for one in chosen])
    return dict(zip(names, found, strict=True))


def variant_names(coordinations: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Name coordinations by their kind, and those of one kind by the options that differ.

    Words stand for themselves, other values after their option: ``bilevel kkt``, ``prices``,
    ``prices tolerance 0.01``. What is still the same is numbered.

    Parameters
    ----------
    coordinations : sequence of (str, mapping)
        Kind and options as they were given.
    """
    count = Counter(kind for kind, _ in coordinations)
    found: list[str] = []
    for kind, options in coordinations:
        if count[kind] == 1:
            found.append(kind)
            continue
        others = [dict(given) for other, given in coordinations if other == kind]
        parts = [
            value if isinstance(value, str) else options_told({key: value})
            for key, value in options.items()
            if any(key not in given or given[key] != value for given in others)
        ]
        found.append(_free(" ".join(dict.fromkeys([kind, *parts])), found))
    return found


def _free(name: str, taken: Sequence[str]) -> str:
    """Add a number where a name is there already."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
