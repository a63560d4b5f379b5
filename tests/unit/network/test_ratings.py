import copy
from functools import cache

import numpy as np
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.errors import ScenarioError
from mmgsim.network import Background, Feeder, PandapowerFlow, apply_ratings, rating_profiles

WA9_BUSES = (5, 12, 9, 17, 21, 24, 29, 32, 15)


@cache
def _case33_once():
    return nw.case33bw()


def case33():
    """Give a copy of the case, which takes half a second to read."""
    return copy.deepcopy(_case33_once())


def write(tmp_path, net, *, drop=(), extra=""):
    rows = [
        f"{b},{a},0.3"
        for a, b in zip(net.line.from_bus, net.line.to_bus, strict=True)
        if (a, b) not in drop
    ]
    file = tmp_path / "mine.csv"
    file.write_text("from_bus,to_bus,max_i_ka\n" + "\n".join(rows) + "\n" + extra, encoding="utf-8")
    return file


def test_the_bundled_profiles_are_listed_with_their_cases():
    assert rating_profiles() == {
        "uncongested": ("case33bw",),
        "wa9": ("case33bw",),
        "wa9-tight": ("case33bw",),
    }


def test_uncongested_gives_the_trunk_400_and_the_rest_200_ampere():
    net = case33()
    rated = apply_ratings(net, "uncongested", "case33bw")
    assert rated.line.max_i_ka.tolist() == [0.4] * 5 + [0.2] * 32
    assert (net.line.max_i_ka == 99999.0).all()


@pytest.mark.parametrize("power_factor", [None, 0.95])
@pytest.mark.parametrize("exchange_kw", [-250.0, 250.0])
def test_wa9_leaves_room_for_nine_microgrids(exchange_kw, power_factor):
    net = apply_ratings(case33(), "wa9", "case33bw")
    members = tuple(Member(f"M{bus}", 300.0, 300.0, 1.0, bus) for bus in WA9_BUSES)
    feeder = Feeder(net, members=members, background=Background(0.4, power_factor))
    flow = PandapowerFlow(feeder).solve(np.ones(1), np.full((1, 9), exchange_kw), np.zeros((1, 9)))
    assert flow.loading_max_percent[0] < 85.0
    assert np.isfinite(feeder.line_max_ka).all()


def test_an_unknown_profile_names_the_near_miss():
    with pytest.raises(ScenarioError, match="did you mean 'wa9'"):
        apply_ratings(case33(), "wa8", "case33bw")


def test_a_profile_of_another_case_is_refused():
    with pytest.raises(ScenarioError, match="it is for case33bw"):
        apply_ratings(nw.case9(), "wa9", "case9")


def test_a_file_rates_lines_in_either_direction(tmp_path):
    net = case33()
    rated = apply_ratings(net, write(tmp_path, net), None)
    assert set(rated.line.max_i_ka) == {0.3}
    assert set(apply_ratings(net, str(write(tmp_path, net))).line.max_i_ka) == {0.3}


def test_every_fault_of_a_file_is_named(tmp_path):
    net = case33()
    file = write(tmp_path, net, drop=[(3, 4)], extra="5,6,0.2\n7,77,0.2\n8,x,0.2\n8,9,-1\n")
    with pytest.raises(ScenarioError) as caught:
        apply_ratings(net, file)
    text = str(caught.value)
    assert "line 3-4: has no rating" in text
    assert "line 5-6: is rated 2 times" in text
    assert "line 7-77: is rated but not in the net" in text
    assert "row 40: not a rating: from_bus 8, to_bus nan, max_i_ka 0.2" in text
    assert "row 41: not a rating" in text
    assert len(caught.value.faults) == 5


@pytest.mark.parametrize("text", ["a,b\n1,2\n", ""])
def test_a_file_without_the_columns_is_refused(tmp_path, text):
    file = tmp_path / "bad.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match="ratings"):
        apply_ratings(case33(), file)
