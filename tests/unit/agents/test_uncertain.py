"""Strategies that plan with what may come: what they decide, and what they fall back to."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Award, Disclose, OrderQuery, PriceQuery, Realised, frozen
from mmgsim.contracts import Plan as ContractPlan
from mmgsim.subproblems import Terms, public_cost, public_prices, reply_faults
from mmgsim.testing import sample_view
from mmgsim_agents.strategies import CostMinimiser, Robust, Stochastic
from tests.support.outlook import DrawnOutlook

STEPS = 12
BOTH = {
    "stochastic": lambda **options: Stochastic(4, 40, **options),
    "robust": lambda **options: Robust(samples=40, **options),
}


def uncertain_view(seed, spread=0.3):
    view = sample_view(seed, steps=STEPS)
    return replace(view, outlook=DrawnOutlook(view, spread, seed))


def award(view, **fixed):
    return Award(to=view.name, window=view.window, **fixed)


def replanned(view, plan):
    return replace(view, plan=plan)


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
@pytest.mark.parametrize("seed", range(6))
def test_plans_keep_their_contract_with_an_outlook(seed, make):
    view, strategy = uncertain_view(seed), make()
    plan = strategy.answer(view, award(view))
    assert isinstance(plan, ContractPlan)
    assert list(reply_faults(plan, view, award(view))) == []
    kw = {name: float(values[0]) for name, values in view.forecast_kw.items()}
    assert strategy.dispatch(replanned(view, plan), Realised(0, kw)).operations


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_without_an_outlook_they_plan_for_the_forecast_and_say_so(make):
    view = sample_view(1, steps=STEPS)
    usual = CostMinimiser().answer(view, award(view))
    plan = make().answer(view, award(view))
    assert plan.flags == (*usual.flags, "no_outlook")
    assert np.array_equal(plan.exchange_kw, usual.exchange_kw)


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
@pytest.mark.parametrize("seed", [1, 3])
def test_where_the_outlook_is_certain_plans_cost_what_the_cheapest_costs(seed, make):
    view = uncertain_view(seed, spread=0.0)
    plan = make().plan(view, Terms.of(view))
    usual = CostMinimiser().plan(view, Terms.of(view))
    prices, none = public_prices(view.tariff), np.zeros(STEPS)
    costs = [
        one.private_cost + public_cost(one.exchange_kw, none, prices, view.window.step_h)
        for one in (plan, usual)
    ]
    assert costs[0] == pytest.approx(costs[1], rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_an_exchange_that_is_fixed_is_followed_like_by_anybody(make):
    view = uncertain_view(1)
    fixed = award(view, exchange_kw=CostMinimiser().answer(view, award(view)).exchange_kw)
    assert make().answer(view, fixed).exchange_kw == pytest.approx(fixed.exchange_kw, abs=1e-6)


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_what_they_answer_to_prices_and_orders_is_that_of_the_forecast(make):
    view = uncertain_view(1)
    prices = frozen([view.tariff.import_per_kwh])
    query = PriceQuery(window=view.window, prices_per_kwh=prices)
    told, usual = (one.answer(view, query) for one in (make(), CostMinimiser()))
    assert np.array_equal(told.exchange_kw, usual.exchange_kw)
    assert np.array_equal(told.lower_bound, usual.lower_bound)
    ask = OrderQuery(window=view.window, offsets=(0,))
    assert make().answer(view, ask).orders == CostMinimiser().answer(view, ask).orders
    shown = make().answer(view, Disclose(window=view.window))
    assert shown.forecast_kw == view.forecast_kw


def test_bad_courses_weigh_more_with_more_weight_on_the_tail():
    """Some world has two plans for it: otherwise the option would do nothing."""
    plans = []
    for seed in (1, 3, 5, 7, 9):
        view = uncertain_view(seed)
        terms = Terms.of(view)
        neutral = BOTH["stochastic"]().plan(view, terms)
        averse = BOTH["stochastic"](cvar_weight=1.0, cvar_level=0.5).plan(view, terms)
        plans.append(np.abs(neutral.exchange_kw - averse.exchange_kw).max())
    assert max(plans) > 1e-3


@pytest.mark.parametrize("make", BOTH.values(), ids=BOTH)
def test_being_made_as_new_changes_no_plan(make):
    view, strategy = uncertain_view(3), make()
    first = strategy.plan(view, Terms.of(view))
    strategy.reset()
    assert np.array_equal(strategy.plan(view, Terms.of(view)).exchange_kw, first.exchange_kw)


@pytest.mark.parametrize(
    ("make", "options", "word"),
    [
        (Stochastic, {"scenarios": 0}, "scenarios"),
        (Stochastic, {"scenarios": 30, "samples": 20}, "samples"),
        (Stochastic, {"cvar_weight": 1.5}, "weight"),
        (Stochastic, {"cvar_level": 1.0}, "level"),
        (Robust, {"radius": -1.0}, "radius"),
        (Robust, {"load_budget": 2.0}, "load_budget"),
        (Robust, {"share": 1.0}, "share"),
        (Robust, {"samples": 1}, "samples"),
    ],
)
def test_options_that_mean_nothing_are_refused(make, options, word):
    with pytest.raises(ValueError, match=word):
        make(**options)
