"""Running a scenario from its first to its last step, into a result folder."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mmgsim.engine import MessageBus, MultiMicrogridModel
from mmgsim.errors import Fault, RunEndedEarlyError, ScenarioError
from mmgsim.report import write_report
from mmgsim.scenario import LoadedScenario, resolved_yaml, seen_from
from mmgsim.tables import Results, write_json, write_text

__all__ = ["Progress", "choose_folder", "file_name", "run", "summarise"]


Progress = Callable[[MultiMicrogridModel], None]
"""Called after every step."""

_PACKAGES = (
    "mmgsim",
    "mesa",
    "pyomo",
    "highspy",
    "pandapower",
    "numpy",
    "pandas",
    "pvlib",
    "demandlib",
)


def run(  # noqa: PLR0913  one parameter per choice of a run
    scenario: str | Path | LoadedScenario,
    *,
    overrides: Mapping[str, Any] | None = None,
    coordination: str | None = None,
    strategy: str | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    bus: MessageBus | None = None,
) -> Results:
    """Simulate a scenario and write everything to a result folder.

    What was simulated stays readable if the run ends early: tables are written each simulated day.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file.
    overrides : mapping
        Values by dotted path, such as ``{"days": 2, "seed": 3}``.
    coordination, strategy : str or None
        Replace the scenario's own, for all microgrids.
    out : str, Path or None
        Result folder, which must not exist or be empty;
        ``runs/<scenario>-<coordination>-<time>`` by default.
    progress : callable or None
        Called with the model after every step.
    bus : MessageBus or None
        How messages are delivered: in how many threads, and whether what they say is written to the
        table ``payloads``: ``mmgsim.MessageBus(workers=1, keeps_payloads=True)``. Without effect on
        any other value.

    Raises
    ------
    ScenarioError
        Naming every fault; nothing is written then.
    RunEndedEarlyError
        If something raises in a step; the folder then holds what was simulated.

    Examples
    --------
    >>> results = run("duo", out="runs/duo-example")  # doctest: +SKIP
    >>> results.dispatch.groupby("microgrid").import_kw.sum()  # doctest: +SKIP
    """
    begin = perf_counter()
    model = MultiMicrogridModel(
        scenario, coordination=coordination, strategy=strategy, overrides=overrides, bus=bus
    )
    folder = choose_folder(out, model.scenario.name, model.scenario.coordination.kind)
    model.scenario = seen_from(folder, model.loaded)  # as it is written there
    folder.mkdir(parents=True, exist_ok=True)
    model.writer.open(folder)
    manifest = _manifest(model)
    write_text(folder / "scenario.yaml", resolved_yaml(model.scenario))
    write_json(folder / "manifest.json", manifest)
    if model.dno.feeder is not None:
        model.dno.feeder.write(folder / "network.json")
    status = "failed"
    try:
        while not model.clock.is_finished:
            model.step()
            if progress is not None:
                progress(model)
        status = "complete"
    except KeyboardInterrupt as error:
        status = "interrupted"
        error.add_note(str(RunEndedEarlyError(folder, model.recorder.totals.steps)))
        raise
    except Exception as error:
        raise RunEndedEarlyError(folder, model.recorder.totals.steps) from error
    finally:
        # Whatever happened: what was simulated is written, and the folder says how it ended.
        try:
            model.writer.flush()
            write_json(folder / "summary.json", summarise(model, wall_s=perf_counter() - begin))
        except BaseException:
            status = "failed"
            raise
        finally:
            write_json(folder / "manifest.json", {**manifest, "status": status})
    results = Results(folder)
    write_report(results)
    return results


def choose_folder(out: str | Path | None, scenario: str, what: str) -> Path:
    """Give the folder that results go to: `out`, or ``runs/<scenario>-<what>-<time>``.

    Raises
    ------
    ScenarioError
        If something is there already.
    """
    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        out = Path("runs") / _free_name(Path("runs"), file_name(f"{scenario}-{what}-{stamp}"))
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fault = Fault(str(folder), "exists and is not empty", "give another --out")
        raise ScenarioError(str(folder), [fault])
    return folder


def file_name(text: str) -> str:
    """Give a name, such as the reference of a class, as one part of a path."""
    return text.replace("/", "_").replace(":", "_")


def _free_name(parent: Path, name: str) -> str:
    """Add a number where two runs start in the same second."""
    free, number = name, 1
    while (parent / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def _manifest(model: MultiMicrogridModel) -> dict[str, Any]:
    scenario = model.scenario
    return {
        "format": 1,
        "scenario": scenario.name,
        "scenario_sha256": sha256(resolved_yaml(scenario).encode()).hexdigest(),
        "source": Path(model.loaded.source).name,
        "seed": scenario.seed,
        "coordination": scenario.coordination.kind,
        "objective": scenario.objective.value,
        "currency": scenario.currency,
        "timezone": scenario.timezone,
        "step_h": scenario.step_h,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "versions": {"python": platform.python_version(), **_versions()},
        "inputs": [
            {"where": x.where, "label": x.label.value, "description": x.description}
            for x in model.inputs.labels
        ],
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # run from a source tree that is not installed
            found[package] = "unknown"
    return found


def summarise(model: MultiMicrogridModel, *, wall_s: float) -> dict[str, Any]:
    """Give the run in a few numbers: costs, energy, statuses, certificates, seconds.

    `energy_left_value` prices the stored energy at the end less that at the start, as it would
    come out of the batteries, at the mean upstream price of the run.
    """
    totals = model.recorder.totals
    traffic = model.bus.traffic
    return {
        "scenario": model.scenario.name,
        "coordination": model.scenario.coordination.kind,
        "objective": model.scenario.objective.value,
        "currency": model.scenario.currency,
        "steps": totals.steps,
        "objective_cost": float(totals.objective_cost),
        "members_cost": float(totals.members_cost),
        "system_cost": float(totals.system_cost),
        "cost_by_microgrid": {k: float(v) for k, v in totals.cost_by_microgrid.items()},
        "energy_left_kwh": model.energy_left_kwh(),
        "energy_left_value": model.energy_left_kwh() * _mean_upstream(model),
        "imported_kwh": float(totals.imported_kwh),
        "exported_kwh": float(totals.exported_kwh),
        "traded_kwh": float(totals.traded_kwh),
        "losses_kwh": float(totals.loss_kwh),
        "spilled_kwh": float(totals.spilled_kwh),
        "shed_kwh": float(totals.shed_kwh),
        "unserved_kwh": float(totals.unserved_kwh),
        "imbalance_kwh": float(totals.imbalance_kwh),
        "substation_kwh": float(totals.substation_kwh),
        "steps_by_status": dict(totals.steps_by_status),
        "steps_plan_violation": totals.steps_plan_violation,
        "steps_repaired": totals.steps_repaired,
        "gates": totals.gates,
        "gates_bound_broken": totals.bounds_broken,
        "gap_max": None if totals.gap_max is None else float(totals.gap_max),
        "rounds_total": totals.rounds,
        "messages_total": traffic.messages,
        "bytes_total": traffic.bytes,
        "wall_s": wall_s,
        "gate_s": totals.gate_s,
        "solver_s": totals.solver_s,
        "power_flow_s": totals.power_flow_s,
    }


def _mean_upstream(model: MultiMicrogridModel) -> float:
    inputs = model.inputs
    run_part = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
    return float(np.mean(inputs.upstream_per_kwh[run_part]))
