"""The folder of a judgement while it is made: begun, gone on in, and its rows as they come."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmgsim.engine import MultiMicrogridModel, fingerprint
from mmgsim.judge.worker import Met
from mmgsim.kept import KeptRows, Origin
from mmgsim.scenario import LoadedScenario, resolved_yaml, seen_from

__all__ = ["JudgeRows", "judge_rows"]

JudgeRows = KeptRows[tuple[str, int], Met]
"""Rows by plan and future."""


def judge_rows(
    path: Path,
    loaded: Mapping[str, LoadedScenario],
    model: MultiMicrogridModel,
    *,
    resume: bool,
) -> JudgeRows:
    """Give what a judgement goes on from: what is judged, and a row a plan and future.

    Parameters
    ----------
    path : Path
        By `choose_study_folder`, and held: nobody else writes to it.
    loaded : mapping
        The scenario as every plan has it, by name of the plan.
    model : MultiMicrogridModel
        Of the first plan.
    resume : bool
        Whether it may be gone on with.

    Raises
    ------
    ScenarioError
        If the folder is of another judgement, naming what differs.
    """
    texts = {name: resolved_yaml(seen_from(path, one)) for name, one in loaded.items()}
    series = fingerprint(model.inputs, model.inputs.index.steps)
    origin = Origin("judgement", texts, series)
    return KeptRows(path, origin, make=Met, key=lambda row: (row.plan, row.future), resume=resume)
