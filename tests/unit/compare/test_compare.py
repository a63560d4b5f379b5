"""Runs side by side: their numbers, recomputed by hand; what is refused; what a failure leaves."""

import io
import json
import math
import pickle
import re
import shutil
from dataclasses import replace
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console

import mmgsim
from mmgsim.compare.numbers import run_table
from mmgsim.compare.variants import variant_names
from mmgsim.errors import ComparisonEndedEarlyError, ComparisonError, ResultsError
from mmgsim.report import COMPARISON_FIGURES, Compared, compared_rows
from mmgsim.terminal import print_comparison

pytestmark = pytest.mark.pages

PLAIN = {"strategy": "self-consumer"}
STOP = {"faults.on_fault": "stop"}

FAILS = """\
from mmgsim.coordination import Isolated

class Fails(Isolated):
    def start(self, view, memory):
        if view.window.first_step == 3:
            raise RuntimeError("no more")
        super().start(view, memory)

class Interrupts(Isolated):
    def start(self, view, memory):
        raise KeyboardInterrupt
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "duo"


@pytest.fixture(scope="module")
def fresh(folder):
    return mmgsim.compare("duo", ["isolated", "central"], out=folder)


@pytest.fixture
def copied(fresh, folder, tmp_path):
    """Give copies of both run folders, to be changed."""
    return [shutil.copytree(folder / name, tmp_path / name) for name in fresh.runs]


def change_json(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def change_scenario(folder, change):
    path = folder / "scenario.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def change_table(folder, table, change):
    for part in (folder / f"{table}.parquet").glob("*.parquet"):
        frame = pd.read_parquet(part)
        change(frame)
        frame.to_parquet(part)


def test_it_is_told_what_microgrids_disclose_and_that_bytes_are_volume(fresh):
    rows = dict(dict(compared_rows(fresh.compared()))["What was said"])
    assert rows["what microgrids disclose"] == ["plans", "whole models"]
    page = (fresh.folder / "compare.html").read_text()
    assert "<td class=number>whole models</td>" in page
    assert "Bytes are the volume of what was said, not its content" in page


# ------------------------------------------------------------------------------------ by hand
def bill(results, name):
    """Add up what a microgrid pays less what it gets; duo sheds nothing."""
    ledger = results.ledger
    return ledger.amount[ledger.payer == name].sum() - ledger.amount[ledger.payee == name].sum()


def test_costs_are_those_of_the_ledger(fresh):
    for name, results in fresh.runs.items():
        bills = {microgrid: bill(results, microgrid) for microgrid in ("MG1", "MG2")}
        assert fresh.by_microgrid[name].to_dict() == pytest.approx(bills)
        assert fresh.table.members_cost[name] == pytest.approx(sum(bills.values()))


def test_energy_left_is_priced_apart_and_taken_off_on_demand(copied):
    change_json(copied[1] / "summary.json", energy_left_value=4.0)
    row = mmgsim.compare_runs(copied).table.loc["central"]
    assert row.objective_cost == mmgsim.Results(copied[1]).summary["objective_cost"]
    assert row.objective_cost_incl_energy_left == row.objective_cost - 4.0


def test_captured_share_is_the_part_of_the_trading_gain(copied, tmp_path):
    between = shutil.copytree(copied[1], tmp_path / "between")
    for name in ("manifest.json", "summary.json"):
        change_json(between / name, coordination="own")
    cost = {path.name: mmgsim.Results(path).summary["objective_cost"] for path in copied}
    quarter = 0.75 * cost["isolated"] + 0.25 * cost["central"]
    change_json(between / "summary.json", objective_cost=quarter)
    shares = mmgsim.compare_runs([*copied, between]).table.captured_share
    assert shares.to_dict() == pytest.approx({"isolated": 0.0, "central": 1.0, "own": 0.25})


@pytest.mark.parametrize("cost", ["the same", "more"])
def test_without_a_gain_there_is_no_share(cost, copied):
    isolated = mmgsim.Results(copied[0]).summary["objective_cost"]
    change_json(
        copied[1] / "summary.json", objective_cost=isolated + (1e-9 if cost == "the same" else 5.0)
    )
    table = mmgsim.compare_runs(copied).table
    assert table.captured_share.isna().all()


def test_without_both_ends_there_is_no_share(fresh):
    assert run_table({"central": fresh.runs["central"]}).captured_share.isna().all()
    twice = {"a": fresh.runs["isolated"], "b": fresh.runs["central"], "c": fresh.runs["central"]}
    assert run_table(twice).captured_share.isna().all()


def test_certificates_and_rounds_are_those_of_the_gates(copied):
    rounds, gaps = np.arange(1, 25), np.linspace(0.0, 0.23, 24)

    def change(gates):
        gates["rounds"], gates["gap"] = rounds, gaps
        gates.loc[3, ["gap", "lower"]] = math.nan

    change_table(copied[1], "gates", change)
    change_json(copied[1] / "summary.json", gates_without_bound=1)
    row = mmgsim.compare_runs(copied).table.loc["central"]
    assert (row.rounds_mean, row.rounds_p95, row.rounds_max) == (12.5, 23, 24)
    assert (row.gates, row.gates_without_bound) == (24, 1)
    assert row.gap_max == pytest.approx(0.23)
    assert row.gap_mean == pytest.approx((gaps.sum() - gaps[3]) / 23)


def test_a_run_without_bounds_has_no_gap(fresh):
    row = fresh.table.loc["isolated"]
    assert math.isnan(row.gap_max)
    assert math.isnan(row.gap_mean)
    assert row.gates_without_bound == row.gates == 24


def test_messages_and_bytes_are_those_of_the_summary_and_of_their_senders(fresh):
    for name, results in fresh.runs.items():
        row, messages = fresh.table.loc[name], results.messages
        assert row.messages == results.summary["messages_total"]
        assert row.bytes == results.summary["bytes_total"] == fresh.sent.loc[name].sum()
        own = messages["bytes"][messages.sender == "microgrid"].sum()
        assert row.bytes_of_microgrids == own == fresh.sent.microgrid[name]
    assert fresh.table.bytes_of_microgrids["central"] > fresh.table.bytes_of_microgrids["isolated"]


def test_steps_are_counted_by_status(copied):
    def change(steps):
        steps["status"] = ["ok"] * 21 + ["violations"] * 2 + ["unsupplied"]

    change_table(copied[0], "steps", change)
    row = mmgsim.compare_runs(copied).table.loc["isolated"]
    counts = (row.steps_ok, row.steps_violations, row.steps_unsupplied, row.steps_not_converged)
    assert (row.steps, counts) == (24, (21, 2, 1, 0))


def test_energy_and_seconds_are_those_of_the_summary(fresh):
    for name, results in fresh.runs.items():
        for key in ("losses_kwh", "shed_kwh", "spilled_kwh", "wall_s", "solver_s", "power_flow_s"):
            assert fresh.table.loc[name, key] == results.summary[key]


# ---------------------------------------------------------------------------- folders and files
def test_finished_folders_give_the_table_of_the_fresh_runs(fresh, folder):
    again = mmgsim.compare_runs([folder / "isolated", mmgsim.Results(folder / "central")])
    pd.testing.assert_frame_equal(again.table, fresh.table)
    pd.testing.assert_frame_equal(again.by_microgrid, fresh.by_microgrid)
    pd.testing.assert_frame_equal(again.gates, fresh.gates)


def test_each_coordination_leaves_a_complete_run_folder(fresh, folder):
    for name in ("isolated", "central"):
        results = mmgsim.Results(folder / name)
        assert results.manifest["status"] == "complete"
        assert results.manifest["coordination"] == name
        assert (folder / name / "report.html").is_file()
    assert fresh.folder == folder


def test_csv_holds_the_table_and_the_bills(fresh, folder):
    table = pd.read_csv(folder / "compare.csv", index_col="run")
    assert table.results.tolist() == ["isolated", "central"]
    kept = fresh.table.drop(columns="results")
    pd.testing.assert_frame_equal(table[kept.columns], kept, check_dtype=False)
    assert table.cost_of_MG1.tolist() == fresh.by_microgrid.loc["MG1"].tolist()


def test_json_holds_the_table_with_null_for_what_is_missing(fresh, folder):
    content = json.loads((folder / "compare.json").read_text())
    assert list(content["runs"]) == ["isolated", "central"]
    assert content["runs"]["isolated"]["gap_max"] is None
    for name, row in content["runs"].items():
        assert row["objective_cost"] == fresh.table.objective_cost[name]
        assert row["cost_by_microgrid"] == fresh.by_microgrid[name].to_dict()
    assert (content["scenario"], content["currency"], content["failed"]) == ("duo", "AUD", {})


def test_page_needs_no_network_and_leads_to_the_reports(fresh, folder):
    page = (folder / "compare.html").read_text()
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "src=" not in own
    assert "<link" not in own
    assert "http" not in own
    assert re.findall(r'href="([^"]*)"', own) == ["isolated/report.html", "central/report.html"]
    assert "<script src" not in page


def test_page_shows_what_the_terminal_shows(fresh, folder):
    page = (folder / "compare.html").read_text()
    for heading, rows in compared_rows(fresh.compared()):
        assert heading in page
        for label, texts in rows:
            assert label in page
            assert all(f"<td class=number>{text}</td>" in page for text in texts)


def test_missing_numbers_are_blank_and_shares_in_percent(fresh):
    rows = {label: texts for _, part in compared_rows(fresh.compared()) for label, texts in part}
    assert rows["by objective cost"] == ["0.00", "100.00"]
    assert rows["worst"] == ["-", "0.0000"]


@pytest.mark.parametrize("name", ["cost", "bills", "gains", "gaps", "rounds", "sent"])
def test_every_picture_can_be_had(name, fresh):
    assert fresh.figure(name).data


def test_gains_are_held_against_isolated(fresh):
    (bar,) = fresh.figure("gains").data
    bills = fresh.by_microgrid
    assert list(bar.y) == pytest.approx((bills.isolated - bills.central).tolist())
    assert bar.name == "central"


def test_many_bars_lie_so_that_their_numbers_can_be_read(fresh):
    compared = fresh.compared()
    many = pd.concat([compared.by_microgrid] * 5, ignore_index=True).rename(index=str)
    figure = COMPARISON_FIGURES["bills"](replace(compared, by_microgrid=many))
    for bar, name in zip(figure.data, many, strict=True):
        assert (bar.orientation, bar.textangle) == ("h", 0)
        assert list(bar.y) == list(many.index)
        assert list(bar.x) == pytest.approx(many[name].tolist())
        assert len(bar.text) == 10
    assert figure.layout.height >= 20 * 15


def test_lines_of_gates_last_until_the_end_of_the_run(fresh):
    line = fresh.figure("rounds").data[0]
    assert pd.Timestamp(line.x[-1]) - pd.Timestamp(line.x[0]) == pd.Timedelta("1D")
    assert len(line.y) == 25


def test_long_names_of_runs_are_told_apart_in_a_narrow_terminal(fresh, monkeypatch):
    printed = io.StringIO()
    monkeypatch.setattr("mmgsim.terminal.out", Console(file=printed, width=80))
    names = ["pay_as_bid.py:PayAsBid", "pay_as_bid.py:PayAsCleared"]
    runs = dict(zip(names, fresh.runs.values(), strict=True))
    print_comparison(mmgsim.Comparison(runs), quiet=False, as_json=False)
    head = printed.getvalue().partition("┡")[0].splitlines()[2:]
    cells = [line.strip("┃").split("┃") for line in head]
    assert ["".join(parts).replace(" ", "") for parts in zip(*cells, strict=True)] == ["", *names]


def test_unknown_picture_is_refused(fresh):
    with pytest.raises(ResultsError, match="did you mean 'gaps'"):
        fresh.figure("gap")


def test_same_coordination_with_other_options_is_told_apart(copied, tmp_path):
    other = shutil.copytree(copied[1], tmp_path / "central-2")
    comparison = mmgsim.compare_runs([*copied, other])
    assert list(comparison.runs) == ["isolated", "central", "central-2"]
    assert isinstance(comparison.compared(), Compared)


@pytest.mark.parametrize(
    ("coordinations", "names"),
    [
        (["a", "b"], ["a", "b"]),
        ([("a", {"way": "x"})], ["a"]),  # one of its kind needs no options
        (["a", ("a", {"way": "x"})], ["a", "a x"]),
        ([("a", {"way": "x", "n": 2}), ("a", {"way": "y", "n": 2})], ["a x", "a y"]),
        ([("a", {"n": 2}), ("a", {"n": 3.5}), "b"], ["a n 2", "a n 3.5", "b"]),
        (["a", ("a", {"way": "x"}), ("a", {"how": "x"})], ["a", "a x", "a x-2"]),
    ],
)
def test_runs_of_one_coordination_are_called_by_the_options_that_differ(coordinations, names):
    given = [one if isinstance(one, tuple) else (one, {}) for one in coordinations]
    assert variant_names(given) == names


def test_options_stand_in_names_table_and_notes_and_the_same_again_from_folders(tmp_path):
    kinds = ["isolated", "central", {"kind": "central", "mip_gap": 0.5}]
    fresh = mmgsim.compare("duo", kinds, **PLAIN, overrides=STOP, out=tmp_path / "o")
    names = ["isolated", "central", "central mip_gap 0.5"]
    assert list(fresh.runs) == names
    assert (tmp_path / "o/central-mip_gap-0.5/summary.json").is_file()
    table = pd.read_csv(tmp_path / "o/compare.csv")
    assert table["options"].fillna("").tolist() == ["", "", "mip_gap 0.5"]
    assert "central mip_gap 0.5: mip_gap 0.5; the others have none" in fresh.notes[0]
    assert fresh.notes[0] in (tmp_path / "o/compare.html").read_text()
    folders = [run.folder for run in fresh.runs.values()]
    assert list(mmgsim.compare_runs(folders).runs) == names


def test_flags_are_counted_by_step_and_told(copied):
    flags = ["not_bounding islanded:MG1 islanded:MG2", "not_bounding", *[""] * 22]
    change_table(copied[1], "steps", lambda steps: steps.__setitem__("flags", flags))
    comparison = mmgsim.compare_runs(copied)
    assert comparison.flags.to_dict("index") == {
        "islanded": {"isolated": 0, "central": 1},
        "not_bounding": {"isolated": 0, "central": 2},
    }
    assert comparison.table["flags"].fillna("").tolist() == ["", "islanded 1, not_bounding 2"]
    sections = dict(compared_rows(comparison.compared()))
    assert ("not_bounding", ["0", "2"]) in sections["Steps with a flag"]


@pytest.mark.parametrize("width", [60, 80])
def test_many_runs_stand_below_each_other_in_a_narrow_terminal(fresh, monkeypatch, width):
    printed = io.StringIO()
    monkeypatch.setattr("mmgsim.terminal.out", Console(file=printed, width=width))
    run = fresh.runs["central"]
    runs = {f"central way {n}": run for n in range(6)}
    module = import_module("mmgsim.compare.comparison")
    monkeypatch.setattr(module, "check_alike", lambda _: None)
    comparison = mmgsim.Comparison(runs)
    print_comparison(comparison, quiet=False, as_json=False)
    text = printed.getvalue()
    cost = f"{run.summary['objective_cost']:,.2f}"
    lines = [line for line in text.splitlines() if cost in line]
    assert len([line for line in lines if line.startswith("│ central way")]) >= 6
    sections = compared_rows(comparison.compared())
    every = {one for _, rows in sections for _, texts in rows for one in texts}
    assert all(one in text for one in every)


def test_other_versions_are_noted(copied):
    path = copied[1] / "manifest.json"
    versions = json.loads(path.read_text())["versions"]
    change_json(path, versions={**versions, "highspy": "0.0"})
    (note,) = mmgsim.compare_runs(copied).notes
    assert note == f"highspy: {versions['highspy']} in isolated, 0.0 in central"


def frozen_to(folder, source, rounds=0):
    def change(content):
        content["operator"]["options"]["envelopes_from"] = source
        content["repair"]["rounds"] = rounds

    change_scenario(folder, change)


def test_a_run_within_the_envelopes_of_the_other_is_compared_and_said_to_be(copied, tmp_path):
    frozen_to(copied[0], "../central")
    change_scenario(copied[1], lambda content: content["repair"].update(rounds=5))
    comparison = mmgsim.compare_runs(copied, out=tmp_path / "o")
    first, second, third = comparison.notes
    assert first.startswith(
        "Envelopes are frozen: isolated keeps within those that were binding in"
    )
    assert "in the run central, and no plan of theirs is repaired" in first
    assert second == "Not frozen: central, with envelopes and repair of its own."
    assert third.startswith("Freezing has no effect here: the scenario has no network")
    assert comparison.table.envelopes_frozen.tolist() == [True, False]
    assert comparison.table.repair_rounds_allowed.tolist() == [0, 5]
    labels = [label for _, rows in compared_rows(comparison.compared()) for label, _ in rows]
    assert "limits violated (frozen envelopes: not repaired)" in labels
    content = json.loads((tmp_path / "o/compare.json").read_text())
    assert content["envelopes_frozen"] is True
    assert content["runs"]["isolated"]["envelopes_from"] == "../central"
    assert content["runs"]["central"]["envelopes_from"] is None
    assert pd.read_csv(tmp_path / "o/compare.csv").envelopes_from.tolist()[0] == "../central"
    page = (tmp_path / "o/compare.html").read_text()
    assert "Envelopes are frozen: isolated keeps" in page
    assert ", envelopes frozen" in page


def test_runs_within_the_envelopes_of_a_third_are_compared(copied, tmp_path):
    shutil.copytree(copied[1], tmp_path / "envelopes")
    for folder, source in ((copied[0], "../envelopes"), (copied[1], str(tmp_path / "envelopes"))):
        frozen_to(folder, source)
    first, _ = mmgsim.compare_runs(copied).notes
    assert "all runs keep within those that were binding in the run under central" in first


def test_runs_within_the_envelopes_of_different_runs_are_refused(copied):
    frozen_to(copied[0], "../elsewhere")
    (fault,) = refusal(copied)
    assert fault.startswith("operator.options.envelopes_from: '../elsewhere' in ")


def test_freezing_without_repair_is_said_to_have_no_effect(copied, tmp_path):
    for folder in copied:
        frozen_to(folder, "../envelopes")
        change_scenario(folder, lambda content: content.update(network={"case": "case33bw"}))
    shutil.copytree(copied[1], tmp_path / "envelopes")
    assert "repair.rounds is 0" in mmgsim.compare_runs(copied).notes[-1]


def test_a_missing_end_of_the_gain_is_said_with_the_cure(copied, tmp_path):
    other = shutil.copytree(copied[0], tmp_path / "isolated-2")
    for name in ("manifest.json", "summary.json"):
        change_json(other / name, coordination="own")
    (note,) = mmgsim.compare_runs([copied[0], other]).notes
    assert note.startswith("No captured share: add central, as a coordination or as a run folder")


# ------------------------------------------------------------------------------------- refused
def refusal(runs):
    with pytest.raises(ComparisonError) as caught:
        mmgsim.compare_runs(runs)
    return [str(fault) for fault in caught.value.faults]


def test_runs_of_other_days_and_seeds_are_refused_naming_both(copied):
    change_scenario(copied[1], lambda content: content.update(days=2, seed=5))
    one, two = copied
    assert refusal(copied) == [f"days: 1 in {one}, 2 in {two}", f"seed: 1 in {one}, 5 in {two}"]


def test_a_device_that_differs_is_named_by_its_path(copied):
    def change(content):
        content["microgrids"][0]["devices"][2]["energy_kwh"] = 50.0

    change_scenario(copied[1], change)
    (fault,) = refusal(copied)
    assert fault.startswith("microgrids.MG1.devices.bess.energy_kwh: 40.0 in ")


def test_runs_of_different_scenarios_are_refused_in_one_line(copied):
    def change(content):
        content.update(name="other", microgrids=content["microgrids"][:1])

    change_scenario(copied[1], change)
    (fault,) = refusal(copied)
    assert "they differ in name, microgrids" in fault


def test_strategies_and_communication_may_differ_and_name_the_runs(copied, tmp_path):
    def change(content):
        content["microgrids"][0]["strategy"] = {"kind": "markup", "options": {"share": 0.2}}
        content["communication"]["loss_probability"] = 0.25

    other = shutil.copytree(copied[1], tmp_path / "other")
    change_scenario(other, change)
    comparison = mmgsim.compare_runs([copied[1], other])
    assert list(comparison.runs) == [
        "central cost-minimiser loss_probability 0.0",
        "central markup loss_probability 0.25 MG1 share 0.2",
    ]
    assert comparison.table.options.iloc[1] == "MG1 markup, loss_probability 0.25, MG1 share 0.2"
    assert any("Strategies or communication differ" in note for note in comparison.notes)


def test_what_is_told_of_strategies_is_only_what_differs(fresh):
    assert not any("Strategies" in note for note in fresh.notes)
    assert fresh.table.options.isna().all()


def test_options_of_the_coordination_and_the_description_may_differ(copied):
    def change(content):
        content.update(description="mine", coordination={"kind": "central", "option": 3})

    change_scenario(copied[1], change)
    assert len(mmgsim.compare_runs(copied).table) == 2


@pytest.mark.parametrize(
    ("table", "column", "named"),
    [
        ("devices", "value", "microgrids.MG1.devices.homes"),
        ("steps", "upstream_price", "tariff.upstream_per_kwh"),
        ("prices", "import_price", "tariff.import_per_kwh"),
    ],
)
def test_scenarios_that_read_other_series_are_refused(table, column, named, copied):
    def change(frame):
        frame[column] *= 1.01

    change_table(copied[1], table, change)
    assert any(fault.startswith(f"{named}: ") for fault in refusal(copied))


def test_runs_that_ended_early_are_refused(copied):
    change_json(copied[1] / "manifest.json", status="interrupted")
    (fault,) = refusal(copied)
    assert fault.startswith(f"{copied[1]}: the run was interrupted; compare runs that are complete")
    assert "--resume" in fault


def test_a_run_that_was_killed_is_said_not_to_have_ended_with_the_cure(copied):
    change_json(copied[1] / "manifest.json", status="running")
    (fault,) = refusal(copied)
    assert "the run did not end: it is still being made, or was killed" in fault
    assert "mmgsim run --resume" in fault


def test_a_run_given_twice_is_refused(copied):
    assert refusal([copied[0], copied[0]]) == [f"{copied[0]}: is given twice; give each run once"]


def test_one_run_is_nothing_to_compare(copied):
    (fault,) = refusal(copied[:1])
    assert "give two or more" in fault


def test_a_folder_without_its_scenario_is_refused(copied):
    (copied[1] / "scenario.yaml").unlink()
    with pytest.raises(ResultsError, match=r"has no scenario\.yaml"):
        mmgsim.compare_runs(copied)


@pytest.mark.parametrize(
    ("coordinations", "what"),
    [(["central"], "two or more"), (["central", "central"], "is there twice")],
)
def test_coordinations_that_are_none_to_compare_are_refused(coordinations, what, tmp_path):
    with pytest.raises(ComparisonError, match=what):
        mmgsim.compare("duo", coordinations, out=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_coordinations_may_come_as_one_text(fresh, tmp_path):
    comparison = mmgsim.compare("duo", "isolated, {kind: central}", out=tmp_path / "o")
    assert comparison.table.objective_cost.tolist() == fresh.table.objective_cost.tolist()


@pytest.mark.parametrize(("text", "what"), [("prices", "two or more"), ("{kind:", "is not like")])
def test_a_text_that_names_no_coordinations_to_compare_is_refused(text, what, tmp_path):
    with pytest.raises(ComparisonError, match=what):
        mmgsim.compare("duo", text, out=tmp_path / "o")


def test_every_coordination_is_checked_before_the_first_run(tmp_path):
    with pytest.raises(mmgsim.ScenarioError, match="did you mean 'central'"):
        mmgsim.compare("duo", ["isolated", "centrl"], out=tmp_path / "o")
    assert not (tmp_path / "o").exists()


# ---------------------------------------------------------------------------------- ended early
@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(FAILS)
    return lambda name: f"{path}:{name}"


def test_a_coordination_that_fails_keeps_the_others(own, tmp_path):
    kinds = ["isolated", own("Fails"), "central"]
    with pytest.raises(ComparisonEndedEarlyError) as caught:
        mmgsim.compare("duo", kinds, **PLAIN, overrides=STOP, out=tmp_path / "o")
    error = caught.value
    assert list(error.failures) == [own("Fails")]
    assert list(error.comparison.runs) == ["isolated", "central"]
    assert error.comparison.table.captured_share["central"] == 1.0
    content = json.loads((tmp_path / "o/compare.json").read_text())
    assert list(content["runs"]) == ["isolated", "central"]
    assert content["failed"][own("Fails")].startswith("RuntimeError: no more (the run ended early")
    assert "did not finish" in (tmp_path / "o/compare.html").read_text()


def test_what_finished_travels_with_the_error_between_processes(fresh):
    error = ComparisonEndedEarlyError(fresh.folder, {"own": ValueError("no more")}, fresh)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    pd.testing.assert_frame_equal(again.comparison.table, fresh.table)


def test_where_all_fail_there_is_no_comparison(own, tmp_path):
    kinds = [own("Fails"), {"kind": own("Fails")}]
    with pytest.raises(ComparisonEndedEarlyError, match="finished: none") as caught:
        mmgsim.compare("duo", kinds, **PLAIN, overrides=STOP, out=tmp_path / "o")
    assert caught.value.comparison is None
    assert len(caught.value.failures) == 2
    assert not (tmp_path / "o/compare.html").exists()


def test_an_interrupt_compares_what_finished_and_goes_no_further(own, tmp_path):
    kinds = ["isolated", own("Interrupts"), "central"]
    with pytest.raises(KeyboardInterrupt) as caught:
        mmgsim.compare("duo", kinds, **PLAIN, out=tmp_path / "o")
    assert caught.value.__notes__[-1] == f"Finished and compared in {tmp_path / 'o'}: isolated"
    assert list(json.loads((tmp_path / "o/compare.json").read_text())["runs"]) == ["isolated"]
    assert not (tmp_path / "o/central").exists()
