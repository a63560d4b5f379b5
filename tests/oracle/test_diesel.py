"""One gate of microgrids with diesel against a mixed-integer oracle."""

import logging

import numpy as np
import pytest
import yaml

import mmgsim
from tests.oracle.lp import Program, central, isolated, read_case
from tests.support.diesel import diesel_scenario

log = logging.getLogger(__name__)
TOLERANCE = 1e-6
"""Of gross cost; never to be loosened."""
ORACLES = {"central": central, "isolated": isolated}


def draw(folder, seed, *, is_curved):
    """Write two microgrids, some units hot, some without ramps, with short windows."""
    rng = np.random.default_rng(seed)
    folder = diesel_scenario(folder, 2, seed=seed, gate={"every": "1h", "horizon": "24h"})
    file = folder / "scenario.yaml"
    scenario = yaml.safe_load(file.read_text(encoding="utf-8"))
    for microgrid in scenario["microgrids"]:
        unit = microgrid["devices"][-1]
        unit["cost_per_kwh_kw"] *= is_curved
        if rng.random() < 0.5:
            unit["power_start_kw"] = float(rng.uniform(unit["power_min_kw"], unit["power_max_kw"]))
        # Left out, above the least power, or below it.
        share = rng.choice([np.nan, 0.5, 0.2])
        unit["ramp_kw_per_h"] = None if np.isnan(share) else float(share * unit["power_max_kw"])
    file.write_text(yaml.safe_dump(scenario), encoding="utf-8")
    return folder


def first_gate(folder, coordination):
    overrides = {"coordination.mip_gap": 1e-8} if coordination == "central" else {}
    model = mmgsim.build(folder, coordination=coordination, overrides=overrides)
    model.step()
    return model.table("gates").iloc[0]


@pytest.mark.parametrize("coordination", ORACLES)
@pytest.mark.parametrize("seed", range(4))
def test_linear_fuel_cost_equals_the_oracle(tmp_path, seed, coordination):
    folder = draw(tmp_path / "drawn", seed, is_curved=False)
    gate, answer = first_gate(folder, coordination), ORACLES[coordination](read_case(folder))
    log.info("relative difference %.3g", (gate.upper - answer.cost) / answer.gross)
    assert answer.is_integer
    assert abs(gate.upper - answer.cost) < TOLERANCE * answer.gross
    if coordination == "central":
        assert abs(gate.lower - answer.cost) < TOLERANCE * answer.gross


@pytest.mark.parametrize("seed", range(4, 7))
def test_quadratic_fuel_cost_is_bounded_by_the_oracle_and_its_tangents(tmp_path, seed):
    folder = draw(tmp_path / "drawn", seed, is_curved=True)
    gate, case = first_gate(folder, "central"), read_case(folder)
    program = Program(case, case.sites, case.window, True)
    answer = program.solve()
    assert abs(gate.lower - answer.cost) < TOLERANCE * answer.gross
    above = gate.upper - answer.cost
    log.info("true cost above that of the tangents: %.3g of gross cost", above / answer.gross)
    assert -TOLERANCE * answer.gross < above
    assert above < program.understated(answer.values) + TOLERANCE * answer.gross
