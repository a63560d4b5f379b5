"""Property 8: balances and limits under every unknown, and trade that adds up to nothing."""

import pytest

from tests.support.p002 import system


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
