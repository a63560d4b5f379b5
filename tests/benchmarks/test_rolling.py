"""A rolling run planned together: the joint problem against the same LPs handed to HiGHS warm."""

from contextlib import contextmanager
from types import SimpleNamespace

import highspy
import numpy as np
import pytest

import mmgsim
from mmgsim.scenario import load_scenario
from mmgsim.subproblems import JointProblem
from mmgsim.subproblems.solver import solver_time
from tests.support.race import Times


@contextmanager
def listening(asked):
    """Keep what the joint problem is asked to solve, and what was handed to HiGHS for it."""
    solve = JointProblem.solve

    def solve_and_keep(problem, declared, envelopes, prices, step, *, limits):
        assert limits is None, "the LPs by hand know no rows of a network"
        outcome = solve(problem, declared, envelopes, prices, step)
        lp = problem._problem._models[False][1]._highs.getLp()
        numbers = (lp.col_cost_, lp.col_lower_, lp.col_upper_, lp.row_lower_, lp.row_upper_)
        asked.append(
            SimpleNamespace(
                problem=problem,
                given=(declared, envelopes, prices, step),
                numbers=tuple(np.array(one, dtype=np.float64) for one in numbers),
                offset=lp.offset_,
                cost=outcome.cost,
            )
        )
        return outcome

    JointProblem.solve = solve_and_keep
    try:
        yield
    finally:
        JointProblem.solve = solve


class ByHand:
    """The LP of a gate in HiGHS with nothing around it: numbers in, run, values and duals out."""

    def __init__(self, lp):
        self._highs = highspy.Highs()
        for option, setting in (("output_flag", False), ("threads", 1)):
            self._highs.setOptionValue(option, setting)
        self._highs.passModel(lp)
        self._columns = np.arange(lp.num_col_, dtype=np.int32)
        self._rows = np.arange(lp.num_row_, dtype=np.int32)

    def solve(self, gate):
        highs, (cost, low, high, row_low, row_high) = self._highs, gate.numbers
        highs.changeColsCost(len(self._columns), self._columns, cost)
        highs.changeColsBounds(len(self._columns), self._columns, low, high)
        highs.changeRowsBounds(len(self._rows), self._rows, row_low, row_high)
        highs.changeObjectiveOffset(gate.offset)
        highs.run()
        assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        found = highs.getSolution()
        return (
            highs.getInfo().objective_function_value,
            np.array(found.col_value),
            np.array(found.row_dual),
        )


def roll(race, scenario, overrides, *, rounds):
    """Race the gates of a run, one after the other in turns."""
    asked = []
    with listening(asked):
        model = mmgsim.build(scenario, coordination="central", overrides=overrides)
        while not model.clock.is_finished:
            model.step()
    first = asked[0]
    lp = first.problem._problem._models[False][1]._highs.getLp()
    assert len({id(gate.problem) for gate in asked}) == 1
    assert True not in first.problem._problem._models, "binaries were needed"

    def turn(times, k):
        problem = first.problem
        by_hand = ByHand(lp)
        inside, own = 0.0, Times()
        for gate in asked:
            before = solver_time.seconds
            found = own.timed("joint", lambda gate=gate: problem.solve(*gate.given))
            inside += solver_time.seconds - before
            cost, *_ = own.timed("hand", lambda gate=gate: by_hand.solve(gate))
            assert found.cost == pytest.approx(cost, rel=1e-7, abs=1e-7)
            assert found.cost == pytest.approx(gate.cost, rel=1e-7, abs=1e-7)
        for name, label in (("joint", "JointProblem"), ("hand", "by hand, warm")):
            times.seconds.setdefault(label, []).append(np.sum(own.seconds[name], axis=0))
        times.seconds.setdefault("HiGHS inside JointProblem", []).append((inside, np.nan))

    group = f"Planning of {len(asked)} rolling gates of {model.scenario.name}, central, no network"
    times = race.run(group, turn, rounds=rounds)
    race.ratio(times, "JointProblem", "by hand, warm", "goal <= 1.5, must 2.5")
    if race.is_measured:
        gate_s, hand_s = model.recorder.totals.gate_s, times.median("by hand, warm")[0]
        race.note("whole gates (messages, agents' plans), once", f"{gate_s:.2f} s wall")
        race.note("whole gates / by hand", f"{gate_s / hand_s:.2f} wall")


def test_duo_is_rolled_together(race):
    roll(race, "duo", {"network": "none"}, rounds=5)


@pytest.mark.large
def test_wa9_is_rolled_together(race):
    roll(race, load_scenario("wa9", {"network": "none"}), None, rounds=5)
