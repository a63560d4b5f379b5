"""Means, tails and differences of costs."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from mmgsim.judge import conditional_value_at_risk, cvar_interval, verdict_table


def by_lp(cost, level):
    """Rockafellar and Uryasev's own programme: min v + mean of (cost - v)+ / (1 - level)."""
    count = len(cost)
    result = linprog(
        [1.0, *np.full(count, 1.0 / count / (1.0 - level))],
        A_ub=np.column_stack([-np.ones(count), -np.eye(count)]),
        b_ub=-np.asarray(cost),
        bounds=[(None, None), *[(0.0, None)] * count],
    )
    return result.fun


@pytest.mark.parametrize("level", [0.0, 0.3, 0.5, 0.9, 0.97])
def test_the_tail_is_that_of_the_linear_programme(level):
    rng = np.random.default_rng(1)
    for count in (1, 2, 7, 40):
        cost = rng.normal(100.0, 20.0, count)
        assert conditional_value_at_risk(cost, level) == pytest.approx(by_lp(cost, level))


def test_level_zero_is_the_mean_and_a_high_one_the_worst():
    cost = [3.0, 1.0, 8.0]
    assert conditional_value_at_risk(cost, 0.0) == pytest.approx(4.0)
    assert conditional_value_at_risk(cost, 0.99) == pytest.approx(8.0)


def test_the_interval_of_the_tail_covers_it_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    true = 2.0627128075074256  # CVaR 95 % of a standard normal: density at its quantile over 5 %
    inside = 0
    for _ in range(100):
        low, high = cvar_interval(rng.standard_normal(500), 0.95)
        inside += low <= true <= high
    assert inside >= 85  # resampled intervals of tails are somewhat short; 95 expected


def test_one_future_has_no_interval():
    assert np.isnan(cvar_interval([3.0], 0.5)).all()


def table_of(costs):
    rows = [
        {"plan": plan, "future": number, "cost": cost, "violated_steps": float(cost > 11.0)}
        for plan, values in costs.items()
        for number, cost in enumerate(values, 1)
        if cost is not None
    ]
    return pd.DataFrame(rows).assign(shed_kwh=0.0, unserved_kwh=0.0)


def test_differences_are_taken_future_by_future():
    table = table_of({"a": [10.0, 20.0, 30.0], "b": [9.0, 18.0, 31.0]})
    row = verdict_table(table, ["a", "b"], 0.5).loc["b"]
    assert row.less_than_first == pytest.approx(2.0 / 3.0)
    assert row.cheaper_share == pytest.approx(2.0 / 3.0)
    assert row.violated_share == pytest.approx(2.0 / 3.0)
    assert row.futures == 3
    assert row.worst == 31.0


def test_only_futures_that_all_plans_met_count():
    table = table_of({"a": [10.0, 20.0, 30.0], "b": [9.0, None, 31.0]})
    found = verdict_table(table, ["a", "b"], 0.5)
    assert found.futures.tolist() == [2, 2]
    assert found["mean"].tolist() == [20.0, 20.0]
