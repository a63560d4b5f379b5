"""Plans for what may come, in runs: what tables and pages say, and what a checkpoint keeps."""

from itertools import pairwise

import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import RunEndedEarlyError
from mmgsim.report.expected import planning, planning_told

UNCERTAIN = {
    "uncertainty": {"future": 2, "load": {"kind": "normal", "sd": 0.2}, "pv": {"kind": "beta"}},
    "forecast": "expected",
}
COSTS = ["mean", "wait_and_see", "two_stage", "mean_plan"]


class StopError(Exception):
    """Stands for whatever may end a run."""


def stop_in_second_day(model):
    if model.clock.step == 30:
        raise StopError


@pytest.fixture(scope="module")
def two_stage(tmp_path_factory):
    """Give a day of duo, each gate of it planned for three scenarios."""
    coordination = {"kind": "two-stage", "scenarios": 3, "samples": 30}
    out = tmp_path_factory.mktemp("run") / "two-stage"
    overrides = {**UNCERTAIN, "coordination": coordination, "gate.every": "3h"}
    return mmgsim.run("duo", overrides=overrides, out=out, report=False)


def test_every_gate_says_what_planning_with_scenarios_is_worth(two_stage):
    values, gates = two_stage.table("planning"), two_stage.table("gates")
    assert list(values["time"]) == list(gates["time"])
    assert (values["courses"] == 3).all()
    rounding = 1e-6 * gates["gross"].max()
    for low, high in pairwise(COSTS):
        assert (values[high] - values[low]).min() >= -rounding
    assert (values["stochastic_solution"]).to_numpy() == pytest.approx(
        (values["mean_plan"] - values["two_stage"]).to_numpy(), abs=1e-9
    )
    assert (values["perfect_information"]).max() > 1e-3


def test_plans_are_above_the_bound_at_the_forecast(two_stage):
    gates = two_stage.table("gates")
    assert (gates["gap"] >= -1e-6).all()
    assert not two_stage.table("steps")["flags"].str.contains("bound_broken").any()


def test_the_report_has_a_table_of_it(two_stage):
    page = planning(two_stage)
    assert "wait and see" in page
    assert f"{two_stage.table('planning')['two_stage'].iloc[0]:.2f}" in page
    assert "3 scenarios" in planning_told(two_stage)


def test_the_report_of_others_says_nothing_of_it(tmp_path):
    plain = mmgsim.run("duo", coordination="isolated", out=tmp_path / "run", report=False)
    assert planning(plain) == planning_told(plain) == ""
    assert plain.table("planning").empty


def test_a_run_that_was_stopped_goes_on_with_plans_for_what_may_come(tmp_path):
    strategies = {
        "microgrids.MG1.strategy": {"kind": "stochastic", "options": {"scenarios": 3}},
        "microgrids.MG2.strategy": {"kind": "robust", "options": {"samples": 20}},
    }
    overrides = {**UNCERTAIN, **strategies, "uncertainty.price": {"sd": 0.2}, "days": 2}
    overrides["gate.every"] = "6h"
    options = {"coordination": "isolated", "overrides": overrides, "report": False}
    whole = mmgsim.run("duo", out=tmp_path / "whole", **options)
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run("duo", out=tmp_path / "again", progress=stop_in_second_day, **options)
    again = mmgsim.run("duo", out=tmp_path / "again", resume=True, **options)
    for name in ("dispatch", "ledger", "gates"):
        pd.testing.assert_frame_equal(whole.table(name), again.table(name))
    assert len(whole.faults) == 0
    assert not whole.table("dispatch")["flags"].str.contains("no_outlook").any()
