"""Vehicles and flexible loads of microgrids that are driven from outside."""

import numpy as np
import pytest

pytest.importorskip("pettingzoo", reason="needs the extra `gym`: pip install 'mmgsim[gym]'")

from mmgsim.gym import MultiMicrogridEnv
from tests.support.visiting import visiting_scenario


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A day with random actions of the battery, and what was observed at its steps."""
    folder = visiting_scenario(tmp_path_factory.mktemp("gym") / "scenario")
    env = MultiMicrogridEnv(folder)
    observations, _ = env.reset(seed=1)
    env.action_space("MG1").seed(3)
    seen = [observations]
    while env.agents:
        observations, *_ = env.step({n: env.action_space(n).sample() for n in env.agents})
        seen.append(observations)
    return env, seen


def of(played, name):
    env, seen = played
    fields = env.observation_fields("MG1")
    (at,) = [k for k, field in enumerate(fields) if field.name == name]
    return np.array([fields[at].scale * float(one["MG1"][at]) for one in seen])


def test_batteries_alone_are_driven(played):
    env, _ = played
    assert [field.name for field in env.action_fields("MG1")] == ["bess.net_kw", "markup"]


def test_vehicles_are_observed_while_they_are_there(played):
    plugged, held = of(played, "cars-1.plugged_in"), of(played, "cars-1.energy_kwh")
    assert set(plugged) == {0.0, 1.0}
    assert held[plugged == 0.0].max() == 0.0
    assert held[plugged == 1.0].min() > 7.9
    for observed in played[1]:
        assert played[0].observation_space("MG1").contains(observed["MG1"])


def test_what_is_observed_is_what_the_step_before_left(played):
    env, _ = played
    rows = env.model.table("devices")
    mine = rows[(rows.device == "pump") & (rows.quantity == "energy_kwh")]
    plugged, held = of(played, "pump.plugged_in"), of(played, "pump.energy_kwh")
    # The pump is on from the run's first step: after a step it holds what the tables say.
    assert plugged[:5].all()
    assert held[1:5] == pytest.approx(mine.value.to_numpy()[:4], abs=1e-4)


def test_no_vehicle_goes_short_whatever_the_battery_does(played):
    env, _ = played
    rows = env.model.table("devices")
    cars = rows[(rows.microgrid == "MG1") & (rows.quantity == "missing_kwh")]
    assert len(cars) >= 3
    assert cars.value.max() < 1e-6
