"""Property 6 of paper 001: wind and sun have the wanted mean and deviation, through a whole run.

From the keys of a scenario to what comes true in it: speeds are read back off the power of a
turbine whose curve is straight, shares off that of a panel that is never cut.
"""

import numpy as np
import pytest

from mmgsim.engine import Futures
from mmgsim.profiles import make_wind_speed
from mmgsim.scenario import load_scenario, read_inputs

FUTURES = range(1, 8001)
WITHIN = 3.0  # standard errors
RATED_M_S, RATING_KW, SERIES_KW = 99.0, 990.0, 13.0
MEAN, SD, SD_OF_SPEED = 0.65, 0.2, 0.5
STRAIGHT = {
    "source": "wind",
    "mean_speed_m_s": 6.0,
    "diurnal": 0,
    "season_amplitude": 0,
    "cut_in_m_s": 0,
    "rated_m_s": RATED_M_S,
    "cut_out_m_s": 100,
    "curve": "linear",
}
DEVICES = [
    {"name": "homes", "kind": "load", "profile": 5.0},
    {"name": "mill", "kind": "wind", "rating_kw": RATING_KW, "profile": STRAIGHT},
    {"name": "roof", "kind": "pv", "rating_kw": 100.0, "profile": SERIES_KW},
]
TOLD = {
    "wind": {"kind": "weibull", "sd": SD_OF_SPEED},
    "pv": {"kind": "beta", "mean": MEAN, "sd": SD},
}


@pytest.fixture(scope="module")
def chain():
    loaded = load_scenario("duo", {"uncertainty": TOLD, "microgrids.MG1.devices": DEVICES})
    inputs = read_inputs(loaded.scenario, loaded.folder)
    drawn = Futures(loaded.scenario, inputs).device_kw(FUTURES)
    source = loaded.scenario.microgrids[0].devices[1].profile
    mean_m_s = make_wind_speed(source, inputs.index, seed=loaded.scenario.seed, name="MG1.mill")
    return drawn, mean_m_s


def off(values, mean, sd):
    """Give by how many standard errors mean and deviation of a sample are off."""
    fourth = np.mean((values - values.mean()) ** 4)
    error = np.sqrt((fourth - sd**4) / len(values)) / (2.0 * sd)
    return (
        abs(values.mean() - mean) * np.sqrt(len(values)) / sd,
        abs(values.std() - sd) / error,
    )


@pytest.mark.parametrize("hour", [0, 7, 23])
def test_speeds_have_the_mean_and_deviation_of_their_hour(chain, hour):
    drawn, mean_m_s = chain
    speed_m_s = drawn["MG1", "mill"][:, hour] / RATING_KW * RATED_M_S
    assert max(off(speed_m_s, mean_m_s[hour], SD_OF_SPEED * mean_m_s[hour])) <= WITHIN


@pytest.mark.parametrize("hour", [0, 7, 23])
def test_shares_of_a_clear_sky_have_their_mean_and_deviation_and_stay_inside(chain, hour):
    share = chain[0]["MG1", "roof"][:, hour] * MEAN / SERIES_KW
    assert max(off(share, MEAN, SD)) <= WITHIN
    assert share.min() >= 0.0
    assert share.max() <= 1.0
