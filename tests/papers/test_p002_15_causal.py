"""Property 15: who learns the sun hour by hour pays no less than who knows the day.

The bound of the worst case is of who knows the day: whatever is drawn within the budget keeps it.
"""

import numpy as np
import pytest

from mmgsim.subproblems import CompiledHighs
from tests.support.p002 import system

# What is held of the past may be missed by the rounding of a solver. [kW]
ROUNDING_KW = 1e-7


def causal_cost(problem, first, unknown):
    """Plan every hour anew with the sun so far and the forecast of the rest; keep what is over."""
    model = problem.model
    solver = CompiledHighs(model)
    solver.set(model.first, first)
    params = list(problem.params.values())
    steps = [param.index() for param in params]
    for now in range(problem.window.steps):
        known = np.where(np.array(steps) <= now, unknown, problem.forecast)
        for param, value in zip(params, known.tolist(), strict=True):
            solver.set(param, value)
        outcome = solver.solve(agent="causal", step=now)
        flows = [model.flow_kw[k] for k, door in enumerate(problem.doors) if door.step == now]
        units = [m.own.device["bess"] for m in model.member.values()]
        past = [*flows, *(u.in_kw[now] for u in units), *(u.out_kw[now] for u in units)]
        columns = np.concatenate([solver.columns(one) for one in past])
        done = solver.solution[columns]
        solver.limit_columns(columns, np.maximum(done - ROUNDING_KW, 0.0), done + ROUNDING_KW)
    return outcome.objective


@pytest.mark.parametrize("seed", range(2))
def test_hour_by_hour_costs_no_less_than_knowing_the_day(seed):
    problem = system(seed).problem(2)
    optimum = problem.solve(tolerance=1e-4)
    rng = np.random.default_rng([15, seed])
    unknowns = [optimum.rounds[-1].unknown]
    unknowns += [problem.unknowns.corner(rng), problem.unknowns.inner(rng)]
    for unknown in unknowns:
        knowing = problem.operate(optimum.first, unknown).cost
        assert knowing <= optimum.upper + 1e-6
        charges = knowing - sum(problem.operate(optimum.first, unknown).member_cost.values())
        assert causal_cost(problem, optimum.first, unknown) + charges >= knowing - 1e-4
