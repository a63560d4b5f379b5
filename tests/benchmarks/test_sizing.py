"""A year of the rule, compiled and in numpy, and the search of paper 004 over a whole year."""

import numpy as np
import pytest

from mmgsim.scenario import load_scenario
from mmgsim.sizing import (
    Objective,
    Patience,
    Problem,
    Sharing,
    Swarm,
    Terms,
    YearSimulator,
    has_numba,
    least_annual_cost,
    sizing_case,
)

pytestmark = pytest.mark.skipif(not has_numba(), reason="needs numba")

CANDIDATES = 100


@pytest.fixture(scope="module")
def towns():
    loaded = load_scenario("towns3")
    case = sizing_case(loaded)
    return case, Terms.of(case, loaded.scenario.sizing)


@pytest.fixture(scope="module")
def sizes(towns):
    case, _ = towns
    shares = np.random.default_rng(0).random((CANDIDATES, *case.low.shape))
    return case.low + shares * (case.high - case.low)


@pytest.mark.parametrize("sharing", Sharing)
def test_a_year_of_three_microgrids(race, towns, sizes, sharing):
    case, _ = towns
    compiled = YearSimulator(case, sharing, engine="numba", workers=1)
    plain = YearSimulator(case, sharing, engine="numpy")
    few = sizes[:8]
    compiled.totals(few)  # compiles

    def turn(times, k):
        times.timed("numba, one", lambda: compiled.totals(few[:1]))
        times.timed(f"numba, {CANDIDATES}", lambda: compiled.totals(sizes))
        found = times.timed("numba, 8", lambda: compiled.totals(few)).values
        slow = times.timed("numpy, 8", lambda: plain.totals(few)).values
        np.testing.assert_allclose(found, slow, rtol=1e-9, atol=1e-9 * np.abs(slow).max())

    times = race.run(f"A year of towns3 (3 x 8760 h), {sharing}", turn, rounds=5)
    race.ratio(times, "numpy, 8", "numba, 8", "")
    if race.is_measured:
        wall_s, cpu_s = times.median(f"numba, {CANDIDATES}") / CANDIDATES
        found = f"{1e3 * wall_s:.3f} ms wall, {1e3 * cpu_s:.3f} ms CPU"
        race.note("a candidate among them", found, "1 ms")


@pytest.mark.large
@pytest.mark.parametrize("sharing", Sharing)
def test_all_rounds_of_the_search_of_the_paper(race, towns, sharing):
    case, terms = towns
    problem = Problem.of(YearSimulator(case, sharing), terms, Objective.ANNUAL_COST)
    bound = least_annual_cost(case, sharing, terms).bound
    all_rounds = Patience(rounds=120, idle_rounds=120, gain=0.0)

    def search():
        swarm = Swarm(problem.costs, problem.low, problem.high, seed=1, patience=all_rounds)
        while not swarm.is_done:
            swarm.advance()
        return swarm

    def turn(times, k):
        swarm = times.timed("100 particles, 120 rounds", search)
        assert swarm.rounds == 120
        assert swarm.best.cost >= bound - 1e-6

    times = race.run(f"Sizes of towns3 by swarm, {sharing}", turn, rounds=3)
    race.note("goal", "", "8 s")
    best = times.last["100 particles, 120 rounds"].best.cost
    race.note("best above the proven bound", f"{best / bound - 1.0:.2e}")
