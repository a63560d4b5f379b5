"""Means over runs, and their intervals."""

import math

import pandas as pd
import pytest
from scipy.stats import t as student

from mmgsim.sweep import PlannedRun
from mmgsim.sweep.numbers import mean_by, sweep_table
from mmgsim.sweep.worker import Outcome


def table(costs, coordination, seeds=None):
    seeds = range(len(costs)) if seeds is None else seeds
    rows = {"coordination": coordination, "cost": costs, "seed": seeds}
    return pd.DataFrame({**rows, "status": ["complete"] * len(costs)})


def test_the_interval_is_that_of_a_hand_computed_case():
    # 1, 2, 3: mean 2, s = 1, t(0.975, 2) = 4.302653, half = 4.302653 / sqrt(3) = 2.484138.
    (row,) = mean_by(table([1.0, 2.0, 3.0], ["a"] * 3), [], ["cost"], units=["seed"]).to_dict(
        "records"
    )
    assert (row["figure"], row["runs"], row["mean"]) == ("cost", 3, 2.0)
    assert row["high"] - 2.0 == pytest.approx(2.484138, abs=5e-7)
    assert 2.0 - row["low"] == pytest.approx(2.484138, abs=5e-7)


def test_runs_that_share_a_seed_are_one_draw_of_chance():
    # By seed 2 and 4: mean 3, s = sqrt(2), t(0.975, 1) = 12.706205, half = 12.706205.
    runs = table([1.0, 3.0, 3.0, 5.0], ["a", "a", "b", "b"], [1, 2, 1, 2])
    (row,) = mean_by(runs, [], ["cost"], units=["seed"]).to_dict("records")
    assert (row["runs"], row["independent"], row["mean"]) == (4, 2, 3.0)
    assert row["high"] - 3.0 == pytest.approx(12.706205, abs=5e-7)


def test_runs_without_seeds_or_draws_have_no_interval():
    (row,) = mean_by(table([1.0, 3.0], ["a", "b"]), [], ["cost"], units=[]).to_dict("records")
    assert (row["runs"], row["independent"], row["mean"]) == (2, 1, 2.0)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_seeds_that_change_nothing_give_no_interval():
    (row,) = mean_by(table([2.0] * 3, ["a"] * 3), [], ["cost"], units=["seed"]).to_dict("records")
    assert (row["independent"], row["mean"]) == (3, 2.0)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])


def test_groups_have_their_own_means_and_failed_runs_none():
    runs = table([1.0, 5.0, 3.0, 99.0], ["a", "b", "a", "b"])
    runs.loc[3, "status"] = "failed"
    means = mean_by(runs, ["coordination"], ["cost"], units=["seed"])
    assert means.coordination.tolist() == ["a", "b"]
    assert means["mean"].tolist() == [2.0, 5.0]
    assert means.runs.tolist() == [2, 1]
    assert math.isnan(means.low[1])
    assert means.high[0] == pytest.approx(2.0 + student.ppf(0.975, 1))  # s / sqrt(n) = 1


def test_the_table_is_in_the_order_of_the_runs_whichever_ended_first():
    runs = [PlannedRun(n, {"k": value}) for n, value in enumerate(("x", "y", "z"), start=1)]
    done = {
        3: Outcome(3, {"cost": 3.0, "steps_by_status.ok": 24}),
        1: Outcome(1, {"cost": 1.0, "gap_max": None, "steps_by_status.island": 24}),
        2: Outcome(2, {}, "it broke"),
    }
    found, figures = sweep_table(runs, done)
    assert found.run.tolist() == [1, 2, 3]
    assert found.k.tolist() == ["x", "y", "z"]
    assert found.status.tolist() == ["complete", "failed", "complete"]
    assert found.error.tolist() == ["", "it broke", ""]
    assert figures == ["cost", "gap_max", "steps_by_status.island", "steps_by_status.ok"]
    # A run that names no island has none; one that failed has no numbers at all.
    assert found["steps_by_status.island"].fillna(-1).tolist() == [24, -1, 0]
    assert found["gap_max"].isna().all()
    assert found.gap_max.dtype == float


def test_two_values_of_one_kind_stay_apart_in_the_table_of_some_runs():
    values = [{"kind": "p", "x": 1}, {"kind": "p", "x": 2}]
    runs = [PlannedRun(n, {"k": value}) for n, value in enumerate(values, start=1)]
    found, _ = sweep_table(runs, {2: Outcome(2, {"cost": 1.0})})
    assert found.k.tolist() == ["p-2"]
