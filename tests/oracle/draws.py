"""Random scenarios, written as YAML and CSV; the seed decides everything."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import yaml

from tests.oracle.lp import Program, read_case

ZONES = (
    ("Australia/Perth", "2021-01-11"),
    ("UTC", "2023-06-30"),
    ("Europe/Berlin", "2021-03-28"),  # 23 h
    ("America/New_York", "2021-11-07"),  # 25 h
    ("Asia/Kathmandu", "2022-12-31"),  # +05:45
)
PEAKS = (
    "Mon-Fri 08:00-22:00",
    "Mon-Sun 17:00-21:00",
    "Sat 06:00-12:00",
    "Fri-Mon 20:00-06:00",
    "Mon-Thu 06:30-09:00, Mon-Sun 16:00-20:30",
)


def draw_scenario(seed: int, folder: Path, **fixed: Any) -> Path:
    """Write a random scenario to a folder.

    Parameters
    ----------
    seed : int
        Decides everything.
    folder : Path
        New folder.
    fixed : dict
        What is not left to chance: `zone` (position in `ZONES`), `step` in minutes, `members`,
        `rule`, `at`, `days`, `negative` (True for hours in which buying is paid for, and quick
        batteries), `visitors` (True for vehicles and flexible loads on top of all else).
    """
    rng = np.random.default_rng([seed, 20210111])
    zone, start = ZONES[fixed.get("zone", rng.choice(len(ZONES), p=[0.4, 0.15, 0.2, 0.15, 0.1]))]
    step = int(fixed.get("step", rng.choice([60, 60, 60, 60, 30, 15])))
    days = int(fixed.get("days", 1))
    rule = str(fixed.get("rule", rng.choice(["cyclic", "value", "free"], p=[0.6, 0.22, 0.18])))
    # A day of 25 h needs a longer window to see the next level; a shorter one saves time.
    horizon_h = 25 if zone == "America/New_York" else int(rng.choice([24, 24, 30]))
    if step < 60:
        horizon_h = min(25, horizon_h) if rule == "cyclic" else int(rng.choice([6, 10]))
    horizon_h = min(horizon_h, 24) if days > 1 and zone != "America/New_York" else horizon_h
    # Not before 04:00: clock times that a change of the clock skips or repeats.
    clock = f"{rng.integers(4, 24):02d}:{rng.choice(np.arange(0, 60, step)):02d}"
    at = str(fixed.get("at", rng.choice(["00:00", clock, clock])))
    stamps = _stamps(zone, start, days=days, horizon_h=horizon_h, step=step)
    columns: dict[str, np.ndarray] = {}
    is_negative = bool(fixed.get("negative"))
    level = round(float(rng.uniform(0.2, 0.8)), 3)
    members = int(fixed.get("members", rng.choice(5, p=[0.3, 0.3, 0.2, 0.1, 0.1]) + 2))
    if step < 60:
        members = min(members, 3 if step == 30 else 2)
    end = {"kind": rule, "at": at, "level": level}
    if rule == "value":
        end["value_per_kwh"] = round(float(rng.uniform(0.0, 0.3)), 3)
    scenario = {
        "name": f"draw{seed}",
        "timezone": zone,
        "start": start,
        "days": days,
        "step": f"{step}min",
        "gate": {"every": "1h", "horizon": f"{horizon_h}h", "end_of_window": end},
        "network": "none",
        "tariff": _tariff(rng, stamps, zone, columns, negative=is_negative),
        "forecast": {"kind": "perfect"},
        "microgrids": [
            _microgrid(rng, f"M{k}", stamps, columns, level=level, quick=is_negative)
            for k in range(members)
        ],
    }
    if fixed.get("visitors"):
        # A stream of its own: all else of a seed is the same with and without them.
        own = np.random.default_rng([seed, 20210112])
        for microgrid in scenario["microgrids"]:
            microgrid["devices"] += _visitors(own, step, is_daytime=bool(fixed.get("daytime")))
    folder.mkdir(parents=True)
    _write_csv(folder / "series.csv", stamps, columns)
    _widen(scenario, folder)
    return folder


def _stamps(zone: str, start: str, *, days: int, horizon_h: int, step: int) -> list[datetime]:
    first = date.fromisoformat(start)
    begin, end = (
        datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for day in (first, first + timedelta(days=days))
    )
    count = (end - begin + timedelta(hours=horizon_h)) // timedelta(minutes=step)
    return [begin + k * timedelta(minutes=step) for k in range(count)]


def _column(columns: dict[str, np.ndarray], name: str, values: np.ndarray) -> dict[str, str]:
    columns[name] = values
    return {"source": "csv", "file": "series.csv", "column": name, "label": "synthetic"}


def _tariff(
    rng: np.random.Generator,
    stamps: list[datetime],
    zone: str,
    columns: dict[str, np.ndarray],
    *,
    negative: bool,
) -> dict[str, Any]:
    """Draw prices with selling below buying in every step."""
    n = len(stamps)
    off, on = np.round(rng.uniform(0.0, [0.15, 0.3]), 4)
    charge = {
        "off_peak_per_kwh": float(off),
        "on_peak_per_kwh": float(on),
        "on_peak": str(rng.choice(PEAKS)),
        "local_share": float(rng.choice([0.0, 1.0, round(rng.uniform(0.0, 1.0), 3)])),
        "fixed_per_day": 1.5,
    }
    least = min(off, on)
    # Energy may be cheaper than nothing as long as the charge makes buying cost something.
    energy = rng.uniform(0.01 - 0.9 * least * rng.integers(0, 2), 0.4, n)
    if rng.random() < 0.3:
        energy = np.round(energy, 2)  # ties
    least_buy = np.maximum(energy + least, 0.001)
    sell = least_buy * rng.uniform(0.0, rng.choice([0.5, 0.98]), n)
    if negative:
        # More hours than a quick battery needs to fill up.
        paid = np.arange(n) % 24 < rng.integers(5, 10)
        energy[paid] = -max(off, on) - rng.uniform(0.05, 0.3, int(paid.sum()))
        sell[paid] = energy[paid] + least - rng.uniform(0.01, 0.1, int(paid.sum()))
    elif rng.random() < 0.3:
        flat = float(np.round(0.9 * least_buy.min(), 4))
        return {
            "import_per_kwh": _column(columns, "buy", energy),
            "export_per_kwh": flat,
            "network_charge": charge,
        }
    return {
        "import_per_kwh": _column(columns, "buy", energy),
        "export_per_kwh": _column(columns, "sell", sell),
        "network_charge": charge,
    }


def _microgrid(
    rng: np.random.Generator,
    name: str,
    stamps: list[datetime],
    columns: dict[str, np.ndarray],
    *,
    level: float,
    quick: bool,
) -> dict[str, Any]:
    n, hours = len(stamps), np.array([s.hour + s.minute / 60 for s in stamps])
    devices: list[dict[str, Any]] = []
    size = float(rng.uniform(5.0, 80.0))
    for k in range(int(rng.integers(1, 4))):
        demand = size * rng.uniform(0.1, 1.0, n)
        demand[rng.random(n) < 0.05] = 0.0
        price = float(rng.choice([0.15, 1.0, 3.0, 10.0]))
        profile = _column(columns, f"{name}_load{k}", demand)
        devices.append(
            {"name": f"l{k}", "kind": "load", "profile": profile, "shed_price_per_kwh": price}
        )
    if rng.random() < 0.7:
        rating = size * float(rng.uniform(0.3, 4.0))
        sun = np.clip(np.sin((hours - 6 + rng.uniform(-1, 1)) / 12 * np.pi), 0.0, 1.0)
        profile = _column(columns, f"{name}_pv", rating * sun * rng.uniform(0.2, 1.0, n))
        devices.append({"name": "p", "kind": "pv", "rating_kw": rating, "profile": profile})
    if rng.random() < 0.4:
        rating = size * float(rng.uniform(0.2, 2.0))
        profile = _column(columns, f"{name}_wind", rating * rng.random(n) ** 2)
        devices.append({"name": "w", "kind": "wind", "rating_kw": rating, "profile": profile})
    batteries = int(rng.integers(int(quick), 3))
    devices += [_battery(rng, f"b{k}", size, level, quick=quick) for k in range(batteries)]
    microgrid: dict[str, Any] = {"name": name, "devices": devices}
    if rng.random() < 0.5 and not quick:
        tightness = rng.choice([0.4, 0.8, 2.0], size=2)
        keys = [k for k in ("import_limit_kw", "export_limit_kw") if rng.random() < 0.7]
        limits = {k: float(size * s) for k, s in zip(keys, tightness, strict=False)}
        microgrid["connection"] = limits
    return microgrid


def _visitors(rng: np.random.Generator, step: int, *, is_daytime: bool) -> list[dict[str, Any]]:
    """Draw a fleet that comes every day at one time, overnight or not, and loads that may move."""

    def clocks() -> tuple[str, str]:
        minute = int(rng.choice(np.arange(0, 60, step)))
        first, stay = (5, 9) if is_daytime else (int(rng.integers(4, 24)), int(rng.integers(2, 14)))
        stop = (first + stay) % 24
        # Not before 04:00: clock times that a change of the clock skips or repeats.
        return f"{first:02d}:{minute:02d}", f"{stop if stop >= 4 else 4:02d}:00"

    arrival, departure = clocks()
    fleet = {
        "name": "cars",
        "kind": "ev",
        "vehicles": int(rng.integers(1, 4)),
        "energy_kwh": 20.0 + 40.0 * float(rng.random()),
        "charge_kw": float(rng.choice([3.7, 7.0, 11.0])),
        "discharge_kw": float(rng.choice([0.0, 0.0, 5.0, 11.0])),
        "efficiency": float(rng.choice([0.85, 0.95, 1.0])),
        "level_min": float(rng.choice([0.0, 0.2])),
        "wear_per_kwh": float(rng.choice([0.0, 0.03])),
        "unreachable": "price",
        "sessions": {
            "source": "daily",
            "arrival": arrival,
            "departure": departure,
            "level_arrival": round(float(rng.uniform(0.1, 0.9)), 3),
        },
    }
    devices = [fleet]
    for number in range(int(rng.integers(0, 3))):
        start, end = clocks()
        span_h = (int(end[:2]) - int(start[:2]) - int(start[3:]) / 60) % 24
        power = float(rng.uniform(1.0, 10.0))
        devices.append(
            {
                "name": f"f{number}",
                "kind": "flexible",
                "energy_kwh": power * span_h * float(rng.uniform(0.2, 1.0)),
                "power_kw": power,
                "start": start,
                "end": end,
                "shed_price_per_kwh": float(rng.choice([0.15, 1.0, 10.0])),
            }
        )
    return devices


def _battery(
    rng: np.random.Generator, name: str, size: float, level: float, *, quick: bool
) -> dict[str, Any]:
    energy = size * float(rng.uniform(0.5, 4.0))
    battery: dict[str, Any] = {
        "name": name,
        "kind": "battery",
        "energy_kwh": energy,
        # The slowest takes days to fill: levels out of reach are part of the draw.
        "power_kw": energy * float(rng.choice([0.5, 1.0] if quick else [0.01, 0.1, 0.3, 1.0])),
        "efficiency": float(rng.choice([0.8, 0.9, 0.95, 0.99])),
        "wear_per_kwh": float(rng.choice([0.0, 0.01, 0.05])),
    }
    if rng.random() < 0.5:
        battery["level_min"] = round(level * float(rng.uniform(0.0, 1.0)), 4)
    if rng.random() < 0.6:
        least = battery.get("level_min", 0.0)
        battery["level_start"] = round(float(rng.uniform(least, 1.0)) + 5e-5, 4)
        battery["level_start"] = min(battery["level_start"], 1.0)
    return battery


def _widen(scenario: dict[str, Any], folder: Path) -> None:
    """Write the scenario; connections too tight for a storage level are doubled until they fit."""
    while True:
        text = yaml.safe_dump(scenario, sort_keys=False)
        (folder / "scenario.yaml").write_text(text, encoding="utf-8")
        case = read_case(folder)
        stuck = []
        for site, microgrid in zip(case.sites, scenario["microgrids"], strict=True):
            try:
                Program(case, (site,), case.window, trades=False).solve()
            except RuntimeError:
                stuck.append(microgrid)
        if not stuck:
            return
        for microgrid in stuck:
            limits = microgrid["connection"]
            for key in limits:
                limits[key] *= 2.0


def _write_csv(path: Path, stamps: list[datetime], columns: dict[str, np.ndarray]) -> None:
    lines = [",".join(["time", *columns])]
    for k, stamp in enumerate(stamps):
        values = (f"{series[k]:.17g}" for series in columns.values())
        lines.append(",".join([f"{stamp:%Y-%m-%dT%H:%M:%SZ}", *values]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
