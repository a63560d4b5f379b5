"""Runs to audit. Only this file runs the product; the checks read the folders it leaves behind."""

import json
import os
import shutil
import subprocess
import sys
from functools import cache, cached_property
from pathlib import Path

import pandas as pd
import pytest
import yaml

import mmgsim
from mmgsim.engine import MessageBus
from tests.support.diesel import diesel_scenario
from tests.support.visiting import visiting_scenario

ROOT = Path(__file__).parents[2]

FEEDER = {
    "case": "case33bw",
    "background": {"scale": 0.8, "power_factor": 0.9},
    "v_min_pu": 0.95,
    "v_max_pu": 1.05,
}

# Line 24 leads to MG2 at bus 32; buses 25 to 32 are dark while it is out.
EVENTS = [
    {"kind": kind, "start": f"2021-01-11 {start}", "end": f"2021-01-11 {end}", **more}
    for kind, start, end, more in (
        ("line-outage", "12:00", "16:00", {"line": 24}),
        ("islanding", "09:00", "11:00", {"microgrid": "MG1"}),
        ("price-shock", "17:00", "20:00", {"price": "import", "factor": 3.0, "announced": True}),
        ("price-shock", "14:00", "15:00", {"price": "export", "add_per_kwh": 0.02}),
        ("rating", "18:00", "21:00", {"line": 3, "factor": 0.5}),
    )
]

# How each run is made: its scenario, or what writes it, and what is set as on the command line.
RUNS = {
    "central": ("duo", ["coordination.kind=central"]),
    "isolated": ("duo", ["coordination.kind=isolated"]),
    "noise": ("duo", ["forecast={kind: noise}"]),
    "again": ("duo", ["forecast={kind: noise}"]),
    "quarter": ("duo", ["step=15min", "tariff.network_charge.fixed_per_day=1.5"]),
    # Two microgrids that draw reactive power on a feeder that is below its voltage limit.
    "feeder": (
        "duo",
        [
            f"network={json.dumps(FEEDER)}",
            "microgrids.MG1.bus=17",
            "microgrids.MG2.bus=32",
            "microgrids.MG1.power_factor=0.9",
            "microgrids.MG2.power_factor=0.95",
            "settlement.loss_share=aumann-shapley",
        ],
    ),
    "events": (
        "duo",
        [
            f"network={json.dumps({**FEEDER, 'background': {'scale': 0.4}, 'ratings': 'wa9'})}",
            "microgrids.MG1.bus=17",
            "microgrids.MG2.bus=32",
            "settlement.loss_share=aumann-shapley",
            "forecast={kind: noise}",
            "repair={rounds: 2}",
            f"events={json.dumps(EVENTS)}",
        ],
    ),
    "wa9": ("wa9", ["days=2"]),
    "diesel": (diesel_scenario, ["gate.every=12h", "settlement.imbalance_per_kwh=0.02"]),
    "diesel-isolated": (diesel_scenario, ["gate.every=12h", "coordination=isolated"]),
    "diesel-noise": (
        diesel_scenario,
        ["gate.every=1d", "coordination=isolated", "forecast={kind: noise, load_sd: 0.2}"],
    ),
    # Vehicles, one of which stays for too short a time, and load that may move.
    "visiting": (visiting_scenario, ["days=2", "gate.every=2h"]),
    "visiting-noise": (
        visiting_scenario,
        ["days=2", "gate.every=1d", "coordination=isolated", "forecast={kind: noise}"],
    ),
    "tight": ("wa9-tight", ["days=2"]),
    # A lossy tie whose flow stays firm while forecasts are wrong.
    "ties": (
        "duo",
        [
            "coordination.kind=central",
            "gate.every=2h",
            "forecast={kind: noise}",
            "ties=[{name: T1, between: [MG1, MG2], limit_kw: 12, loss_share: 0.05}]",
        ],
    ),
    # Microgrids that pay each other, at what each of them states.
    "bilevel": (
        "duo",
        [
            "coordination={kind: bilevel, variant: kkt, time_limit_s: 3600}",
            "microgrids.MG1.lcoe_per_kwh=0.06",
            "microgrids.MG2.lcoe_per_kwh=0.09",
        ],
    ),
    # Messages get lost and come late, and one microgrid is away over noon.
    "lossy": (
        "wa9-tight",
        [
            "days=1",
            "gate.every=3h",
            "coordination={kind: prices}",
            "communication={loss_probability: 0.2, delay_rounds: 2, repeats: 8, "
            "deadline_rounds: 180, "
            'away: [{microgrid: MG4, start: "2021-01-11 11:00", end: "2021-01-11 15:00"}]}',
        ],
    ),
    # Trades of each with several others, at one price.
    "peers": (
        "wa9",
        ["days=1", "gate.every=3h", "coordination={kind: peer-to-peer, price_per_kwh: midpoint}"],
    ),
    # Prices of everybody's own, money left over, and strategies that are not honest.
    "auction": (
        "duo",
        [
            "coordination={kind: auction, pricing: pay-as-bid, rounds: 2}",
            "gate.every=2h",
            "settlement.surplus=rebated",
            "forecast={kind: noise}",
            "microgrids.MG1.strategy={kind: markup, options: {share: 0.2}}",
            "microgrids.MG2.strategy=zero-intelligence",
        ],
    ),
    "auction-wa9": ("wa9", ["days=1", "coordination=auction"]),
    # Prices and charges of every pair's own, with losses on the feeder, and by length.
    "pairs": (
        "wa9",
        ["days=1", "gate.every=3h", "coordination={kind: bilateral, charges: losses, split: 0.3}"],
    ),
    "pairs-km": (
        "duo",
        [
            "coordination={kind: bilateral, charges: {per_km: 0.01}, distances: {MG1: {MG2: 4.0}}}",
            "forecast={kind: noise}",
            "settlement.imbalance_per_kwh=0.02",
            "microgrids.MG1.strategy={kind: markup, options: {share: 0.2}}",
            "microgrids.MG2.strategy=zero-intelligence",
        ],
    ),
    # A tenth of what sellers put in goes to the DNO, on a feeder with AC losses.
    "pool": (
        "duo",
        [
            f"network={json.dumps(FEEDER)}",
            "microgrids.MG1.bus=17",
            "microgrids.MG2.bus=32",
            "gate.every=6h",
            "coordination={kind: pool, loss_factor: 0.1, split: shapley}",
        ],
    ),
    # Directions are decided on once, and kept at three more gates with other forecasts.
    "robust": (
        "duo",
        [
            "coordination={kind: adaptive-robust, deviation: 0.3, budget: 2, guarantee: none}",
            "forecast={kind: noise}",
            "gate.every=6h",
        ],
    ),
    "admm": ("duo", ["coordination.kind=admm", "gate.every=2h", "forecast={kind: noise}"]),
    "hierarchical": ("ieee33mmg", ["coordination.controller=aggregated"]),
    "prices": ("duo", ["coordination.kind=prices", "gate.every=2h"]),
    "prices-unlogged": ("duo", ["coordination.kind=prices", "gate.every=2h"]),
    "prices-agent": (
        "wa9",
        ["days=1", "network=none", "gate.every=4h", "coordination.offers=agent"],
    ),
    "prices-diesel": (diesel_scenario, ["gate.every=12h", "coordination.kind=prices"]),
    "prices-tight": ("wa9-tight", ["days=1", "gate.every=6h", "coordination.kind=prices"]),
    "prices-rows": (
        "wa9-tight",
        [
            "days=1",
            "gate.every=6h",
            "coordination={kind: prices, network: rows}",
            "settlement.surplus=rebated",
        ],
    ),
}
BY_COMMAND = {"again", "prices"}
WITH_PAYLOADS = {"admm", "prices", "prices-agent", "prices-diesel", "prices-tight", "prices-rows"}


class RunFolder:
    """A run, as far as its files tell."""

    def __init__(self, path):
        self.path = Path(path)
        self._tables = {}

    def table(self, name):
        if name not in self._tables:
            self._tables[name] = pd.read_parquet(self.path / f"{name}.parquet")
        return self._tables[name]

    @cached_property
    def tables(self):
        return sorted(p.stem for p in self.path.glob("*.parquet"))

    @cached_property
    def text(self):
        return (self.path / "scenario.yaml").read_text(encoding="utf-8")

    @cached_property
    def scenario(self):
        return yaml.safe_load(self.text)

    @cached_property
    def summary(self):
        return json.loads((self.path / "summary.json").read_text(encoding="utf-8"))

    @cached_property
    def manifest(self):
        return json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))

    @cached_property
    def step_h(self):
        return pd.Timedelta(self.scenario["step"]) / pd.Timedelta(hours=1)

    @cached_property
    def times(self):
        """All steps the run should have, made from the scenario alone."""
        zone = self.scenario["timezone"]
        start = pd.Timestamp(str(self.scenario["start"]), tz=zone)
        end = start + pd.DateOffset(days=self.scenario["days"])
        step = pd.Timedelta(self.scenario["step"])
        return pd.date_range(start, end, freq=step, inclusive="left").tz_convert("UTC")

    def local(self, time):
        return pd.DatetimeIndex(time).tz_convert(self.scenario["timezone"])

    def steps_series(self, column):
        return self.table("steps").set_index("time")[column]

    def microgrids(self):
        return {m["name"]: m for m in self.scenario["microgrids"]}

    def devices(self, *kinds):
        """Give (microgrid, device name, config) of all devices of some kinds."""
        return [
            (m["name"], device["name"], device)
            for m in self.scenario["microgrids"]
            for device in m["devices"]
            if device["kind"] in kinds
        ]

    def by_member(self, table, column):
        """One column as a frame of time by microgrid."""
        return self.table(table).pivot(index="time", columns="microgrid", values=column)

    def stores(self, *kinds):
        """Give (microgrid, device name, config) of every vehicle and flexible load."""
        for mg, name, config in self.devices(*kinds):
            count = config.get("vehicles", 1)
            for number in range(1, count + 1):
                yield mg, name if count == 1 else f"{name}-{number}", config

    def device(self, microgrid, name, quantity):
        rows = self.table("devices")
        mine = (rows.microgrid == microgrid) & (rows.device == name) & (rows.quantity == quantity)
        return rows[mine].set_index("time").value


def make_run(name, folder):
    scenario, settings = RUNS[name]
    if callable(scenario):
        scenario = scenario(folder.with_name(f"{name}-scenario"))
    if name in BY_COMMAND:
        options = ["--payloads"] if name in WITH_PAYLOADS else []
        run_command(scenario, settings, folder, options)
    else:
        overrides = dict(setting.split("=", 1) for setting in settings)
        overrides = {key: yaml.safe_load(value) for key, value in overrides.items()}
        bus = MessageBus(keeps_payloads=name in WITH_PAYLOADS)
        mmgsim.run(scenario, overrides=overrides, out=folder, bus=bus, report=False)
    return RunFolder(folder)


def run_command(scenario, settings, folder, more):
    code = "from mmgsim.cli import main; main()"
    paths = [str(ROOT), str(ROOT / "agents"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    options = [*more, *(word for setting in settings for word in ("--set", setting))]
    command = [sys.executable, "-c", code, "run", scenario, *options, "--out", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def get_run(tmp_path_factory):
    """Make each run at most once, when it is first asked for."""
    return cache(lambda name: make_run(name, tmp_path_factory.mktemp("audit") / name))


@pytest.fixture(
    params=[
        *("central", "isolated", "noise", "quarter", "feeder", "events", "wa9", "diesel"),
        *("tight", "bilevel", "ties", "lossy", "peers", "auction", "auction-wa9", "admm"),
        *("pairs", "pairs-km", "visiting", "visiting-noise", "robust"),
    ]
)
def run(request, get_run):
    return get_run(request.param)


@pytest.fixture(params=["feeder", "wa9", "tight", "peers", "pairs"])
def networked(request, get_run):
    return get_run(request.param)


@pytest.fixture
def central(get_run):
    return get_run("central")


@pytest.fixture
def tampered(tmp_path):
    """Copy a run and change one table, or the text of one file, of the copy."""

    def tamper(run, what, change):
        copy = tmp_path / "tampered"
        shutil.copytree(run.path, copy, ignore=shutil.ignore_patterns("report.html"))
        file = copy / what
        if file.suffix:
            file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
            return RunFolder(copy)
        table = change(run.table(what).copy())
        file = copy / f"{what}.parquet"
        shutil.rmtree(file) if file.is_dir() else file.unlink()
        table.to_parquet(file)
        return RunFolder(copy)

    return tamper
