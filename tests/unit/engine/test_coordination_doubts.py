"""What a coordination cannot use is a warning, at its key, with a cure."""

import pandapower as pp
import pandapower.networks
import pytest

import mmgsim

ROWS = {"coordination": {"kind": "central", "network": "rows"}}
ON_FEEDER = {
    "network": {"case": "case33bw", "background": {"scale": 0.4}, "ratings": "wa9"},
    "microgrids.MG1.bus": 17,
    "microgrids.MG2.bus": 32,
}
LOOP = {"ties": [{"name": "T1", "between": ["MG1", "MG2"], "mode": "ac", "close_line": 35}]}


def warnings(**overrides):
    return mmgsim.build("duo", overrides=overrides).warnings


def the_warning(**overrides):
    (warning,) = warnings(**overrides)
    assert warning.cure
    return warning.where, warning.what


def test_rows_without_a_network_have_no_effect():
    said = ("coordination.network", "'rows' has no effect without a network")
    assert the_warning(**ROWS) == said


def test_rows_on_a_feeder_with_a_loop_give_no_prices_at_every_bus():
    where, what = the_warning(**ON_FEEDER, **ROWS, **LOOP)
    assert where == "coordination.network"
    assert "the table dlmp stays empty" in what
    assert "loop" in what


@pytest.mark.parametrize("coordination", [ROWS, {"coordination": "central"}])
def test_rows_on_a_tree_and_envelopes_anywhere_are_no_doubt(coordination):
    overrides = {**ON_FEEDER, **coordination}
    if coordination is not ROWS:
        overrides |= LOOP
    assert warnings(**overrides) == ()


HIERARCHICAL = {"kind": "hierarchical", "split": "shapley"}


@pytest.mark.parametrize(
    ("options", "objective", "what"),
    [
        ({}, "members", "'shapley' has no effect with controller: each"),
        ({"controller": "each"}, "system", "'shapley' has no effect with controller: each"),
        ({"controller": "aggregated"}, "system", "'shapley' has no effect with objective: system"),
    ],
)
def test_a_split_that_divides_nothing_is_doubted(options, objective, what):
    coordination = {**HIERARCHICAL, **options}
    found = the_warning(**ON_FEEDER, coordination=coordination, objective=objective)
    assert found == ("coordination.split", f"{what}: no saving is divided")


def test_a_split_that_divides_is_no_doubt():
    assert warnings(**ON_FEEDER, coordination={**HIERARCHICAL, "controller": "aggregated"}) == ()


OWN = """
from mmgsim.coordination import Isolated

class Doubtful(Isolated):
    def scenario_doubts(self, scenario, inputs):
        return {given}
"""


@pytest.mark.parametrize(
    ("given", "where", "what"),
    [
        ("[('share', 'is idle', 'drop it')]", "coordination.share", "is idle"),
        (
            "1 / 0",
            "coordination",
            "`scenario_doubts` of '{own}' fails: ZeroDivisionError: division ",
        ),
    ],
)
def test_doubts_of_a_coordination_of_ones_own_are_said(given, where, what, tmp_path):
    (tmp_path / "own.py").write_text(OWN.format(given=given))
    own = f"{tmp_path / 'own.py'}:Doubtful"
    found = the_warning(coordination=own)
    assert found[0] == where
    assert found[1].startswith(what.format(own=own))


@pytest.mark.parametrize("kind", ["line-outage", "rating"])
def test_an_event_of_a_line_with_an_open_switch_is_doubted(kind, tmp_path):
    net = pp.networks.case33bw()
    net.line.loc[32, "in_service"] = True
    net.line["max_i_ka"] = 0.4
    pp.create_switch(net, int(net.line.from_bus[32]), 32, et="l", closed=False)
    pp.to_json(net, str(tmp_path / "net.json"))
    more = {"factor": 0.5} if kind == "rating" else {}
    times = {"start": "2021-01-11 12:00", "end": "2021-01-11 16:00"}
    network = {"file": str(tmp_path / "net.json"), "background": {"scale": 0.4}}
    event = {"kind": kind, "line": 32, **times, **more}
    found = the_warning(**{**ON_FEEDER, "network": network}, events=[event])
    assert found == ("events.0.line", "line 32 has an open switch: the event changes nothing")
