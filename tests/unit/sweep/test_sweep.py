"""Sweeps as they are made: figures, failures, going on."""

import importlib
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import ResultsError, ScenarioError, SweepEndedEarlyError
from mmgsim.sweep import sweep
from tests.unit.year.conftest import write_pair

MACHINE = ("wall_s", "gate_s", "solver_s", "power_flow_s")
"""Seconds, which differ from run to run."""


@pytest.fixture(autouse=True)
def without_pages(monkeypatch):
    study = importlib.import_module("mmgsim.sweep.study")
    monkeypatch.setattr(study, "write_swept_page", lambda *given: None)


@pytest.fixture
def pair(tmp_path):
    return write_pair(tmp_path / "pair")


def asked(pair, **more):
    grid = {"coordination": ["isolated", "central"], "tariff.export_per_kwh": [0.05, 0.10]}
    return {"scenario": str(pair), "grid": grid, **more}


def values(table):
    """Give a table without what depends on the machine."""
    return table.drop(columns=[name for name in MACHINE if name in table])


def assert_same(one, other):
    pd.testing.assert_frame_equal(values(one), values(other), check_exact=True)


def failing(pair):
    """Give a sweep of which the second run raises in its first gate."""
    (pair.parent / "own.py").write_text(
        "from mmgsim.coordination import Isolated\n\n"
        "class Fails(Isolated):\n"
        "    def start(self, view, memory):\n"
        "        raise RuntimeError('on\\npurpose')\n"
    )
    grid = {"coordination": ["isolated", "own.py:Fails", "central"]}
    return {"scenario": str(pair), "set": {"faults.on_fault": "stop"}, "grid": grid}


def test_figures_are_those_of_a_run(pair, tmp_path):
    made = sweep(asked(pair, set={"seed": 5}), out=tmp_path / "o")
    overrides = {"coordination.kind": "central", "tariff.export_per_kwh": 0.10, "seed": 5}
    alone = mmgsim.run(pair, overrides=overrides, out=tmp_path / "alone", report=False)
    row = made.table.set_index("run").loc[4]
    assert (row["coordination"], row["tariff.export_per_kwh"]) == ("central", 0.10)
    for name, value in alone.summary.items():
        if isinstance(value, int | float) and name not in MACHINE:
            assert row[name] == value
    for name, value in alone.summary["cost_by_microgrid"].items():
        assert row[f"cost_by_microgrid.{name}"] == value
    for name, value in alone.metrics.items():
        assert row[name] == value or (pd.isna(row[name]) and pd.isna(value))
    assert not set(alone.metrics.index) & set(alone.summary)
    pd.testing.assert_frame_equal(made.results(4).dispatch, alone.dispatch)


def test_files_hold_the_table(pair, tmp_path):
    made = sweep(asked(pair), out=tmp_path / "o")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "o/sweep.parquet"), made.table)
    written = pd.read_csv(tmp_path / "o/sweep.csv", float_precision="round_trip")
    assert written.objective_cost.tolist() == made.table.objective_cost.tolist()
    assert len(list((tmp_path / "o/runs").iterdir())) == 4
    assert not (tmp_path / "o/runs/0001/report.html").exists()


def test_means_are_taken_over_the_runs_that_agree(pair, tmp_path):
    made = sweep(asked(pair), out=tmp_path / "o")
    means = made.mean_by("coordination", of="objective_cost")
    costs = made.table.groupby("coordination").objective_cost.mean()
    assert means.set_index("coordination")["mean"].to_dict() == pytest.approx(costs.to_dict())
    assert set(made.mean_by([]).figure) == set(made.figures)
    assert set(means.independent) == {1}  # no seed was swept: the same luck in all runs
    assert means.low.isna().all()
    with pytest.raises(ResultsError, match="did you mean 'coordination'"):
        made.mean_by("coordinaton")
    with pytest.raises(ResultsError, match="no figure 'cost'"):
        made.mean_by([], of="cost")


def test_two_processes_give_the_values_of_one(pair, tmp_path):
    one = sweep(asked(pair), out=tmp_path / "one")
    two = sweep(asked(pair), out=tmp_path / "two", workers=2)
    assert_same(one.table, two.table)


def test_a_run_that_fails_is_a_row_and_the_others_go_on(pair, tmp_path):
    with pytest.raises(SweepEndedEarlyError) as caught:
        sweep(failing(pair), out=tmp_path / "o")
    table = caught.value.sweep.table
    assert table.status.tolist() == ["complete", "failed", "complete"]
    assert table.objective_cost.isna().tolist() == [False, True, False]
    assert table.error[1].startswith("RuntimeError: on purpose (the run ended early")
    assert list(caught.value.failures) == [2]
    assert pd.read_csv(tmp_path / "o/sweep.csv").status.tolist() == table.status.tolist()


def test_a_sweep_of_which_all_runs_fail_still_has_its_table(pair, tmp_path):
    given = failing(pair)
    given["grid"] = {"coordination": ["own.py:Fails"], "seed": [1, 2]}
    with pytest.raises(SweepEndedEarlyError, match="2 runs failed: 1-2") as caught:
        sweep(given, out=tmp_path / "o")
    assert caught.value.sweep.table.error.str.contains("on purpose").tolist() == [True, True]
    assert caught.value.sweep.figures == ()
    assert caught.value.sweep.swept().means.empty


def test_the_runs_of_a_seed_count_once(pair, tmp_path):
    given = {"scenario": str(pair), "grid": {"coordination": ["isolated", "central"]}, "seeds": 2}
    (row,) = sweep(given, out=tmp_path / "o").mean_by([], of="objective_cost").to_dict("records")
    assert (row["runs"], row["independent"]) == (4, 2)


def test_where_seeds_are_drawn_the_interval_is_over_the_draws(pair, tmp_path):
    keys = {"seed": {"integers": [1, 99]}, "tariff.export_per_kwh": {"uniform": [0.02, 0.1]}}
    given = {"scenario": str(pair), "sample": {"count": 3, "keys": keys}}
    given["grid"] = {"coordination": ["isolated"]}
    swept = sweep(given, out=tmp_path / "o").swept()
    assert swept.groups == ("coordination",)
    assert set(swept.means.runs) <= {0, 3}  # gaps and some metrics do not exist here


def test_what_failed_is_made_again_and_nothing_else(pair, tmp_path):
    given = failing(pair)
    with pytest.raises(SweepEndedEarlyError):
        sweep(given, out=tmp_path / "o")
    others = [tmp_path / "o/runs" / name / "summary.json" for name in ("0001", "0003")]
    before = [file.stat().st_mtime_ns for file in others]
    own = pair.parent / "own.py"
    own.write_text(own.read_text().replace("def start", "def unused"))
    told = []
    made = sweep(given, out=tmp_path / "o", resume=True, progress=lambda *of: told.append(of))
    assert told == [(2, 3), (3, 3)]
    assert made.table.status.tolist() == ["complete"] * 3
    assert made.table.objective_cost[1] == made.table.objective_cost[0]
    assert [file.stat().st_mtime_ns for file in others] == before


def test_what_was_interrupted_goes_on_to_the_values_of_one_that_was_not(pair, tmp_path):
    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        sweep(asked(pair), out=tmp_path / "o", progress=interrupt)
    assert "to go on: --out" in caught.value.__notes__[0]
    assert pd.read_csv(tmp_path / "o/sweep.csv").run.tolist() == [1, 2]
    with (tmp_path / "o/rows.jsonl").open("a") as file:
        file.write('{"number": 3, "figu')  # as after a loss of power
    (tmp_path / "o/runs/0004/dispatch.parquet").mkdir(parents=True)  # no run yet
    made = sweep(asked(pair), out=tmp_path / "o", resume=True)
    assert_same(made.table, sweep(asked(pair), out=tmp_path / "whole").table)


def test_a_folder_that_another_process_works_in_is_left_alone(pair, tmp_path):
    sweep(asked(pair), out=tmp_path / "o")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "o").rglob("*")}
    code = f"""
from pathlib import Path
from mmgsim.lock import held
with held(Path({str(tmp_path / "o")!r})):
    print("held", flush=True)
    input()
"""
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    with other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ScenarioError, match="another process works in it; wait for it"):
            sweep(asked(pair), out=tmp_path / "o", resume=True)
        assert {path: path.stat().st_mtime_ns for path in (tmp_path / "o").rglob("*")} == before
        other.kill()
    again = sweep(asked(pair), out=tmp_path / "o", resume=True)  # the lock went with the process
    assert len(again.table) == 4


def test_a_complete_row_stays_whatever_failed_after_it(pair, tmp_path):
    made = sweep(asked(pair), out=tmp_path / "o")
    with (tmp_path / "o/rows.jsonl").open("a") as file:
        file.write('{"number": 3, "figures": {}, "error": "it broke"}\n')
    told = []
    again = sweep(
        asked(pair), out=tmp_path / "o", resume=True, progress=lambda *of: told.append(of)
    )
    assert told == [(4, 4)]
    assert_same(again.table, made.table)


def test_another_sweep_is_not_gone_on_with(pair, tmp_path):
    sweep(asked(pair), out=tmp_path / "o")
    with pytest.raises(ScenarioError, match=r"exists and is not empty.*--resume to go on with"):
        sweep(asked(pair), out=tmp_path / "o")
    changed = asked(pair, days=2, set={"gate.every": "12h"})
    with pytest.raises(ScenarioError) as caught:
        sweep(changed, out=tmp_path / "o", resume=True)
    assert [fault.where for fault in caught.value.faults] == ["days", "set.gate.every"]
    assert "is 12h, and was nothing in the sweep" in str(caught.value)
    pair.write_text(pair.read_text().replace("0.30", "0.31"))
    with pytest.raises(ScenarioError, match=r"tariff\.import_per_kwh.*is 0\.31, and was 0\.3"):
        sweep(asked(pair), out=tmp_path / "o", resume=True)
    write_pair(pair.parent)
    load = pair.parent / "load.csv"
    load.write_text(load.read_text().replace("2.0", "2.5", 1))
    with pytest.raises(ScenarioError, match="series are not what they were"):
        sweep(asked(pair), out=tmp_path / "o", resume=True)


def test_the_number_of_processes_may_change_and_the_folder_may_move(pair, tmp_path):
    made = sweep(asked(pair), out=tmp_path / "o")
    shutil.move(tmp_path / "o", tmp_path / "elsewhere")
    again = sweep(asked(pair, workers=2), out=tmp_path / "elsewhere", resume=True)
    pd.testing.assert_frame_equal(again.table, made.table)


def test_folders_of_runs_can_be_left_out_but_for_those_that_failed(pair, tmp_path):
    with pytest.raises(SweepEndedEarlyError) as caught:
        sweep({**failing(pair), "keep_runs": False}, out=tmp_path / "o")
    assert [path.name for path in (tmp_path / "o/runs").iterdir()] == ["0002"]
    assert caught.value.sweep.table.objective_cost.notna().sum() == 2
    with pytest.raises(ResultsError):
        caught.value.sweep.results(1)
