"""Where the buses of a feeder stand on its map."""

import json

import pandapower as pp
import pandapower.networks
import pytest

from mmgsim.network import read_layout, tree_places


def written(net, folder):
    pp.to_json(net, str(folder / "network.json"))
    return folder / "network.json"


def test_own_coordinates_are_kept(tmp_path):
    net = pandapower.networks.case33bw()
    net.bus["geo"] = [json.dumps({"coordinates": [bus, 2 * bus]}) for bus in net.bus.index]
    layout = read_layout(written(net, tmp_path))
    assert layout.is_geographic
    assert layout.places[7] == (7.0, 14.0)
    assert len(layout.edges) == net.line.in_service.sum()


def test_a_bus_without_coordinates_makes_it_a_tree(tmp_path):
    net = pandapower.networks.case33bw()
    net.bus["geo"] = [json.dumps({"coordinates": [bus, bus]}) for bus in net.bus.index]
    net.bus.loc[5, "geo"] = None
    layout = read_layout(written(net, tmp_path))
    assert not layout.is_geographic
    assert set(layout.places) == set(net.bus.index)


def test_an_open_switch_cuts_its_line(tmp_path):
    net = pandapower.networks.case33bw()
    pp.create_switch(net, 0, 0, et="l", closed=False)
    kinds = [(edge.kind, edge.index) for edge in read_layout(written(net, tmp_path)).edges]
    assert ("line", 0) not in kinds
    assert ("line", 1) in kinds


def test_the_longest_branch_goes_straight_on_and_no_two_buses_meet():
    #  0 - 1 - 2 - 3 - 4, with 5 at 1 and 6 - 7 at 2
    links = [(0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (2, 6), (6, 7)]
    places = tree_places(range(8), links, [0])
    assert [places[bus][1] for bus in (0, 1, 2, 3, 4)] == [0.0] * 5
    assert [places[bus][0] for bus in (0, 1, 2, 3, 4)] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert len(set(places.values())) == 8


def test_meshes_and_islands_are_placed_too():
    places = tree_places(range(6), [(0, 1), (1, 2), (2, 0), (4, 5)], [0])
    assert len(set(places.values())) == 6


def test_a_tree_is_the_same_every_time_whatever_the_order_of_its_lines():
    links = [(0, 1), (1, 2), (1, 3), (3, 4)]
    assert tree_places(range(5), links, [0]) == tree_places(range(5), links[::-1], [0])


def test_a_file_that_is_no_net_is_told(tmp_path):
    (tmp_path / "network.json").write_text("{}")
    with pytest.raises(ValueError, match=r"no pandapower net|JSON"):
        read_layout(tmp_path / "network.json")
