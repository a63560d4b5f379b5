"""Awards, envelopes, firm trades, and the projection of a rule of thumb."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from mmgsim.contracts import Battery
from mmgsim.subproblems import MicrogridInputs, MicrogridProblem, Terms, disclosure_of
from mmgsim.testing import sample_view
from mmgsim_agents.strategies.self_consumer import rule_of_thumb


def plan_on(view, terms):
    problem = MicrogridProblem(view.name, view.devices, view.window)
    return problem.solve(MicrogridInputs(disclosure_of(view), terms), 0)


@pytest.mark.parametrize("seed", range(8))
def test_feasible_award_is_followed_exactly(seed):
    view = sample_view(seed)
    other = np.roll(view.tariff.buy_per_kwh, 7)
    wanted = plan_on(view, Terms.at_price(view, other)).exchange_kw
    plan = plan_on(view, Terms.of(view, exchange_kw=wanted))
    assert plan.exchange_kw == pytest.approx(wanted, abs=1e-6)
    assert plan.flags == ()


def test_infeasible_award_is_missed_by_as_little_as_possible(toy):
    declared = toy.declare(toy.load(10.0), forecast={"shop": [4.0, 4.0]})
    plan = toy.solve(declared, toy.terms([0.2, 0.2], 0.1, low=[-6.0, 2.0], high=[-6.0, 2.0]))
    assert plan.exchange_kw == pytest.approx([-4.0, 0.0])
    assert plan.flags == ("missed",)


def test_what_is_missed_costs_more_than_shedding(toy):
    declared = toy.declare(toy.load(100.0), forecast={"shop": [4.0]})
    plan = toy.solve(declared, toy.terms([0.2], 0.1, low=-3.0, high=-3.0))
    assert plan.exchange_kw == pytest.approx([-3.0])
    assert plan.flags == ()


def test_rounding_of_an_award_costs_nothing(toy):
    declared = toy.declare(toy.load(100.0), forecast={"shop": [4.0]})
    award = -4.0 - 5e-7
    plan = toy.solve(declared, toy.terms([0.2], 0.1, low=award, high=award))
    assert plan.private_cost == pytest.approx(0.0, abs=1e-9)
    assert plan.flags == ()


@pytest.mark.parametrize("seed", range(6))
def test_firm_trade_at_one_price_leaves_the_exchange_alone(seed):
    view = sample_view(seed)
    at_price = Terms.at_price(view, view.tariff.buy_per_kwh)
    rng = np.random.default_rng(seed)
    trade = rng.uniform(-5.0, 5.0, view.window.steps)
    alone = plan_on(view, at_price)
    trading = plan_on(view, replace(at_price, trade_kw=trade))
    # The same energy at the same price: only the split between market and grid differs.
    shift = float(trade @ view.tariff.buy_per_kwh)
    assert trading.lower_bound == pytest.approx(alone.lower_bound + shift)


def test_firm_purchase_counts_before_import(toy):
    declared = toy.declare(toy.load(10.0), forecast={"shop": [4.0]})
    plan = toy.solve(declared, toy.terms([0.2], 0.05, trade=-3.0))
    assert plan.exchange_kw == pytest.approx([-4.0])
    assert plan.lower_bound == pytest.approx(0.2)


def test_firm_sale_that_is_not_generated_is_imported(toy):
    declared = toy.declare(toy.sun(), forecast={"roof": [1.0]})
    plan = toy.solve(declared, toy.terms([0.2], 0.05, trade=3.0))
    assert plan.exchange_kw == pytest.approx([1.0])
    assert plan.lower_bound == pytest.approx(2 * 0.2)


def test_terms_of_an_award_are_fixed_and_those_of_an_envelope_are_not():
    view = sample_view(1)
    award = np.zeros(view.window.steps)
    assert Terms.of(view, exchange_kw=award).is_award
    assert not Terms.of(view).is_award
    # An islanded microgrid has no choice of its exchange either, but plans for itself.
    assert not Terms.of(view).within(award, award).is_award


def test_further_limits_only_tighten(toy):
    terms = toy.terms([0.2, 0.2], low=-3.0, high=2.0)
    tightened = terms.within(np.array([-1.0, -9.0]), np.array([9.0, 1.0]))
    assert tightened.low_kw == pytest.approx([-1.0, -3.0])
    assert tightened.high_kw == pytest.approx([2.0, 1.0])


# ------------------------------------------------------------------------------- projection
def project(declared, terms, wanted):
    steps = len(terms.low_kw)
    window = sample_view(steps=steps).window
    problem = MicrogridProblem("MG", declared.devices, window, wanted=True)
    return problem.project(MicrogridInputs(declared, terms), 0, wanted)


def net_kw(plan, name):
    return plan.schedule[name].out_kw - plan.schedule[name].in_kw


@pytest.mark.parametrize("seed", range(10))
def test_feasible_wish_comes_back_unchanged(seed):
    view = sample_view(seed)
    own = plan_on(view, Terms.of(view))
    storage = [device.name for device in view.devices if isinstance(device, Battery)]
    wanted = {name: net_kw(own, name) for name in storage}
    dear = replace(view.tariff, import_per_kwh=view.tariff.import_per_kwh[::-1])
    plan = project(disclosure_of(view), Terms.of(replace(view, tariff=dear)), wanted)
    for name in storage:
        assert net_kw(plan, name) == pytest.approx(wanted[name], abs=1e-5)


def nearest_by_scipy(unit, start, end, wanted):
    """Give the smallest sum of distances; honest by construction when efficiency is high."""
    steps = len(wanted)
    up, eye, zero = np.tril(np.ones((steps, steps))), np.eye(steps), np.zeros((steps, steps))
    energy = np.hstack([up * unit.efficiency, -up / unit.efficiency, zero])
    near = np.vstack([np.hstack([-eye, eye, -eye]), np.hstack([eye, -eye, -eye])])
    answer = linprog(
        np.repeat([0.0, 0.0, 1.0], steps),
        A_ub=np.vstack([energy, -energy, near]),
        b_ub=np.concatenate(
            [np.full(steps, unit.energy_kwh - start), np.full(steps, start), wanted, -wanted]
        ),
        A_eq=energy[-1:],
        b_eq=[end - start],
        bounds=[(0.0, unit.power_kw)] * (2 * steps) + [(0.0, None)] * steps,
    )
    assert answer.status == 0
    return answer.fun


@pytest.mark.parametrize("seed", range(12))
def test_infeasible_wish_gives_the_nearest_plan(toy, seed):
    rng = np.random.default_rng(seed)
    unit = toy.battery(efficiency=float(rng.uniform(0.85, 1.0)), wear=0.01)
    wanted = rng.uniform(-8.0, 2.0, 5)
    declared = toy.declare(unit, start={"bess": 2.0}, rules={"bess": toy.rule(unit, 5, {4: 9.5})})
    buy = rng.uniform(0.05, 0.5, 5)
    plan = project(declared, toy.terms(buy, buy * 0.5), {"bess": wanted})
    distance = np.abs(net_kw(plan, "bess") - wanted).sum()
    best = nearest_by_scipy(unit, 2.0, 9.5, wanted)
    assert "missed" not in plan.flags
    if plan.flags:
        assert distance >= best - 1e-6
    else:
        assert distance == pytest.approx(best, abs=1e-5)


def test_among_the_nearest_plans_the_cheapest_is_chosen(toy):
    unit = toy.battery(efficiency=1.0)
    declared = toy.declare(unit, start={"bess": 0.0}, rules={"bess": toy.rule(unit, 3, {2: 4.0})})
    plan = project(declared, toy.terms([0.4, 0.1, 0.2]), {"bess": np.zeros(3)})
    assert net_kw(plan, "bess") == pytest.approx([0.0, -4.0, 0.0])


def test_a_cheaper_plan_that_is_further_off_is_not_chosen(toy):
    unit = toy.battery(efficiency=0.95)
    end = 5.0 - 4.0 / 0.95 + 1.0
    declared = toy.declare(unit, start={"bess": 5.0}, rules={"bess": toy.rule(unit, 2, {1: end})})
    plan = project(declared, toy.terms([0.05, 0.5]), {"bess": np.array([0.0, 4.0])})
    # 0.95 kW less out or 1.05 kW in at a tenth of the price would both end at the level.
    assert net_kw(plan, "bess") == pytest.approx([0.0, 3.05])


def test_load_is_not_shed_for_a_wish(toy):
    unit = toy.battery(efficiency=1.0)
    declared = toy.declare(
        unit,
        toy.load(0.5),
        forecast={"shop": [2.0]},
        start={"bess": 0.0},
        rules={"bess": toy.rule(unit, 1)},
    )
    plan = project(declared, toy.terms([0.3], low=-3.0), {"bess": np.array([-5.0])})
    assert plan.schedule["shop"].in_kw == pytest.approx([2.0])
    assert net_kw(plan, "bess") == pytest.approx([-1.0])


@pytest.mark.parametrize("seed", [1, 5, 8])
def test_projected_rule_of_thumb_meets_its_levels(seed):
    view = sample_view(seed)
    plan = project(disclosure_of(view), Terms.of(view), rule_of_thumb(view))
    assert "missed" not in plan.flags
    assert plan.lower_bound == -np.inf
    for name, rule in view.storage.items():
        energy = plan.schedule[name].energy_kwh
        assert (energy >= rule.low_kwh - 1e-6).all()
        assert (energy <= rule.high_kwh + 1e-6).all()
