"""Property 13: mean <= wait and see <= two stages, and what planning with courses is worth."""

import numpy as np
import pytest

from mmgsim.subproblems import planning_value
from mmgsim.testing import sample_market, sample_view
from mmgsim.uncertainty import Risk
from tests.support.outlook import drawn_stage, problem_of

COURSES, STEPS = 4, 6
WITHOUT_DIESEL = [seed for seed in range(27) if seed % 4 != 2][:20]


def readings(views, stage, **options):
    courses = len(stage.courses)
    problem, single = (problem_of(views, count, **options) for count in (courses, 1))
    return planning_value(problem, single, stage)


@pytest.mark.parametrize("seed", WITHOUT_DIESEL)
def test_mean_then_wait_and_see_then_two_stages(seed):
    view = sample_view(seed, steps=STEPS)
    planned, _, value = readings([view], drawn_stage([view], COURSES, seed=seed))
    rounding = 1e-6 * (1.0 + np.abs(planned.course_cost).sum())
    assert value.mean_cost <= value.wait_and_see_cost + rounding
    assert value.wait_and_see_cost <= value.two_stage_cost + rounding
    assert value.of_stochastic_solution >= -rounding
    assert value.of_perfect_information >= -rounding


@pytest.mark.parametrize("seed", [1, 4, 8])
def test_all_readings_are_one_where_nothing_is_uncertain(seed):
    view = sample_view(seed, steps=STEPS)
    _, _, value = readings([view], drawn_stage([view], COURSES, spread=0.0))
    costs = [value.wait_and_see_cost, value.two_stage_cost, value.mean_plan_cost]
    assert costs == pytest.approx([value.mean_cost] * 3, rel=1e-8, abs=1e-7)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_holds_for_microgrids_that_trade(seed):
    _, views = sample_market(seed)
    views = list(views.values())
    planned, _, value = readings(views, drawn_stage(views, 3, seed=seed))
    rounding = 1e-6 * (1.0 + np.abs(planned.course_cost).sum())
    assert value.mean_cost <= value.wait_and_see_cost + rounding
    assert value.wait_and_see_cost <= value.two_stage_cost + rounding
    assert value.two_stage_cost <= value.mean_plan_cost + rounding


def test_some_planning_with_courses_is_worth_something():
    """The order would hold for plans that are all the same, too."""
    worth = []
    for seed in (1, 3, 5, 7, 8):
        view = sample_view(seed, steps=STEPS)
        _, _, value = readings([view], drawn_stage([view], COURSES, seed=seed))
        worth.append((value.of_stochastic_solution, value.of_perfect_information))
    assert np.max(worth, axis=0).min() > 1e-3


@pytest.mark.parametrize("seed", [3, 5, 9, 13])
def test_more_weight_on_the_tail_costs_more_on_average_and_less_in_the_tail(seed):
    """Of weighted optima: what is judged rises with the weight, the tail itself falls."""
    view = sample_view(seed, steps=STEPS)
    stage = drawn_stage([view], COURSES, seed=seed)
    found = [
        problem_of([view], COURSES, risk=Risk(weight, 0.5)).solve(stage)
        for weight in (0.0, 0.3, 0.7, 1.0)
    ]
    rounding = 1e-6 * (1.0 + np.abs(found[0].course_cost).sum())
    assert np.diff([one.objective for one in found]).min() >= -rounding
    assert np.diff([one.tail_cost for one in found]).max() <= rounding
    assert np.diff([one.expected_cost for one in found[:-1]]).min() >= -rounding
