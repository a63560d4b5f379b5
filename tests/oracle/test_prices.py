"""Price coordination against the oracle: bounds, gaps, and how much of the gain it captures."""

import logging

import numpy as np
import pytest

import mmgsim
from tests.oracle.draws import draw_scenario
from tests.oracle.lp import central, isolated, read_case
from tests.support.diesel import diesel_scenario

log = logging.getLogger(__name__)
TOLERANCE = 1e-6  # of gross cost


def first_gate(scenario, coordination, **overrides):
    model = mmgsim.build(scenario, coordination=coordination, overrides=overrides)
    model.step()
    return model.table("gates").iloc[0]


@pytest.mark.parametrize("seed", range(30))
def test_random_scenarios_are_cleared_near_the_oracles_optimum(tmp_path, seed):
    folder = draw_scenario(seed, tmp_path / "drawn")
    case = read_case(folder)
    best, alone = central(case), isolated(case)
    gate = first_gate(folder, "prices")
    slack = TOLERANCE * best.gross
    assert gate.lower <= best.cost + slack
    assert gate.upper >= best.cost - slack
    # The rule that stops it knows the gross cost of the combination, the table that of the plans.
    assert gate.gap <= 1.001e-3 + TOLERANCE
    gain = alone.cost - best.cost
    log.info("gain %.3g of gross, gap %.2g, rounds %d", gain / best.gross, gate.gap, gate.rounds)
    if gain >= 0.01 * alone.gross:
        assert (alone.cost - gate.upper) / gain >= 0.97


@pytest.mark.parametrize("seed", [100, 101, 102])
def test_bounds_hold_at_negative_prices(tmp_path, seed):
    folder = draw_scenario(seed, tmp_path / "drawn", negative=True, step=60, members=2)
    case = read_case(folder)
    best = central(case)
    assert best.is_integer
    gate = first_gate(folder, "prices")
    assert gate.lower <= best.cost + TOLERANCE * best.gross
    assert gate.upper >= best.cost - TOLERANCE * best.gross


@pytest.mark.parametrize(("members", "to_central"), [(3, 2e-3), (9, 1.5e-3)])
def test_units_on_or_off_are_cleared_near_the_joint_optimum(tmp_path, members, to_central):
    """Three units leave a gap of duality of up to 0.6 %; it falls with their number."""
    folder = diesel_scenario(tmp_path / "diesel", members)
    best = first_gate(folder, "central", **{"coordination.mip_gap": 1e-3})
    gate = first_gate(folder, "prices")
    assert gate.lower <= best.upper
    assert gate.upper >= best.lower - TOLERANCE * best.gross
    assert (gate.upper - best.lower) / best.gross < to_central + 1e-3  # of which 1e-3 is mip_gap
    assert gate.gap < (7.5e-3 if members == 3 else 3e-3)


def test_every_gate_of_two_days_is_certified(tmp_path):
    model = mmgsim.build("wa9", coordination="prices", overrides={"days": 2, "network": "none"})
    while not model.clock.is_finished:
        model.step()
    gaps = model.table("gates").gap.to_numpy()
    assert not np.isnan(gaps).any()
    assert np.quantile(gaps, 0.95) <= 1e-3
    assert gaps.max() <= 3e-3
