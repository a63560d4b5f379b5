"""Which runs a sweep has, and what each sets."""

import math

import pytest

from mmgsim.sweep import DrawConfig, SampleConfig, SweepConfig, drawn, planned_runs
from mmgsim.sweep.plan import labels, run_count, settings_of


def sampled(count=20, seed=1, **keys):
    return SampleConfig(
        count=count, seed=seed, keys={key: DrawConfig(**draw) for key, draw in keys.items()}
    )


def test_a_grid_has_every_combination_with_its_first_key_slowest():
    config = SweepConfig(scenario="duo", grid={"a": ("x", "y"), "b": (1, 2, 3)}, seeds=2)
    runs = list(planned_runs(config))
    assert [run.number for run in runs] == list(range(1, 13))
    assert [tuple(run.values.values()) for run in runs] == [
        (a, b, seed) for a in "xy" for b in (1, 2, 3) for seed in (1, 2)
    ]
    assert run_count(config) == 12


def test_draws_go_with_every_combination_of_the_grid():
    config = SweepConfig(
        scenario="duo", grid={"a": ("x", "y")}, sample=sampled(3, b={"uniform": (0, 1)})
    )
    runs = list(planned_runs(config))
    assert [run.values["a"] for run in runs] == ["x"] * 3 + ["y"] * 3
    assert [run.values["b"] for run in runs[:3]] == [run.values["b"] for run in runs[3:]]
    assert run_count(config) == len(runs) == 6


def test_every_equally_likely_part_of_a_range_has_one_draw():
    sample = sampled(20, a={"uniform": (2.0, 6.0)}, b={"log_uniform": (0.01, 100.0)})
    draws = drawn(sample)
    parts = sorted(math.floor((draw["a"] - 2.0) / 4.0 * 20) for draw in draws)
    assert parts == list(range(20))
    parts = sorted(math.floor((math.log10(draw["b"]) + 2.0) / 4.0 * 20) for draw in draws)
    assert parts == list(range(20))


def test_integers_and_choices_are_drawn_as_often_as_each_other():
    draws = drawn(sampled(30, a={"integers": (1, 3)}, b={"choice": ("x", {"kind": "y"})}))
    assert sorted(draw["a"] for draw in draws) == [1] * 10 + [2] * 10 + [3] * 10
    assert sum(draw["b"] == "x" for draw in draws) == 15


def test_integers_reach_both_limits_and_none_beyond_even_where_floats_are_coarse():
    last = 2**63 - 1
    values = [draw["a"] for draw in drawn(sampled(100, a={"integers": (last - 1, last)}))]
    assert set(values) == {last - 1, last}


def test_the_same_seed_draws_the_same_and_another_key_leaves_it_so():
    alone = drawn(sampled(a={"uniform": (0, 1)}))
    assert drawn(sampled(a={"uniform": (0, 1)})) == alone
    beside = drawn(sampled(b={"uniform": (0, 1)}, a={"uniform": (0, 1)}))
    assert [draw["a"] for draw in beside] == [draw["a"] for draw in alone]
    assert [draw["b"] for draw in beside] != [draw["a"] for draw in alone]
    assert drawn(sampled(seed=2, a={"uniform": (0, 1)})) != alone


def test_a_coordination_is_set_before_its_options_and_keeps_them_by_its_kind():
    config = SweepConfig(scenario="duo", days=2, set={"coordination.offers": "agent"})
    values = {"tariff.export_per_kwh": 0.1, "coordination": "prices", "strategy": "markup"}
    overrides, strategy = settings_of(config, values)
    assert list(overrides) == [
        "coordination.kind",
        "days",
        "coordination.offers",
        "tariff.export_per_kwh",
    ]
    assert (overrides["coordination.kind"], strategy) == ("prices", "markup")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([0, 0.5], [0, 0.5]),
        ([True, 1], ["true", "1"]),
        (["a", None], ["a", "null"]),
        ([{"kind": "p"}, "p", {"kind": "p", "x": 1}], ["p", "p-2", "p-3"]),
        ([[1, 2], [2]], ["[1, 2]", "[2]"]),
    ],
)
def test_values_have_a_name_each(values, named):
    assert labels(values) == named
