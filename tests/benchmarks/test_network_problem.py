"""The DNO's day of 24 hours: built and solved from nothing, and solved again as it stands."""

import numpy as np
import pytest

from mmgsim.network import read_tree
from mmgsim.profiles import has_simbench
from mmgsim.subproblems import StepStatus
from tests.support import dno, mv

CASES = {"case33bw A": None, "CIGRE MV": mv.cigre, f"SimBench {mv.CODE}": mv.rural}


def made(name):
    """Give a tree, what builds the problem, and the window."""
    if CASES[name] is None:
        tree = read_tree(dno.feeder_of(dno.RATINGS["A"]))
        return tree, dno.problem_of, dno.window_of(tree, dno.day())
    if name.startswith("SimBench") and not has_simbench():
        pytest.skip("simbench is not installed")
    case = CASES[name]()
    tree = read_tree(case.feeder)
    return tree, case.problem, case.window(tree)


@pytest.mark.parametrize("name", CASES)
def test_day_of_the_network_problem(race, name):
    tree, build, window = made(name)

    def turn(times, k):
        problem = times.timed("building", lambda: build(tree))
        cold = times.timed("first solve, model included", lambda: problem.solve(window))
        again = times.timed("solve again", lambda: problem.solve(window))
        assert set(cold.status) == {StepStatus.EXACT}
        assert again.cost == pytest.approx(cold.cost, rel=1e-3)
        assert np.nanmax(cold.loading) <= 1.001

    times = race.run(f"Network problem, 24 h, {name}", turn, rounds=3)
    if race.is_measured:
        wall, cpu = times.median("first solve, model included")
        race.note("a day from nothing", f"{wall:.2f} s wall, {cpu:.2f} s CPU", "5 s, better 2 s")
