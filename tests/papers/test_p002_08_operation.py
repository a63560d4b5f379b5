"""Properties 8 to 11: what is done keeps balances, doors, levels and limits."""

import numpy as np
import pytest

from tests.support.p002 import BATTERY, system


def operations(case, **rules):
    problem = case.problem(2, **rules)
    optimum = problem.solve(tolerance=1e-7)
    for one in (problem.forecast, *(turn.unknown for turn in optimum.rounds)):
        yield problem, optimum.first, one, problem.operate(optimum.first, one)


@pytest.mark.parametrize("topology", ["pool", "links"])
def test_trades_balance_and_exchanges_keep_their_limits(topology):
    case = system(0, members=3, steps=3)
    for _, _, _, operation in operations(case, topology=topology):
        assert abs(sum(operation.trade_kw.values())).max() < 1e-6
        for kw in operation.exchange_kw.values():
            assert abs(kw).max() <= case.grid_kw.max() + 1e-6
        assert sum(operation.member_cost.values()) <= operation.cost + 1e-9


def test_nothing_passes_a_door_that_is_shut_and_no_microgrid_passes_power_on():
    case = system(2)
    for problem, first, _, operation in operations(case):
        steps = case.window.steps
        open_ways = {name: np.zeros((2, steps)) for name in case.names}
        for door, value in zip(problem.doors, first, strict=True):
            open_ways[door.microgrid][int(bool(door.source)), door.step] += value
        for name, ways in open_ways.items():
            assert (np.minimum(ways[0], ways[1]) == 0.0).all()
            kw = operation.exchange_kw[name]
            assert (kw[ways[1] == 0.0] <= 1e-6).all()
            assert (kw[ways[0] == 0.0] >= -1e-6).all()


def test_storage_keeps_its_levels_under_every_unknown():
    case = system(0)
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


def test_nothing_lacks_where_the_grid_is_ample_and_something_does_where_there_is_none():
    for grid_kw, lacks in ((40.0, False), (0.0, True)):
        for *_, operation in operations(system(0, grid_kw=grid_kw, has_storage=False)):
            assert (operation.unserved_kwh > 1e-6) is lacks
