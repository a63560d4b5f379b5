"""Two days of the scenario with typical weather: its labels, energy and money."""

import pytest

from mmgsim.engine import build
from mmgsim.run import run


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    settings = {"days": 2, "coordination": "central"}
    return run("tmy-greensboro", overrides=settings, out=tmp_path_factory.mktemp("tmy") / "run")


def test_sun_is_a_benchmark_and_prices_are_not(results):
    labels = {entry["where"]: entry["label"] for entry in results.manifest["inputs"]}
    sun = [label for where, label in labels.items() if "roof" in where]
    assert sun == ["benchmark"] * 3
    assert labels["tariff.import_per_kwh"] == "synthetic"


def test_energy_of_every_step_balances(results):
    d = results.dispatch
    given = d.pv_kw + d.discharge_kw + d.import_kw + d.bought_kw
    taken = d.load_kw - d.shed_kw + d.charge_kw + d.export_kw + d.sold_kw
    assert (given - taken).abs().max() < 1e-6


def test_money_of_every_microgrid_is_its_ledger(results):
    ledger = results.ledger
    for name, cost in results.summary["cost_by_microgrid"].items():
        paid = ledger[ledger.payer == name].amount.sum()
        got = ledger[ledger.payee == name].amount.sum()
        assert cost == pytest.approx(paid - got, abs=1e-6)


def test_clock_of_another_continent_is_a_warning():
    model = build("tmy-greensboro", overrides={"timezone": "Europe/Berlin"})
    assert "longitude -79.95 has its noon" in model.warnings[0].what
    assert build("tmy-greensboro").warnings == ()
