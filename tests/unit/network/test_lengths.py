"""Distances along the lines of a net."""

import numpy as np
import pandapower as pp
import pytest

import mmgsim
from mmgsim.network import distances_km


@pytest.fixture
def net():
    """Give a fork: bus 10 to 11 over 2 km, from there 3 km to 12 and 5 km to 13."""
    net = pp.create_empty_network()
    for bus in (10, 11, 12, 13):
        pp.create_bus(net, 22.0, index=bus)
    pp.create_ext_grid(net, 10)
    for ends, length_km in (((10, 11), 2.0), ((11, 12), 3.0), ((11, 13), 5.0)):
        pp.create_line_from_parameters(net, *ends, length_km, 0.4, 0.3, 0.0, 0.2)
    return net


def test_distances_are_those_of_the_way_along_the_lines(net):
    expected_km = [[0.0, 8.0, 3.0], [8.0, 0.0, 5.0], [3.0, 5.0, 0.0]]
    assert distances_km(net, (12, 13, 11)).tolist() == expected_km


def test_distances_are_the_same_from_both_ends_and_cannot_be_written_to(net):
    net.line["length_km"] = [0.1, 0.2, 0.3]
    found_km = distances_km(net, (10, 12, 13))
    assert (found_km == found_km.T).all()
    assert not found_km.flags.writeable


def test_of_two_ways_the_shorter_one_counts_and_an_open_one_does_not(net):
    pp.create_line_from_parameters(net, 12, 13, 1.0, 0.4, 0.3, 0.0, 0.2)
    assert distances_km(net, (12, 13))[0, 1] == 1.0
    pp.create_switch(net, 12, 3, et="l", closed=False)
    assert distances_km(net, (12, 13))[0, 1] == 8.0


def test_buses_without_a_way_between_them_are_infinitely_far_apart(net):
    net.line.loc[2, "in_service"] = False
    assert distances_km(net, (12, 13)).tolist() == [[0.0, np.inf], [np.inf, 0.0]]


def test_two_microgrids_at_one_bus_are_no_way_apart(net):
    assert not distances_km(net, (12, 12)).any()


def test_the_market_of_a_feeder_knows_how_far_its_members_are_apart():
    found_km = mmgsim.build("wa9").market.distance_km
    # case33bw counts 1 km a line: buses 5 and 12 are 7 lines apart, 5 and 24 leave the way at 2.
    assert found_km[0, 1] == 7.0
    assert found_km[0, 5] == 3.0 + 3.0


def test_a_mechanism_sees_how_far_the_towns_of_towns3_are_apart():
    model = mmgsim.build("towns3")
    model.step()
    found_km = model.market.view(model.clock.window()).distance_km
    assert found_km.tolist() == [[0.0, 9.0, 21.0], [9.0, 0.0, 30.0], [21.0, 30.0, 0.0]]


def test_a_market_without_a_network_knows_no_distances():
    assert mmgsim.build("duo").market.distance_km is None
