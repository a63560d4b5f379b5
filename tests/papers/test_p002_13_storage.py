"""Property 13: storage that decides later never costs more than storage that has to say before."""

from tests.support.p002 import system


def solved(case, budget=2, **rules):
    problem = case.problem(budget, **rules)
    return problem, problem.solve(tolerance=1e-7)


def test_storage_that_decides_later_never_costs_more():
    case = system(0, steps=4)
    later = solved(case)[1].upper
    assert later <= solved(case, commits_storage=True)[1].upper + 1e-6
