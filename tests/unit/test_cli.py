"""The command line as a user meets it: what it prints where, how it exits, what it writes."""

import json
import math
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pandas as pd
import pytest

from mmgsim import cli, terminal
from mmgsim.engine import model
from mmgsim.tables import Results, writer

pytestmark = pytest.mark.pages

FILES = ["manifest.json", "report.html", "scenario.yaml", "summary.json"]
STOP = ["--set", "faults.on_fault=stop"]
FAST = ["--coordination", "isolated", "--strategy", "self-consumer"]

FAULTY = """\
name: faulty
timezone: Europe/Berlin
start: 2021-01-11
days: 1
network: {case: case33bw}
tariff:
  import_per_kwh: {source: csv, file: none.csv, column: a}
  export_per_kwh: 0.05
forecast: perfect
microgrids:
  - name: MG1
    bus: 77
    devices:
      - {name: homes, kind: load, profile: 3}
"""

OWN = """\
from mmgsim.errors import SubproblemError
from mmgsim_agents.strategies import SelfConsumer

class Fails(SelfConsumer):
    def __init__(self, step, how):
        super().__init__()
        self.step, self.how = step, how

    def dispatch(self, view, realised):
        if realised.step == self.step:
            if self.how == "ours":
                raise SubproblemError("MG1", self.step, "cold")
            if self.how == "interrupt":
                raise KeyboardInterrupt
            return {}["nothing"]
        return super().dispatch(view, realised)
"""


OWN_COORDINATION = """\
from mmgsim.coordination import Isolated

class Fails(Isolated):
    def start(self, view, memory):
        if view.window.first_step == 3:
            raise RuntimeError("no more")
        super().start(view, memory)
"""


@pytest.fixture
def failing(tmp_path):
    """Give the options under which MG1 fails at a step."""
    (tmp_path / "own.py").write_text(OWN)

    def options(step, how):
        role = f"{{kind: 'own.py:Fails', options: {{step: {step}, how: {how}}}}}"
        return [*FAST, *STOP, "--set", f"microgrids.MG1.strategy={role}"]

    return options


# ------------------------------------------------------------------------------ without a run
def test_help_lists_the_commands_of_this_version(mmgsim):
    code, printed, _ = mmgsim("--help")
    assert code == 0
    names = ("list", "check", "run", "report", "schema", "compare", "new", "year", "reproduce")
    assert all(f" {name} " in printed for name in names)


def test_version_is_printed(mmgsim):
    code, printed, _ = mmgsim("--version")
    assert code == 0
    assert printed.startswith("mmgsim ")


def test_list_names_the_bundled_scenarios(mmgsim):
    code, printed, _ = mmgsim("list")
    assert code == 0
    assert "duo" in printed
    assert "wa9" in printed


def test_schema_is_json(mmgsim):
    code, printed, _ = mmgsim("schema")
    assert code == 0
    assert "microgrids" in json.loads(printed)["properties"]


@pytest.mark.parametrize("page", ["tables", "devices", "scenario"])
def test_schema_prints_the_pages_that_are_in_docs(page, mmgsim):
    code, printed, _ = mmgsim("schema", f"--{page}")
    kept = Path(__file__).parents[2] / f"docs/{page}.md"
    cure = f"mmgsim schema --{page} > docs/{page}.md"
    assert (code, printed) == (0, kept.read_text(encoding="utf-8")), cure


def test_check_shows_every_series_and_writes_nothing(mmgsim, tmp_path):
    code, printed, messages = mmgsim("check", "duo")
    assert (code, messages) == (0, "")
    assert "duo: no faults; 24 steps, 2 microgrids." in printed
    assert "devices.roof" in printed
    assert list(tmp_path.iterdir()) == []


LARGE = "microgrids.MG1.devices.bess.energy_kwh=50000"


def test_check_says_warnings_on_standard_error_and_counts_them(mmgsim):
    code, printed, messages = mmgsim("check", "duo", "--set", LARGE)
    assert code == 0
    assert "duo: no faults, 1 warning; 24 steps, 2 microgrids." in printed
    assert messages.startswith("warning: microgrids.MG1.devices.bess.energy_kwh (from --set or")
    assert "overrides): 50000 kWh at 20 kW" in messages
    assert messages.rstrip().endswith("give energy_kwh in kWh and power_kw in kW")


def test_run_says_each_warning_once_and_records_it(mmgsim, tmp_path):
    code, _, messages = mmgsim("run", "duo", *FAST, "--set", LARGE, "--out", "made")
    assert code == 0
    assert messages.count("warning: ") == 1
    (warning,) = Results(tmp_path / "made").manifest["warnings"]
    assert warning["where"] == "microgrids.MG1.devices.bess.energy_kwh"
    assert warning["what"] in messages
    assert warning["cure"] in messages


def test_a_fault_that_no_file_has_begins_with_the_name_of_the_scenario(mmgsim):
    *_, messages = mmgsim("run", "duo", "--coordination", "centrl")
    assert messages.startswith("duo: 1 fault\n")


def test_quiet_run_says_and_records_warnings_all_the_same(mmgsim, tmp_path):
    options = ["--set", LARGE, "--quiet", "--out", "made"]
    code, printed, messages = mmgsim("run", "duo", *FAST, *options)
    assert (code, printed, messages.count("warning: ")) == (0, "", 1)
    assert len(Results(tmp_path / "made").manifest["warnings"]) == 1


def test_a_scenario_without_doubts_records_no_warning(mmgsim, tmp_path):
    mmgsim("run", "duo", *FAST, "--quiet", "--out", "made")
    assert Results(tmp_path / "made").manifest["warnings"] == []


# ----------------------------------------------------------------------------------- runs
def test_run_in_json_prints_the_summary_alone(mmgsim, tmp_path):
    code, printed, messages = mmgsim("run", "duo", *FAST, "--json", "--out", "made/here")
    assert (code, messages) == (0, "")
    summary = json.loads(printed)
    assert summary.pop("results") == "made/here"
    assert summary == Results(tmp_path / "made/here").summary
    assert summary["coordination"] == "isolated"


def test_run_prints_costs_and_folders(mmgsim):
    code, printed, messages = mmgsim("run", "duo", *FAST)
    assert (code, messages) == (0, "")
    folder = next(Path("runs").iterdir())
    assert folder.name.startswith("duo-isolated-")
    assert f"results: {folder}" in printed
    assert f"report:  {folder / 'report.html'}" in printed


def test_quiet_run_prints_nothing(mmgsim):
    assert mmgsim("run", "duo", *FAST, "--quiet", "--out", "o") == (0, "", "")


def test_options_reach_the_resolved_scenario(mmgsim, tmp_path):
    options = ["--strategy", "MG1=self-consumer", "--seed", "5", "--days", "1"]
    settings = ["--set", "settlement.imbalance_per_kwh=0.5", "--set", "gate.every=1d"]
    code, *_ = mmgsim("run", "duo", *options, *settings, "--quiet", "--out", "o")
    assert code == 0
    text = (tmp_path / "o/scenario.yaml").read_text()
    assert text.count("kind: self-consumer") == text.count("kind: cost-minimiser") == 1
    for line in ("seed: 5", "days: 1", "imbalance_per_kwh: 0.5", "every: 1440min"):
        assert line in text


def test_run_takes_a_coordination_with_options(mmgsim, tmp_path):
    chosen = ["--coordination", "{kind: central, mip_gap: 1e-3}"]
    assert mmgsim("run", "duo", *chosen, "--quiet", "--out", "o") == (0, "", "")
    assert "mip_gap: 0.001" in (tmp_path / "o/scenario.yaml").read_text()


@pytest.mark.parametrize("of", ["MG1=", ""])
def test_run_takes_a_strategy_with_options(of, failing, mmgsim, tmp_path):
    chosen = ["--strategy", of + "{kind: 'own.py:Fails', options: {step: 99, how: 0}}"]
    assert mmgsim("run", "duo", *FAST, *chosen, "--quiet", "--out", "o") == (0, "", "")
    text = (tmp_path / "o/scenario.yaml").read_text()
    assert text.count("step: 99") == (1 if of else 2)


def test_report_is_drawn_anew(mmgsim, tmp_path):
    mmgsim("run", "duo", *FAST, "--quiet", "--out", "o")
    (tmp_path / "o/report.html").unlink()
    code, printed, _ = mmgsim("report", "o")
    assert (code, printed.strip()) == (0, f"report: {Path('o/report.html')}")
    assert (tmp_path / "o/report.html").is_file()


def test_report_is_written_where_it_is_asked_for(mmgsim, tmp_path):
    mmgsim("run", "duo", *FAST, "--quiet", "--out", "o")
    code, printed, _ = mmgsim("report", "o", "--out", "pages/duo.html")
    assert (code, printed.strip()) == (0, f"report: {Path('pages/duo.html')}")
    assert (tmp_path / "pages/duo.html").is_file()
    assert mmgsim("report", "o", "--out", "pages")[0] == 2


def test_report_of_a_damaged_folder_is_one_message(mmgsim, tmp_path):
    mmgsim("run", "duo", *FAST, "--quiet", "--out", "o")
    (tmp_path / "o/scenario.yaml").unlink()
    code, printed, messages = mmgsim("report", "o")
    assert (code, printed) == (2, "")
    assert "incomplete or damaged" in messages
    assert "o has no scenario.yaml" in messages


# ------------------------------------------------------------------------------ comparisons
BOTH = ["--coordination", "isolated,central", "--strategy", "self-consumer"]


def test_compare_runs_each_coordination_and_prints_both(mmgsim, tmp_path):
    code, printed, messages = mmgsim("compare", "duo", *BOTH, "--out", "o")
    assert (code, messages) == (0, "")
    for part in ("isolated", "central", "objective cost", "MG2", "comparison: o/compare.html"):
        assert part in printed
    left = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert left == ["central", "compare.csv", "compare.html", "compare.json", "isolated"]


def test_compare_in_json_prints_what_it_writes_alone(mmgsim, tmp_path):
    code, printed, messages = mmgsim("compare", "duo", *BOTH, "--json", "--out", "o")
    assert (code, messages) == (0, "")
    content = json.loads(printed)
    assert content.pop("comparison") == "o"
    assert content == json.loads((tmp_path / "o/compare.json").read_text())


def test_compare_takes_the_options_of_run(mmgsim, tmp_path):
    options = ["--days", "1", "--seed", "5", "--set", "settlement.imbalance_per_kwh=0.5", "--quiet"]
    assert mmgsim("compare", "duo", *BOTH, *options, "--out", "o") == (0, "", "")
    for name in ("isolated", "central"):
        text = (tmp_path / "o" / name / "scenario.yaml").read_text()
        for line in ("seed: 5", "imbalance_per_kwh: 0.5", f"kind: {name}", "kind: self-consumer"):
            assert line in text


def test_compare_reads_coordinations_with_options_as_yaml(mmgsim):
    chosen = ["--coordination", "isolated,{kind: central}", *FAST[2:], "--quiet"]
    assert mmgsim("compare", "duo", *chosen) == (0, "", "")
    folder = next(Path("runs").iterdir())
    assert folder.name.startswith("duo-compare-")
    assert (folder / "central").is_dir()


def test_compare_of_finished_runs_equals_the_comparison_they_came_from(mmgsim, tmp_path):
    mmgsim("compare", "duo", *BOTH, "--quiet", "--out", "o")
    code, printed, _ = mmgsim("compare", "o/isolated", "o/central", "--out", "p", "--json")
    first = json.loads((tmp_path / "o/compare.json").read_text())
    again = json.loads(printed)
    assert (code, again.pop("comparison")) == (0, "p")
    for name, row in again["runs"].items():
        assert row.pop("results") == f"../o/{name}"
        assert first["runs"][name].pop("results") == name
    assert again == first


def test_compare_refuses_to_mix_or_to_set(mmgsim, tmp_path):
    mmgsim("compare", "duo", *BOTH, "--quiet", "--out", "o")
    runs = ["o/isolated", "o/central"]
    for arguments, part in (
        (["o/isolated", "duo"], "duo: no finished run"),
        ([*runs, *BOTH[:2]], "these are finished runs"),
        ([*runs, "--days", "2"], "nothing can be set"),
        (runs[:1], "give two or more"),
    ):
        assert_refused(mmgsim("compare", *arguments), part, folder=tmp_path, left=["o"])


def test_compare_of_unlike_runs_names_what_differs(mmgsim, tmp_path):
    for seed in ("1", "2"):
        mmgsim("run", "duo", *FAST, "--seed", seed, "--quiet", "--out", seed)
    outcome = mmgsim("compare", "1", "2")
    assert_refused(outcome, "seed: 1 in 1, 2 in 2", folder=tmp_path, left=["1", "2"])


def test_compare_keeps_and_prints_what_finished(mmgsim, tmp_path):
    (tmp_path / "own.py").write_text(OWN_COORDINATION)
    kinds = ["--coordination", "isolated,own.py:Fails,central", *FAST[2:], *STOP]
    code, printed, messages = mmgsim("compare", "duo", *kinds, "--out", "o", "--json")
    assert code == cli.ENDED_EARLY
    assert list(json.loads(printed)["runs"]) == ["isolated", "central"]
    assert "RuntimeError: no more" in messages
    assert "finished: isolated, central" in messages
    assert "mmgsim/engine" not in messages
    assert Results(tmp_path / "o/own.py_Fails").manifest["status"] == "failed"
    assert (tmp_path / "o/compare.html").is_file()


def test_interrupted_compare_says_what_is_compared(mmgsim, monkeypatch, tmp_path):
    def interrupt(self, simulated):
        if simulated.scenario.coordination.kind == "central":
            raise KeyboardInterrupt

    monkeypatch.setattr(terminal.Bar, "show", interrupt)
    code, printed, messages = mmgsim("compare", "duo", *BOTH, "--out", "o")
    assert (code, printed) == (cli.ENDED_EARLY, "")
    assert "Finished and compared in o: isolated" in messages
    assert (tmp_path / "o/compare.html").is_file()


# ------------------------------------------------------------------------------ wrong input
def assert_refused(outcome, *parts, folder, left=()):
    code, printed, messages = outcome
    assert (code, printed) == (cli.WRONG_INPUT, "")
    assert "Traceback" not in messages
    for part in parts:
        assert part in messages
    assert sorted(path.name for path in folder.iterdir()) == sorted(left)


@pytest.mark.parametrize("command", ["check", "run"])
def test_every_fault_is_named_once_and_nothing_is_written(command, mmgsim, tmp_path):
    (tmp_path / "s.yaml").write_text(FAULTY.replace("days: 1", "days: 0\nseeed: 1"))
    outcome = mmgsim(command, "s.yaml", "--set", "microgrids.MG2.bus=3")
    parts = ("5 faults", "days (line 4)", "seeed (line 5)", "microgrids has no 'MG2'")
    parts += ("tariff.import_per_kwh (line 8)", "microgrids.MG1.bus (line 13)")
    assert_refused(outcome, *parts, folder=tmp_path, left=["s.yaml"])


@pytest.mark.parametrize("command", ["check", "run"])
def test_faults_of_series_and_network_come_together(command, mmgsim, tmp_path):
    (tmp_path / "s.yaml").write_text(FAULTY)
    parts = ("s.yaml: 2 faults", "tariff.import_per_kwh (line 7)", "microgrids.MG1.bus (line 12)")
    assert_refused(mmgsim(command, "s.yaml"), *parts, folder=tmp_path, left=["s.yaml"])


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["run", "duoo"], "did you mean 'duo'?"),
        (["run", "duo", "--days", "0"], "must be at least 1, given 0"),
        (["run", "duo", "--strategy", "self-consumr"], "did you mean 'self-consumer'?"),
        (["run", "duo", "--strategy", "MG7=self-consumer"], "microgrids has no 'MG7'"),
        (["run", "duo", "--strategy", "MG1=learner,MG2=markup"], "give --strategy once for each"),
        (["run", "duo", "--strategy", "MG1={kind:"], "is not like {kind: NAME, options"),
        (["run", "duo", "--coordination", "centrl"], "did you mean 'central'?"),
        (["run", "duo", "--seed", "-1"], "must be at least 0, given -1"),
        (["run", "duo", "--coordination", "isolated,central"], "`compare` takes several"),
        (["run", "duo", "--coordination", "{kind: prices, ofers: agent}"], "mean 'offers'?"),
        (["run", "duo", "--set", "coordination.offers=agent"], "`prices` has it"),
        (["run", "duo", "--set", "tarif.x=1"], "did you mean 'tariff'?"),
        (["run", "duo", "--set", "days", "--set", "=3"], "'=3' is not like"),
        (["run", "duo", "--dyas", "1"], "--days"),
        (["run", "duo", "--days", "one"], "--days"),
        (["run"], "SCENARIO"),
        (["runn"], "run"),
        (["compare", "duo"], "--coordination isolated,central"),
        (["compare", "duo", "--coordination", "central"], "give two or more"),
        (["compare", "duo", "--coordination", "isolated,centrl"], "did you mean 'central'?"),
        (["compare", "duo", "--coordination", "{kind:"], "is not like isolated,central"),
        (["compare", "duo", "--coordination", "1,2"], "is not like isolated,central"),
        (["compare", "duo", "wa9", "--coordination", "isolated,central"], "no finished run"),
        (["report", "nowhere"], "no result folder"),
    ],
)
def test_wrong_arguments_exit_with_2_and_write_nothing(arguments, part, mmgsim, tmp_path):
    assert_refused(mmgsim(*arguments), part, folder=tmp_path)


def test_result_folder_in_use_is_refused(mmgsim, tmp_path):
    (tmp_path / "o").mkdir()
    (tmp_path / "o/kept.txt").write_text("mine")
    outcome = mmgsim("run", "duo", *FAST, "--out", "o")
    assert_refused(outcome, "give another --out", folder=tmp_path / "o", left=["kept.txt"])


def test_result_folder_that_cannot_be_made_is_refused(mmgsim, tmp_path):
    (tmp_path / "file").write_text("mine")
    outcome = mmgsim("run", "duo", *FAST, "--out", "file/inside")
    assert_refused(outcome, "cannot be written", folder=tmp_path, left=["file"])


def test_frozen_scenario_that_cannot_be_written_is_refused(mmgsim, tmp_path):
    (tmp_path / "file").write_text("mine")
    outcome = mmgsim("freeze", "duo", "file/inside")
    assert_refused(outcome, "cannot be written", folder=tmp_path, left=["file"])


def test_a_network_that_cannot_be_read_is_not_frozen(mmgsim, tmp_path):
    (tmp_path / "s.yaml").write_text(
        FAULTY.replace("{case: case33bw}", "{file: none.json}").replace(
            "{source: csv, file: none.csv, column: a}", "0.3"
        )
    )
    outcome = mmgsim("freeze", "s.yaml", "frozen")
    assert_refused(outcome, "none.json", folder=tmp_path, left=["s.yaml"])


# ------------------------------------------------------------------------------ ended early
def assert_kept(outcome, *parts, folder, steps, status):
    code, printed, messages = outcome
    assert (code, printed) == (cli.ENDED_EARLY, "")
    for part in (*parts, f"{steps} simulated steps are in {folder.name}"):
        assert part in messages
    results = Results(folder)
    assert results.manifest["status"] == status
    assert results.dispatch.time.nunique() == steps


def test_interrupted_run_keeps_what_was_simulated(mmgsim, monkeypatch, tmp_path):
    def interrupt(self, simulated):
        if simulated.clock.step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(terminal.Bar, "show", interrupt)
    outcome = mmgsim("run", "duo", *FAST, "--out", "o")
    assert_kept(outcome, "Interrupted.", folder=tmp_path / "o", steps=5, status="interrupted")


def test_interrupted_reading_writes_nothing(mmgsim, monkeypatch, tmp_path):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_scenario", interrupt)
    code, printed, messages = mmgsim("run", "duo")
    assert (code, printed, messages.strip()) == (cli.ENDED_EARLY, "", "Interrupted.")
    assert list(tmp_path.iterdir()) == []


def test_error_of_ours_in_a_step_is_told_without_a_traceback(mmgsim, failing, tmp_path):
    *_, messages = outcome = mmgsim("run", "duo", *failing(3, "ours"), "--out", "o")
    assert "Traceback" not in messages
    assert ".py" not in messages
    assert_kept(outcome, "ended 'cold'", folder=tmp_path / "o", steps=3, status="failed")


def test_error_of_a_users_class_shows_their_lines_and_not_ours(mmgsim, failing, tmp_path):
    *_, messages = outcome = mmgsim("run", "duo", *failing(3, "other"), "--out", "o")
    assert 'own.py", line 15, in dispatch' in messages
    assert "mmgsim/engine" not in messages
    assert_kept(outcome, "KeyError: 'nothing'", folder=tmp_path / "o", steps=3, status="failed")


def test_failure_in_the_first_step_still_leaves_a_manifest(mmgsim, failing, tmp_path):
    code, *_ = mmgsim("run", "duo", *failing(0, "other"), "--out", "o")
    assert code == cli.ENDED_EARLY
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == FILES
    assert json.loads((tmp_path / "o/manifest.json").read_text())["status"] == "failed"


@pytest.mark.parametrize(
    ("count", "said"),
    [(1, "1 fault of a plug-in: it broke\n"), (3, "3 faults of plug-ins; the first: it broke\n")],
)
def test_contained_faults_are_counted_in_words(count, said, monkeypatch, capsys):
    monkeypatch.setattr(terminal, "summary_rows", lambda results: [])
    results = SimpleNamespace(
        summary={"scenario": "duo", "coordination": "own", "faults_contained": count},
        folder=Path("o"),
        table=lambda name: pd.DataFrame({"message": ["it broke"] * count}),
    )
    terminal.print_summary(results)
    assert capsys.readouterr().err == said


def test_interrupt_within_a_step_is_an_interrupt(mmgsim, failing, tmp_path):
    outcome = mmgsim("run", "duo", *failing(2, "interrupt"), "--out", "o")
    assert_kept(outcome, "Interrupted.", folder=tmp_path / "o", steps=2, status="interrupted")


def test_fault_of_mmgsim_itself_shows_everything(mmgsim, monkeypatch):
    monkeypatch.setattr(model, "perf_counter", partial(math.sqrt, -1.0))
    code, _, messages = mmgsim("run", "duo", *FAST, "--out", "o")
    assert code == cli.ENDED_EARLY
    assert "A fault of mmgsim, please report it" in messages
    assert "ValueError: math domain error" in messages
    assert "engine/model.py" in messages


# ------------------------------------------------------------------------------------ going on
def test_a_full_disk_is_told_in_words_and_the_run_goes_on_later(mmgsim, monkeypatch, tmp_path):
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(writer.os, "fsync", Mock(side_effect=[*[None] * 20, *[full] * 20]))
    code, _, messages = mmgsim("run", "duo", *FAST, "--days", "2", "--quiet", "--out", "o")
    assert code == cli.ENDED_EARLY
    assert "cannot be written: [Errno 28] No space left on device" in messages
    assert "--out o --resume" in messages
    assert "Traceback" not in messages
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["mmgsim"])
    assert mmgsim("run", "duo", *FAST, "--days", "2", "--quiet", "--out", "o", "--resume")[0] == 0
    assert len(Results(tmp_path / "o").steps) == 48


def test_resume_says_which_run_it_needs(mmgsim):
    code, _, messages = mmgsim("run", "duo", "--resume")
    assert code == cli.WRONG_INPUT
    assert "--out DIR" in messages


def test_list_names_plug_ins_and_warns_of_broken_ones(mmgsim, tmp_path, monkeypatch):
    metadata = tmp_path / "site" / "broken-1.2.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text("[mmgsim.mechanisms]\nbazaar = no_such_one:Bazaar\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    code, printed, messages = mmgsim("list", "--plugins")
    assert code == 0
    assert all(name in printed for name in ("self-consumer", "prices", "bazaar (!)", "broken 1.2"))
    assert messages.startswith("warning: bazaar of broken 1.2: coordination 'bazaar' of broken 1.2")
    assert "No module named 'no_such_one'" in messages
