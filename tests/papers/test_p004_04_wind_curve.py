"""Property 4: the paper's turbine at its three speeds, (6)."""

import numpy as np
import pytest

from mmgsim.profiles import WindSource
from mmgsim.profiles.wind import wind_power_pu
from mmgsim.scenario import load_scenario

CUT_IN, RATED, CUT_OUT = 3.0, 12.0, 20.0


@pytest.fixture(scope="module")
def turbines():
    scenario = load_scenario("towns3").scenario
    return [
        device.profile
        for microgrid in scenario.microgrids
        for device in microgrid.devices
        if device.kind == "wind"
    ]


def test_every_town_has_the_papers_turbine(turbines):
    assert len(turbines) == 3
    for turbine in turbines:
        assert isinstance(turbine, WindSource)
        speeds = (turbine.cut_in_m_s, turbine.rated_m_s, turbine.cut_out_m_s)
        assert (*speeds, turbine.curve) == (CUT_IN, RATED, CUT_OUT, "linear")


@pytest.mark.parametrize(
    ("speed_m_s", "power"),
    [
        (0.0, 0.0),
        (CUT_IN, 0.0),
        ((CUT_IN + RATED) / 2.0, 0.5),
        (RATED, 1.0),
        (np.nextafter(CUT_OUT, 0.0), 1.0),
        (CUT_OUT, 0.0),
        (40.0, 0.0),
    ],
)
def test_the_curve_is_linear_between_cut_in_and_rated_speed(turbines, speed_m_s, power):
    for turbine in turbines:
        assert wind_power_pu(turbine, np.array([speed_m_s])) == pytest.approx([power], abs=1e-15)
