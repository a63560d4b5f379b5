"""What a seed changes: series of some bundled scenarios, and none of a frozen one."""

import numpy as np
import pytest

import mmgsim
from mmgsim.profiles import has_simbench
from mmgsim.scenario import bundled_scenarios, freeze, load_scenario
from mmgsim.sweep.described import DRAWN


def series(scenario, seed):
    inputs = mmgsim.build(scenario, overrides={"days": 1, "seed": seed}).inputs
    return [inputs.import_per_kwh, *inputs.device_kw.values()]


def is_the_same(scenario):
    pairs = zip(series(scenario, 1), series(scenario, 2), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("scenario", sorted(bundled_scenarios()))
def test_the_page_names_scenarios_whose_series_are_drawn(scenario):
    if scenario == "mv-rural" and not has_simbench():
        pytest.skip("simbench is not installed")
    assert is_the_same(scenario) == (scenario not in DRAWN)


def test_a_frozen_scenario_has_one_weather_under_all_seeds(tmp_path):
    freeze(load_scenario("towns3"), tmp_path / "frozen")
    assert is_the_same(tmp_path / "frozen")
