"""The market's half of a round of ADMM against a QP of its own, and by hand."""

import numpy as np
import pyomo.environ as pyo
import pytest

from mmgsim.coordination.public_step import public_step
from mmgsim.subproblems import CompiledHighs, PublicPrices
from mmgsim.subproblems.tangents import NEAR, Tangents


def prices_of(buy, sell, local):
    return PublicPrices(
        *(np.atleast_1d(np.asarray(one, dtype=float)) for one in (buy, sell, local))
    )


def by_qp(told_kw, penalty, buy, sell, local):
    """Give the optimal exchanges of one step: import, export, trade as columns."""
    model = pyo.ConcreteModel()
    model.member = pyo.RangeSet(0, len(told_kw) - 1)
    model.z = pyo.Var(model.member, bounds=(-1e3, 1e3))  # far beyond any optimum
    model.half_square = pyo.Var(model.member, domain=pyo.NonNegativeReals)
    model.out, model.into = (pyo.Var(model.member, domain=pyo.NonNegativeReals) for _ in "ab")
    model.bought, model.sold, model.traded = (pyo.Var(domain=pyo.NonNegativeReals) for _ in "abc")
    model.split = pyo.Constraint(model.member, rule=lambda m, i: m.z[i] == m.out[i] - m.into[i])
    model.lack = pyo.Constraint(expr=sum(model.into.values()) == model.bought + model.traded)
    model.surplus = pyo.Constraint(expr=sum(model.out.values()) == model.sold + model.traded)
    model.cost = pyo.Objective(
        expr=buy * model.bought
        - sell * model.sold
        + local * model.traded
        - penalty * sum(told * model.z[i] for i, told in enumerate(told_kw))
        + penalty * sum(model.half_square.values())
    )
    solver = CompiledHighs(model)
    tangents = Tangents(solver, *map(solver.columns, (model.z, model.half_square)))
    tangents.solve(told_kw, agent="the market", step=0)
    return solver.get(model.z)


@pytest.mark.parametrize("charge", [0.0, 0.05, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_the_closed_form_is_the_optimum_of_the_qp(seed, charge):
    rng = np.random.default_rng(seed)
    sell, buy = np.sort(rng.uniform(0.02, 0.4, 2))
    told_kw, penalty = rng.normal(0.0, 20.0, 4), 0.01
    step = public_step(told_kw[:, None], penalty, prices_of(buy, sell, charge))
    z = step.exchange_kw[:, 0]
    expected = by_qp(told_kw, penalty, buy, sell, charge)
    assert np.sqrt(((z - expected) ** 2).mean()) <= NEAR


def test_three_steps_by_hand():
    # Told +30 and -10: a surplus of 20 sells at the grid's 0.1; -30 and +10 buys at 0.3.
    # +30 and -30 balance by themselves, at the middle of what they might pay.
    told_kw = np.array([[30.0, 10.0, 30.0], [-10.0, -30.0, -30.0]])
    step = public_step(told_kw, 0.1, prices_of([0.3] * 3, [0.1] * 3, [0.0] * 3))
    assert step.pool_per_kwh[:2] == pytest.approx([0.1, 0.3])
    # Every exchange moves by price over penalty; the third step ends at a surplus of twice 1.
    assert step.exchange_kw[:, 0] == pytest.approx([31.0, -9.0])
    assert step.exchange_kw[:, 1] == pytest.approx([13.0, -27.0])
    assert step.pool_per_kwh[2] == pytest.approx(0.1)


def test_exchanges_balance_where_the_pool_has_a_price_between_those_of_the_grid():
    told_kw = np.array([[8.0], [-6.0], [-6.0]])  # the sum is zero at 4 / 3 * 0.15 = 0.2
    step = public_step(told_kw, 0.15, prices_of(0.3, 0.1, 0.0))
    assert step.pool_per_kwh == pytest.approx([0.2])
    assert step.exchange_kw.sum() == pytest.approx(0.0, abs=1e-9)


def test_a_small_exchange_stays_at_zero_where_the_charge_parts_buyer_and_seller():
    # Worth between 0.1 and 0.1 + 0.05 of who would send -0.12 / 0.1 kW out.
    step = public_step(np.array([[30.0], [-1.2]]), 0.1, prices_of(0.3, 0.1, 0.05))
    assert step.exchange_kw[1, 0] == pytest.approx(0.0, abs=1e-12)
    assert step.worth_per_kwh[:, 0] == pytest.approx([0.1, 0.12])


def test_where_selling_earns_more_than_buying_the_price_is_that_of_selling():
    step = public_step(np.array([[5.0], [-9.0]]), 0.1, prices_of(0.1, 0.3, 0.02))
    assert step.worth_per_kwh == pytest.approx(0.3)
