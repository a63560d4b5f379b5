import numpy as np
import pytest

from mmgsim.contracts import CarriedState
from mmgsim.scenario import EndOfWindowConfig
from mmgsim.subproblems import storage_rules


def rule_of(toy, unit, start, steps, targets, **config):
    rules = storage_rules(
        EndOfWindowConfig(**config),
        (toy.load(), unit),
        CarriedState({unit.name: start}),
        toy.window(steps),
        targets,
    )
    assert set(rules) == {unit.name}
    return rules[unit.name]


def planned_levels(toy, unit, start, rule, buy, **limits):
    declared = toy.declare(unit, start={unit.name: start}, rules={unit.name: rule})
    plan = toy.solve(declared, toy.terms(buy, **limits))
    return plan, plan.schedule[unit.name].energy_kwh


def test_level_is_reached_at_each_of_several_targets(toy):
    unit = toy.battery()
    rule = rule_of(toy, unit, 2.0, 6, (2, 5), level=0.5)
    plan, levels = planned_levels(toy, unit, 2.0, rule, [0.1, 0.5, 0.2, 0.1, 0.9, 0.2])
    assert levels[[2, 5]] == pytest.approx([5.0, 5.0])
    assert not rule.is_moved
    assert plan.flags == ()


def test_level_is_left_between_its_targets(toy):
    unit = toy.battery()
    rule = rule_of(toy, unit, 5.0, 6, (2, 5), level=0.5)
    _, levels = planned_levels(toy, unit, 5.0, rule, [0.1, 0.5, 0.2, 0.1, 0.9, 0.2])
    assert np.abs(levels - 5.0).max() > 1.0


def test_level_out_of_reach_above_becomes_the_highest_reachable(toy):
    unit = toy.battery(energy=100.0, power=5.0, efficiency=0.9)
    rule = rule_of(toy, unit, 10.0, 2, (1,), level=0.5)
    assert rule.is_moved
    assert rule.low_kwh[1] == rule.high_kwh[1] == pytest.approx(10.0 + 2 * 5.0 * 0.9)
    plan, levels = planned_levels(toy, unit, 10.0, rule, [0.3, 0.3])
    assert levels[1] == pytest.approx(19.0)
    assert plan.flags == ()


def test_level_out_of_reach_below_becomes_the_lowest_reachable(toy):
    unit = toy.battery(energy=100.0, power=5.0, efficiency=0.9)
    rule = rule_of(toy, unit, 90.0, 2, (1,), level=0.5)
    assert rule.is_moved
    assert rule.low_kwh[1] == rule.high_kwh[1] == pytest.approx(90.0 - 2 * 5.0 / 0.9)


def test_level_below_the_least_energy_becomes_the_least_energy(toy):
    unit = toy.battery(lowest=3.0)
    rule = rule_of(toy, unit, 5.0, 3, (2,), level=0.1)
    assert rule.is_moved
    assert rule.low_kwh[2] == 3.0


def test_later_target_is_reached_although_the_first_is_out_of_reach(toy):
    unit = toy.battery(energy=100.0, power=10.0, efficiency=1.0)
    rule = rule_of(toy, unit, 30.0, 4, (0, 3), level=0.5)
    assert rule.is_moved
    assert rule.low_kwh[[0, 3]] == pytest.approx([40.0, 50.0])


def test_window_without_a_target_has_limits_only(toy):
    unit = toy.battery(lowest=1.0)
    rule = rule_of(toy, unit, 5.0, 3, (), level=0.5)
    assert (rule.low_kwh == 1.0).all()
    assert (rule.high_kwh == 10.0).all()


@pytest.mark.parametrize(("value", "left"), [(0.3, 5.0), (0.1, 0.0)])
def test_value_rule_keeps_energy_that_is_worth_more_than_it_earns(toy, value, left):
    unit = toy.battery(efficiency=1.0)
    rule = rule_of(toy, unit, 5.0, 1, (), kind="value", value_per_kwh=value)
    plan, levels = planned_levels(toy, unit, 5.0, rule, [0.2], low=0.0)
    assert levels[-1] == pytest.approx(left)
    assert plan.private_cost == pytest.approx(-value * left)


def test_free_rule_drains_the_battery(toy):
    unit = toy.battery(efficiency=1.0)
    rule = rule_of(toy, unit, 5.0, 1, (0,), kind="free", value_per_kwh=9.0)
    _, levels = planned_levels(toy, unit, 5.0, rule, [0.2])
    assert levels[-1] == pytest.approx(0.0)


@pytest.mark.parametrize(("start", "power"), [(1.0, 5.0), (9.0, 5.0)])
@pytest.mark.parametrize("targets", [(3,), (1, 3), (0, 1, 2, 3)])
def test_islanded_microgrid_misses_the_level_rather_than_its_envelope(toy, start, power, targets):
    unit = toy.battery(power=power)
    rule = rule_of(toy, unit, start, 4, targets, level=0.5)
    plan, levels = planned_levels(toy, unit, start, rule, [0.2] * 4, low=0.0, high=0.0)
    assert plan.exchange_kw == pytest.approx(np.zeros(4), abs=1e-6)
    assert levels == pytest.approx(np.full(4, start))
    assert plan.flags[-1] == "missed"


def test_islanded_microgrid_sheds_load_before_it_misses_a_level(toy):
    unit = toy.battery(efficiency=1.0)
    rule = rule_of(toy, unit, 4.0, 2, (1,), level=0.5)
    declared = toy.declare(
        unit,
        toy.load(30.0),
        toy.sun(),
        forecast={"shop": [1.0, 1.0], "roof": [1.0, 1.0]},
        start={"bess": 4.0},
        rules={"bess": rule},
    )
    plan = toy.solve(declared, toy.terms([0.2, 0.2], low=0.0, high=0.0))
    assert plan.schedule["bess"].energy_kwh[-1] == pytest.approx(5.0)
    assert plan.private_cost == pytest.approx(30.0)
    assert plan.flags == ()
