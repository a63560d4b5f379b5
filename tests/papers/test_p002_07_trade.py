"""Property 7: trade never costs more than none, and costs what its charges say."""

import numpy as np
import pytest

from tests.support.p002 import system


def solved(case, budget=2, **rules):
    problem = case.problem(budget, **rules)
    return problem, problem.solve(tolerance=1e-7)


@pytest.mark.parametrize("seed", range(2))
def test_trade_never_costs_more_than_none(seed):
    assert (
        solved(system(seed, steps=5))[1].upper
        <= solved(system(seed, steps=5), trades=False)[1].upper + 1e-6
    )


def test_two_microgrids_pay_through_the_pool_what_a_link_between_them_costs():
    case = system(1, steps=5)
    pool, links = (solved(case, topology=kind)[1].upper for kind in ("pool", "links"))
    assert pool == pytest.approx(links, rel=1e-6)


def test_a_charge_by_the_kwh_costs_what_is_exchanged():
    case = system(0, share=0.0)
    free, _ = solved(case, link_charge=0.0, grid_charge=0.0)
    operation = free.operate(np.array(free.solve(tolerance=1e-7).first))
    grid = [operation.exchange_kw[name] - operation.trade_kw[name] for name in case.names]
    charged = solved(case, link_charge=0.0, grid_charge=0.01, service_charge="per_kwh")[1]
    assert charged.upper <= operation.cost + 0.01 * np.abs(grid).sum() + 1e-6
    assert charged.upper >= operation.cost - 1e-6
