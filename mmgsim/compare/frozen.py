"""Runs within the envelopes that another run recorded: which they are, and what that means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmgsim.errors import ResultsError
from mmgsim.scenario import found_path, parse_yaml
from mmgsim.tables import Results

__all__ = ["FREEZING", "FROZEN", "ROUNDS", "envelopes_from", "frozen_notes", "scenario_of", "share"]

FROZEN = "operator.options.envelopes_from"
"""The operator's option that names the run whose envelopes are kept."""
ROUNDS = "repair.rounds"
FREEZING = (FROZEN, ROUNDS)
"""Keys in which runs that keep the envelopes of one of them may differ."""


def scenario_of(run: Results) -> dict[str, Any]:
    """Give the resolved scenario of a run as plain data.

    Raises
    ------
    ResultsError
        If it is not in the folder.
    """
    path = run.folder / "scenario.yaml"
    if not path.is_file():
        raise ResultsError(f"{run.folder} has no scenario.yaml: nobody can tell what was run")
    content: dict[str, Any] = parse_yaml(path.read_text(encoding="utf-8"))
    return content


def envelopes_from(run: Results) -> Path | None:
    """Give the folder of the run whose envelopes this one kept; None if it cut its own."""
    text = scenario_of(run)["operator"]["options"].get("envelopes_from")
    return found_path(text, run.folder).resolve() if isinstance(text, str) else None


def share(runs: Sequence[Results]) -> bool:
    """Tell whether runs share frozen envelopes: all keep those of one run, or are that run."""
    sources = [envelopes_from(run) for run in runs]
    places = {source or run.folder.resolve() for source, run in zip(sources, runs, strict=True)}
    return any(sources) and len(places) == 1


def frozen_notes(runs: Mapping[str, Results]) -> tuple[str, ...]:
    """Say which runs kept frozen envelopes, whose they were, and where that has no effect."""
    frozen = {name: source for name, run in runs.items() if (source := envelopes_from(run))}
    if not frozen:
        return ()
    source = next(iter(frozen.values()))
    own = [name for name, run in runs.items() if run.folder.resolve() == source]
    whose = f"run {own[0]}" if own else f"{_what(source)} in the folder {source.name}"
    free = [name for name in runs if name not in frozen]
    all_of = "all runs keep" if not free else f"{_listed(list(frozen))} {_keeps(frozen)}"
    notes = [
        f"Envelopes are frozen: {all_of} within those that were binding in the {whose}, and no "
        "plan of theirs is repaired there. What breaks a limit within them is reported, not mended."
    ]
    if free:
        notes.append(f"Not frozen: {_listed(free)}, with envelopes and repair of its own.")
    why = _without_effect(source)
    if why:
        notes.append(f"Freezing has no effect here: {why}.")
    return tuple(notes)


def _keeps(names: Mapping[str, Any]) -> str:
    return "keeps" if len(names) == 1 else "keep"


def _listed(names: list[str]) -> str:
    return " and ".join([part for part in (", ".join(names[:-1]), names[-1]) if part])


def _what(source: Path) -> str:
    """Name the coordination of a run that is not among those compared, if it is still there."""
    try:
        return f"run under {Results(source).manifest['coordination']}"
    except ResultsError:
        return "run"


def _without_effect(source: Path) -> str:
    """Say why the envelopes of a run are those that any other run would have."""
    try:
        scenario = scenario_of(Results(source))
    except ResultsError:
        return ""
    if scenario["operator"]["kind"] != "standard":
        return ""  # nobody can tell what others do
    if scenario["network"] in (None, "none"):
        return "the scenario has no network, so that nobody's envelope is ever cut"
    if scenario["repair"]["rounds"] == 0:
        return "repair.rounds is 0, so that envelopes do not depend on what is planned"
    return ""
