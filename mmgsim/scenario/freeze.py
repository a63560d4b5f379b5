"""Freezing a scenario: the same problem with every generated series written out as CSV.

A frozen scenario depends on no generator and no library version; it can be sent to somebody else,
edited by hand, or read by another tool.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from mmgsim.errors import Fault, ScenarioError
from mmgsim.profiles import VISIT_COLUMNS, Label
from mmgsim.scenario.extras import needs_simbench
from mmgsim.scenario.inputs import Inputs, read_inputs
from mmgsim.scenario.paths import seen_from
from mmgsim.scenario.reading import FILE_NAME, LoadedScenario, load_scenario, resolved_yaml
from mmgsim.scenario.schema import Scenario
from mmgsim.scenario.session_schema import EvConfig
from mmgsim.scenario.uncertainty_schema import WeibullConfig
from mmgsim.scenario.yaml_lines import dump_yaml, parse_yaml

__all__ = ["freeze"]

SERIES_FILE = "series.csv"


def freeze(loaded: LoadedScenario, folder: Path) -> LoadedScenario:
    """Write a scenario and all its series to a folder, and read it back.

    Parameters
    ----------
    loaded : LoadedScenario
        What to freeze.
    folder : Path
        New or empty folder; gets scenario.yaml, series.csv, which reaches over the run and the
        days of `year`, and the stays of each fleet of vehicles. Other files that the scenario
        names, such as a net or a plug-in, are not copied: they are named as seen from there. Wind
        whose speed is uncertain (`weibull`) stays the generator's, as no series of power tells it.

    Raises
    ------
    ScenarioError
        If the folder is not empty, a series cannot be read, or the scenario uses SimBench.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fault = Fault(str(folder), "exists and is not empty", "give another folder")
        raise ScenarioError(str(folder), [fault])
    if needs_simbench(loaded.scenario):
        what = "the data of SimBench are under ODbL 1.0: they are read through its package alone"
        cure = "send the scenario itself, which gives the same values wherever simbench is"
        raise ScenarioError(loaded.source, [Fault("scenario", what, cure)])
    spanning = _spanning(loaded.scenario)
    inputs = read_inputs(spanning, loaded.folder, source=loaded.source, lines=loaded.lines)
    labels = {entry.where: entry.label for entry in inputs.labels}
    content = parse_yaml(resolved_yaml(seen_from(folder, loaded)))
    columns: dict[str, Any] = {"time": inputs.index.utc().strftime("%Y-%m-%dT%H:%M:%S+00:00")}
    _freeze_tariff(content["tariff"], columns, inputs, labels)
    told = loaded.scenario.uncertainty
    has_speeds = told is not None and isinstance(told.wind, WeibullConfig)
    stays: dict[str, pd.DataFrame] = {}
    for microgrid in content["microgrids"]:
        for device in microgrid["devices"]:
            if device["kind"] == "ev":
                file = f"stays-{microgrid['name']}-{device['name']}.csv"
                where = f"microgrids.{microgrid['name']}.devices.{device['name']}.sessions"
                stays[file] = _stays(microgrid["name"], device, inputs)
                device["sessions"] = {"source": "csv", "file": file, "label": labels[where].value}
            if "profile" in device and not (has_speeds and device["kind"] == "wind"):
                name = f"{microgrid['name']}.{device['name']}"
                columns[name] = inputs.device_kw[microgrid["name"], device["name"]]
                where = f"microgrids.{microgrid['name']}.devices.{device['name']}.profile"
                device["profile"] = _csv(name, labels[where])
    if isinstance(content["network"], dict) and content["network"]["background"]["profile"]:
        columns["background"] = inputs.background
        label = labels["network.background.profile"]
        content["network"]["background"]["profile"] = _csv("background", label)
    folder.mkdir(parents=True, exist_ok=True)
    # 17 digits bring every float back to the last bit.
    pd.DataFrame(columns).to_csv(folder / SERIES_FILE, index=False, float_format="%.17g")
    for file, table in stays.items():
        table.to_csv(folder / file, index=False, float_format="%.17g")
    (folder / FILE_NAME).write_text(dump_yaml(content), encoding="utf-8")
    return load_scenario(folder)


def _spanning(scenario: Scenario) -> Scenario:
    """Give a scenario whose run reaches over its representative days too: a series has no gaps."""
    firsts = [scenario.start, *(part.day for part in scenario.year)]
    ends = [scenario.start + timedelta(days=scenario.days)]
    ends += [part.day + timedelta(days=1) for part in scenario.year]
    first = min(firsts)
    return scenario.model_copy(update={"start": first, "days": (max(ends) - first).days})


def _freeze_tariff(
    tariff: dict[str, Any], columns: dict[str, Any], inputs: Inputs, labels: dict[str, Label]
) -> None:
    prices = {
        "import_per_kwh": inputs.import_per_kwh,
        "export_per_kwh": inputs.export_per_kwh,
        "upstream_per_kwh": inputs.upstream_per_kwh,
    }
    for key, values in prices.items():
        if tariff[key] is not None:
            columns[key] = values
            tariff[key] = _csv(key, labels[f"tariff.{key}"])


def _stays(microgrid: str, fleet: dict[str, Any], inputs: Inputs) -> pd.DataFrame:
    """Give the stays of a fleet in whole steps, as instants."""
    step = timedelta(hours=inputs.index.step_h)
    start = inputs.index.start + inputs.lead_steps * step
    names = EvConfig.model_validate(fleet).device_names()
    rows = [
        (
            number,
            (start + stay.first_step * step).isoformat(),
            (start + stay.stop_step * step).isoformat(),
            stay.arrives_kwh,
            stay.wanted_kwh,
        )
        for number, name in enumerate(names, 1)
        for stay in inputs.sessions[microgrid, name]
    ]
    return pd.DataFrame(rows, columns=list(VISIT_COLUMNS))


def _csv(column: str, label: Label) -> dict[str, Any]:
    return {"source": "csv", "file": SERIES_FILE, "column": column, "label": label.value}
