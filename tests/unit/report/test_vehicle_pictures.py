"""Vehicles and flexible loads in the pictures of a run."""

import pytest

import mmgsim
from tests.support.visiting import visiting_scenario


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visiting")
    scenario = visiting_scenario(folder / "scenario")
    return mmgsim.run(scenario, out=folder / "run", overrides={"gate.every": "12h"}, report=False)


def test_a_day_shows_vehicles_and_flexible_loads_by_themselves(results):
    figure = results.plot.day("MG1")
    held = next(trace for trace in figure.data if trace.name == "vehicles plugged in")
    rows = results.table("devices")
    cars = rows[rows.device.isin(["cars-1", "cars-2"]) & (rows.quantity == "energy_kwh")]
    assert max(held.y) == pytest.approx(cars.groupby("time").value.sum().max(), rel=1e-6)
    names = {trace.name for trace in figure.data}
    assert {"vehicles", "vehicles planned", "flexible load", "into vehicles"} <= names


def test_energy_of_a_run_has_vehicles(results):
    labels = " ".join(note.text for note in results.plot.flows().layout.annotations)
    assert "into vehicles" in labels
    assert "from vehicles" in labels


def test_a_step_in_which_a_vehicle_goes_short_is_told(results):
    assert any("charge_missed" in text for text in results.table("steps")["flags"])
    assert results.plot.flags().data
