"""What a feeder does with its background alone: an error where it does nothing, else warnings."""

import logging

import pandapower as pp
import pandapower.networks
import pytest

import mmgsim


def on_feeder(buses=(17, 32), **network):
    return {
        "network": {"case": "case33bw", "background": {"scale": 0.4}, **network},
        "microgrids.MG1.bus": buses[0],
        "microgrids.MG2.bus": buses[1],
    }


def warnings(**network):
    return mmgsim.build("duo", overrides=on_feeder(**network)).warnings


def test_a_background_that_fits_has_no_warning():
    assert warnings(ratings="wa9") == ()


def test_a_background_without_a_power_flow_is_refused():
    with pytest.raises(mmgsim.ScenarioError) as caught:
        warnings(background={"scale": 40})
    (fault,) = caught.value.faults
    assert fault.where == "network.background.scale"
    assert "40: the feeder cannot carry the peak" in fault.what
    assert "not percent" in fault.cure


@pytest.mark.parametrize(
    ("network", "where", "what"),
    [
        ({"background": {"scale": 1.0}}, "network.v_min_pu", "pu at bus 17"),
        ({"v_max_pu": 0.999}, "network.v_max_pu", "1.0000 pu at bus 0"),
        ({"ratings": "wa9-tight"}, "network.ratings", "loads line"),
        ({"buses": (0, 32)}, "microgrids.MG1.bus", "bus of the upstream grid"),
    ],
)
def test_what_the_background_breaks_is_one_warning(network, where, what):
    (warning,) = warnings(**network)
    assert warning.where == where
    assert what in warning.what
    assert warning.cure


@pytest.fixture
def net():
    return pp.networks.case33bw()


def test_a_microgrid_on_an_island_is_warned_of(net, tmp_path):
    net.line.loc[6, "in_service"] = False  # buses 7 to 17 hang on it
    pp.to_json(net, str(tmp_path / "net.json"))
    (warning,) = warnings(case=None, file=str(tmp_path / "net.json"))
    assert warning.where == "microgrids.MG1.bus"
    assert "17 is on an island" in warning.what


def test_a_microgrid_on_a_bus_out_of_service_is_refused(net, tmp_path):
    net.bus.loc[17, "in_service"] = False
    pp.to_json(net, str(tmp_path / "net.json"))
    with pytest.raises(mmgsim.ScenarioError, match=r"MG1\.bus.*17 is out of service"):
        warnings(case=None, file=str(tmp_path / "net.json"))


def test_a_run_from_python_logs_each_warning_once(caplog, tmp_path):
    overrides = {**on_feeder(v_max_pu=0.999, ratings="wa9"), "coordination.kind": "isolated"}
    with caplog.at_level(logging.WARNING, logger="mmgsim"):
        mmgsim.run("duo", overrides=overrides, out=tmp_path / "run")
    (said,) = (record.getMessage() for record in caplog.records if record.name == "mmgsim.run")
    assert said.startswith("duo under isolated: network.v_max_pu (")
