"""Two-stage problems by hand: what is firm, what follows, and the plan at the forecast."""

from dataclasses import replace

import numpy as np
import pytest

from mmgsim.contracts import Session, frozen
from mmgsim.subproblems import (
    Courses,
    MicrogridInputs,
    MicrogridProblem,
    Terms,
    TwoStageInputs,
    TwoStageProblem,
    disclosure_of,
    public_cost,
    reduced_courses,
)
from mmgsim.testing import sample_view
from mmgsim.uncertainty import Risk
from tests.support.outlook import DrawnOutlook, drawn_stage, problem_of
from tests.support.sessions import disclosed, vehicle


def one(toy, declared, terms, kw, *, probability=None, **limits):
    """Give problem and stage of one microgrid over courses of its devices."""
    count = len(next(iter(kw.values())))
    steps = len(terms.low_kw)
    share = np.full(count, 1.0 / count) if probability is None else np.array(probability)
    courses = Courses(frozen(share), {"MG": {n: frozen(v) for n, v in kw.items()}})
    stage = TwoStageInputs(
        {"MG": MicrogridInputs(declared, terms)},
        {"MG": toy.envelope("MG", steps, **limits)},
        courses,
    )
    return TwoStageProblem({"MG": declared.devices}, toy.window(steps), count), stage


def test_storage_is_the_same_in_all_courses_and_worth_less_for_it(toy):
    """A full battery of 4 kWh saves 0.1 in the first step, 0.3 in the second.

    Demand comes either in the first or in the second step and nothing can be sold: by hand, 4 kWh
    in the second step save 0.3 * 4 in half of the courses, and the others import 4 kWh at 0.1.
    """
    unit = toy.battery(efficiency=1.0, energy=4.0, power=4.0)
    declared = toy.declare(
        unit,
        toy.load(),
        forecast={"shop": [2.0, 2.0]},
        start={"bess": 4.0},
        rules={"bess": toy.rule(unit, 2)},
    )
    terms = toy.terms([0.1, 0.3], 0.0)
    problem, stage = one(toy, declared, terms, {"shop": [[4.0, 0.0], [0.0, 4.0]]})
    planned = problem.solve(stage)
    assert planned.expected_cost == pytest.approx(0.5 * 0.4)
    assert planned.course_cost == pytest.approx([0.4, 0.0])
    out_kw = planned.plans["MG"].schedule["bess"].out_kw
    assert out_kw == pytest.approx([0.0, 4.0])


def test_the_plan_serves_demand_and_spills_nothing_at_the_forecast(toy):
    """Shedding at the forecast costs nothing in the courses: it is decided afterwards."""
    declared = toy.declare(toy.load(), toy.sun(), forecast={"shop": [3.0, 3.0], "roof": [1.0, 5.0]})
    kw = {"shop": [[2.0, 2.0], [4.0, 4.0]], "roof": [[0.0, 4.0], [2.0, 6.0]]}
    problem, stage = one(toy, declared, toy.terms([0.3, 0.3], 0.1), kw)
    plan = problem.solve(stage).plans["MG"]
    assert plan.schedule["shop"].in_kw == pytest.approx([3.0, 3.0])
    assert plan.schedule["roof"].out_kw == pytest.approx([1.0, 5.0])
    assert plan.exchange_kw == pytest.approx([-2.0, 2.0])


def test_distances_from_the_plan_are_told(toy):
    declared = toy.declare(toy.load(), forecast={"shop": [3.0, 3.0]})
    problem, stage = one(toy, declared, toy.terms([0.3, 0.3]), {"shop": [[2.0, 3.0], [4.0, 6.0]]})
    assert problem.solve(stage).imbalance_kwh == pytest.approx([1.0, 4.0])


def test_dearer_prices_of_a_course_are_paid_in_it(toy):
    declared = toy.declare(toy.load(), forecast={"shop": [1.0]})
    problem, stage = one(toy, declared, toy.terms([0.3]), {"shop": [[1.0], [1.0]]})
    more = frozen([[0.0], [0.2]])
    courses = Courses(stage.courses.probability, stage.courses.kw, more, more)
    planned = problem.solve(TwoStageInputs(stage.inputs, stage.envelopes, courses))
    assert planned.course_cost == pytest.approx([0.3, 0.5])


def test_a_firm_trade_is_bought_in_every_course(toy):
    """3 kW bought firmly, 1 or 5 kW needed: 2 kW are sold at 0.1, or bought at 0.3."""
    declared = toy.declare(toy.load(), forecast={"shop": [3.0]})
    terms = toy.terms([0.3], 0.1, trade=-3.0)
    problem, stage = one(toy, declared, terms, {"shop": [[1.0], [5.0]]})
    assert problem.solve(stage).course_cost == pytest.approx([-0.2, 0.6])


def test_an_award_binds_the_plan_and_not_the_courses(toy):
    declared = toy.declare(toy.load(), forecast={"shop": [3.0]})
    terms = toy.terms([0.3], 0.1, low=-3.0, high=-3.0)
    problem, stage = one(toy, declared, terms, {"shop": [[1.0], [5.0]]})
    planned = problem.solve(stage)
    assert planned.plans["MG"].exchange_kw == pytest.approx([-3.0])
    assert planned.course_cost == pytest.approx([0.3, 1.5])


def test_what_leaves_the_envelope_costs_as_much_as_what_is_shed(toy):
    """10 kWh are charged, as planned, though only 4 kW may enter in the course without sun."""
    unit = toy.battery(efficiency=1.0, energy=10.0, power=10.0)
    declared = toy.declare(
        unit,
        toy.sun(),
        forecast={"roof": [10.0]},
        start={"bess": 0.0},
        rules={"bess": toy.rule(unit, 1, {0: 10.0})},
    )
    terms = toy.terms([0.3], 0.1, low=-4.0)
    problem, stage = one(toy, declared, terms, {"roof": [[0.0], [10.0]]}, low=-4.0)
    assert problem.solve(stage).course_cost == pytest.approx([10 * 0.3 + 6 * 0.3, 0.0])


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 6])
def test_one_course_like_the_forecast_is_the_problem_of_the_microgrid(seed):
    view = sample_view(seed, steps=8)
    inputs = MicrogridInputs(disclosure_of(view), Terms.of(view))
    usual = MicrogridProblem(view.name, view.devices, view.window).solve(inputs, 0)
    planned = problem_of([view], 1).solve(drawn_stage([view], 1, spread=0.0))
    assert planned.lower_bound == pytest.approx(usual.lower_bound, rel=1e-7, abs=1e-6)
    plan = planned.plans[view.name]
    terms = inputs.terms
    public = public_cost(plan.exchange_kw, terms.trade_kw, terms.prices, view.window.step_h)
    assert plan.private_cost + public <= planned.objective + 1e-5 * (1.0 + abs(planned.objective))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_plan_keeps_everything_at_the_forecast(seed):
    view = sample_view(seed)
    planned = problem_of([view], 5).solve(drawn_stage([view], 5, seed=seed))
    plan = planned.plans[view.name]
    net_kw = sum(one.out_kw - one.in_kw for one in plan.schedule.values())
    assert plan.exchange_kw == pytest.approx(net_kw, abs=1e-6)
    assert (plan.exchange_kw <= view.envelope.export_limit_kw + 1e-6).all()
    assert (-plan.exchange_kw <= view.envelope.import_limit_kw + 1e-6).all()
    for name, kw in view.forecast_kw.items():
        used = plan.schedule[name].in_kw + plan.schedule[name].out_kw
        assert (used <= kw + 1e-6).all()


@pytest.mark.parametrize("risk", [Risk(), Risk(0.5, 0.5)])
def test_solving_again_gives_the_same_as_solving_anew(risk):
    view = sample_view(3, steps=8)
    hot = problem_of([view], 3, risk=risk)
    for seed in (1, 2, 1):
        stage = drawn_stage([view], 3, seed=seed)
        anew = problem_of([view], 3, risk=risk).solve(stage)
        assert hot.solve(stage).objective == pytest.approx(anew.objective, rel=1e-7)
    hot.reset()
    assert hot.solve(stage).objective == pytest.approx(anew.objective, rel=1e-9)


def test_binaries_keep_storage_honest_where_energy_is_worth_less_than_nothing(toy):
    unit = toy.battery(efficiency=0.8, power=5.0, energy=10.0)
    declared = toy.declare(
        unit,
        toy.load(),
        forecast={"shop": [1.0, 1.0]},
        start={"bess": 5.0},
        rules={"bess": toy.rule(unit, 2, {1: 5.0})},
    )
    problem, stage = one(toy, declared, toy.terms([-0.3, -0.3]), {"shop": [[1.0, 2.0], [2.0, 1.0]]})
    plan = problem.solve(stage).plans["MG"]
    schedule = plan.schedule["bess"]
    assert np.minimum(schedule.in_kw, schedule.out_kw).max() <= 1e-6
    assert "exclusive" in plan.flags


def test_a_vehicle_charges_the_same_whatever_comes(toy):
    """Sun of 5 kW comes in the first or in the second step, and what is sold earns nothing.

    Whoever knew would charge with the sun. The plan charges where the grid is cheaper, and pays
    for it in half of the courses.
    """
    told = disclosed(
        (vehicle(), toy.sun()),
        {"car": (Session(0, 2, 0.0, 5.0),)},
        toy.window(2),
        forecast={"roof": [2.5, 2.5]},
    )
    kw = {"roof": [[5.0, 0.0], [0.0, 5.0]]}
    problem, stage = one(toy, told, toy.terms([0.3, 0.2], 0.0), kw)
    planned = problem.solve(stage)
    assert planned.plans["MG"].schedule["car"].in_kw == pytest.approx([0.0, 5.0])
    assert planned.course_cost == pytest.approx([1.0, 0.0])


def test_selling_above_buying_is_no_way_out_of_a_course(toy):
    declared = toy.declare(toy.load(), forecast={"shop": [2.0]})
    problem, stage = one(toy, declared, toy.terms([0.1], 0.3), {"shop": [[1.0], [3.0]]})
    assert problem.solve(stage).course_cost == pytest.approx([0.1, 0.3])


def test_a_course_is_chosen_for_all_its_series_at_once():
    """Two kinds of days, in whose halves demand and sun are high together: two courses are left."""
    view = sample_view(1)
    kw = {name: np.stack([0.5 * v, 1.5 * v] * 5) for name, v in view.forecast_kw.items()}
    factors = np.stack([np.ones(24), 2.0 * np.ones(24)] * 5)
    chosen = reduced_courses(
        {"MG1": view.devices}, {"MG1": kw}, 2, tariff=view.tariff, factors=factors
    )
    assert chosen.probability == pytest.approx([0.5, 0.5])
    high = chosen.kw["MG1"]["shop"][:, 0].argmax()
    assert chosen.kw["MG1"]["roof"].sum(axis=1).argmax() == high
    assert chosen.buy_more_per_kwh[high] == pytest.approx(view.tariff.import_per_kwh)
    assert chosen.buy_more_per_kwh[1 - high] == pytest.approx(0.0)


def test_no_more_courses_are_kept_than_there_are():
    view = sample_view(1)
    samples = {"MG1": DrawnOutlook(view).samples_kw(3)}
    chosen = reduced_courses({"MG1": view.devices}, samples, 20, tariff=view.tariff)
    assert len(chosen) == 3
    assert chosen.probability.sum() == pytest.approx(1.0, abs=1e-12)


def test_no_course_is_so_dear_that_leaving_the_envelope_pays(toy):
    declared = toy.declare(toy.sun(), forecast={"roof": [4.0]})
    problem, stage = one(toy, declared, toy.terms([0.25], 0.2), {"roof": [[4.0]]}, high=2.0)
    dearer = frozen([[0.25]])
    courses = replace(stage.courses, buy_more_per_kwh=dearer, sell_more_per_kwh=dearer)
    planned = problem.solve(replace(stage, courses=courses))
    assert planned.course_cost == pytest.approx([-2.0 * 0.45])
