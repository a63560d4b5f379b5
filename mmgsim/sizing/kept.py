"""What a sizing goes on from: what is sized, and where its search stands."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mmgsim.errors import ResultsError
from mmgsim.kept import Origin, begin_study
from mmgsim.scenario import LoadedScenario, dump_yaml, resolved_yaml, seen_from
from mmgsim.sizing.case import SizingCase
from mmgsim.sizing.problem import Search
from mmgsim.tables import write_bytes

__all__ = ["WHAT", "KeptSearch"]

WHAT = "size"
"""What the folder is called by."""
_STATE = "search.npz"


class KeptSearch:
    """Keeps the state of a search in a folder, with what is searched for.

    Parameters
    ----------
    path : Path
        By `mmgsim.kept.choose_study_folder`, and held: nobody else writes to it.
    loaded : LoadedScenario
        The scenario.
    case : SizingCase
        Its numbers.
    choices : mapping
        What else decides the search: sharing, objective, method and seed.
    resume : bool
        Whether it may be gone on with.

    Raises
    ------
    ScenarioError
        If the folder is of another sizing, naming what differs.
    ResultsError
        If what is there cannot be read.
    """

    def __init__(
        self,
        path: Path,
        loaded: LoadedScenario,
        case: SizingCase,
        choices: Mapping[str, Any],
        *,
        resume: bool,
    ) -> None:
        self.path = path
        texts = {
            "choices": dump_yaml(
                {key: _plain(np.asarray(value)) for key, value in choices.items()}
            ),
            "scenario": resolved_yaml(seen_from(path, loaded)),
        }
        begin_study(path, Origin("sizing", texts, _fingerprint(case)), resume=resume)

    def restore(self, search: Search) -> list[float]:
        """Let a search go on from what was kept, if anything was; give the best of every round.

        Raises
        ------
        ResultsError
            If it cannot be read, or is none of this search.
        """
        path = self.path / _STATE
        if not path.is_file():
            return []
        try:
            with np.load(path, allow_pickle=False) as kept:
                state = {name: _plain(kept[name]) for name in kept.files}
            bests = [float(best) for best in np.atleast_1d(state.pop("bests"))]
            search.restore(state)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ResultsError(f"{path} is damaged: {error}") from error
        return bests

    def keep(self, state: Mapping[str, Any]) -> None:
        """Keep a state, whole or not at all."""
        packed = BytesIO()
        arrays: dict[str, Any] = {name: np.asarray(value) for name, value in state.items()}
        np.savez(packed, **arrays)
        write_bytes(self.path / _STATE, packed.getvalue())


def _plain(value: Any) -> Any:
    """Give texts and single numbers as such."""
    return value.item() if value.ndim == 0 else value


def _fingerprint(case: SizingCase) -> str:
    """Give the sha256 of all series of a case."""
    found = sha256()
    for values in (
        case.load_kw,
        case.yield_pu,
        case.buy_per_kwh,
        case.sell_per_kwh,
        case.local_charge_per_kwh,
        case.peer_per_kwh,
    ):
        found.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return found.hexdigest()
