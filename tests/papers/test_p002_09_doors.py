"""Property 9: nothing passes a door that is shut, and nobody passes power on."""

import numpy as np

from tests.support.p002 import system


def operations(case, **rules):
    problem = case.problem(2, **rules)
    optimum = problem.solve(tolerance=1e-7)
    for one in (problem.forecast, *(turn.unknown for turn in optimum.rounds)):
        yield problem, optimum.first, one, problem.operate(optimum.first, one)


def test_nothing_passes_a_door_that_is_shut_and_no_microgrid_passes_power_on():
    case = system(2, steps=5)
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
