"""Property 10, of batteries: levels under every unknown."""

import numpy as np
import pytest

from tests.support.p002 import BATTERY, system


def operations(case, **rules):
    problem = case.problem(2, **rules)
    optimum = problem.solve(tolerance=1e-7)
    for one in (problem.forecast, *(turn.unknown for turn in optimum.rounds)):
        yield problem, optimum.first, one, problem.operate(optimum.first, one)


def test_storage_keeps_its_levels_under_every_unknown():
    case = system(0, steps=5)
    for problem, _, _, _ in operations(case):
        for member in problem.model.member.values():
            unit = member.own.device["bess"]
            values = {
                n: np.array([v.value for v in getattr(unit, n).values()])
                for n in ("in_kw", "out_kw", "energy_kwh", "miss_kwh")
            }
            flow = BATTERY.efficiency * values["in_kw"] - values["out_kw"] / BATTERY.efficiency
            assert values["energy_kwh"] == pytest.approx(6.0 + np.cumsum(flow), abs=1e-6)
            assert values["energy_kwh"].min() >= BATTERY.energy_min_kwh - 1e-6
            assert values["energy_kwh"].max() <= BATTERY.energy_kwh + 1e-6
            assert values["energy_kwh"][-1] == pytest.approx(6.0, abs=1e-6)
