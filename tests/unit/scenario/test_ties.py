"""Tie lines of a scenario: everything that cannot be is said at once, with place and cure."""

import pytest

from mmgsim.engine import build
from mmgsim.errors import ScenarioError

FEEDER = {
    "network": {"case": "case33bw", "background": {"scale": 0.4}},
    "microgrids.MG1.bus": 17,
    "microgrids.MG2.bus": 32,
}
PRIVATE = {"name": "T1", "between": ["MG1", "MG2"], "limit_kw": 10}
AC = {"name": "T1", "between": ["MG1", "MG2"], "mode": "ac"}


def faults_of(*ties, **overrides):
    with pytest.raises(ScenarioError) as caught:
        build("duo", overrides={**overrides, "ties": list(ties)})
    return {(fault.where, fault.what): fault.cure for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("change", "key", "what"),
    [
        ({"between": ["MG1", "MG3"]}, ".between", "there is no microgrid 'MG3'"),
        ({"between": ["MG1", "MG1"]}, ".between", "both ends are at MG1"),
        ({"between": ["MG1"]}, ".between", "a line has two ends, not 1"),
        ({"limit_kw": None}, ".limit_kw", "is missing"),
        ({"limit_kw": 0.0}, ".limit_kw", "must be above 0"),
        ({"loss_share": 1.0}, ".loss_share", "must be below 1"),
        ({"r_ohm": 0.1}, ".r_ohm", "has no effect on a private tie"),
        ({"mode": "dc"}, ".mode", "'dc' is not modelled"),
        ({"mode": "ac", "close_line": 35}, ".mode", "there is no network"),
    ],
)
def test_a_tie_that_cannot_be_is_refused(change, key, what):
    found = faults_of({**PRIVATE, **change})
    assert any(where == f"ties.0{key}" or where == f"ties.T1{key}" for where, _ in found), found
    assert any(what in said for _, said in found), found


def test_all_faults_of_ties_are_said_at_once():
    found = faults_of(PRIVATE, {**PRIVATE, "between": ["MG2", "MG"], "x_ohm": 1.0})
    said = " ".join(what for _, what in found)
    assert "'T1' is used twice" in said
    assert "there is no microgrid 'MG'" in said
    assert "has no effect" in said


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({}, "says of no line"),
        ({"close_line": 35, "r_ohm": 0.1, "x_ohm": 0.1}, "says by r_ohm and close_line"),
        ({"r_ohm": 0.1}, "is missing beside r_ohm"),
        ({"close_line": 35, "loss_share": 0.1}, "loses what physics says"),
        ({"close_line": 3}, "3 is closed already"),
        ({"close_line": 99}, "99 is no line of the net"),
        ({"close_line": 32}, "joins buses 20 and 7, the microgrids are at 17 and 32"),
        ({"std_type": "NAYY 4x50 S", "length_km": 1.0}, "no line type 'NAYY 4x50 S'"),
    ],
)
def test_an_ac_tie_that_is_no_line_of_the_feeder_is_refused(line, what):
    found = faults_of({**AC, **line}, **FEEDER)
    assert any(what in said for _, said in found), found


def test_a_line_is_closed_by_one_tie_only():
    again = {**AC, "name": "T2", "close_line": 35}
    found = faults_of({**AC, "close_line": 35}, again, **FEEDER)
    ((where, what),) = found
    assert where in ("ties.1.close_line", "ties.T2.close_line")
    assert what == "line 35 is closed by 'T1' already"


def test_a_dno_that_grants_refuses_the_loop_of_an_ac_tie():
    found = faults_of({**AC, "close_line": 35}, **FEEDER, **{"coordination.kind": "hierarchical"})
    assert any("cannot grant requests on this feeder" in what for _, what in found), found


@pytest.mark.parametrize(
    ("coordination", "is_doubted"),
    [
        ("central", False),
        ("isolated", True),
        ({"kind": "prices"}, True),
    ],
)
def test_a_coordination_that_cannot_use_private_ties_is_doubted(coordination, is_doubted):
    model = build("duo", coordination=coordination, overrides={"ties": [PRIVATE]})
    assert (
        any("leaves private ties at zero" in fault.what for fault in model.warnings) == is_doubted
    )
