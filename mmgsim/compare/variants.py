"""A scenario under several coordinations: what each run is called, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmgsim.engine import load_variant
from mmgsim.errors import ComparisonError, Fault, MmgsimError
from mmgsim.scenario import LoadedScenario, parse_coordinations

__all__ = ["CoordinationChoice", "chosen_coordinations", "reason_of", "variants_of"]

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
    found: dict[str, LoadedScenario] = {}
    for choice in coordinations:
        # First and whole, so that overrides can set options and the file's own are none of it.
        chosen = {"coordination": choice, **overrides}
        loaded = load_variant(scenario, chosen, strategy=strategy)
        found[_free(loaded.scenario.coordination.kind, found)] = loaded
    return found


def _free(kind: str, taken: Mapping[str, Any]) -> str:
    """Add a number where the same coordination comes with other options."""
    free, number = kind, 1
    while free in taken:
        number += 1
        free = f"{kind}-{number}"
    return free
