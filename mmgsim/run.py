"""Running a scenario from its first to its last step, into a result folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mmgsim.engine import MessageBus, MultiMicrogridModel, build
from mmgsim.errors import ResultsError, RunEndedEarlyError
from mmgsim.folder import RunFolder, choose_folder
from mmgsim.report import write_report
from mmgsim.scenario import LoadedScenario
from mmgsim.tables import Results

__all__ = ["Progress", "run", "summarise"]


log = logging.getLogger(__name__)

Progress = Callable[[MultiMicrogridModel], None]
"""Called after every step."""


def run(  # noqa: PLR0913  one parameter per choice of a run
    scenario: str | Path | LoadedScenario,
    *,
    overrides: Mapping[str, Any] | None = None,
    coordination: str | Mapping[str, Any] | None = None,
    strategy: str | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    progress: Progress | None = None,
    bus: MessageBus | None = None,
    resume: bool = False,
    report: bool = True,
) -> Results:
    """Simulate a scenario and write everything to a result folder.

    What was simulated stays readable if the run ends early: tables are written each simulated day,
    with a checkpoint to go on from, and the report shows them. What can be run but is probably not
    meant is logged as warnings of ``mmgsim.run``.

    Parameters
    ----------
    scenario : str, Path or LoadedScenario
        Bundled name, folder or YAML file.
    overrides : mapping
        Values by dotted path, such as ``{"days": 2, "seed": 3}``.
    coordination, strategy : str, mapping or None
        Replace the scenario's own with its options, for all microgrids; a mapping as in a
        scenario, with options: ``{"kind": "prices", "offers": "agent"}``.
    out : str, Path or None
        Result folder, which must not exist or be empty, but for `resume`;
        ``runs/<scenario>-<coordination>-<time>`` by default.
    progress : callable or None
        Called with the model after every step.
    bus : MessageBus or None
        How messages are delivered: in how many threads, and whether what they say is written to the
        table ``payloads``: ``mmgsim.MessageBus(workers=1, keeps_payloads=True)``. Without effect on
        any other value.
    resume : bool
        Go on with the run in `out`, if there is one, after its last finished day, or make it longer
        by more ``days``. The values are those of a run that never stopped. It is read by pickle:
        resume only what you, or people you trust, have written.
    report : bool
        Draw `report.html` at the end, as ``mmgsim report`` would later from the folder alone. A run
        that ends early is drawn always.

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
    model = build(
        scenario, coordination=coordination, strategy=strategy, overrides=overrides, bus=bus
    )
    name, kind = model.scenario.name, model.scenario.coordination.kind
    for warning in model.warnings:
        log.warning("%s under %s: %s", name, kind, warning)
    path = choose_folder(out, name, kind, resume=resume)
    folder = RunFolder(path, model)
    if folder.is_complete:
        return Results(folder.path)
    try:
        folder.begin(_summary(model, folder, begin))
        _simulate(model, folder, begin, progress)
    except BaseException as error:
        is_interrupt = isinstance(error, KeyboardInterrupt)
        early = _closed_early(model, folder, begin, "interrupted" if is_interrupt else "failed")
        if isinstance(error, Exception):
            raise early from error
        error.add_note(str(early))
        raise
    unwritten = folder.close("complete", _summary(model, folder, begin))
    results = Results(folder.path)
    try:
        if unwritten is not None:
            raise unwritten
        if report:
            write_report(results)
    except OSError as error:
        raise RunEndedEarlyError(folder.path, folder.steps_kept) from error
    return results


def _closed_early(
    model: MultiMicrogridModel, folder: RunFolder, begin: float, status: str
) -> RunEndedEarlyError:
    """Write and draw what was simulated, whatever ended the run, and give what to say of it."""
    unwritten = folder.close(status, _summary(model, folder, begin))
    _report_early_end(folder.path)
    totals = model.recorder.totals
    return RunEndedEarlyError(folder.path, folder.steps_kept if unwritten else totals.steps)


def _summary(model: MultiMicrogridModel, folder: RunFolder, begin: float) -> dict[str, Any]:
    return summarise(model, wall_s=folder.wall_s + perf_counter() - begin)


def _report_early_end(folder: Path) -> None:
    """Draw what was simulated; what ended the run is what its user has to hear about."""
    try:
        write_report(Results(folder))
    except (OSError, ResultsError) as error:  # a full disk, most likely that which ended the run
        log.warning("no report of %s: %s", folder, error)
    except Exception:
        log.exception("the report of %s could not be drawn", folder)


def _simulate(
    model: MultiMicrogridModel, folder: RunFolder, begin: float, progress: Progress | None
) -> None:
    """Simulate to the end; after every day the folder keeps what the next one goes on from."""
    while not model.clock.is_finished:
        model.step()
        if model.clock.ends_day:
            folder.end_day(_summary(model, folder, begin))
        if progress is not None:
            progress(model)


def summarise(model: MultiMicrogridModel, *, wall_s: float) -> dict[str, Any]:
    """Give the run in a few numbers: costs, energy, statuses, certificates, seconds.

    `market_kept` is what buyers paid the market and no seller got. `unserved_value` is that of
    background demand not served where it has a price; it is part of `system_cost`.
    `energy_left_value` prices the stored energy at the end less that at the start, as it would come
    out of the batteries, at the mean upstream price of the run. `left_out` counts microgrids that
    the market could not reach, once for every gate.
    """
    totals = model.recorder.totals
    return {
        "scenario": model.scenario.name,
        "coordination": model.scenario.coordination.kind,
        "objective": model.scenario.objective.value,
        "currency": model.scenario.currency,
        "steps": totals.steps,
        "objective_cost": float(totals.objective_cost),
        "members_cost": float(totals.members_cost),
        "system_cost": float(totals.system_cost),
        "market_kept": float(totals.market_kept),
        "cost_by_microgrid": {k: float(v) for k, v in totals.cost_by_microgrid.items()},
        "energy_left_kwh": totals.energy_left_kwh,
        "energy_left_value": totals.energy_left_kwh * _mean_upstream(model),
        "imported_kwh": float(totals.imported_kwh),
        "exported_kwh": float(totals.exported_kwh),
        "traded_kwh": float(totals.traded_kwh),
        "losses_kwh": float(totals.loss_kwh),
        "spilled_kwh": float(totals.spilled_kwh),
        "shed_kwh": float(totals.shed_kwh),
        "shed_critical_kwh": float(totals.shed_critical_kwh),
        "unserved_kwh": float(totals.unserved_kwh),
        "unserved_value": float(totals.unserved_value),
        "imbalance_kwh": float(totals.imbalance_kwh),
        "substation_kwh": float(totals.substation_kwh),
        "steps_by_status": dict(totals.steps_by_status),
        "steps_plan_violation": totals.steps_plan_violation,
        "steps_repaired": totals.steps_repaired,
        "faults_contained": totals.faults,
        "gates": totals.gates,
        "gates_bound_broken": totals.bounds_broken,
        "gates_without_bound": totals.bounds_missing,
        "gap_max": None if totals.gap_max is None else float(totals.gap_max),
        "rounds_total": totals.rounds,
        "line_rounds": totals.line_rounds,
        "lost_messages": totals.lost_messages,
        "left_out": totals.left_out,
        "messages_total": totals.traffic.messages,
        "bytes_total": totals.traffic.bytes,
        "wall_s": wall_s,
        "gate_s": totals.gate_s,
        "solver_s": totals.solver_s,
        "power_flow_s": totals.power_flow_s,
    }


def _mean_upstream(model: MultiMicrogridModel) -> float:
    inputs = model.inputs
    run_part = slice(inputs.lead_steps, inputs.lead_steps + inputs.run_steps)
    true_per_kwh = inputs.upstream_per_kwh * model.futures.true_price_factors()
    upstream_per_kwh = model.timeline.price_per_kwh(
        "upstream", true_per_kwh[run_part], first_step=0, at=None
    )
    return float(np.mean(upstream_per_kwh))
