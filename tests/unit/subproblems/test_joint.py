from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mmgsim.contracts import frozen
from mmgsim.subproblems import (
    JointProblem,
    MicrogridInputs,
    MicrogridProblem,
    PublicPrices,
    PyomoHighs,
    Terms,
    disclosure_of,
    public_cost,
)
from mmgsim.testing import sample_view

STEPS = 6
SEEDS = {"A": 1, "B": 2, "C": 5}
BUY = np.linspace(0.25, 0.4, STEPS)


def world(seeds=SEEDS, *, sell=0.08, local=0.03):
    views = {name: sample_view(seed, steps=STEPS) for name, seed in seeds.items()}
    return SimpleNamespace(
        views=views,
        declared={name: disclosure_of(view) for name, view in views.items()},
        envelopes={name: view.envelope for name, view in views.items()},
        prices=PublicPrices(BUY, np.full(STEPS, sell), np.full(STEPS, local)),
        window=next(iter(views.values())).window,
    )


def together(w, declared=None):
    devices = {name: view.devices for name, view in w.views.items()}
    problem = JointProblem(devices, w.window, make_solver=PyomoHighs)
    outcome = problem.solve(declared or w.declared, w.envelopes, w.prices, 0)
    return outcome, problem._problem._models[False][0]


def alone(w, name, **award):
    view = w.views[name]
    terms = replace(Terms.of(view, **award), prices=w.prices)
    problem = MicrogridProblem(name, view.devices, view.window)
    return problem.solve(MicrogridInputs(w.declared[name], terms), 0)


@pytest.fixture(scope="module")
def usual():
    w = world()
    return w, *together(w)


def test_together_costs_less_than_apart(usual):
    w, outcome, _ = usual
    assert outcome.cost < sum(alone(w, name).lower_bound for name in w.views) - 1e-3


def test_sold_and_bought_balance_in_every_step(usual):
    w, _, model = usual
    trades = [[model.member[n].trade_kw[t]() for n in w.views] for t in range(STEPS)]
    assert np.abs(trades).max() > 1.0
    assert np.sum(trades, axis=1) == pytest.approx(np.zeros(STEPS), abs=1e-9)


def test_cost_is_recomputed_from_exchanges_and_trades(usual):
    w, outcome, model = usual
    cost = 0.0
    for name in w.views:
        trade = np.array([model.member[name].trade_kw[t]() for t in range(STEPS)])
        exchange = outcome.exchange_kw[name]
        plan = alone(w, name, exchange_kw=exchange)
        assert plan.exchange_kw == pytest.approx(exchange, abs=1e-6)
        cost += plan.private_cost + public_cost(exchange, trade, w.prices, 1.0)
    assert outcome.cost == pytest.approx(cost, rel=1e-9)
    assert outcome.lower_bound == pytest.approx(cost, rel=1e-9)


def test_local_charge_that_eats_the_margin_leaves_nothing_to_gain():
    w = world(local=1.0)
    outcome, _ = together(w)
    assert outcome.cost == pytest.approx(sum(alone(w, name).lower_bound for name in w.views))


@pytest.mark.parametrize("order", ["CAB", "BCA"])
def test_order_of_the_members_does_not_change_the_cost(usual, order):
    w = world({name: SEEDS[name] for name in order})
    assert together(w)[0].cost == pytest.approx(usual[1].cost, rel=1e-9)


def test_one_member_alone_costs_what_it_costs_by_itself():
    w = world({"A": 1})
    assert together(w)[0].cost == pytest.approx(alone(w, "A").lower_bound)


def test_price_lies_between_what_the_grid_pays_and_takes(usual):
    w, outcome, _ = usual
    floor = w.prices.sell_per_kwh - w.prices.local_per_kwh  # the buyer pays the local charge
    assert (outcome.price_per_kwh >= floor - 1e-9).all()
    assert (outcome.price_per_kwh <= w.prices.buy_per_kwh + 1e-9).all()


def test_price_lies_between_the_costs_of_a_little_less_and_a_little_more_local_demand(usual):
    w, outcome, _ = usual
    problem = JointProblem(
        {n: v.devices for n, v in w.views.items()}, w.window, make_solver=PyomoHighs
    )
    problem.solve(w.declared, w.envelopes, w.prices, 0)
    model, solver = problem._problem._models[False]
    step_kw, is_unique = 1e-3, []
    for t in range(STEPS):
        sold_kw = sum(model.member[n].trade_kw[t] for n in w.views)
        costs = []
        for demand_kw in (-step_kw, 0.0, step_kw):
            model.balance[t].set_value(sold_kw == demand_kw)
            costs.append(solver.solve(agent="all", step=0).objective)
        model.balance[t].set_value(sold_kw == 0.0)
        less, more = np.diff(costs) / step_kw
        assert less - 1e-6 <= outcome.price_per_kwh[t] <= more + 1e-6
        is_unique.append(more - less < 1e-6)
    assert any(is_unique)


def test_problem_fits_its_members_and_window_only(usual):
    w, _, _ = usual
    devices = {name: view.devices for name, view in w.views.items()}
    problem = JointProblem(devices, w.window, make_solver=PyomoHighs)
    assert problem.fits(devices, replace(w.window, first_step=7))
    assert not problem.fits(devices, replace(w.window, steps=STEPS + 1))
    assert not problem.fits({"A": devices["A"]}, w.window)


def test_wholly_islanded_members_share_nothing_and_still_have_a_plan():
    w = world()
    none = frozen(np.zeros(STEPS))
    w.envelopes = {
        name: replace(envelope, import_limit_kw=none, export_limit_kw=none)
        for name, envelope in w.envelopes.items()
    }
    outcome, _ = together(w)
    for exchange in outcome.exchange_kw.values():
        assert exchange == pytest.approx(np.zeros(STEPS), abs=1e-6)
