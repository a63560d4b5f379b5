"""A scenario of microgrids with diesel, sun and batteries, written as YAML and CSV.

Units of 60 to 200 kW whose kWh costs more than the grid's at night and less in the evening, with
no-load and start-up costs, least powers and ramps: commitment matters. Own draws, not measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

HOURS = 72


def diesel_scenario(folder: Path, members: int = 3, *, seed: int = 0, **keys: Any) -> Path:
    """Write the scenario to a new folder; the seed decides everything.

    Parameters
    ----------
    folder : Path
        New folder.
    members : int
        How many microgrids, each with one diesel unit: 3 or 9 in tests and benchmarks.
    seed : int
        Of the draws; a microgrid is the same whoever else is there.
    keys : dict
        Further top-level keys of the scenario, such as `gate` or `coordination`.
    """
    hours = np.arange(HOURS) % 24
    columns = {"buy": np.where((hours >= 17) & (hours < 22), 0.55, np.where(hours < 7, 0.18, 0.3))}
    scenario = {
        "name": f"diesel{members}",
        "timezone": "UTC",
        "start": "2021-01-11",
        "days": 1,
        "tariff": {
            "import_per_kwh": _column("buy"),
            "export_per_kwh": 0.08,
            "network_charge": {
                "off_peak_per_kwh": 0.04,
                "on_peak_per_kwh": 0.08,
                "on_peak": "Mon-Fri 08:00-22:00",
                "local_share": 0.5,
            },
        },
        "forecast": {"kind": "perfect"},
        "microgrids": [_microgrid(f"M{k}", seed, hours, columns) for k in range(members)],
        **keys,
    }
    folder.mkdir(parents=True)
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
    names = list(columns)
    lines = [",".join(["time", *names])]
    for hour in range(HOURS):
        stamp = f"2021-01-{11 + hour // 24} {hour % 24:02d}:00"
        lines.append(",".join([stamp, *(repr(float(columns[name][hour])) for name in names)]))
    (folder / "series.csv").write_text("\n".join(lines) + "\n")
    return folder


def _column(name: str) -> dict[str, str]:
    return {"source": "csv", "file": "series.csv", "column": name, "label": "synthetic"}


def _microgrid(
    name: str, seed: int, hours: np.ndarray, columns: dict[str, np.ndarray]
) -> dict[str, Any]:
    rng = np.random.default_rng([seed, *name.encode()])
    size = round(rng.uniform(60.0, 200.0), 1)
    evening = np.exp(-(((hours - 19) / 3.0) ** 2))
    columns[f"{name}_town"] = size * (0.45 + 0.45 * evening + 0.2 * rng.random(HOURS))
    noon = np.clip(np.sin((hours - 6) / 12 * np.pi), 0.0, 1.0)
    columns[f"{name}_roof"] = 0.9 * size * noon * rng.uniform(0.4, 1.0, HOURS)
    diesel = {
        "name": "genset",
        "kind": "diesel",
        "power_min_kw": round(0.3 * size, 1),
        "power_max_kw": size,
        "cost_per_kwh": round(rng.uniform(0.25, 0.35), 3),
        "cost_per_kwh_kw": round(0.04 / size, 6),
        "cost_per_h": round(0.02 * size, 2),
        "start_up_cost": round(rng.uniform(5.0, 15.0), 1),
        "ramp_kw_per_h": round(0.4 * size, 1),
    }
    return {
        "name": name,
        "connection": {"import_limit_kw": round(0.9 * size, 1), "export_limit_kw": size},
        "devices": [
            {"name": "town", "kind": "load", "profile": _column(f"{name}_town")},
            {"name": "roof", "kind": "pv", "rating_kw": size, "profile": _column(f"{name}_roof")},
            {
                "name": "bess",
                "kind": "battery",
                "energy_kwh": size,
                "power_kw": round(0.4 * size, 1),
                "wear_per_kwh": 0.01,
            },
            diesel,
        ],
    }
