import copy
import math
from functools import cache

import numpy as np
import pandapower as pp
import pandapower.networks as nw
import pytest

from mmgsim.contracts import Member
from mmgsim.errors import ScenarioError
from mmgsim.network import (
    Background,
    Feeder,
    FeederLimits,
    PandapowerFlow,
    feeder_faults,
    read_net,
)


@cache
def _case33_once():
    return nw.case33bw()


def case33():
    """Give a copy of the case, which takes half a second to read."""
    return copy.deepcopy(_case33_once())


def member(name, bus, power_factor=1.0):
    return Member(name, 1000.0, 1000.0, power_factor, bus)


def test_a_case_is_found_by_name_and_comes_without_options_and_costs():
    net = read_net(case="case33bw", file=None)
    assert len(net.bus) == 33
    assert net.user_pf_options == {}
    assert len(net.poly_cost) == 0


def test_an_unknown_case_names_the_near_miss():
    with pytest.raises(ScenarioError, match="did you mean 'case33bw'"):
        read_net(case="case33bv", file=None)


@pytest.mark.parametrize("name", ["runpp", "deepcopy", "os", "_private", "create_bus", "pp"])
def test_functions_that_are_no_cases_are_refused(name):
    with pytest.raises(ScenarioError, match=r"pandapower\.networks has no"):
        read_net(case=name, file=None)


def test_a_case_that_gives_more_than_a_net_is_refused(monkeypatch):
    def two_nets():
        return (1, 2)

    two_nets.__module__ = "pandapower.networks.mine"
    monkeypatch.setattr(nw, "two_nets", two_nets, raising=False)
    with pytest.raises(ScenarioError, match="gives a tuple"):
        read_net(case="two_nets", file=None)


@pytest.mark.parametrize(("case", "file"), [(None, None), ("case33bw", "net.json")])
def test_exactly_one_source_is_wanted(case, file):
    with pytest.raises(ScenarioError, match="exactly one"):
        read_net(case=case, file=file)


@pytest.mark.parametrize("text", ["{", "[1, 2]", "nonsense"])
def test_a_file_that_is_no_net_is_one_fault(tmp_path, text):
    file = tmp_path / "net.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"network\.file"):
        read_net(case=None, file=file)


def test_a_missing_file_is_one_fault(tmp_path):
    with pytest.raises(ScenarioError, match=r"network\.file"):
        read_net(case=None, file=tmp_path / "absent.json")


def test_stored_power_flow_options_of_a_file_are_removed(tmp_path):
    net = case33()
    net.user_pf_options = {"algorithm": "bfsw"}
    pp.to_json(net, str(tmp_path / "net.json"))
    assert read_net(case=None, file=tmp_path / "net.json").user_pf_options == {}


def test_all_faults_come_at_once_with_the_buses_that_exist():
    net = case33()
    net.ext_grid["in_service"] = False
    members = (member("A", 99), member("B", None), member("C", 5), member("C", 6))
    with pytest.raises(ScenarioError) as caught:
        Feeder(net, members=members)
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    assert "no bus 99; buses: 0-32" in text
    assert "microgrids.B.bus" in text
    assert "twice" in text
    assert "no ext_grid" in text


def test_elements_beyond_the_equations_are_faults():
    net = case33()
    pp.create_dcline(net, 3, 7, p_mw=0.1, loss_percent=1, loss_mw=0, vm_from_pu=1, vm_to_pu=1)
    net.load["const_z_p_percent"] = 50.0
    net.line.loc[3, "max_i_ka"] = 0.0
    text = "\n".join(map(str, feeder_faults(net, ())))
    assert "dcline" in text
    assert "depend on voltage" in text
    assert "lines [3]" in text


def test_the_given_net_is_not_changed():
    net = case33()
    before = pp.to_json(net)
    feeder = Feeder(net, members=(member("A", 5),), background=Background(0.4, 0.95))
    PandapowerFlow(feeder).solve(np.ones(1), np.ones((1, 1)), np.zeros((1, 1)))
    assert pp.to_json(net) == before


def test_solving_does_not_change_the_feeder():
    feeder = Feeder(case33(), members=(member("A", 5),))
    before = pp.to_json(feeder.net)
    PandapowerFlow(feeder).solve(np.ones(1), np.ones((1, 1)), np.zeros((1, 1)))
    assert feeder.solver.solve(1.0, np.ones(1), np.zeros(1))
    assert pp.to_json(feeder.net) == before


def test_background_is_scaled_and_given_a_power_factor():
    net = case33()
    load = Feeder(net, members=(), background=Background(0.4, 0.95)).net.load
    np.testing.assert_allclose(load.p_mw, 0.4 * net.load.p_mw)
    np.testing.assert_allclose(load.q_mvar, load.p_mw * math.tan(math.acos(0.95)))


def test_background_keeps_the_reactive_loads_of_the_case_without_a_power_factor():
    net = case33()
    load = Feeder(net, members=(), background=Background(0.5)).net.load
    np.testing.assert_allclose(load.q_mvar, 0.5 * net.load.q_mvar)


def test_sources_of_the_case_keep_their_nominal_values():
    net = nw.create_cigre_network_mv(with_der="all")
    feeder = Feeder(net, members=(member("A", 5),), background=Background(0.1))
    assert feeder.net.sgen.p_mw.iloc[:-1].tolist() == net.sgen.p_mw.tolist()
    assert feeder.net.storage.p_mw.tolist() == net.storage.p_mw.tolist()


def test_each_member_is_one_sgen_with_its_name():
    feeder = Feeder(case33(), members=(member("A", 5), member("B", 5), member("C", 20)))
    sgen = feeder.net.sgen.loc[list(feeder.member_sgens)]
    assert sgen.name.tolist() == ["A", "B", "C"]
    assert sgen.bus.tolist() == [5, 5, 20]


def test_labels_are_those_of_pandapower():
    net = pp.create_empty_network()
    a, b = (pp.create_bus(net, 20.0, index=label) for label in (70, 3))
    pp.create_ext_grid(net, a)
    kind = {"r_ohm_per_km": 0.1, "x_ohm_per_km": 0.1, "c_nf_per_km": 0, "max_i_ka": 0.2}
    pp.create_line_from_parameters(net, a, b, 1.0, index=42, **kind)
    feeder = Feeder(net, members=(member("A", 3),))
    assert (feeder.buses, feeder.lines, feeder.trafos) == ((70, 3), (42,), ())
    flow = PandapowerFlow(feeder).solve(np.ones(1), np.full((1, 1), 500.0), np.zeros((1, 1)))
    assert flow.vm_pu[0, 1] > flow.vm_pu[0, 0] == 1.0


def test_placeholders_and_gaps_are_unrated_and_parallel_lines_carry_more():
    net = case33()
    net.line["max_i_ka"] = [0.2, np.nan, 0.2, *[99999.0] * 34]
    net.line.loc[2, ["parallel", "df"]] = [2, 0.5]
    limit = Feeder(net, members=()).line_max_ka
    assert limit[:3].tolist() == [0.2, np.inf, 0.2]
    assert np.isinf(limit[3:]).all()


def test_reactive_exchange_follows_the_power_factor_and_the_sign_rule():
    feeder = Feeder(case33(), members=(member("A", 5, 0.8), member("B", 6)))
    np.testing.assert_allclose(
        feeder.q_kvar(np.array([[100.0, 50.0], [-100.0, 9.0]])), [[75.0, 0.0], [-75.0, 0.0]]
    )


def test_a_power_factor_outside_its_range_is_refused():
    feeder = Feeder(case33(), members=(member("A", 5),))
    with pytest.raises(ValueError, match="power factor"):
        feeder.tan_phi([1.2])
    with pytest.raises(ValueError, match="need 1 power factors"):
        feeder.tan_phi([1.0, 1.0])


def test_limits_are_written_to_the_net():
    feeder = Feeder(case33(), members=(), limits=FeederLimits(0.9, 1.1))
    assert set(feeder.net.bus.min_vm_pu) == {0.9}
    assert set(feeder.net.bus.max_vm_pu) == {1.1}


def test_the_written_net_reproduces_a_step_with_pandapower_alone(tmp_path):
    members = (member("A", 5, 0.95), member("B", 24))
    feeder = Feeder(case33(), members=members, background=Background(0.6, 0.97))
    exchange_kw = np.array([[300.0, -200.0]])
    flow = PandapowerFlow(feeder).solve(np.array([0.7]), exchange_kw, feeder.q_kvar(exchange_kw))
    (tmp_path / "network.json").write_text(feeder.as_json())

    net = pp.from_json(str(tmp_path / "network.json"))
    net.load[["p_mw", "q_mvar"]] *= 0.7
    for name, p_mw, q_mvar in [("A", 0.3, 0.3 * math.tan(math.acos(0.95))), ("B", -0.2, 0.0)]:
        net.sgen.loc[net.sgen.name == name, ["p_mw", "q_mvar"]] = [p_mw, q_mvar]
    pp.runpp(net, numba=False)
    np.testing.assert_allclose(flow.vm_pu[0], net.res_bus.vm_pu, atol=1e-8, rtol=0)
