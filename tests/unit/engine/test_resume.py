"""A run that was stopped, killed or made longer gives the values of one that never stopped."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from unittest.mock import Mock

import pandapower as pp
import pandas as pd
import pytest
import yaml

import mmgsim
from mmgsim.engine import MessageBus, MultiMicrogridModel
from mmgsim.errors import CheckpointError, RunEndedEarlyError
from mmgsim.folder import RunFolder
from mmgsim.report import write_report
from mmgsim.tables import TABLES, Results, write_json, writer
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser
from tests.support.diesel import diesel_scenario

DAYS = 2

PLUG_INS = '''
"""Plug-ins that remember: what they say so, and what they should not."""
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmgsim.coordination import Isolated
from mmgsim_agents.strategies import CostMinimiser


class Remembers(CostMinimiser):
    """Sheds a little more every hour, as its memory tells."""

    def plan(self, view, terms):
        hours = view.memory.get("hours", np.zeros(1))
        limit = np.maximum(terms.low_kw + 0.01 * hours[0], np.minimum(terms.low_kw, -1.0))
        return super().plan(view, replace(terms, low_kw=limit))

    def dispatch(self, view, realised):
        done = super().dispatch(view, realised)
        return replace(done, memory={"hours": view.memory.get("hours", np.zeros(1)) + 1.0})


class Hides:
    """Counts the gates it has seen, where no checkpoint finds that, and has no reset()."""

    answers = CostMinimiser.answers

    def __init__(self):
        self._strategy, self._gates = CostMinimiser(), 0

    def answer(self, view, message):
        self._gates += 1
        sure = replace(view.envelope, export_limit_kw=view.envelope.export_limit_kw / self._gates)
        return self._strategy.answer(replace(view, envelope=sure), message)

    def dispatch(self, view, realised):
        return self._strategy.dispatch(view, realised)


class HidesToo(Isolated):
    """A mechanism whose bounds tell how many gates it has cleared in its life, without reset()."""

    reset = property()  # hides that of its base

    def __init__(self):
        super().__init__()
        self._gates = 0

    def tell(self, replies):
        clearing = super().tell(replies)
        if clearing is None:
            return None
        self._gates += 1
        return replace(clearing, lower=clearing.upper - 0.01 * self._gates)


class CannotBeKept(CostMinimiser):
    """Wants to keep what cannot be written."""

    def dispatch(self, view, realised):
        return replace(super().dispatch(view, realised), memory={"open": lambda: None})


class TwoArgumentsError(Exception):
    """Can be written, and not be read again."""

    def __init__(self, one, other):
        super().__init__(one)


class CannotBeReadAgain(CostMinimiser):
    def dispatch(self, view, realised):
        done = super().dispatch(view, realised)
        return replace(done, memory={"last": TwoArgumentsError(1, 2)})


class KeepsInItsClearing(Isolated):
    """Keeps prices in a mapping that cannot be written."""

    def tell(self, replies):
        clearing = super().tell(replies)
        if clearing is None:
            return None
        return replace(clearing, memory=defaultdict(lambda: 0.0))


class OpenOperations(CostMinimiser):
    """Says what its devices do in a mapping that cannot be written."""

    def dispatch(self, view, realised):
        done = super().dispatch(view, realised)
        return replace(done, operations=defaultdict(lambda: 0.0, done.operations))


class CannotReset(CostMinimiser):
    """Raises once it is asked to be as new, if it has decided anything."""

    gates = 0

    def answer(self, view, message):
        self.gates += 1
        return super().answer(view, message)

    def reset(self):
        if self.gates:
            raise RuntimeError("no way back")


class HangsAtMidnight(CannotReset):
    def reset(self):
        while self.gates:
            time.sleep(0.01)


class CannotBeMadeAgain(Isolated):
    """Cannot be made while its licence is away."""

    reset = property()

    def __init__(self):
        super().__init__()
        (Path(__file__).parent / "licence").read_text()
'''


class StopError(Exception):
    """Stands for whatever may end a run."""


def stop_after(steps):
    """Give a progress callback that ends the run."""

    def progress(model):
        if model.clock.step + 1 == steps:
            raise StopError

    return progress


def settings(**more):
    return {"days": DAYS, **more}


def same_values(one, other):
    """Compare every table but the wall clock, and the summary, to the last bit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of tables without payloads
        for name in set(TABLES) - {"timings"}:
            assert one.table(name).equals(other.table(name)), name
    first, second = ({k: v for k, v in r.summary.items() if k[-2:] != "_s"} for r in (one, other))
    assert first == second


@pytest.fixture(
    scope="module",
    params=[
        {"coordination.kind": "central"},
        {"coordination.kind": "prices"},
        {"coordination.kind": "admm", "gate.every": "8h"},
    ],
    ids=lambda given: given["coordination.kind"],
)
def whole(request, tmp_path_factory):
    """A run that never stopped."""
    overrides = settings(**request.param)
    out = tmp_path_factory.mktemp("whole") / "run"
    return mmgsim.run("duo", overrides=overrides, out=out), overrides


@pytest.mark.parametrize("steps", [5, 24, 31])
def test_a_run_that_was_stopped_goes_on_to_the_same_values(whole, tmp_path, steps):
    reference, overrides = whole
    out = tmp_path / "run"
    with pytest.raises(RunEndedEarlyError, match="--resume"):
        mmgsim.run("duo", overrides=overrides, out=out, progress=stop_after(steps))
    assert len(Results(out).steps) == steps  # what was simulated can be read meanwhile
    resumed = mmgsim.run("duo", overrides=overrides, out=out, resume=True)
    same_values(reference, resumed)
    assert resumed.manifest["status"] == "complete"
    assert [leg["first_step"] for leg in resumed.manifest["legs"]] == [0, steps // 24 * 24]


def test_finished_days_are_not_solved_again(tmp_path, monkeypatch):
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run("duo", overrides=settings(), out=tmp_path / "run", progress=stop_after(26))
    solved = []
    monkeypatch.setattr(
        MultiMicrogridModel,
        "step",
        lambda model, step=MultiMicrogridModel.step: (solved.append(model.clock.step), step(model)),
    )
    mmgsim.run("duo", overrides=settings(), out=tmp_path / "run", resume=True)
    assert solved == list(range(23, 47))  # the last finished step of each


def test_a_finished_run_is_made_longer(whole, tmp_path):
    reference, overrides = whole
    out = tmp_path / "run"
    mmgsim.run("duo", overrides={**overrides, "days": 1}, out=out)
    same_values(reference, mmgsim.run("duo", overrides=overrides, out=out, resume=True))


def test_a_finished_run_is_left_alone(whole):
    reference, overrides = whole
    before = {file: file.stat().st_mtime_ns for file in reference.folder.rglob("*")}
    again = mmgsim.run("duo", overrides=overrides, out=reference.folder, resume=True)
    assert again.summary == reference.summary
    assert {file: file.stat().st_mtime_ns for file in reference.folder.rglob("*")} == before


def test_resuming_where_nothing_is_starts_a_run(tmp_path):
    run = mmgsim.run("duo", overrides={"days": 1}, out=tmp_path / "run", resume=True)
    assert len(run.manifest["legs"]) == 1


def test_payloads_and_threads_go_on_too(tmp_path, monkeypatch):
    threads = set()
    answer = CostMinimiser.answer

    def seen(strategy, view, message):
        threads.add(threading.current_thread())
        return answer(strategy, view, message)

    def run(folder, workers, stop=None):
        bus = MessageBus(workers=workers, keeps_payloads=True)
        out = tmp_path / folder
        return mmgsim.run(scenario, out=out, bus=bus, progress=stop, resume=True)

    scenario = diesel_scenario(
        tmp_path / "scenario",
        2,
        days=2,
        gate={"every": "1d", "horizon": "24h"},
        coordination={"kind": "prices", "max_rounds": 1},
    )
    whole = run("whole", 1)
    monkeypatch.setattr(CostMinimiser, "answer", seen)
    with pytest.raises(RunEndedEarlyError):
        run("cut", 2, stop_after(30))
    same_values(whole, run("cut", 2))
    assert len(threads) > 1
    assert whole.payloads.time.nunique() == 48


# ------------------------------------------------------------------------------------ plug-ins
@pytest.fixture
def plug_ins(tmp_path):
    file = tmp_path / "plug_ins.py"
    file.write_text(PLUG_INS)
    return file


@pytest.mark.parametrize(
    "roles",
    [
        {"microgrids.MG1.strategy": "Remembers"},
        {"microgrids.MG1.strategy": "Hides"},
        {"microgrids.MG1.strategy": "OpenOperations"},
        {"coordination.kind": "HidesToo"},
    ],
)
def test_plug_ins_go_on_from_what_they_declare_as_memory(plug_ins, tmp_path, roles):
    overrides = settings(**{key: f"{plug_ins}:{name}" for key, name in roles.items()})
    whole = mmgsim.run("duo", overrides=overrides, out=tmp_path / "whole")
    assert whole.faults.empty
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run("duo", overrides=overrides, out=tmp_path / "cut", progress=stop_after(30))
    resumed = mmgsim.run("duo", overrides=overrides, out=tmp_path / "cut", resume=True)
    same_values(whole, resumed)


@pytest.mark.parametrize(
    ("role", "name", "said"),
    [
        ("microgrids.MG1.strategy", "CannotBeKept", "cannot be written"),
        ("microgrids.MG1.strategy", "CannotBeReadAgain", "cannot be read again"),
        ("coordination.kind", "KeepsInItsClearing", "cannot be written"),
    ],
)
def test_memory_that_does_not_come_back_is_a_fault(plug_ins, role, name, said):
    model = mmgsim.build("duo", overrides={**ALONE, "days": 1, role: f"{plug_ins}:{name}"})
    while model.checkpoint is None:
        model.step()
    messages = set(model.table("faults").message)
    assert all(said in one and "keep numbers, text, arrays" in one for one in messages)
    assert messages


def test_a_file_that_is_edited_meanwhile_is_not_taken_up(plug_ins, tmp_path):
    def edit(model):
        if model.clock.step == 10:
            plug_ins.write_text("def half(:\n")

    overrides = {**ALONE, "coordination.kind": f"{plug_ins}:HidesToo"}
    whole = mmgsim.run("duo", overrides=overrides, out=tmp_path / "whole")
    edited = mmgsim.run("duo", overrides=overrides, out=tmp_path / "edited", progress=edit)
    same_values(whole, edited)


@pytest.mark.parametrize(
    ("role", "name", "said"),
    [
        ("microgrids.MG1.strategy", "CannotReset", "RuntimeError: no way back"),
        ("microgrids.MG1.strategy", "HangsAtMidnight", "took longer than 3 s"),
        ("coordination.kind", "CannotBeMadeAgain", "FileNotFoundError"),
    ],
)
def test_who_cannot_be_as_new_is_out_for_a_day(plug_ins, tmp_path, role, name, said):
    licence = plug_ins.parent / "licence"
    overrides = {**ALONE, "faults.time_limit_s": 3, role: f"{plug_ins}:{name}"}

    def run(folder, stop=48):
        def progress(model):
            if model.clock.step == 10:
                licence.unlink()
            if model.clock.step == 30:
                licence.touch()
            if model.clock.step == stop:
                raise StopError

        licence.touch()
        return mmgsim.run(
            "duo", overrides=overrides, out=tmp_path / folder, progress=progress, resume=True
        )

    whole = run("whole")
    assert said in whole.faults.message.item()
    midnight = whole.steps.time[24]
    faulty, stood_in = (
        set(whole.steps.time[whole.steps["flags"].str.contains(flag)])
        for flag in ("fault", "stand_in")
    )
    assert faulty == set(whole.faults.time) == {midnight - pd.Timedelta(hours=1)}
    assert stood_in == set(whole.steps.time[24:])
    with pytest.raises(RunEndedEarlyError):
        run("cut", stop=30)
    same_values(whole, run("cut"))


# --------------------------------------------------------------------------------------- refusals
@pytest.fixture(scope="module")
def cut_once(tmp_path_factory):
    out = tmp_path_factory.mktemp("cut") / "run"
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run("duo", overrides=settings(), out=out, progress=stop_after(30))
    return out


@pytest.fixture
def cut(cut_once, tmp_path):
    """A run that was stopped in its second day."""
    return shutil.copytree(cut_once, tmp_path / "cut")


def contents(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"coordination.kind": "isolated"}, "coordination.kind: is isolated, and was central"),
        ({"seed": 99}, "seed: is 99, and was"),
        ({"microgrids.MG2.devices.roof.rating_kw": 7}, "microgrids.MG2.devices.roof.rating_kw"),
        ({"days": 1, "seed": 99}, "seed: is 99"),
    ],
)
def test_another_scenario_is_refused_and_nothing_is_touched(cut, changes, said):
    before = contents(cut)
    with pytest.raises(mmgsim.ScenarioError, match=said):
        mmgsim.run("duo", overrides=settings(**changes), out=cut, resume=True)
    assert contents(cut) == before


def test_fewer_days_than_are_simulated_are_refused(whole):
    reference, overrides = whole
    with pytest.raises(mmgsim.ScenarioError, match="48 are simulated already"):
        mmgsim.run("duo", overrides={**overrides, "days": 1}, out=reference.folder, resume=True)


def test_series_that_have_changed_are_refused(tmp_path):
    from mmgsim.scenario import load_scenario
    from mmgsim.scenario.freeze import freeze

    folder = tmp_path / "frozen"
    source = freeze(load_scenario("duo", settings()), folder).source
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run(source, out=tmp_path / "cut", progress=stop_after(30))
    (file,) = folder.glob("*.csv")
    file.write_text(file.read_text().replace("0.", "0.1"))
    with pytest.raises(mmgsim.ScenarioError, match="series are not what they were"):
        mmgsim.run(source, out=tmp_path / "cut", resume=True)


def net(km):
    made = pp.create_empty_network()
    first, last = (pp.create_bus(made, 0.4) for _ in range(2))
    pp.create_ext_grid(made, first)
    pp.create_line_from_parameters(made, first, last, km, 0.2, 0.08, 0.0, 0.4)
    pp.create_load(made, last, 0.01, 0.002)
    return made


OUTSIDE = """
from beside import SHARE
from mmgsim_agents.strategies.cost_minimiser import CostMinimiser


class Reads(CostMinimiser):
    path_options = ("table",)

    def __init__(self, table):
        super().__init__()
"""


@pytest.fixture(scope="module")
def cut_with_files(tmp_path_factory):
    """A folder with a scenario that names files, and a run of it that was stopped."""
    duo = Path(mmgsim.__file__).parents[1] / "scenarios" / "duo"
    folder = shutil.copytree(duo, tmp_path_factory.mktemp("files") / "duo")
    content = yaml.safe_load((duo / "scenario.yaml").read_text())
    content |= {"coordination": "isolated", "days": 2, "network": {"file": "net.json"}}
    for microgrid in content["microgrids"]:
        microgrid["bus"] = 1
    content["microgrids"][0]["strategy"] = {"kind": "own.py:Reads", "options": {"table": "a.csv"}}
    (folder / "scenario.yaml").write_text(yaml.safe_dump(content))
    for name, text in (("a.csv", "1"), ("own.py", OUTSIDE), ("beside.py", "SHARE = 1")):
        (folder / name).write_text(text)
    pp.to_json(net(0.1), str(folder / "net.json"))
    with pytest.raises(RunEndedEarlyError):
        mmgsim.run(folder, out=folder / "run", progress=stop_after(25))
    return folder


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda folder: pp.to_json(net(0.5), str(folder / "net.json")), "network"),
        (
            lambda folder: (folder / "a.csv").write_text("2"),
            "microgrids.MG1.strategy.options.table",
        ),
    ],
)
def test_files_that_have_changed_are_refused(cut_with_files, tmp_path, change, where):
    folder = shutil.copytree(cut_with_files, tmp_path / "copy")
    change(folder)
    with pytest.raises(mmgsim.ScenarioError, match=f"{where}: what it names is not what it was"):
        mmgsim.run(folder, out=folder / "run", resume=True)


def test_plug_ins_that_have_changed_are_told(cut_with_files, tmp_path):
    folder = shutil.copytree(cut_with_files, tmp_path / "copy")
    (folder / "beside.py").write_text("SHARE = 2")
    run = mmgsim.run(folder, out=folder / "run", resume=True)
    first, second = run.manifest["legs"]
    assert (first["first_step"], second["first_step"]) == (0, 24)
    assert first["versions"] == second["versions"] == run.manifest["versions"]
    files = first["plug_in_files"], second["plug_in_files"]
    assert files[0].keys() == files[1].keys() == {"../beside.py", "../own.py"}
    assert files[0]["../own.py"] == files[1]["../own.py"]
    assert files[0]["../beside.py"] != files[1]["../beside.py"]


def test_payloads_are_kept_in_all_parts_of_a_run_or_in_none(cut):
    bus = MessageBus(keeps_payloads=True)
    with pytest.raises(mmgsim.ScenarioError, match="leave out --payloads"):
        mmgsim.run("duo", overrides=settings(), out=cut, bus=bus, resume=True)


@pytest.mark.parametrize("spoilt", [b"", b"{}\n", b'{"format": 99}\n', None])
def test_a_checkpoint_that_cannot_be_read_is_an_error(cut, spoilt):
    file = cut / "checkpoint.bin"
    file.write_bytes(file.read_bytes()[:-200] if spoilt is None else spoilt)
    with pytest.raises(CheckpointError, match=r"damaged|another version"):
        mmgsim.run("duo", overrides=settings(), out=cut, resume=True)


@pytest.mark.parametrize(("status", "days"), [("complete", 1), ("failed", 2)])
def test_a_run_whose_checkpoint_is_gone_is_not_begun_anew(cut, status, days):
    write_json(cut / "manifest.json", {"status": status})
    (cut / "checkpoint.bin").unlink()
    for file in cut.glob("*.parquet/part-*"):
        if int(file.stem[-1]) >= days:
            file.unlink()
    before = contents(cut)
    with pytest.raises(CheckpointError, match=r"has no checkpoint\.bin.*another --out"):
        mmgsim.run("duo", overrides=settings(), out=cut, resume=True)
    assert contents(cut) == before


def test_a_folder_without_a_run_is_not_resumed(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(mmgsim.ScenarioError, match="no result folder"):
        mmgsim.run("duo", out=tmp_path, resume=True)


# ---------------------------------------------------------------------------- when writing fails
ALONE = settings(**{"coordination.kind": "isolated"})


@pytest.fixture(scope="module")
def whole_alone(tmp_path_factory):
    return mmgsim.run("duo", overrides=ALONE, out=tmp_path_factory.mktemp("alone") / "run")


@pytest.mark.parametrize("written", [2, 10, 40, 66])
def test_a_full_disk_loses_no_finished_day(whole_alone, tmp_path, monkeypatch, written):
    room = iter(range(written))
    replace = writer.os.fsync

    def fsync(handle):
        if next(room, None) is None:
            raise OSError(28, "No space left on device")
        replace(handle)

    out = tmp_path / "run"
    monkeypatch.setattr(writer.os, "fsync", fsync)
    with pytest.raises((RunEndedEarlyError, OSError)) as caught:
        mmgsim.run("duo", overrides=ALONE, out=out)
    assert "No space left" in f"{caught.value}{caught.value.__cause__}"
    monkeypatch.undo()
    resumed = mmgsim.run("duo", overrides=ALONE, out=out, resume=True)
    same_values(whole_alone, resumed)
    assert not list(out.rglob(".*"))  # nothing half written is left


def test_rows_that_are_no_rows_leave_a_folder_that_says_how_it_ended(tmp_path):
    def spoil(model):
        if model.clock.step == 30:
            model.writer.add("rounds", [(model.clock.now, "one", 0.0, 0.0, 0.0)])

    with pytest.raises(RunEndedEarlyError, match="24 simulated steps are in") as caught:
        mmgsim.run("duo", overrides=ALONE, out=tmp_path / "run", progress=spoil)
    assert "'one'" in str(caught.value.__cause__)
    run = Results(tmp_path / "run")
    assert run.manifest["status"] == "failed"
    assert run.summary["scenario"] == "duo"
    assert len(run.steps) == len(run.gates) == 24


# ------------------------------------------------------------------------------ when it is killed
class KilledError(BaseException):
    """Stands for `kill -9`: nothing is written any more."""


@pytest.mark.parametrize(("days_before", "step"), [(0, 10), (0, 30), (2, 50)])
def test_a_killed_run_says_what_its_folder_holds(
    whole_alone, tmp_path, monkeypatch, days_before, step
):
    out = tmp_path / "run"
    if days_before:
        shutil.copytree(whole_alone.folder, out)
    monkeypatch.setattr(RunFolder, "close", Mock(side_effect=KilledError))
    monkeypatch.setattr(sys.modules["mmgsim.run"], "write_report", write_report)
    with pytest.raises(KilledError):
        mmgsim.run(
            "duo", overrides={**ALONE, "days": 3}, out=out, resume=True, progress=stop_after(step)
        )
    run = Results(out)
    assert not (out / "report.html").exists()
    assert run.summary["steps"] == step // 24 * 24
    page = write_report(run).read_text()
    assert "This run has not ended" in page
    if step > 24:
        assert len(run.steps) == len(run.gates) == run.summary["gates"] == run.summary["steps"]
    else:
        assert "No step was simulated" in page


FOUR_DAYS = {"days": 4, "coordination.kind": "central"}


@pytest.fixture(scope="module")
def four_days(tmp_path_factory):
    out = tmp_path_factory.mktemp("four") / "run"
    return mmgsim.run("duo", overrides=FOUR_DAYS, out=out)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on_to_the_same_values(four_days, tmp_path, number):
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "mmgsim", "run", "duo", "--days", "4", "--out", str(out)]
    root = Path(mmgsim.__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root / "agents"), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [*command, "--coordination", "central", "--quiet"], env={**os.environ, "PYTHONPATH": paths}
    )
    while not (out / "checkpoint.bin").exists():
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(0.3)
    process.send_signal(number)
    process.wait()
    assert len(Results(out).steps) >= 24
    killed = number == signal.SIGKILL
    assert Results(out).manifest["status"] == ("running" if killed else "interrupted")
    same_values(four_days, mmgsim.run("duo", overrides=FOUR_DAYS, out=out, resume=True))
