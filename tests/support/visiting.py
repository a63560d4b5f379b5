"""`duo` with vehicles and flexible loads, written as YAML beside its own series."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from mmgsim.scenario import bundled_scenarios

STAYS = """\
vehicle,arrival,departure,energy_arrival_kwh,energy_wanted_kwh
1,2021-01-11 08:00,2021-01-11 16:00,9,30
1,2021-01-11 20:00,2021-01-12 07:00,12,34
2,2021-01-11 10:00,2021-01-11 12:00,6,33
2,2021-01-12 09:00,2021-01-12 17:00,20,20
"""
"""The second vehicle lacks 13.7 kWh on its first departure: 13.3 can be charged in two hours."""
SHORT_KWH = 33.0 - 6.0 - 2.0 * 7.0 * 0.95

DEVICES: dict[str, list[dict[str, Any]]] = {
    "MG1": [
        {"name": "cars", "kind": "ev", "vehicles": 2, "discharge_kw": 5.0, "wear_per_kwh": 0.02},
        {
            "name": "pump",
            "kind": "flexible",
            "energy_kwh": 9.0,
            "power_kw": 3.0,
            "start": "22:00",
            "end": "05:00",
        },
    ],
    "MG2": [
        {
            "name": "vans",
            "kind": "ev",
            "vehicles": 2,
            "unreachable": "price",
            "missing_price_per_kwh": 0.7,
            "sessions": {"source": "csv", "file": "stays.csv", "label": "synthetic"},
        },
        {
            "name": "cooling",
            "kind": "flexible",
            "energy_kwh": 12.0,
            "power_kw": 4.0,
            "start": "09:00",
            "end": "17:00",
            "shed_price_per_kwh": 2.0,
        },
    ],
}


def visiting_scenario(folder: Path, **keys: Any) -> Path:
    """Write the scenario to a new folder; further top-level keys replace those of `duo`."""
    origin = bundled_scenarios()["duo"]
    folder.mkdir(parents=True)
    shutil.copy(origin / "series.csv", folder)
    (folder / "stays.csv").write_text(STAYS, encoding="utf-8")
    scenario = yaml.safe_load((origin / "scenario.yaml").read_text(encoding="utf-8"))
    for microgrid in scenario["microgrids"]:
        microgrid["devices"] += DEVICES[microgrid["name"]]
    scenario |= {"name": "visiting", **keys}
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
    return folder
