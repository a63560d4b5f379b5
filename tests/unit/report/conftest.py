"""Runs of every kind, short ones: the pictures are what is looked at."""

import shutil
from pathlib import Path

import pytest
import yaml

import mmgsim

DUO = Path(__file__).parents[3] / "scenarios" / "duo"


def stopped_after(steps):
    def stop(model):
        if model.clock.step + 1 == steps:
            raise KeyboardInterrupt

    return stop


def run_early(scenario, folder, steps, **more):
    with pytest.raises(KeyboardInterrupt):
        mmgsim.run(scenario, out=folder, progress=stopped_after(steps), **more)
    return mmgsim.Results(folder)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def duo(folder):
    return mmgsim.run("duo", out=folder / "duo")


@pytest.fixture(scope="session")
def in_pairs(folder):
    """Microgrids that trade with each other, not through a pool."""
    return mmgsim.run("duo", out=folder / "in-pairs", coordination="bilateral")


@pytest.fixture(scope="session")
def early(folder):
    return run_early("duo", folder / "early", 30, overrides={"days": 2})


@pytest.fixture(scope="session")
def on_feeder(folder):
    return run_early(
        "wa9", folder / "on-feeder", 3, overrides={"coordination.kind": "central", "days": 1}
    )


@pytest.fixture(scope="session")
def eventful(folder):
    """A step is enough for the page; the events go on beyond it."""
    at = {"start": "2021-01-11 00:00", "end": "2021-01-11 03:00"}
    events = [
        {"kind": "islanding", "microgrid": "MG2", **at},
        {"kind": "price-shock", "price": "import", "factor": 3.0, "add_per_kwh": 0.01, **at},
    ]
    return run_early("duo", folder / "eventful", 5, overrides={"events": events})


@pytest.fixture(scope="session")
def alone(folder):
    """One microgrid, nobody to trade with, no network, one step."""
    copy = folder / "one"
    shutil.copytree(DUO, copy)
    content = yaml.safe_load((copy / "scenario.yaml").read_text())
    content["microgrids"] = content["microgrids"][:1]
    content["coordination"] = {"kind": "isolated"}
    (copy / "scenario.yaml").write_text(yaml.safe_dump(content))
    return run_early(copy, folder / "alone", 1)


@pytest.fixture(params=["duo", "early", "on_feeder", "alone"])
def any_run(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def priced(folder):
    """Half a day on a feeder that is too small, with a price at every bus."""
    overrides = {"days": 1, "coordination": {"kind": "central", "network": "rows"}}
    return run_early("wa9-tight", folder / "priced", 12, overrides=overrides)


@pytest.fixture(scope="session")
def repaired(folder):
    """Half a day on a feeder that is too small: the DNO has plans made again."""
    return run_early("wa9-tight", folder / "repaired", 12, overrides={"days": 1})


@pytest.fixture(scope="session")
def tied(folder):
    """Two microgrids with a line between them."""
    ties = [{"name": "T1", "between": ["MG1", "MG2"], "limit_kw": 20, "loss_share": 0.03}]
    return mmgsim.run("duo", out=folder / "tied", overrides={"ties": ties})


@pytest.fixture(scope="session")
def asking(folder):
    """A day of requests and grants, some refused, some background demand not served."""
    return mmgsim.run("ieee33mmg", out=folder / "asking")


@pytest.fixture(scope="session")
def unsure(folder):
    """Half a day of what nobody knows beforehand."""
    told = {"future": 2, "load": {"kind": "normal", "sd": 0.1}, "pv": {"kind": "beta"}}
    overrides = {"uncertainty": told, "forecast": "expected", "coordination": "isolated"}
    return run_early("duo", folder / "unsure", 13, overrides=overrides)
