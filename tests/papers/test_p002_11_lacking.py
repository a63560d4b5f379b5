"""Property 11: nothing lacks where the grid is ample, and what does without it is told."""

from tests.support.p002 import system


def operations(case, **rules):
    problem = case.problem(2, **rules)
    optimum = problem.solve(tolerance=1e-7)
    for one in (problem.forecast, *(turn.unknown for turn in optimum.rounds)):
        yield problem, optimum.first, one, problem.operate(optimum.first, one)


def test_nothing_lacks_where_the_grid_is_ample_and_something_does_where_there_is_none():
    for grid_kw, lacks in ((40.0, False), (0.0, True)):
        for *_, operation in operations(system(0, steps=5, grid_kw=grid_kw, has_storage=False)):
            assert (operation.unserved_kwh > 1e-6) is lacks
