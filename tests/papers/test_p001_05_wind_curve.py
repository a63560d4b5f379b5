"""Property 5: the paper's turbine, (3), as `leem4` and `leem10` have it."""

import numpy as np
import pytest

from mmgsim.profiles import WindSource
from mmgsim.profiles.wind import wind_power_pu
from mmgsim.scenario import load_scenario

CUT_IN, RATED, CUT_OUT = 3.0, 12.0, 25.0


@pytest.fixture(scope="module")
def turbine():
    sources = {
        device.profile
        for microgrid in load_scenario("leem10").scenario.microgrids
        for device in microgrid.devices
        if device.kind == "wind"
    }
    (source,) = sources  # all have the same
    assert isinstance(source, WindSource)
    assert (source.cut_in_m_s, source.rated_m_s, source.cut_out_m_s) == (CUT_IN, RATED, CUT_OUT)
    return source


def power(turbine, *speeds_m_s):
    return wind_power_pu(turbine, np.array(speeds_m_s))


def test_between_cut_in_and_rated_speed_power_is_the_cube_of_the_ratio(turbine):
    speeds = np.array([3.0, 4.8, 7.5, 12.0])
    np.testing.assert_allclose(power(turbine, *speeds), [0.0, 0.2**3, 0.5**3, 1.0], atol=1e-15)


@pytest.mark.parametrize("speed", [CUT_IN, RATED])
def test_the_curve_has_no_step_at_cut_in_and_at_rated_speed(turbine, speed):
    below, above = power(turbine, np.nextafter(speed, 0.0), np.nextafter(speed, np.inf))
    slope = 3.0 / (RATED - CUT_IN)  # the steepest there is, at rated speed
    assert abs(above - below) <= slope * 4.0 * np.spacing(speed)


def test_power_never_falls_below_cut_out_and_stays_between_nothing_and_the_rating(turbine):
    speeds = np.linspace(0.0, np.nextafter(CUT_OUT, 0.0), 10_001)
    found = power(turbine, *speeds)
    assert (np.diff(found) >= 0.0).all()
    assert found.min() == 0.0
    assert found.max() == 1.0


def test_in_a_storm_the_turbine_stands_still(turbine):
    assert not power(turbine, CUT_OUT, 40.0).any()
