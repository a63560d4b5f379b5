"""Running a scenario under several coordinations, and comparing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmgsim.compare.comparison import Comparison
from mmgsim.compare.frozen import FROZEN, ROUNDS
from mmgsim.compare.variants import (
    CoordinationChoice,
    chosen_coordinations,
    reason_of,
    variants_of,
)
from mmgsim.errors import ComparisonEndedEarlyError, MmgsimError, RunEndedEarlyError
from mmgsim.folder import choose_folder, file_name
from mmgsim.run import Progress, run
from mmgsim.scenario import LoadedScenario
from mmgsim.tables import Results

__all__ = ["compare"]

# A result folder of its own beside those of the coordinations.
REFERENCE = "envelopes"


def compare(  # noqa: PLR0913  one parameter per choice of a comparison
    scenario: str | Path | LoadedScenario,
    coordinations: str | Iterable[CoordinationChoice],
    *,
    overrides: Mapping[str, Any] | None = None,
    strategy: str | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    freeze_envelopes: bool = False,
) -> Comparison:
    """Run a scenario under each coordination in turn, and put them side by side.

    Everything is checked before the first run. A run that fails does not keep the others from
    being made and compared.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file.
    coordinations : str, or iterable of str or mapping
        Kinds, or kinds with options: ``{"kind": "central"}``; as one text as on the command line:
        ``"isolated,central"``.
    overrides : mapping
        Values by dotted path, for all runs.
    strategy : str, mapping or None
        Of all microgrids, in all runs; a mapping as in a scenario, with options.
    out : str, Path or None
        Folder, which must not exist or be empty: gets a result folder a coordination, and
        `compare.csv`, `compare.json`, `compare.html`; ``runs/<scenario>-compare-<time>`` by
        default.
    progress : callable or None
        Called with the model after every step.
    freeze_envelopes : bool
        Run the first coordination once more beforehand, with the scenario's repair, and keep all
        of them within the envelopes that were binding in that run, without repair of their own:
        the same feasible set for each.

    Raises
    ------
    ScenarioError
        Naming every fault; nothing is written then.
    ComparisonError
        If there are fewer than two coordinations, or one is there twice.
    ComparisonEndedEarlyError
        If a run failed; what finished is compared in the folder.
    """
    # Setting the option, to nothing yet, shows before the first run whether the operator has it.
    checked = {FROZEN: None} if freeze_envelopes else {}
    chosen = chosen_coordinations(scenario, coordinations)
    variants = variants_of(
        scenario, chosen, overrides={**(overrides or {}), **checked}, strategy=strategy
    )
    loaded = next(iter(variants.values()))
    folder = choose_folder(out, loaded.scenario.name, "compare")
    if freeze_envelopes:
        reference = run(loaded, out=folder / REFERENCE, progress=progress)
        frozen = _frozen(reference, overrides or {})
        variants = variants_of(scenario, chosen, overrides=frozen, strategy=strategy)
    finished: dict[str, Results] = {}
    failures: dict[str, Exception] = {}
    comparison = None
    try:
        for name, variant in variants.items():
            try:
                finished[name] = run(variant, out=folder / file_name(name), progress=progress)
            except (MmgsimError, OSError) as error:
                is_first = not finished and not failures
                if is_first and not isinstance(error, RunEndedEarlyError):
                    raise  # nothing was simulated: the input is wrong, under any coordination
                failures[name] = error
    except KeyboardInterrupt as error:
        if finished:
            error.add_note(f"Finished and compared in {folder}: {', '.join(finished)}")
        raise
    finally:
        # Whatever happened: what finished is compared.
        if finished:
            reasons = {name: reason_of(error) for name, error in failures.items()}
            comparison = Comparison(finished, failed=reasons)
            comparison.write(folder)
    if failures or comparison is None:
        raise ComparisonEndedEarlyError(folder, failures, comparison)
    return comparison


def _frozen(reference: Results, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Give the overrides that keep a run within the envelopes of another one."""
    source = str(reference.folder.resolve())
    return {**overrides, FROZEN: source, ROUNDS: 0}
