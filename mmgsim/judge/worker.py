"""One plan against some futures: executed by the engine itself, read as one row each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmgsim.compare import reason_of
from mmgsim.contracts import Objective
from mmgsim.engine import MessageBus, MultiMicrogridModel
from mmgsim.judge.plans import Plan
from mmgsim.processes import Heed
from mmgsim.run import summarise

__all__ = ["FIGURES", "Met", "Task", "begin", "told", "work"]

FIGURES = (
    "objective_cost",
    "members_cost",
    "system_cost",
    "energy_left_value",
    "shed_kwh",
    "shed_critical_kwh",
    "unserved_kwh",
    "imbalance_kwh",
    "spilled_kwh",
    "losses_kwh",
    "imported_kwh",
    "exported_kwh",
    "traded_kwh",
    "faults_contained",
)
"""Numbers of a run's summary that a row has."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to judge: data and references only, for another process.

    Parameters
    ----------
    plan : Plan
        How the scenario is planned.
    scenario : str
        Its name or place.
    overrides : mapping
        Values by dotted path, of all plans.
    start : bytes
        State of the model from which every future goes on.
    futures : tuple of int
        Their numbers.
    """

    plan: Plan
    scenario: str
    overrides: Mapping[str, Any]
    start: bytes
    futures: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Met:
    """What became of a plan in one future.

    Parameters
    ----------
    plan : str
        Its name.
    future : int
        Number of the future.
    figures : mapping
        `cost`, `violated_steps` and `FIGURES`; empty where it failed.
    error : str
        Why it failed; empty where it did not.
    """

    plan: str
    future: int
    figures: Mapping[str, float]
    error: str = ""


def begin(plan: Plan, scenario: str | Path, overrides: Mapping[str, Any]) -> bytes:
    """Clear the first gate, and give the state from which every future goes on.

    Nothing of any future is known then. Who knows what will come plans in each future anew.
    """
    model = _built(plan, scenario, overrides)
    if model.scenario.forecast.kind != "perfect":
        model.meet(None)
        model.plan()
    return model.snapshot()


def work(task: Task, heed: Heed) -> list[Met]:
    """Meet futures one after the other; whatever one of them raises is its own row."""
    model: MultiMicrogridModel | None = None
    found = []
    for future in task.futures:
        heed()
        try:
            if model is None:
                model = _built(task.plan, task.scenario, task.overrides)
            found.append(Met(task.plan.name, future, _met(model, task.start, future, heed)))
        except Exception as error:  # noqa: BLE001  a row of the table: the other futures go on
            found.append(Met(task.plan.name, future, {}, told(error)))
            model = None  # nobody knows what state it is in
    return found


def told(error: Exception) -> str:
    """Say why something failed, in one line."""
    return " ".join(reason_of(error).split()) or type(error).__name__


def _built(plan: Plan, scenario: str | Path, overrides: Mapping[str, Any]) -> MultiMicrogridModel:
    model = MultiMicrogridModel(plan.load(scenario, overrides), bus=MessageBus(workers=1))
    model.dno.is_swept = True
    return model


def _met(model: MultiMicrogridModel, start: bytes, future: int, heed: Heed) -> dict[str, float]:
    model.meet(future)
    model.take_over(start)
    model.forget_tables()
    while not model.clock.is_finished:
        model.step()
        heed()
    summary = summarise(model, wall_s=0.0)
    statuses = summary["steps_by_status"]
    paid = "system_cost" if model.scenario.objective is Objective.SYSTEM else "members_cost"
    return {
        "cost": summary[paid] - summary["energy_left_value"],
        "violated_steps": float(sum(statuses.values()) - statuses.get("ok", 0)),
        **{name: _number(summary[name]) for name in FIGURES},
    }


def _number(value: float) -> float:
    number = float(value)
    return number if math.isfinite(number) else math.nan
