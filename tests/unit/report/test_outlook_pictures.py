"""Fans of what was expected: they hold what the tables hold, gate by gate."""

import numpy as np
import pytest

from mmgsim.errors import ResultsError

pytestmark = pytest.mark.pages


def traces(figure, name, panel):
    return [one for one in figure.data if one.name == name and one.xaxis == f"x{panel}"]


def test_a_panel_stands_for_the_first_gate_of_every_quarter_of_a_day(unsure):
    titles = [one.text for one in unsure.plot.outlook("MG1", "roof").layout.annotations]
    assert titles == ["seen at 00:00", "seen at 06:00", "seen at 12:00"]


def test_bands_and_means_are_those_of_the_table(unsure):
    figure = unsure.plot.outlook("MG1", "homes")
    table = unsure.table("outlooks").query("microgrid == 'MG1' and device == 'homes'")
    gate = table[table["time"] == table["time"].unique()[1]]
    high, low = traces(figure, "9 of 10 futures", 2)
    assert np.allclose(high.y, gate.p95_kw, rtol=1e-6)
    assert np.allclose(low.y, gate.p05_kw, rtol=1e-6)
    (expected,) = traces(figure, "expected", 2)
    assert np.allclose(expected.y, gate.expected_kw, rtol=1e-6)
    assert (gate.p05_kw <= gate.p25_kw).all()
    assert (gate.p25_kw <= gate.p75_kw).all()
    assert (gate.p75_kw <= gate.p95_kw).all()


def test_what_came_true_is_drawn_where_the_run_has_come_to(unsure):
    (came,) = traces(unsure.plot.outlook("MG1", "roof"), "came true", 2)
    devices = unsure.table("devices")
    told = devices.query("microgrid == 'MG1' and device == 'roof' and quantity == 'available_kw'")
    assert np.allclose(came.y, told.value.to_numpy()[6:], rtol=1e-6)


def test_the_choice_has_every_uncertain_device_and_shows_the_first(unsure):
    figure = unsure.plot.outlooks()
    (menu,) = figure.layout.updatemenus
    labels = [button.label for button in menu.buttons]
    assert labels == ["MG1: homes", "MG1: roof", "MG2: shop", "MG2: roof"]
    shown = [one.visible for one in figure.data]
    assert sum(shown) * len(labels) == len(shown)
    assert list(menu.buttons[0].args[0]["visible"]) == shown


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"device": "rof"}, "did you mean 'roof'"),
        ({"microgrid": "MG7"}, "MG7"),
        ({"day": "2021-01-20"}, "the run has no 2021-01-20"),
    ],
)
def test_what_is_not_there_is_refused(unsure, given, what):
    with pytest.raises(ResultsError, match=what):
        unsure.plot.outlook(**given)
