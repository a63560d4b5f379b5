"""A year of two days by hand; what is refused, kept, and gone on with."""

import importlib
import json
import re
import shutil
from unittest.mock import Mock

import pandas as pd
import pytest

import mmgsim
from mmgsim.errors import ComparisonError, ScenarioError, YearEndedEarlyError
from mmgsim.report import annual_rows
from mmgsim.scenario import freeze, load_scenario, read_inputs
from mmgsim.scenario.unusual import unusual
from mmgsim.year import ALL, YearStudy, day_faults
from tests.unit.year.conftest import write_pair

pytestmark = pytest.mark.pages

BOTH = "isolated,central"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("year")


@pytest.fixture(scope="module")
def study(folder):
    return mmgsim.year(write_pair(folder / "pair"), BOTH, out=folder / "out")


@pytest.fixture
def without_pages(monkeypatch):
    """Draw no pages of runs and days, which takes longer than all that is reckoned here."""
    running = importlib.import_module("mmgsim.run")
    comparing = importlib.import_module("mmgsim.compare.comparison")
    monkeypatch.setattr(running, "write_report", lambda results: None)
    monkeypatch.setattr(comparing, "write_comparison_page", lambda *given: None)


def value(study, run, microgrid, column):
    table = study.table.set_index(["run", "microgrid"])
    return table.loc[(run, microgrid), column]


# ------------------------------------------------------------------------------------ by hand
# Quiet day, weight 2: MG1 needs 24 x 2 kWh, MG2 has 24 x 3. Busy day, weight 3: 24 x 4 and 24 x 3.
ALONE_1 = 2 * 48 * 0.30 + 3 * 96 * 0.30
ALONE_2 = -(2 + 3) * 72 * 0.05
MIDDLE = (0.30 + 0.05) / 2
TOGETHER_1 = 2 * 48 * MIDDLE + 3 * (72 * MIDDLE + 24 * 0.30)
TOGETHER_2 = -2 * (48 * MIDDLE + 24 * 0.05) - 3 * 72 * MIDDLE


def test_costs_of_a_year_are_the_sum_of_weight_times_day(study):
    for run, microgrid, cost in (
        ("isolated", "MG1", ALONE_1),
        ("isolated", "MG2", ALONE_2),
        ("isolated", ALL, ALONE_1 + ALONE_2),
        ("central", "MG1", TOGETHER_1),
        ("central", "MG2", TOGETHER_2),
        ("central", ALL, TOGETHER_1 + TOGETHER_2),
    ):
        assert value(study, run, microgrid, "cost") == pytest.approx(cost), (run, microgrid)


def test_savings_are_against_the_first_coordination(study):
    saving = ALONE_1 + ALONE_2 - TOGETHER_1 - TOGETHER_2
    assert value(study, "central", ALL, "saving") == pytest.approx(saving)
    share = 100 * saving / (ALONE_1 + ALONE_2)
    assert value(study, "central", ALL, "saving_percent") == pytest.approx(share)
    assert value(study, "isolated", ALL, "saving") == 0.0


def test_a_share_of_an_income_is_missing(study):
    assert pd.isna(value(study, "central", "MG2", "saving_percent"))
    assert value(study, "central", "MG2", "saving") == pytest.approx(ALONE_2 - TOGETHER_2)


def test_energies_of_a_year_are_the_sum_of_weight_times_day(study):
    for run, microgrid, column, kwh in (
        ("isolated", "MG1", "imported_kwh", 2 * 48 + 3 * 96),
        ("isolated", "MG2", "exported_kwh", 5 * 72),
        ("isolated", ALL, "sold_kwh", 0),
        ("central", "MG1", "imported_kwh", 3 * 24),
        ("central", "MG1", "bought_kwh", 2 * 48 + 3 * 72),
        ("central", "MG2", "sold_kwh", 2 * 48 + 3 * 72),
        ("central", ALL, "exported_kwh", 2 * 24),
        ("central", ALL, "losses_kwh", 0),
    ):
        assert value(study, run, microgrid, column) == pytest.approx(kwh), (run, column)


def test_days_are_kept_unweighted(study):
    rows = study.by_day.set_index(["day", "run", "microgrid"])
    assert rows.loc[("busy", "isolated", "MG1"), "cost"] == pytest.approx(96 * 0.30)
    assert rows.loc[("busy", "isolated", "MG1"), "date"] == "2021-01-12"


# -------------------------------------------------------------------------------------- files
def test_every_day_is_a_run_folder_like_any_other(study, folder):
    for day in ("quiet", "busy"):
        for name in ("isolated", "central"):
            run = mmgsim.Results(folder / "out" / day / name)
            assert run.manifest["status"] == "complete"
            assert len(run.steps) == 24
            assert (run.folder / "report.html").is_file()
        assert (folder / "out" / day / "compare.html").is_file()


def test_files_say_the_same_as_the_tables(study, folder):
    out = folder / "out"
    pd.testing.assert_frame_equal(pd.read_csv(out / "year.csv"), study.table, check_dtype=False)
    content = json.loads((out / "year.json").read_text())
    assert [row["cost"] for row in content["year"]] == pytest.approx(list(study.table.cost))
    assert content["days"][1] == {"name": "busy", "day": "2021-01-12", "weight": 3.0}


def test_the_page_needs_no_network_and_links_the_days(study, folder):
    text = (folder / "out/year.html").read_text(encoding="utf-8")
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=", text)
    for part in ("quiet/compare.html", "busy/compare.html", "Saving against isolated", "97.20"):
        assert part in text


def test_weights_that_make_no_year_are_a_warning(pair):
    loaded = load_scenario(pair)
    found = unusual(loaded.scenario, read_inputs(loaded.scenario, loaded.folder))
    assert [fault.where for fault in found] == ["year"]
    assert "5 days together" in found[0].what


# ------------------------------------------------------------------------------------ refusals
def test_a_scenario_without_days_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="names no day that stands for others"):
        mmgsim.year("duo", BOTH, out=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_no_coordination_is_refused(pair):
    with pytest.raises(ComparisonError, match="one or more"):
        mmgsim.year(pair, [])


def test_days_without_series_are_all_named_before_anything_is_run(tmp_path):
    pair = write_pair(tmp_path / "pair", days=2)
    overrides = {"year.quiet.day": "2021-03-01", "gate.horizon": "24h"}
    loaded = load_scenario(pair, overrides)
    assert [fault.where for fault in day_faults(loaded)] == ["year.quiet.day", "year.busy.day"]
    with pytest.raises(ScenarioError, match=r"(?s)year\.quiet\.day.*year\.busy\.day"):
        mmgsim.year(pair, BOTH, overrides=overrides, out=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_a_plain_run_does_not_need_the_series_of_the_days(tmp_path, without_pages):
    pair = write_pair(tmp_path / "pair", days=2)
    assert mmgsim.run(pair, out=tmp_path / "o").summary["steps"] == 24


def test_a_frozen_scenario_has_the_series_of_its_days(pair, tmp_path):
    overrides = {"start": "2021-01-12", "year.busy.day": "2021-01-12"}
    frozen = freeze(load_scenario(pair, overrides), tmp_path / "frozen")
    assert day_faults(frozen) == []


# -------------------------------------------------------------------------------- going on
def test_resume_keeps_finished_days_and_runs_what_lacks(pair, tmp_path, monkeypatch, without_pages):
    whole = mmgsim.year(pair, BOTH, out=tmp_path / "o")
    shutil.rmtree(tmp_path / "o/busy/central")
    started = []
    running = importlib.import_module("mmgsim.run")
    monkeypatch.setattr(running, "write_report", lambda results: started.append(results.folder))
    again = mmgsim.year(pair, BOTH, out=tmp_path / "o", resume=True)
    assert started == [tmp_path / "o/busy/central"]
    pd.testing.assert_frame_equal(again.table, whole.table)


def test_resume_refuses_days_of_another_scenario(pair, tmp_path, without_pages):
    mmgsim.year(pair, "isolated", out=tmp_path / "o")
    with pytest.raises(ScenarioError, match=r"export_per_kwh"):
        mmgsim.year(
            pair,
            "isolated",
            overrides={"tariff.export_per_kwh": 0.06},
            out=tmp_path / "o",
            resume=True,
        )


FAILS_WHEN_BUSY = """\
from mmgsim.coordination import Central

class Fails(Central):
    def tell(self, replies):
        found = super().tell(replies)
        if found is not None and found.upper > 0:
            raise RuntimeError("no more")
        return found
"""


def test_a_failed_day_is_named_and_the_others_are_kept(pair, tmp_path, without_pages):
    """On the quiet day the pair earns, so that only the busy one is above zero."""
    (pair.parent / "own.py").write_text(FAILS_WHEN_BUSY)
    with pytest.raises(YearEndedEarlyError, match=r"busy, own\.py:Fails") as caught:
        mmgsim.year(
            pair,
            "isolated,own.py:Fails",
            overrides={"faults.on_fault": "stop"},
            out=tmp_path / "o",
        )
    study = caught.value.study
    assert list(caught.value.failures) == ["busy, own.py:Fails"]
    assert set(study.table.run) == {"isolated"}
    assert len(study.by_day.query("day == 'quiet' and run == 'own.py:Fails'")) == 3
    assert "Without a year, because a day lacks: own.py:Fails." in study.notes
    assert "RuntimeError: no more" in (tmp_path / "o/year.html").read_text(encoding="utf-8")


def test_without_any_whole_year_the_days_are_still_told(pair, tmp_path, without_pages):
    (pair.parent / "own.py").write_text(FAILS_WHEN_BUSY)
    options = {"faults.on_fault": "stop"}
    with pytest.raises(YearEndedEarlyError) as caught:
        mmgsim.year(pair, "own.py:Fails", overrides=options, out=tmp_path / "o")
    assert caught.value.study.table.empty
    rows = dict(annual_rows(caught.value.study.annual()))
    days = dict(rows["One day, all microgrids [AUD/day]"])
    assert days["quiet, 2021-01-11, stands for 2"] == ["-1.20"]
    assert days["busy, 2021-01-12, stands for 3"] == ["-"]
    assert dict(rows["Cost [AUD/year]"])["MG1"] == ["-"]
    assert (tmp_path / "o/year.html").is_file()


def test_an_interrupt_keeps_what_finished_and_says_how_to_go_on(pair, tmp_path, without_pages):
    def interrupt(model):
        if model.scenario.coordination.kind == "central":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        mmgsim.year(pair, BOTH, out=tmp_path / "o", progress=interrupt)
    (note,) = caught.value.__notes__
    assert note.endswith(f"to go on: the same again with --out {tmp_path / 'o'} --resume")
    rows = pd.read_csv(tmp_path / "o/days.csv")
    assert set(rows.day) == {"quiet"}
    assert set(rows.run) == {"isolated"}


def test_an_interrupt_while_the_study_is_written_says_how_to_go_on(
    pair, tmp_path, without_pages, monkeypatch
):
    monkeypatch.setattr(YearStudy, "write", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt) as caught:
        mmgsim.year(pair, "isolated", out=tmp_path / "o")
    assert "--resume" in caught.value.__notes__[0]
