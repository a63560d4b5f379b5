"""One gate under every coordination there is, from the same state, against the oracle."""

import pytest

import mmgsim
from mmgsim.scenario import BUILT_IN, Kind, load_scenario
from mmgsim.scenario.freeze import freeze
from tests.oracle.lp import central, isolated, read_case

TOLERANCE = 1e-6
"""Of gross cost."""
COORDINATIONS = tuple(BUILT_IN[Kind.MECHANISM])
SEARCHING = ("admm", "prices")
OPTIONS = {"adaptive-robust": {"budget": 0.0}}
"""With a budget, decisions of ten microgrids take minutes; plans are of the forecast anyhow."""


@pytest.fixture(scope="module", params=["leem10", "wa9"])
def solved(request, tmp_path_factory):
    """Name a scenario, and solve its first window by the oracle, together and apart."""
    folder = tmp_path_factory.mktemp(request.param) / "frozen"
    # Uncertain wind keeps its generator when it is frozen, which the oracle does not read.
    freeze(load_scenario(request.param, {"uncertainty": "none"}), folder)
    case = read_case(folder)
    return request.param, central(case), isolated(case)


def first_gate(scenario, coordination):
    chosen = {"kind": coordination, **OPTIONS.get(coordination, {})}
    model = mmgsim.build(scenario, coordination=chosen)
    model.step()
    return model.table("gates").iloc[0]


@pytest.mark.parametrize("coordination", COORDINATIONS)
def test_no_coordination_is_below_the_joint_optimum_and_none_proves_more(solved, coordination):
    name, best, alone = solved
    gate = first_gate(name, coordination)
    slack = TOLERANCE * best.gross
    assert gate.upper >= best.cost - slack
    assert not gate.lower > best.cost + slack  # missing where nothing is proven
    if coordination in SEARCHING:
        assert alone.cost - gate.upper >= 0.97 * (alone.cost - best.cost) - slack


def test_there_is_a_gain_to_capture(solved):
    _, best, alone = solved
    assert alone.cost - best.cost > 0.1 * best.gross
