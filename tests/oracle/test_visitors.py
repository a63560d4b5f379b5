"""Vehicles and flexible loads of the product against the oracle: one gate, and rolling."""

import logging

import pytest

import mmgsim
from tests.oracle.draws import draw_scenario
from tests.oracle.lp import central, isolated, read_case

log = logging.getLogger(__name__)
TOLERANCE = 1e-6
"""Of gross cost; never to be loosened."""
ORACLES = {"central": central, "isolated": isolated}


def first_gate(folder, coordination):
    model = mmgsim.build(folder, coordination=coordination)
    model.step()
    return model.table("gates").iloc[0]


@pytest.mark.parametrize("seed", range(12))
def test_random_scenarios_with_vehicles_equal_the_oracle(tmp_path, seed):
    fixed = {"visitors": True, "members": 2 + seed % 2, "negative": seed % 5 == 4}
    folder = draw_scenario(700 + seed, tmp_path / "drawn", **fixed)
    case = read_case(folder)
    assert any(site.visitors for site in case.sites)
    for coordination, solve in ORACLES.items():
        gate, answer = first_gate(folder, coordination), solve(case)
        apart = (gate.upper - answer.cost) / answer.gross
        log.info("%s: relative difference %.3g", coordination, apart)
        assert abs(apart) < TOLERANCE
        if coordination == "central":
            assert abs(gate.lower - answer.cost) < TOLERANCE * answer.gross


@pytest.mark.parametrize("zone", [0, 2, 3])
def test_rolling_with_stays_of_daytime_equals_one_long_window(tmp_path, zone):
    # What is wanted at midnight decouples batteries; stays within a day do the same for the rest.
    fixed = {"days": 2, "step": 60, "members": 2, "rule": "cyclic", "at": "00:00", "zone": zone}
    fixed |= {"visitors": True, "daytime": True}
    folder = draw_scenario(730 + zone, tmp_path / "drawn", **fixed)
    model = mmgsim.build(folder, coordination="central")
    while not model.clock.is_finished:
        model.step()
    totals, case = model.recorder.totals, read_case(folder)
    whole = central(case, steps=case.run_steps)
    assert abs(totals.objective_cost - whole.cost) < TOLERANCE * whole.gross
