"""Properties 7, 13, 16 and 17: what more freedom saves, what charges prevent, and no names."""

import numpy as np
import pytest

from tests.support.p002 import system


def solved(case, budget=2, **rules):
    problem = case.problem(budget, **rules)
    return problem, problem.solve(tolerance=1e-7)


@pytest.mark.parametrize("seed", range(2))
def test_trade_never_costs_more_than_none(seed):
    assert solved(system(seed))[1].upper <= solved(system(seed), trades=False)[1].upper + 1e-6


def test_storage_that_decides_later_never_costs_more():
    case = system(0, steps=4)
    later = solved(case)[1].upper
    assert later <= solved(case, commits_storage=True)[1].upper + 1e-6


def used(problem, optimum, *, is_local):
    return sum(
        value
        for door, value in zip(problem.doors, optimum.first, strict=True)
        if door.is_local is is_local
    )


@pytest.mark.parametrize(("charge", "is_local"), [("grid_charge", False), ("link_charge", True)])
def test_doors_that_cost_more_are_used_no_more(charge, is_local):
    case = system(2, steps=5)
    counts = [
        used(*solved(case, **{charge: price}), is_local=is_local) for price in (0.01, 0.3, 4.0)
    ]
    assert (np.diff(counts) <= 0).all()
    assert counts[-1] < counts[0]


def test_the_order_of_microgrids_does_not_matter():
    case = system(4, members=3, steps=3)
    costs = [solved(case.permuted(order), 1)[1].upper for order in ([0, 1, 2], [2, 0, 1])]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6)


def test_two_microgrids_pay_through_the_pool_what_a_link_between_them_costs():
    case = system(1)
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
